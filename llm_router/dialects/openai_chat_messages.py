"""The conversation as Chat Completions write it: tool results are messages of their own, and hold only text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from llm_router.dialects.encoding import (
    data_url,
    document_text,
    file_name,
    image_url,
    inline_system,
    own_thinking,
    result_media,
    result_text,
    split_system,
    unsupported,
    wire_id,
    wire_name,
)
from llm_router.dialects.openai_quirks import Quirks, quirks
from llm_router.nouns import (
    Document,
    Image,
    JsonDict,
    Message,
    Model,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)


def messages(conversation: Iterable[Message], model: Model) -> list[JsonDict]:
    system, rest = split_system(conversation)
    quirk = quirks(model.vendor)
    written: list[JsonDict] = [{"role": "system", "content": system}] if system else []
    for message in _paired(rest):
        match message.role:
            case "system":
                written += _late_system(message.text, quirk)
            case "user":
                written += _user(message, model, quirk)
            case "assistant":
                written += _assistant(message, model, quirk)
    return written


def _paired(messages: list[Message]) -> list[Message]:
    """A system message between calls and their results comes after them: nothing else may stand there."""
    if all(message.role != "system" for message in messages):
        return messages
    ordered = list(messages)
    for at in range(1, len(ordered) - 1):
        before, here, after = ordered[at - 1 : at + 2]
        called = before.role == "assistant" and any(isinstance(part, ToolCall) for part in before.parts)
        if called and here.role == "system" and any(isinstance(part, ToolResult) for part in after.parts):
            ordered[at : at + 2] = after, here
    return ordered


def _late_system(text: str, quirk: Quirks) -> list[JsonDict]:
    if not text:
        return []
    if quirk.late_system:
        return [{"role": "system", "content": text}]
    return [{"role": "user", "content": inline_system(text)}]


def _user(message: Message, model: Model, quirk: Quirks) -> list[JsonDict]:
    """The results first, right behind the calls they answer; pictures they hold follow as user content."""
    written: list[JsonDict] = []
    media: list[Part] = []
    said: list[Part] = []
    for part in message.parts:
        if not isinstance(part, ToolResult):
            said.append(part)
            continue
        held = result_media(part)
        media += held
        text = result_text(part) or ("The result follows." if held else "")
        written.append({"role": "tool", "tool_call_id": call_id(part.call_id, quirk), "content": text})
    content = [block for part in media + said if (block := _content(part, model)) is not None]
    if len(content) == 1 and content[0]["type"] == "text":
        written.append({"role": "user", "content": content[0]["text"]})
    elif content:
        written.append({"role": "user", "content": content})
    return written


def _content(part: Part, model: Model) -> JsonDict | None:
    match part:
        case Text(text):
            return {"type": "text", "text": text} if text else None
        case Image():
            return {"type": "image_url", "image_url": {"url": image_url(part)}}
        case Document():
            return _document(part, model)
        case _:
            return None


def _document(part: Document, model: Model) -> JsonDict:
    if part.text is not None:
        return {"type": "text", "text": document_text(part)}
    if part.url and not quirks(model.vendor).document_links:
        raise unsupported(model, "a document by its link")
    data = part.url or data_url(part.media_type, part.data or "")
    return {"type": "file", "file": {"filename": file_name(part), "file_data": data}}


def _assistant(message: Message, model: Model, quirk: Quirks) -> list[JsonDict]:
    calls = [_call(part, quirk) for part in message.parts if isinstance(part, ToolCall)]
    text = "".join([part.text for part in message.parts if isinstance(part, Text)])
    if not (calls or text):
        return []
    written: JsonDict = {"role": "assistant", "content": text or None}
    if calls:
        written["tool_calls"] = calls
    # without it they refuse, also where another vendor's model made the call
    if quirk.replays_reasoning and calls:
        written["reasoning_content"] = _thoughts(message, model) or " "
    return [written]


def _thoughts(message: Message, model: Model) -> str:
    """Its own, and what the caller handed back without saying whose it was."""
    thoughts = [part for part in message.parts if isinstance(part, Thinking)]
    return "".join(part.text for part in thoughts if part.issuer is None or own_thinking(part, model))


def _call(part: ToolCall, quirk: Quirks) -> JsonDict:
    function = {"name": wire_name(part.name), "arguments": part.arguments or "{}"}
    return {"id": call_id(part.id, quirk), "type": "function", "function": function}


def call_id(value: str, quirk: Quirks) -> str:
    if (length := quirk.call_id_length) is None or re.fullmatch(rf"[A-Za-z0-9]{{{length}}}", value):
        return wire_id(value)
    return hashlib.sha256(value.encode()).hexdigest()[:length]
