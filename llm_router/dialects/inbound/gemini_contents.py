"""The conversation of a Gemini caller: turns of parts, in which a call may have no id and is answered by its name."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from llm_router.dialects.gemini import UNSIGNED
from llm_router.dialects.inbound.bodies import json_text, refused, untranslatable
from llm_router.dialects.inbound.signatures import MARK, untagged
from llm_router.dialects.reading import listed, record, records, string
from llm_router.nouns import Document, Image, JsonDict, Message, Part, Text, ToolCall, ToolResult

NATIVE = "gemini"
_OUTPUT = ("output", "result", "content")
_TRACES = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")  # what Google ran itself
_SNAKE = {
    name: "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    for name in (
        *("inlineData", "fileData", "mimeType", "fileUri", "displayName", "functionCall", "functionResponse"),
        *("thoughtSignature", "executableCode", "codeExecutionResult", "toolCall", "toolResponse"),
        *("functionDeclarations", "parametersJsonSchema", "googleSearch", "googleSearchRetrieval"),
        *("functionCallingConfig", "allowedFunctionNames", "maxOutputTokens", "topP", "topK"),
        *("stopSequences", "candidateCount", "responseMimeType", "responseSchema", "responseJsonSchema"),
        *("thinkingConfig", "thinkingBudget", "thinkingLevel", "includeThoughts", "responseModalities"),
        *("excludeDomains", "generateContentRequest", "presencePenalty", "frequencyPenalty"),
        *("enterpriseWebSearch", "responseFormat", "responseLogprobs"),
    )
}


def pick(holder: JsonDict, name: str) -> Any:
    """Google takes every field in two spellings, `mimeType` and `mime_type`."""
    value = holder.get(name)
    return holder.get(_SNAKE[name]) if value is None and name in _SNAKE else value


def spellings(name: str) -> tuple[str, str]:
    return name, _SNAKE[name]


class Conversation:
    """Pairs calls and results: by id, or where there is none by name, in the order of the calls."""

    def __init__(self) -> None:
        self._calls = 0
        self._waiting: list[tuple[str, str]] = []  # (id, name) of calls without a result

    def messages(self, contents: Iterable[JsonDict]) -> tuple[Message, ...]:
        """Raises UsageError, or UpstreamError(UNSUPPORTED) for what only Google can read."""
        return tuple(self._message(content, f"contents[{at}]") for at, content in enumerate(contents))

    def _message(self, content: JsonDict, path: str) -> Message:
        role = content.get("role") or "user"
        if role not in ("user", "model", "function", "system"):
            raise refused(f"{path}.role", "Please use a valid role: user, model.")
        parts: list[Part] = []
        for at, part in enumerate(listed(content.get("parts"))):
            parts += self._part(part, f"{path}.parts[{at}]")
        if role == "system":
            return Message("system", tuple(parts))
        return Message("assistant" if role == "model" else "user", tuple(parts))

    def _part(self, part: JsonDict, path: str) -> Iterable[Part]:
        signature = _signature(string(pick(part, "thoughtSignature")))
        if part.get("thought") is True:
            return [untagged(string(part.get("text")), signature, native=NATIVE)]
        sealed: list[Part] = [untagged("", signature, native=NATIVE)] if signature else []
        if call := record(pick(part, "functionCall")):
            return [*sealed, self._call(call, path)]
        if answer := record(pick(part, "functionResponse")):
            return [self._result(answer, path)]
        if isinstance(part.get("text"), str):
            return [*sealed, Text(part["text"])] if part["text"] else sealed
        if (medium := media(part, path)) is not None:
            return [*sealed, medium]
        if any(pick(part, name) is not None for name in _TRACES):
            return [*sealed, *_trace(part)]
        raise refused(path, "contents must not be empty: a part needs its data, such as `text`")

    def _call(self, call: JsonDict, path: str) -> ToolCall:
        name = string(call.get("name"))
        if not name:
            raise refused(f"{path}.function_call.name", "Name cannot be empty.")
        call_id = string(call.get("id")) or f"call_{self._calls}"
        self._calls += 1
        self._waiting.append((call_id, name))
        return ToolCall(call_id, name, json_text(call.get("args") or {}))

    def _result(self, answer: JsonDict, path: str) -> ToolResult:
        name, call_id = string(answer.get("name")), string(answer.get("id"))
        if not (name or call_id):
            raise refused(f"{path}.function_response.name", "Name cannot be empty.")
        found = next((w for w in self._waiting if w[0] == call_id), None) if call_id else None
        found = found or next((w for w in self._waiting if w[1] == name), None)
        if found is not None:
            self._waiting.remove(found)
            call_id = found[0]
        told, failed = _output(answer.get("response"))
        shown = [media(p, path) for p in records(answer.get("parts"))]
        content = (*([Text(told)] if told else []), *(m for m in shown if m is not None))
        return ToolResult(call_id or name, content, failed)


def _trace(part: JsonDict) -> Iterable[Text]:
    """Code that Google ran and what came of it, as it can be told to others."""
    code, result = record(pick(part, "executableCode")), record(pick(part, "codeExecutionResult"))
    if text := string(code.get("code")):
        yield Text(f"```{string(code.get('language')).lower()}\n{text}\n```\n")
    if text := string(result.get("output")):
        yield Text(f"```\n{text}\n```\n")


def _output(response: Any) -> tuple[str, bool]:
    """The text of a result, and whether it is an error. Google asks for `output` and `error`; anything is taken."""
    if not isinstance(response, dict):
        return ("" if response is None else json_text(response)), False
    holder = record(response)  # pyright: ignore[reportUnknownArgumentType]
    if len(holder) == 1:
        ((key, value),) = holder.items()
        if key == "error" or key in _OUTPUT:
            return value if isinstance(value, str) else json_text(value), key == "error"
    return json_text(holder), bool(holder.get("error")) and "output" not in holder


def media(part: JsonDict, path: str) -> Image | Document | None:
    """Raises UsageError, or UpstreamError(UNSUPPORTED) for sound and film."""
    inline, file = record(pick(part, "inlineData")), record(pick(part, "fileData"))
    if not (inline or file):
        return None
    holder = inline or file
    kind = string(pick(holder, "mimeType"))
    title = string(pick(holder, "displayName")) or None
    data, url = string(inline.get("data")) or None, string(pick(file, "fileUri")) or None
    if data is None and url is None:
        raise refused(path, "inline_data.data or file_data.file_uri is required")
    if kind.startswith("image/") or (not kind and inline):
        return Image(kind or "image/png", _standard(data), url)
    if kind.startswith("text/") and data is not None:
        return Document(kind, text=_text(data, path), title=title)
    if kind.startswith(("audio/", "video/")):
        raise untranslatable(f"{path}: {kind}")
    return Document(kind or "application/pdf", _standard(data), url, title=title)


def _standard(data: str | None) -> str | None:
    """Google takes base64 of both alphabets, others only the standard one."""
    return data.replace("-", "+").replace("_", "/") if data else data


def _text(data: str, path: str) -> str:
    try:
        return base64.b64decode(_standard(data) or "").decode()
    except (binascii.Error, ValueError):
        raise refused(f"{path}.inline_data.data", "Base64 decoding failed") from None


def _signature(given: str) -> str | None:
    """Google's own, or the tag that we put in its place: here it must be base64."""
    if not given or given == UNSIGNED:
        return None
    try:
        opened = base64.urlsafe_b64decode(_padded(given.replace("+", "-").replace("/", "_")))
    except (binascii.Error, ValueError):
        return given
    return opened.decode() if opened.startswith(MARK.encode()) and opened.isascii() else given


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def sealed(tag: str, *, native: bool) -> str:
    """The signature as a Gemini caller is given it."""
    return tag if native or not tag else base64.b64encode(tag.encode()).decode()
