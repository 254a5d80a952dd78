"""Is it an answer at all: refusals, answers cut off, and lengths that were asked for. Pure."""

from __future__ import annotations

import re

from llm_router.checks import Check
from llm_router.nouns import Answer, Request, Task
from llm_router.verify.blocks import blocks, prose

# How the vendors' models begin when they decline, in the languages they are mostly asked in.
_REFUSALS = re.compile(
    r"""^\W*(?:
      (?:i['’]?m|i\ am)\ (?:very\ |so\ |really\ )?sorry,?\ (?:but\ )?(?:i|that|as|this|we)\b
    | (?:i\ )?apologi[sz]e,?\ but\ i
    | (?:sorry|unfortunately|regrettably),?\ (?:but\ )?(?:i|we)\ (?:can['’]?t|can\s?not|am\ (?:not\ able|unable)|won['’]?t|do\ not|don['’]?t)
    | (?:i|we)\ (?:can['’]?t|can\s?not|could\s?n['’]t|am\ unable\ to|am\ not\ able\ to|won['’]?t|will\ not|must\ decline|
        have\ to\ decline|do\ not\ feel\ comfortable|don['’]?t\ feel\ comfortable|refuse)\b(?!\ (?:stress|overstate|wait))
    | i['’]m\ (?:unable|not\ able|not\ comfortable|going\ to\ have\ to\ decline)\b
    | as\ an?\ (?:ai|artificial|large\ language|language\ model|responsible)\b
    | i\ (?:do\ not|don['’]?t)\ have\ (?:access|the\ ability|real-time|enough)\b
    | (?:it['’]?s|it\ is|that['’]?s|this\ is)\ not\ (?:something\ i\ can|appropriate|ethical|possible\ for\ me)
    | lo\ siento,?\ (?:pero\ )?no\ puedo | no\ puedo\ (?:ayudar|proporcionar|hacer)
    | (?:je\ suis\ )?désolée?,?\ (?:mais\ )?je\ ne\ (?:peux|suis) | je\ ne\ (?:peux|suis)\ pas\ (?:en\ mesure|vous\ aider)
    | (?:es\ )?tut\ mir\ leid,?\ (?:aber\ )?(?:ich|das|dabei) | ich\ kann\ (?:dir|ihnen|dabei|das)?\ ?(?:leider\ )?nicht
    | desculpe,?\ (?:mas\ )?(?:eu\ )?não\ posso | mi\ dispiace,?\ ma\ non\ posso
    | (?:извините|к\ сожалению|простите),?\ (?:но\ )?я\ не\ (?:могу|имею)
    | (?:很?抱歉|对不起|不好意思)[,，。]?\s*(?:但)?(?:我|作为|無法|无法) | 我(?:无法|不能)(?:提供|帮助|协助|满足)
    | 申し訳(?:ありません|ございません)が | すみませんが、?(?:その|お手伝い) | 죄송(?:합니다|하지만)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_DECLINED_LATER = re.compile(
    r"\b(?:i (?:can['’]?t|cannot|am unable to|won['’]?t|must decline to) (?:help|assist|comply|provide|fulfil|support|do that|"
    r"create|generate|answer|engage|continue|discuss|share|give))\b",
    re.IGNORECASE,
)
_SHORT = 700  # characters: a long answer that begins with an apology has something to say after it
_ENDS = frozenset(".!?…:;)]}>\"'’”»`*_|。！？）」』】।؟~")
_LIST_LINE = re.compile(r"^\s*(?:[-*+•]|\d+[.)]|#|\||>|\w+:)\s?")
_LONG_LINE = 40
_COUNTED = re.compile(
    r"\b(?:in|under|at most|no more than|maximum(?: of)?|max|within|less than|up to)\s+(\d{1,5})\s+(words|sentences|characters)\b"
)
_ONE = re.compile(r"\bin (?:one|a single) (word|sentence|line)\b")
_ITEMS = re.compile(
    r"\b(?:list|give|name|suggest|propose|write)\s+(?:me\s+)?(?:exactly\s+)?(\d{1,2}|two|three|four|five|six|seven|eight|nine|ten)\s"
)
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_MARKED = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s", re.MULTILINE)
_SLACK = 1.25  # nobody counts exactly


def refusal(request: Request, answer: Answer) -> Check:
    """A refusal is only one where the answer is short, or nothing but that: who asks for an apology gets one."""
    if answer.stop_reason == "refusal":
        return Check("refusal", "fail", "the model declined")
    text = answer.text.strip()
    opening = _REFUSALS.match(text[:300])
    declined = opening or _DECLINED_LATER.search(text[:300])
    if (
        declined
        and len(text) <= _SHORT
        and not blocks(text)
        and declined[0].lower() not in request.prompt.lower()
    ):
        return Check("refusal", "fail", f"it declines: “{' '.join(text[:60].split())}”")
    return Check("refusal", "pass")


def truncation(_request: Request, answer: Answer) -> Check:
    """Cut at the limit, a fence that is not closed, or a long last line that stops in the middle of a sentence."""
    if answer.stop_reason == "length":
        return Check("truncation", "fail", "cut at the output limit")
    found = blocks(answer.text)
    if found and not found[-1].closed:
        return Check("truncation", "fail", "its code block is not closed")
    lines = [line for line in answer.text.rstrip().splitlines() if line.strip()]
    last = lines[-1].rstrip() if lines else ""
    if not last or answer.text.rstrip().endswith(("```", "~~~")) or answer.stop_reason != "end":
        return Check("truncation", "pass")
    in_prose = prose(answer.text).rstrip().endswith(last) and not _LIST_LINE.match(last)
    if in_prose and len(last) > _LONG_LINE and " " in last and last[-1] not in _ENDS:
        return Check("truncation", "fail", f"it stops in the middle: “…{last[-40:]}”")
    return Check("truncation", "pass")


def length(request: Request, answer: Answer) -> Check:
    """Only where a length was asked for, or where there is next to nothing for a task that asks for a text."""
    asked, text = request.prompt.lower()[-2000:], answer.text.strip()
    if one := _ONE.search(asked):
        return _at_most({"word": 3, "sentence": 2, "line": 2}[one[1]], f"{one[1]}s", text)
    if counted := _COUNTED.search(asked):
        return _at_most(int(int(counted[1]) * _SLACK) + 1, counted[2], text)
    if items := _ITEMS.search(asked):
        wanted = int(items[1]) if items[1].isdigit() else _WORDS.index(items[1])
        given = len(_MARKED.findall(text))
        if given and wanted > 1:
            off = given < wanted
            return Check("length", "fail" if off else "pass", f"{given} of {wanted} items" if off else "")
    if request.task in {Task.GENERATE, Task.ANALYZE, Task.RESEARCH} and len(text) < 40 and len(asked) > 80:
        return Check("length", "fail", f"{len(text)} characters for a task that asks for a text")
    return Check("length", "unknown")


def _at_most(most: int, unit: str, text: str) -> Check:
    count = {
        "words": len(text.split()),
        "sentences": len(re.findall(r"[.!?。！？]+(?:\s|$)", text)),
        "characters": len(text),
        "lines": len([line for line in text.splitlines() if line.strip()]),
    }[unit]
    if count > most:
        return Check("length", "fail", f"{count} {unit} where about {most} were asked for")
    return Check("length", "pass")
