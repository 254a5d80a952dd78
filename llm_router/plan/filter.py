"""Which models cannot serve a request, each with the reason a person can act on."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from llm_router.errors import PolicyError
from llm_router.nouns import Document, Feature, Image, Model, Part, Request, ToolResult
from llm_router.ports import HealthState

_CANNOT: dict[Feature, str] = {
    "vision": "it cannot see images",
    "documents": "it cannot read PDF documents",
    "tools": "it cannot call tools",
    "schema": "it cannot keep to a JSON schema",
}


class Cause(StrEnum):
    BLOCKED = "blocked"
    UNABLE = "unable"
    TOO_LONG = "too_long"
    TOO_DEAR = "too_dear"
    COOLING = "cooling"
    NOT_READY = "not_ready"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Skip:
    """Why something is not asked. `until` is when a cooldown ends, `kind` the failure that began it."""

    ref: str
    cause: Cause
    reason: str
    model: Model | None = None
    until: float = 0.0
    kind: str = ""


def needs(request: Request) -> frozenset[Feature]:
    """What a model must be able to do, read off the request. Who can be told to search the web is a matter of the
    vendor's API, which only its dialect knows: it refuses, and the next candidate is asked.
    """
    if request.needs is not None:
        return request.needs - {"web"}
    found: set[Feature] = set()
    for message in request.messages:
        for part in message.parts:
            found.update(_part_needs(part))
    if request.tools and request.tool_choice.mode != "none":
        found.add("tools")
    if request.schema is not None:
        found.add("schema")
    return frozenset(found)


def _part_needs(part: Part) -> Iterable[Feature]:
    match part:
        case Image():
            return ("vision",)
        case Document(text=None):
            return ("documents",)
        case ToolResult(content=content):
            return [need for each in content for need in _part_needs(each)]
        case _:
            return ()


def unable(model: Model, needed: frozenset[Feature]) -> str:
    """Empty when it can. A model whose features nobody declared gets the benefit of the doubt."""
    if not model.features or needed <= model.features:
        return ""
    return next(_CANNOT.get(need, f"it cannot do {need}") for need in sorted(needed - model.features))


def too_long(model: Model, input_tokens: int, output_tokens: int) -> str:
    """Empty when input and wanted output fit the window, as far as it is known."""
    if model.context is None or input_tokens + output_tokens <= model.context:
        return ""
    return f"its window of {model.context:,} tokens is too small for about {input_tokens:,} in and {output_tokens:,} out"


def blocked_by(model: Model, patterns: Iterable[str]) -> str:
    """The first pattern that forbids this model, or "". `openai`, `groq/*`, `*/name*` and bare model names all work."""
    provider, name = model.provider.lower(), model.id.lower()
    ref = f"{provider}/{name}"
    for pattern in patterns:
        wanted = pattern.strip().lower()
        if fnmatchcase(ref, wanted) or fnmatchcase(provider, wanted) or fnmatchcase(name, wanted):
            return pattern
    return ""


def refuse_if_blocked(model: Model, patterns: Iterable[str], because: str) -> None:
    """Raises PolicyError: who names a model must hear that it is blocked, not get another one."""
    if pattern := blocked_by(model, patterns):
        raise PolicyError(
            f"{model.ref} was {because}, and `{pattern}` in routing.block forbids it",
            fix=f"take `{pattern}` out of routing.block (`llm-router config show` names the file), "
            "or name another model",
        )


def cooling(state: HealthState) -> str:
    ends = time.strftime("%H:%M:%S", time.localtime(state.until))
    doing = "another call is probing it" if state.state == "half_open" else f"cooling down until {ends}"
    return f"{doing} ({state.reason.replace('_', ' ')})" if state.reason else doing
