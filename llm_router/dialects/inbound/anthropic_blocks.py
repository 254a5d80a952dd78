"""The messages of an Anthropic caller: content blocks become parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from llm_router.dialects.anthropic_stream import REDACTED
from llm_router.dialects.inbound.bodies import json_text, one_of, refused, untranslatable
from llm_router.dialects.inbound.signatures import NATIVE, untagged
from llm_router.dialects.reading import NO_ARGUMENTS, record, records, string
from llm_router.nouns import Document, Image, JsonDict, Message, Part, Text, Thinking, ToolCall, ToolResult

ROLES = ("user", "assistant", "system")

# The first system block of Claude Code, another in every request: Anthropic bills by it, nobody else can use it.
BILLING = "x-anthropic-billing-header:"


class Block(msgspec.Struct):
    """Every kind of content block in one: fields that a kind does not have stay at their defaults."""

    type: str
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"{}")
    tool_use_id: str | None = None
    tool_name: str | None = None
    content: str | list[Block] | dict[str, Any] | None = None
    is_error: bool | None = None
    source: str | dict[str, Any] | None = None
    title: str | None = None
    context: str | None = None
    url: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    tool: dict[str, Any] | None = None
    tool_changes: list[Block] | None = None
    tabs: list[dict[str, Any]] | None = None
    state_changes: list[dict[str, Any]] | None = None


class Turn(msgspec.Struct):
    """`clear_at` and `output_config` are those of a system message inside the conversation."""

    role: str
    content: str | list[Block] | msgspec.UnsetType = msgspec.UNSET
    clear_at: str | None = None
    output_config: dict[str, Any] | None = None


@dataclass(slots=True)
class Reader:
    """Reads one conversation. `named` are the tools that it refers to: what was deferred is offered from then on. `defined`
    are those it brings itself, `removed` the names of those it has withdrawn; `effort` is its word for this turn.
    """

    named: set[str] = field(default_factory=set[str])
    defined: list[JsonDict] = field(default_factory=list[JsonDict])
    removed: set[str] = field(default_factory=set[str])
    effort: str = ""

    def messages(self, turns: Sequence[Turn]) -> Iterable[Message]:
        last = max((at for at, turn in enumerate(turns) if turn.role == "user"), default=-1)
        for number, turn in enumerate(turns):
            role = one_of(turn.role, ROLES, f"messages.{number}.role")
            path, content = f"messages.{number}.content", turn.content
            if content is msgspec.UNSET:
                if role != "system":
                    raise refused(path, "Field required")
                content = ""
            parts = self.content(content, path)
            if role == "user" and any(not isinstance(part, ToolResult) for part in parts):
                self.effort = ""  # another turn has begun
            self.effort = string(record(turn.output_config).get("effort")) or self.effort
            cleared = turn.clear_at == "next_user_message" and number < last
            if parts and not cleared:
                yield Message(role, parts)  # pyright: ignore[reportArgumentType] - checked above

    def content(self, content: str | list[Block] | dict[str, Any] | None, path: str) -> tuple[Part, ...]:
        if isinstance(content, str):
            return (Text(content),) if content else ()
        parts: list[Part] = []
        for at, block in enumerate(content if isinstance(content, list) else ()):
            parts += self._parts(block, f"{path}.{at}")
        return tuple(parts)

    def _parts(self, block: Block, path: str) -> Iterable[Part]:
        match block.type:
            case "text":
                if block.text is None:
                    raise refused(f"{path}.text", "Field required")
                return (Text(block.text),) if block.text else ()
            case "tool_use":
                return (self._call(block, path),)
            case "tool_result":
                return (self._result(block, path),)
            case "thinking":
                return (untagged(block.thinking or "", block.signature),)
            case "redacted_thinking":
                return (Thinking("", REDACTED + (block.data or ""), NATIVE),)
            case "image":
                return (_image(record(block.source), path),)
            case "document":
                return _document(block, path)
            case _:
                return self._rare(block, path)

    def _rare(self, block: Block, path: str) -> Iterable[Part]:
        match block.type:
            case "tool_reference":
                self.named.add(block.tool_name or "")
                return (Text(f"The tool {block.tool_name} is loaded and can be called now."),)
            case "search_result":
                return (_search_result(block, self.content(block.content, path)),)
            case "tool_addition" | "tool_removal":
                self._change(record(block.tool), added=block.type == "tool_addition")
                return ()
            case "browser_state":
                shown = {"tabs": block.tabs, "state_changes": block.state_changes}
                return (Text(json_text({key: value for key, value in shown.items() if value})),)
            case "container_upload":
                raise untranslatable(f"{path}: a file in Anthropic's container")
            case kind if kind.endswith("_tool_result"):
                return _vendors_result(block)
            case "compaction":
                for change in block.tool_changes or ():
                    self._change(record(change.tool), added=change.type == "tool_addition")
                return self.content(block.content, path)
            case _:  # what Anthropic ran itself, and blocks from the future: their text, if they have any
                return (Text(block.text),) if block.text else ()

    def _change(self, tool: JsonDict, *, added: bool) -> None:
        definition = record(tool.get("definition"))
        name = string(definition.get("name")) or string(tool.get("name"))
        if not added:
            self.removed.add(name)
            return
        self.removed.discard(name)
        self.named.add(name)
        if definition:
            self.defined = [*(each for each in self.defined if each.get("name") != name), definition]

    def _call(self, block: Block, path: str) -> ToolCall:
        if not block.name:
            raise refused(f"{path}.name", "Field required")
        self.named.add(block.name)
        given = bytes(block.input).decode()
        return ToolCall(block.id or "", block.name, "{}" if given in NO_ARGUMENTS else given)

    def _result(self, block: Block, path: str) -> ToolResult:
        if not block.tool_use_id:
            raise refused(f"{path}.tool_use_id", "Field required")
        inner = self.content(block.content, f"{path}.content")
        shown = tuple([part for part in inner if isinstance(part, (Text, Image, Document))])
        return ToolResult(block.tool_use_id, shown, bool(block.is_error))


def _image(source: JsonDict, path: str) -> Image:
    match source.get("type"):
        case "base64":
            return Image(string(source.get("media_type")) or "image/png", data=string(source.get("data")))
        case "url":
            return Image(url=string(source.get("url")))
        case "file":
            raise untranslatable(f"{path}: an image by the id of an uploaded file")
        case _:
            raise refused(f"{path}.source", "Input should be an image source of type 'base64' or 'url'")


def _document(block: Block, path: str) -> Iterable[Part]:
    source, title = record(block.source), block.title
    note = (Text(block.context),) if block.context else ()
    match source.get("type"):
        case "base64":
            media_type = string(source.get("media_type")) or "application/pdf"
            return (*note, Document(media_type, data=string(source.get("data")), title=title))
        case "url":
            return (*note, Document(url=string(source.get("url")), title=title))
        case "text":
            return (*note, Document("text/plain", text=string(source.get("data")), title=title))
        case "content":
            return (*note, *_document_of_blocks(source.get("content"), title, path))
        case "file":
            raise untranslatable(f"{path}: a document by the id of an uploaded file")
        case _:
            raise refused(
                f"{path}.source",
                "Input should be a document source of type 'base64', 'text', 'url' or 'content'",
            )


def _document_of_blocks(content: object, title: str | None, path: str) -> Iterable[Part]:
    if isinstance(content, str):
        return (Document("text/plain", text=content, title=title),)
    blocks = records(content)
    text = "\n".join(string(block.get("text")) for block in blocks if block.get("type") == "text")
    images = [_image(record(block.get("source")), path) for block in blocks if block.get("type") == "image"]
    return (Document("text/plain", text=text, title=title), *images)


def _search_result(block: Block, inner: tuple[Part, ...]) -> Document:
    text = "\n".join(part.text for part in inner if isinstance(part, Text))
    source = block.source if isinstance(block.source, str) else ""
    return Document("text/plain", text=f"{source}\n{text}".strip(), title=block.title)


def _vendors_result(block: Block) -> Iterable[Part]:
    """What a tool that Anthropic ran gave: other vendors read it as text, and the model's own begins on a new line."""
    if isinstance(block.content, dict):
        return (Text(f"{json_text(block.content)}\n"),)
    if isinstance(block.content, str):
        return (Text(f"({block.type})\n{block.content}\n"),) if block.content else ()
    found = block.content if isinstance(block.content, list) else []
    lines = [f"- {each.title or ''} {each.url or ''}".strip() for each in found if each.url or each.title]
    texts = [each.text for each in found if each.text]
    return (Text("\n".join((f"({block.type})", *lines, *texts, ""))),) if lines or texts else ()


def system_text(content: str | list[Block] | None) -> str:
    texts = [content] if isinstance(content, str) else [block.text or "" for block in content or ()]
    return "\n\n".join(text for text in map(_without_billing, texts) if text)


def _without_billing(text: str) -> str:
    return text.partition("\n")[2].lstrip() if text.startswith(BILLING) else text
