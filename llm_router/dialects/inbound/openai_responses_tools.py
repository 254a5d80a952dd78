"""The tools of a Responses caller, each as a function that any vendor's model can call, and what to call it back.

A freeform tool becomes a function of one text, a tool inside a namespace gets the namespace's name in front. What OpenAI
itself runs has nobody else to run it: it is refused, or left out where it only adds to the caller's own tools.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import msgspec

from llm_router.dialects.inbound.bodies import read, refused, untranslatable
from llm_router.dialects.reading import near, record, records, sequence, string
from llm_router.nouns import JsonDict, Tool, ToolChoice, WebSearch

Kind = Literal["function", "custom", "tool_search", "local_shell"]

FREEFORM_FIELD = "input"
_WEB_SEARCH = ("web_search", "web_search_preview")
# Run by OpenAI for the model's convenience: an answer without them is still an answer.
_HARMLESS = ("image_generation", "programmatic_tool_calling")
_MODES: dict[str, Literal["auto", "any", "none"]] = {"auto": "auto", "none": "none", "required": "any"}
_TOOLS = msgspec.json.Decoder(list[dict[str, Any]] | None)

_FREEFORM_PARAMETERS: JsonDict = {
    "type": "object",
    "properties": {FREEFORM_FIELD: {"type": "string", "description": "The whole input, as plain text."}},
    "required": [FREEFORM_FIELD],
    "additionalProperties": False,
}
_LOCAL_SHELL: JsonDict = {
    "type": "object",
    "properties": {
        "command": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The program and its arguments.",
        },
        "working_directory": {"type": "string"},
        "timeout_ms": {"type": "integer"},
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["command"],
}


class Offer(msgspec.Struct, frozen=True):
    """One tool: `tool` as a model is told of it, the rest as the caller knows it."""

    tool: Tool
    kind: Kind = "function"
    name: str = ""
    namespace: str | None = None


class Toolbox(msgspec.Struct, frozen=True):
    offers: tuple[Offer, ...] = ()
    web_search: WebSearch | None = None
    hosted: tuple[str, ...] = ()  # what only OpenAI can run

    def tools(self) -> tuple[Tool, ...]:
        return tuple(offer.tool for offer in self.offers)

    def by_name(self) -> dict[str, Offer]:
        return {offer.tool.name: offer for offer in self.offers}


@lru_cache(maxsize=32)  # a session sends the same ones with every turn, 40 kB and more
def toolbox(raw: bytes) -> Toolbox:
    """The `tools` array as it stands in the body; raises UsageError."""
    return gathered(read(raw, _TOOLS) or [], "tools")


def gathered(tools: Iterable[JsonDict], path: str) -> Toolbox:
    """Raises UsageError."""
    found = _Gathered()
    for at, tool in enumerate(tools):
        found.add(tool, f"{path}.{at}")
    return Toolbox(tuple(found.offers), found.web_search, tuple(found.hosted))


@dataclass(slots=True)
class _Gathered:
    offers: list[Offer] = field(default_factory=list[Offer])
    web_search: WebSearch | None = None
    hosted: list[str] = field(default_factory=list[str])

    def add(self, tool: JsonDict, path: str) -> None:
        kind = string(tool.get("type"))
        match kind:
            case "function" | "custom":
                self.offers.append(_offer(tool, path, None))
            case "namespace":
                space = needed(tool, "name", path)
                for at, inner in enumerate(records(tool.get("tools"))):
                    self.offers.append(_offer(inner, f"{path}.tools.{at}", space))
            case "tool_search":
                # else OpenAI searches: others are shown all tools at once
                if tool.get("execution") == "client":
                    described = Tool(kind, string(tool.get("description")), record(tool.get("parameters")))
                    self.offers.append(Offer(described, "tool_search", kind))
            case "local_shell":
                self.offers.append(
                    Offer(Tool(kind, "Run a command on this machine.", _LOCAL_SHELL), kind, kind)
                )
            case _ if kind.startswith(_WEB_SEARCH):
                domains = sequence(record(tool.get("filters")).get("allowed_domains"))
                allowed = tuple(domain for domain in domains if isinstance(domain, str))
                self.web_search = WebSearch(allowed_domains=allowed, near=near(tool.get("user_location")))
            case _ if kind not in _HARMLESS:
                self.hosted.append(needed(tool, "type", path))
            case _:
                pass


def _offer(tool: JsonDict, path: str, namespace: str | None) -> Offer:
    name = needed(tool, "name", path)
    shown = offered_name(name, namespace)
    told = string(tool.get("description"))
    if tool.get("type") == "custom":
        freeform = Tool(shown, _with_format(told, record(tool.get("format"))), _FREEFORM_PARAMETERS)
        return Offer(freeform, "custom", name, namespace)
    described = Tool(shown, told, record(tool.get("parameters")), tool.get("strict") is True)
    return Offer(described, "function", name, namespace)


def offered_name(name: str, namespace: str | None) -> str:
    """What a model calls a tool; the calls of earlier turns bear the same name."""
    return f"{namespace}__{name}" if namespace else name


def _with_format(told: str, form: JsonDict) -> str:
    """A grammar binds only OpenAI's models; others read it."""
    if form.get("type") != "grammar":
        return told
    grammar = f"`{FREEFORM_FIELD}` must match this {string(form.get('syntax'))} grammar:\n"
    return f"{told}\n\n{grammar}{string(form.get('definition'))}".strip()


def chosen(choice: object, box: Toolbox, *, parallel: bool) -> tuple[ToolChoice, tuple[Tool, ...]]:
    """How the model shall use its tools, and which of them; raises UsageError."""
    tools = box.tools()
    if choice is None or isinstance(choice, str):
        return ToolChoice(_mode(choice or "auto"), parallel=parallel), tools
    wish = record(choice)
    kind = string(wish.get("type"))
    if kind == "allowed_tools":
        allowed = {_name_of(tool) for tool in records(wish.get("tools"))}
        kept = tuple(tool for tool in tools if tool.name in allowed)
        return ToolChoice(_mode(string(wish.get("mode")) or "auto"), parallel=parallel), kept
    if kind.startswith(_WEB_SEARCH):
        return ToolChoice(parallel=parallel), ()
    if kind in box.hosted or kind in _HARMLESS:
        return ToolChoice(parallel=parallel), tools
    name = _name_of(wish)
    if all(tool.name != name for tool in tools):
        raise refused("tool_choice", f"there is no tool {name!r} among the tools of the request")
    return ToolChoice("tool", name, parallel=parallel), tools


def _mode(word: str) -> Literal["auto", "any", "none"]:
    if word not in _MODES:
        raise refused("tool_choice", f"Input should be 'none', 'auto' or 'required', not {word!r}")
    return _MODES[word]


def _name_of(tool: JsonDict) -> str:
    if name := string(tool.get("name")):
        return offered_name(name, string(tool.get("namespace")) or None)
    return string(tool.get("type"))


def needed(holder: JsonDict, key: str, path: str) -> str:
    """Raises UsageError where it is missing or empty."""
    value = string(holder.get(key))
    if not value:
        raise refused(f"{path}.{key}", "Field required")
    return value


def refuse_hosted(box: Toolbox) -> None:
    """Raises UpstreamError(UNSUPPORTED)."""
    if box.hosted:
        raise untranslatable(f"tools: {', '.join(box.hosted)}, which OpenAI runs itself,")
