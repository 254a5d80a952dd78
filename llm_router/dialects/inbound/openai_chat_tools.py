"""The tools of a Chat Completions caller, and which of them it wants called."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from llm_router.dialects.inbound.bodies import read, refused, untranslatable
from llm_router.dialects.reading import record, records, string
from llm_router.nouns import Tool, ToolChoice

_MODES = {"auto": "auto", "none": "none", "required": "any", "any": "any"}


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Given(msgspec.Struct):
    type: str = "function"
    function: _Function | None = None


_TOOLS: msgspec.json.Decoder[list[_Given] | None] = msgspec.json.Decoder(list[_Given] | None)
_FUNCTIONS: msgspec.json.Decoder[list[_Function] | None] = msgspec.json.Decoder(list[_Function] | None)


@lru_cache(maxsize=32)  # a session sends the same ones with every turn
def tools(raw: bytes) -> tuple[Tool, ...]:
    """Raises UsageError, or UpstreamError(UNSUPPORTED) for kinds that only OpenAI knows."""
    offered: list[Tool] = []
    for at, given in enumerate(read(raw, _TOOLS) or ()):
        if given.type != "function":
            raise untranslatable(f"tools.{at}: a tool of type {given.type!r}")
        if given.function is None:
            raise refused(f"tools.{at}.function", "Field required")
        offered.append(_tool(given.function))
    return tuple(offered)


def legacy(raw: bytes) -> tuple[Tool, ...]:
    """What `tools` were called first."""
    return tuple(_tool(function) for function in read(raw, _FUNCTIONS) or ())


def _tool(given: _Function) -> Tool:
    return Tool(given.name, given.description or "", given.parameters or {}, bool(given.strict))


def tool_choice(given: str | dict[str, Any] | None, *, parallel: bool) -> ToolChoice:
    """Of `tool_choice`, and of the older `function_call`."""
    if given is None:
        return ToolChoice(parallel=parallel)
    if isinstance(given, str):
        if given not in _MODES:
            raise refused("tool_choice", f"Input should be 'auto', 'none' or 'required', not {given!r}")
        return ToolChoice(_MODES[given], parallel=parallel)  # pyright: ignore[reportArgumentType]
    if given.get("type") == "allowed_tools":
        mode = string(record(given.get("allowed_tools")).get("mode"))
        return ToolChoice("any" if mode == "required" else "auto", parallel=parallel)
    named = record(given.get("custom" if given.get("type") == "custom" else "function"))
    name = string(named.get("name")) or string(given.get("name"))
    if not name:
        raise refused("tool_choice.function.name", "Field required")
    return ToolChoice("tool", name, parallel)


def allowed(offered: Sequence[Tool], given: str | dict[str, Any] | None) -> tuple[Tool, ...]:
    """Without those that the choice leaves out."""
    if not (isinstance(given, dict) and given.get("type") == "allowed_tools"):
        return tuple(offered)
    listed = records(record(given.get("allowed_tools")).get("tools"))
    names = {string(record(tool.get("function")).get("name")) or string(tool.get("name")) for tool in listed}
    return tuple(tool for tool in offered if tool.name in names)
