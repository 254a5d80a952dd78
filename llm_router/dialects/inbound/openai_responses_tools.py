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

Kind = Literal["function", "custom", "tool_search", "local_shell", "shell", "apply_patch"]

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


_SHELL: JsonDict = {
    "type": "object",
    "properties": {
        "commands": {"type": "array", "items": {"type": "string"}, "description": "Run one after the other."},
        "timeout_ms": {"type": "integer", "description": "For all of them together."},
        "max_output_length": {"type": "integer", "description": "In characters."},
    },
    "required": ["commands"],
}
_APPLY_PATCH: JsonDict = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
        "path": {"type": "string"},
        "diff": {
            "type": "string",
            "description": "Of a new file every line with + before it. Of an update sections that begin with a line @@, "
            "which may name the class or function; their lines begin with a blank (context), - or +. No line numbers.",
        },
    },
    "required": ["type", "path"],
}


_RUN_BY_CALLER = {
    "local_shell": ("Run a command on this machine.", _LOCAL_SHELL),
    "shell": ("Run shell commands on this machine.", _SHELL),
    "apply_patch": ("Create, change or delete a file.", _APPLY_PATCH),
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
            case "local_shell" | "shell" | "apply_patch" if _is_here(tool):
                self.offers.append(_run_by_caller(kind, record(tool.get("environment"))))
            case _ if kind.startswith(_WEB_SEARCH):
                domains = sequence(record(tool.get("filters")).get("allowed_domains"))
                allowed = tuple(domain for domain in domains if isinstance(domain, str))
                self.web_search = WebSearch(allowed_domains=allowed, near=near(tool.get("user_location")))
            case _ if kind not in _HARMLESS:
                self.hosted.append(needed(tool, "type", path))
            case _:
                pass


def _is_here(tool: JsonDict) -> bool:
    """Whether the caller runs it, and not OpenAI in a container of its own."""
    return string(record(tool.get("environment")).get("type")) in ("", "local")


def _run_by_caller(kind: Literal["local_shell", "shell", "apply_patch"], environment: JsonDict) -> Offer:
    told, parameters = _RUN_BY_CALLER[kind]
    skills = [
        f"- {skill.get('name')}: {skill.get('description')} (in {skill.get('path')})"
        for skill in records(environment.get("skills"))
    ]
    words = "\n".join((told, *(["Skills, to be read before they are used:"] if skills else []), *skills))
    return Offer(Tool(kind, words, parameters), kind, kind)


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
    """How the model shall use its tools, and which of them; raises UsageError. What it must call may still be brought by
    the conversation.
    """
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
    name = _name_of(wish)
    if kind in ("", "function", "custom") or any(tool.name == name for tool in tools):
        return ToolChoice("tool", name, parallel=parallel), tools
    return ToolChoice(parallel=parallel), tools  # one that OpenAI runs


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
        raise untranslatable(f"tools: {', '.join(box.hosted)}, which only OpenAI has,")
