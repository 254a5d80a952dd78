"""The messages of a Chat Completions caller become turns: results of tools, messages of their own there, join one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from llm_router.dialects.inbound.bodies import one_of, refused, untranslatable
from llm_router.dialects.reading import record, records, string
from llm_router.nouns import Document, Image, JsonDict, Message, Part, Text, Thinking, ToolCall, ToolResult

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?:;[^,]*)?,", re.IGNORECASE)


class _Function(msgspec.Struct):
    name: str = ""
    arguments: str | dict[str, Any] | None = None


class _Call(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    function: _Function | None = None
    custom: dict[str, Any] | None = None


class ChatMessage(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | dict[str, Any] | None = None
    audio: dict[str, Any] | None = None


def messages(given: Iterable[ChatMessage]) -> Iterable[Message]:
    results: list[Part] = []
    for number, message in enumerate(given):
        path = f"messages.{number}"
        role = one_of(message.role, ROLES, f"{path}.role")
        if role in ("tool", "function"):
            results.append(_result(message, path))
            continue
        if results:
            yield Message("user", tuple(results))
            results = []
        parts = _said(message, role, path)
        if parts:
            name = "system" if role == "developer" else role
            yield Message(name, parts)  # pyright: ignore[reportArgumentType] - checked above
    if results:
        yield Message("user", tuple(results))


def _said(message: ChatMessage, role: str, path: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    thought = message.reasoning_content or (message.reasoning if isinstance(message.reasoning, str) else "")
    if message.role == "assistant" and thought:
        parts.append(Thinking(thought))
    if message.audio:
        raise untranslatable(f"{path}.audio: what was said, by the id that OpenAI has for it")
    said = content_parts(message.content, f"{path}.content")
    if message.name and role == "user" and said and isinstance(said[0], Text):  # one of several who speak
        said[0] = Text(f"{message.name}: {said[0].text}")
    parts += said
    if message.refusal:
        parts.append(Text(message.refusal))
    for at, call in enumerate(message.tool_calls or ()):
        parts.append(_call(call, f"{path}.tool_calls.{at}"))
    if (legacy := message.function_call) is not None:
        parts.append(ToolCall(_legacy_id(legacy.name), legacy.name, _arguments(legacy)))
    return tuple(parts)


def content_parts(content: str | list[dict[str, Any]] | None, path: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    return [part for at, block in enumerate(content or ()) for part in _part(block, f"{path}.{at}")]


def _part(block: JsonDict, path: str) -> Iterable[Part]:
    match block.get("type"):
        case "text" | "input_text" | "output_text":
            return (Text(string(block.get("text"))),) if block.get("text") else ()
        case "refusal":
            return (Text(string(block.get("refusal"))),) if block.get("refusal") else ()
        case "image_url":
            given = block.get("image_url")
            return (_image(string(given) or string(record(given).get("url")), f"{path}.image_url.url"),)
        case "file":
            return (_file(record(block.get("file")), f"{path}.file"),)
        case "thinking":  # Mistral
            thought = "".join(string(t.get("text")) for t in records(block.get("thinking")))
            return (Thinking(thought),) if thought else ()
        case "input_audio" | "video_url":
            raise untranslatable(f"{path}: {block['type']}")
        case kind:
            raise refused(f"{path}.type", f"Input should be 'text', 'image_url' or 'file', not {kind!r}")


def _image(url: str, path: str) -> Image:
    if not url:
        raise refused(path, "Field required")
    if found := _DATA_URL.match(url):
        return Image(found["type"] or "image/png", data=url[found.end() :])
    return Image(url=url)


def _file(given: JsonDict, path: str) -> Document:
    data, name = string(given.get("file_data")), string(given.get("filename")) or None
    if given.get("file_id"):
        raise untranslatable(f"{path}: a file by the id of an upload")
    if not data:
        raise refused(f"{path}.file_data", "Field required")
    if found := _DATA_URL.match(data):
        return Document(found["type"] or "application/pdf", data=data[found.end() :], title=name)
    return Document(url=data, title=name) if data.startswith("http") else Document(data=data, title=name)


def _call(call: _Call, path: str) -> ToolCall:
    if call.custom is not None:
        raise untranslatable(f"{path}: a call of a custom tool")
    if call.function is None or not call.function.name:
        raise refused(f"{path}.function.name", "Field required")
    return ToolCall(call.id or "", call.function.name, _arguments(call.function))


def _arguments(function: _Function) -> str:
    given = function.arguments
    return given or "" if not isinstance(given, dict) else msgspec.json.encode(given).decode()


def _result(message: ChatMessage, path: str) -> ToolResult:
    call_id = message.tool_call_id or (_legacy_id(message.name) if message.name else "")
    if not call_id:
        raise refused(f"{path}.tool_call_id", "Field required")
    parts = content_parts(message.content, f"{path}.content")
    return ToolResult(call_id, tuple(p for p in parts if isinstance(p, (Text, Image, Document))))


def _legacy_id(name: str) -> str:
    """Calls of the old `functions` have no id, and there is never more than one at a time."""
    return f"call_{name}"
