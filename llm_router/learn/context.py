"""What the turns before this one say about it: a continuation is as hard as what it continues, and a question that comes
back was harder than it looked. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from llm_router.learn.knowledge import Tier
from llm_router.nouns import Assessment, Complexity, Request, Text, ToolCall, ToolResult

RECENT_S = 3_600.0
LOOKED_BACK = 6  # turns
MOST_DEGREES = 2
_ORDER = list(Complexity)
_SHORT = 80  # characters: who has more to say than that asks something of its own
_GO_ON = re.compile(
    r"^\W*(?:y|yes|yep|yup|yeah|ok(?:ay)?|sure|please do|do (?:it|that|so)|go (?:on|ahead|for it)|continue|proceed|next|keep going|"
    r"carry on|and (?:now|then)|the (?:first|second|last) one|both|same (?:here|for .{1,30})|ja|weiter|mach (?:das|weiter)|"
    r"s[íi]|sigue|contin[uú]a|adelante|oui|vas-y|continue[sz]?|sim|vai|avanti|да|давай|продолжай|"
    r"好的?|继续|可以|是的?|はい|続けて|お願いします|네|계속)\b[\s,.!]*(?:please|bitte|por favor|it|that|yes|do it|so)?\W*$",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^\W*(?:no+|nope|nein|wrong|incorrect|not (?:quite|right|what|working)|non|нет|不对|错了|違う|아니)\b|"
    r"\b(?:still|again|keeps?) (?:fail\w*|broken|wrong|not|crash\w*|the same|getting|doesn|isn|errors?)|\bsame (?:error|problem|issue)\b|"
    r"\b(?:does|did|do|is|was)(?:n['’]?t| not) (?:work|help|fix|compile|pass|correct|right|what i)|\bthat(?:['’]s| is) (?:wrong|not)\b|"
    r"\btry again\b|\bimmer noch\b|\bgeht nicht\b|\bfunktioniert nicht\b|\bno funciona\b|\bsigue (?:fallando|igual)\b|"
    r"\bne (?:marche|fonctionne) pas\b|\btoujours\b|не работает|всё ещё|还是|仍然|まだ|여전히",
    re.IGNORECASE,
)
_FAILING = re.compile(
    r"^(?:FAILED|FAIL:|E   \w*Error|Traceback \(most recent|error(?:\[\w+\])?:|npm ERR!|.*\bAssertionError\b|=+ .*\d+ failed)",
    re.MULTILINE,
)
_FILE = re.compile(r'"(?:file_path|path|filename|file)"\s*:\s*"([^"]+)"')
_MANY_FILES = 5
# log odds per degree
_STEP: tuple[tuple[Tier, float], ...] = (("small", 0.8), ("mid", 0.5), ("frontier", 0.2))


class Turn(Struct, frozen=True):
    """One earlier turn of the session. `doubted`: a check failed an answer, or it was rated bad. `fingerprint` tells
    equal prompts from different ones.
    """

    at: float
    assessment: Assessment
    fingerprint: str = ""
    doubted: bool = False


def in_context(
    found: Assessment, request: Request, turns: Sequence[Turn], fingerprint: str, now: float
) -> Assessment:
    """`found` as the session makes it: `turns` are earlier ones, the newest first. What a caller said of task and
    complexity stands.
    """
    if request.complexity is not None:
        return found
    recent = [turn for turn in turns[:LOOKED_BACK] if now - turn.at <= RECENT_S]
    prompt = request.prompt.strip()
    if recent and len(prompt) <= _SHORT and _says_go_on(prompt):
        return _inherited(found, recent[0].assessment, request)
    reasons = _raising(request, prompt, recent, fingerprint)
    if not reasons:
        return found
    start = found
    if recent and len(prompt) <= _SHORT and _harder(recent[0].assessment, found):
        # a short complaint is about what went before
        start = _inherited(found, recent[0].assessment, request)
    return raised(start, min(len(reasons), MOST_DEGREES), tuple(reasons))


# what is short comes again and again, in an agent's loop and from all who say "continue"
@lru_cache(512)
def _says_go_on(prompt: str) -> bool:
    return _GO_ON.match(prompt) is not None


@lru_cache(512)
def _says_no(prompt: str) -> bool:
    return _NO.search(prompt) is not None


def _inherited(found: Assessment, before: Assessment, request: Request) -> Assessment:
    reasons = (*found.reasons, "goes on with the turn before")
    kept = replace(before, reasons=reasons, source=found.source, rival=None)
    return kept if request.task is None else replace(kept, task=request.task)


def _harder(one: Assessment, other: Assessment) -> bool:
    return _ORDER.index(one.complexity) > _ORDER.index(other.complexity)


def _raising(request: Request, prompt: str, recent: Sequence[Turn], fingerprint: str) -> list[str]:
    """Each reason is worth one degree."""
    reasons: list[str] = []
    if recent and len(prompt) <= 4 * _SHORT and _says_no(prompt):
        reasons.append("corrects the answer before")
    if any(turn.fingerprint == fingerprint for turn in recent):
        reasons.append("the same question again")
    if recent and recent[0].doubted:
        reasons.append("the answer before did not pass its checks")
    failing = [text for text in _results(request) if _FAILING.search(text)]
    if len(failing) > 1 or (recent and _FAILING.search(prompt)):
        reasons.append("tests keep failing")
    if len(_files(request)) >= _MANY_FILES:
        reasons.append("touches many files")
    return reasons


def _results(request: Request) -> list[str]:
    """What tools have answered in this conversation."""
    found = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    return ["\n".join(each.text for each in part.content if isinstance(each, Text)) for part in found]


def _files(request: Request) -> set[str]:
    calls = [part for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
    return {name for call in calls for name in _FILE.findall(call.arguments)}


@lru_cache(256)
def raised(found: Assessment, degrees: int, reasons: tuple[str, ...]) -> Assessment:
    """So many degrees harder, with the chances of every tier lowered, the small one's most."""
    p = {tier: _less(found.p_success(tier), step * degrees) for tier, step in _STEP}
    return replace(
        found,
        complexity=found.complexity.harder(degrees),
        difficulty=min(1.0, found.difficulty + 0.15 * degrees),
        p_small=p["small"],
        p_mid=p["mid"],
        p_frontier=p["frontier"],
        gain=max(0.0, p["frontier"] - p["small"]),
        reasons=(*found.reasons, *reasons),
        rival=None,
    )


def _less(p: float, log_odds: float) -> float:
    p = min(max(p, 0.01), 0.99)
    return 1 / (1 + math.exp(-(math.log(p / (1 - p)) - log_odds)))
