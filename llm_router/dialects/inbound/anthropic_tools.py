"""The tools of an Anthropic caller: its own, those Anthropic defines and the caller runs, those Anthropic runs."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any

import msgspec

from llm_router.dialects.inbound.bodies import json_text, read, refused, untranslatable
from llm_router.dialects.reading import near
from llm_router.nouns import JsonDict, Tool, ToolChoice, WebSearch

# Stands for the deferred tools where there are no others; calling it does nothing.
PLACEHOLDER = "DeferredToolPlaceholder"


class _Given(msgspec.Struct):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None
    defer_loading: bool | None = None
    input_examples: list[Any] | None = None
    max_uses: int | None = None
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    user_location: dict[str, Any] | None = None


class _Choice(msgspec.Struct):
    type: str = "auto"
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


_TOOLS: msgspec.json.Decoder[list[_Given] | None] = msgspec.json.Decoder(list[_Given] | None)
_CHOICE: msgspec.json.Decoder[_Choice | None] = msgspec.json.Decoder(_Choice | None)
_MODES = {"auto": "auto", "any": "any", "tool": "tool", "none": "none"}


class Toolbox(msgspec.Struct, frozen=True):
    """What a request brings. `deferred` are offered only once the conversation has named them."""

    tools: tuple[Tool, ...] = ()
    deferred: frozenset[str] = frozenset()
    web_search: WebSearch | None = None
    others: tuple[str, ...] = ()  # tools that Anthropic runs, or that only its models know how to use

    def joined(self, later: Toolbox) -> Toolbox:
        """With those that the conversation brought later: of two that have one name it is the tool."""
        names = {tool.name for tool in later.tools}
        kept = tuple(tool for tool in self.tools if tool.name not in names)
        web, others = later.web_search or self.web_search, self.others + later.others
        return Toolbox(kept + later.tools, self.deferred | later.deferred, web, others)

    def offered(self, named: AbstractSet[str], removed: AbstractSet[str] = frozenset()) -> tuple[Tool, ...]:
        """Raises UpstreamError(UNSUPPORTED) where a tool is one that only Anthropic has."""
        if self.others:
            raise untranslatable(f"tools: {', '.join(self.others)}, which only Anthropic has,")
        hidden = (self.deferred - named) | removed
        return tuple(tool for tool in self.tools if tool.name not in hidden) if hidden else self.tools


@lru_cache(maxsize=32)  # a session sends the same ones with every turn, 40 kB and more
def toolbox(raw: bytes) -> Toolbox:
    """The `tools` array as it stands in the body; raises UsageError."""
    given = read(raw, _TOOLS) or []
    searches = any(_family(tool) == "tool_search_tool" for tool in given)
    tools: list[Tool] = []
    deferred: set[str] = set()
    web: WebSearch | None = None
    others: list[str] = []
    for at, tool in enumerate(given):
        family = _family(tool)
        if family in ("", "custom", *CLIENT_TOOLS):
            if tool.name == PLACEHOLDER:
                continue
            tools.append(_client_tool(tool, family, at))
            # where Anthropic would have searched the deferred tools, a model of another vendor is shown all of them
            if tool.defer_loading and not searches:
                deferred.add(tool.name)
        elif family == "web_search":
            domains = tuple(tool.allowed_domains or ()), tuple(tool.blocked_domains or ())
            web = WebSearch(tool.max_uses, *domains, near(tool.user_location))
        elif family != "tool_search_tool":
            others.append(tool.type or tool.name)
    return Toolbox(tuple(tools), frozenset(deferred), web, tuple(others))


def tool_choice(raw: bytes) -> ToolChoice:
    given = read(raw, _CHOICE) if raw else None
    if given is None:
        return ToolChoice()
    if given.type not in _MODES:
        raise refused(
            "tool_choice.type", f"Input should be 'auto', 'any', 'tool' or 'none', not {given.type!r}"
        )
    if given.type == "tool" and not given.name:
        raise refused("tool_choice.name", "Field required")
    mode = _MODES[given.type]
    return ToolChoice(mode, given.name, not given.disable_parallel_tool_use)  # pyright: ignore[reportArgumentType]


def _family(tool: _Given) -> str:
    """`web_search` of `web_search_20260318`, `tool_search_tool` of `tool_search_tool_bm25_20251119`."""
    kind = (tool.type or "").rstrip("0123456789").rstrip("_")
    return "tool_search_tool" if kind.startswith("tool_search_tool") else kind


def _client_tool(tool: _Given, family: str, at: int) -> Tool:
    if not tool.name:
        raise refused(f"tools.{at}.name", "Field required")
    if family in CLIENT_TOOLS:
        description, properties, required = CLIENT_TOOLS[family]
        schema: JsonDict = {"type": "object", "properties": properties, "required": required}
        return Tool(tool.name, description, schema)
    return Tool(tool.name, _described(tool), tool.input_schema or {}, bool(tool.strict))


def _described(tool: _Given) -> str:
    """Others have no place for examples of what it is called with."""
    told = [tool.description or ""]
    if tool.input_examples:
        told.append("Examples of input:\n" + "\n".join(map(json_text, tool.input_examples)))
    return "\n\n".join(filter(None, told))


def _string(description: str = "") -> JsonDict:
    return {"type": "string"} | ({"description": description} if description else {})


# Tools that Anthropic's models know by heart, and that the caller runs: others need to be told what they take.
# https://platform.claude.com/docs/en/agents-and-tools/tool-use/bash-tool and .../text-editor-tool, .../memory-tool
_LINES: JsonDict = {
    "type": "array",
    "items": {"type": "integer"},
    "description": "first and last line, from 1; -1 is the end",
}
_EDITS: JsonDict = {
    "path": _string("of the file or directory"),
    "file_text": _string("of `create`: the whole file"),
    "old_str": _string("of `str_replace`: what to replace, must occur exactly once"),
    "new_str": _string("of `str_replace`: what to write instead"),
    "insert_line": {
        "type": "integer",
        "description": "of `insert`: the line after which to insert, 0 for the start",
    },
    "insert_text": _string("of `insert`: what to insert"),
    "view_range": _LINES,
}
CLIENT_TOOLS: dict[str, tuple[str, JsonDict, list[str]]] = {
    "bash": (
        "Run a command in a persistent bash session.",
        {
            "command": _string("to run"),
            "restart": {"type": "boolean", "description": "start the session anew"},
        },
        [],
    ),
    "text_editor": (
        "View and edit text files.",
        {"command": {"type": "string", "enum": ["view", "create", "str_replace", "insert"]}} | _EDITS,
        ["command", "path"],
    ),
    "memory": (
        "Keep notes as files under /memories, which outlast this conversation.",
        {
            "command": {
                "type": "string",
                "enum": ["view", "create", "str_replace", "insert", "delete", "rename"],
            }
        }
        | _EDITS
        | {"old_path": _string("of `rename`"), "new_path": _string("of `rename`")},
        ["command"],
    ),
}
