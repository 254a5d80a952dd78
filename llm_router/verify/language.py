"""Is the answer in the language of the question: the script, for Latin script the little words, and for code the
programming language that was asked for. Pure.
"""

from __future__ import annotations

import re
from collections import Counter

from llm_router.checks import Check
from llm_router.nouns import Answer, Request
from llm_router.verify.blocks import blocks, prose

_SCRIPTS = (
    ("kana", "\u3040-\u30ff"),
    ("hangul", "\uac00-\ud7af\u1100-\u11ff"),
    ("han", "\u4e00-\u9fff\u3400-\u4dbf"),
    ("cyrillic", "\u0400-\u04ff"),
    ("arabic", "\u0600-\u06ff"),
    ("hebrew", "\u0590-\u05ff"),
    ("greek", "\u0370-\u03ff"),
    ("thai", "\u0e00-\u0e7f"),
    ("devanagari", "\u0900-\u097f"),
    ("latin", "A-Za-z\u00c0-\u024f"),
)
_FINDERS = [(name, re.compile(f"[{ranges}]")) for name, ranges in _SCRIPTS]
_LITTLE = {
    "English": "the of and to is in that for with are this it you be on as not or can from which what how",
    "German": "der die das und ist nicht mit ein eine für auf den von zu wird sind auch sich dem wie was",
    "French": "le la les des est et une un que pour dans pas sur avec qui sont vous ce cette par du au",
    "Spanish": "el la los las de que y en un una es por con para se del no como más está son al lo",
    "Italian": "il la di che è un una per non con sono del della le gli si come più nel dei alla",
    "Portuguese": "o a os as de que e em um uma é por com para se do da não como mais são ao no na",
    "Dutch": "de het een en van is dat niet op te zijn met voor die wordt aan om ook als er bij",
}
_LITTLE_SETS = {name: frozenset(words.split()) for name, words in _LITTLE.items()}
_ENOUGH = 5  # little words, before a Latin language is believed
_ASKED = re.compile(
    r"\b(?:translat\w*|übersetz\w*|traduc\w*|tradui\w*|tradurre)\b|\b(?:in|into|to|auf|en|ins?)\s+"
    r"(?:english|german|french|spanish|italian|portuguese|dutch|chinese|japanese|korean|russian|arabic|hindi|turkish|polish|"
    r"deutsch|englisch|français|anglais|español|inglés)\b|翻译|翻訳|翻譯|번역|перевед|英語|英语|日本語|中文",
    re.IGNORECASE,
)
_LONG_PASTE = 1200  # characters: what it asks and what it is about may be of two languages
_CODE_ASKED = re.compile(
    r"\b(?:in|using|a|an|with)\s+(python|javascript|typescript|rust|go|golang|java|ruby|php|kotlin|swift|c\+\+|c#|sql|bash)\b",
    re.IGNORECASE,
)
_CODE_NAMES = {"golang": "go", "c++": "cpp", "c#": "csharp", "bash": "shell"}
_BESIDE_CODE = {
    "",
    "text",
    "txt",
    "shell",
    "json",
    "toml",
    "yaml",
    "diff",
    "ini",
    "html",
    "css",
    "xml",
    "markdown",
    "md",
}


def language(request: Request, answer: Answer) -> Check:
    prompt = prose(request.prompt)
    if said := _wrong_code(request.prompt, answer.text):
        return Check("language", "fail", said)
    asked_for = _ASKED.search(prompt) or len(request.prompt) > _LONG_PASTE or request.schema is not None
    question, reply = _script(prompt), _script(prose(answer.text))
    if asked_for or not question or not reply:
        return Check("language", "unknown")
    if not _alike(question, reply):
        return Check("language", "fail", f"asked in {question} script, answered in {reply}")
    if question == "latin":
        question, reply = _latin(prompt), _latin(prose(answer.text))
        if question and reply and question != reply:
            return Check("language", "fail", f"asked in {question}, answered in {reply}")
        if not question or not reply:
            return Check("language", "unknown")
    return Check("language", "pass")


def _script(text: str) -> str:
    """The script most letters are of, "" for too few. A Chinese character weighs as much as a word."""
    counts = {name: len(finder.findall(text)) for name, finder in _FINDERS}
    counts["latin"] //= 4  # names and terms of computing are Latin in every language
    if counts["kana"] > 2:
        counts["kana"] += counts.pop("han")
    name, count = max(counts.items(), key=lambda each: each[1])
    return name if count >= 3 else ""


def _alike(question: str, reply: str) -> bool:
    return question == reply or {question, reply} == {"han", "kana"}  # a short Japanese text may have no kana


def _latin(text: str) -> str:
    words = Counter(re.findall(r"[a-zà-ž]+", text.lower()))
    counts = {name: sum(words[w] for w in little) for name, little in _LITTLE_SETS.items()}
    (best, most), (_, next_most) = Counter(counts).most_common(2)
    return best if most >= _ENOUGH and most > 1.5 * next_most else ""


def _wrong_code(prompt: str, text: str) -> str:
    """The programming language asked for by name, where one is, and none of the answer's code is in it."""
    named = {_CODE_NAMES.get(m.lower(), m.lower()) for m in _CODE_ASKED.findall(prompt)}
    given = {block.language for block in blocks(text)} - _BESIDE_CODE
    if len(named) != 1 or not given or named & given or named <= _BESIDE_CODE:
        return ""
    (wanted,) = named
    return (
        ""
        if {wanted, *given} <= {"javascript", "typescript"}
        else f"{wanted} asked for, {', '.join(sorted(given))} given"
    )
