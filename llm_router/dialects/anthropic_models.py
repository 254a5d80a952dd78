"""What the generations of Claude take: how thinking is asked for has changed with nearly every one.

Sources: https://platform.claude.com/docs/en/about-claude/models/migration-guide,
https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking, .../effort.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from llm_router.dialects.encoding import own_thinking
from llm_router.nouns import Effort, JsonDict, Model, Request, Thinking, ToolCall, ToolResult

_CLAUDE = re.compile(r"claude-(?P<family>[a-z]+)-(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2})(?!\d))?(?!\d)")
_ALWAYS_THINK = {"fable": (5, 0), "mythos": (5, 0), "opus": (5, 5)}
_NEVER_FORCED = {"fable": (5, 1), "mythos": (5, 1), "opus": (5, 5)}
_NEVER = (99, 0)
SMALLEST_BUDGET = 1_024
_BUDGETS: dict[Effort | None, int] = {
    None: 10_000,
    "minimal": SMALLEST_BUDGET,
    "low": 4_000,
    "medium": 10_000,
    "high": 20_000,
    "xhigh": 31_999,
    "max": 31_999,
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """`adaptive`: it decides how much to think; else it is given a budget. `off`: it can be told not to think.
    `effort` and `xhigh`: of `output_config`. `forced_tools`: a tool call may be demanded. `inline_system`: system
    messages may stand between the others. `hides`: what it thinks is told only to who asks for it. The
    defaults are what models of other vendors take who speak this dialect.
    """

    adaptive: bool = False
    off: bool = True
    effort: bool = False
    xhigh: bool = False
    forced_tools: bool = True
    inline_system: bool = False
    hides: bool = False


@lru_cache(maxsize=256)
def abilities(model_id: str) -> Abilities:
    found = _CLAUDE.search(model_id)
    if found is None:
        return Abilities()
    family, version = found["family"], (int(found["major"]), int(found["minor"] or 0))
    return Abilities(
        adaptive=version >= (4, 6),
        off=version < _ALWAYS_THINK.get(family, _NEVER),
        effort=version >= (4, 6) or (family == "opus" and version == (4, 5)),
        xhigh=version >= (4, 7),
        forced_tools=version < _NEVER_FORCED.get(family, _NEVER),
        inline_system=version >= (5, 0),
        hides=version >= (4, 7),
    )


def thinking(request: Request, model: Model, max_tokens: int) -> JsonDict | None:
    """The `thinking` field; None where nothing is to be said."""
    asked, able = request.reasoning, abilities(model.id)
    if asked is None or (model.features and "thinking" not in model.features):
        return None
    if asked.effort == "none":
        return {"type": "disabled"} if able.off else None
    shown = {"display": "summarized" if asked.shown else "omitted"} if able.hides or not asked.shown else {}
    if able.adaptive:
        return {"type": "adaptive"} | shown
    budget = min(asked.budget_tokens or _BUDGETS[asked.effort], max_tokens - SMALLEST_BUDGET)
    if budget < SMALLEST_BUDGET or request.tool_choice.mode in ("any", "tool") or _resumes(request, model):
        return None
    return {"type": "enabled", "budget_tokens": budget} | shown


def effort(request: Request, model: Model) -> str | None:
    """`output_config.effort`; None where nothing is to be said."""
    asked, able = request.reasoning, abilities(model.id)
    if asked is None or not able.effort:
        return None
    told = asked.effort or (None if asked.budget_tokens is None else effort_of(asked.budget_tokens))
    match told:
        case None:
            return None
        case "none":
            return None if able.off else "low"
        case "minimal":
            return "low"
        case "xhigh":
            return "xhigh" if able.xhigh else "high"
        case _:
            return told


def effort_of(budget_tokens: int) -> Effort:
    """A budget of tokens as the nearest word for it."""
    if budget_tokens <= 2_048:
        return "low"
    return "medium" if budget_tokens <= 8_192 else "high"


def _resumes(request: Request, model: Model) -> bool:
    """Whether the model takes up a turn that went on without its thinking: given a budget it then insists on it."""
    for message in reversed(request.messages):
        if message.role == "assistant":
            calls = any(isinstance(part, ToolCall) for part in message.parts)
            own = any(isinstance(part, Thinking) and own_thinking(part, model) for part in message.parts)
            return calls and not own
        if message.role == "user" and not any(isinstance(part, ToolResult) for part in message.parts):
            return False
    return False
