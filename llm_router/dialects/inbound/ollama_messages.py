"""The conversation of an Ollama caller: a message is text, pictures beside it; results name the tool, not the call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from llm_router.dialects.inbound.bodies import json_text, refused
from llm_router.dialects.reading import record, records, sequence, string
from llm_router.nouns import Image, JsonDict, Message, Part, Text, Thinking, ToolCall, ToolResult

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
# How the base64 of each kind of picture begins: Ollama's callers send bytes alone.
_KINDS = (("/9j/", "image/jpeg"), ("R0lG", "image/gif"), ("UklG", "image/webp"), ("Qk", "image/bmp"))


class Conversation:
    """Pairs calls and results: by id where there is one, else by the tool's name, in the order of the calls."""

    def __init__(self) -> None:
        self._calls = 0
        self._waiting: list[tuple[str, str]] = []  # (id, name) of calls without a result

    def messages(self, given: Iterable[JsonDict]) -> tuple[Message, ...]:
        """Raises UsageError."""
        out: list[Message] = []
        for at, message in enumerate(given):
            path = f"messages.{at}"
            if message.get("role") == "tool":
                result = self._result(message)
                if out and all(isinstance(part, ToolResult) for part in out[-1].parts):
                    result = (*out.pop().parts, *result)
                out.append(Message("user", result))
            else:
                out.append(self._message(message, path))
        return tuple(out)

    def _message(self, message: JsonDict, path: str) -> Message:
        role = _ROLES.get(string(message.get("role")))
        if role is None:
            raise refused(
                f"{path}.role", f"must be system, user, assistant or tool, not {message.get('role')!r}"
            )
        parts: list[Part] = []
        if thought := string(message.get("thinking")):
            parts.append(Thinking(thought))
        parts += said(string(message.get("content")), message.get("images"))
        parts += [self._call(call, path) for call in records(message.get("tool_calls"))]
        return Message(role, tuple(parts))

    def _call(self, call: JsonDict, path: str) -> ToolCall:
        function = record(call.get("function"))
        name = string(function.get("name"))
        if not name:
            raise refused(f"{path}.tool_calls.function.name", "Field required")
        call_id = string(call.get("id")) or f"call_{self._calls}"
        self._calls += 1
        self._waiting.append((call_id, name))
        arguments = function.get("arguments")
        return ToolCall(
            call_id, name, arguments if isinstance(arguments, str) else json_text(arguments or {})
        )

    def _result(self, message: JsonDict) -> tuple[Part, ...]:
        name = string(message.get("tool_name")) or string(message.get("name"))
        call_id = string(message.get("tool_call_id"))
        found = next((w for w in self._waiting if w[0] == call_id), None) if call_id else None
        found = found or next((w for w in self._waiting if not name or w[1] == name), None)
        if found is not None:
            self._waiting.remove(found)
            call_id = found[0]
        content = said(string(message.get("content")), message.get("images"))
        return (ToolResult(call_id or name or f"call_{self._calls}", tuple(content)),)


def said(text: str, images: object) -> list[Text | Image]:
    parts: list[Text | Image] = [Text(text)] if text else []
    return parts + [_image(image) for image in sequence(images) if isinstance(image, str)]


def _image(data: str) -> Image:
    if data.startswith("data:"):
        data = data.partition(",")[2]
    kind = next((kind for start, kind in _KINDS if data.startswith(start)), "image/png")
    return Image(kind, data)
