"""A whole answer as an Anthropic message; and the pieces of one that a stream writes too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import getrandbits

import msgspec

from llm_router.dialects.anthropic_stream import REDACTED
from llm_router.dialects.inbound.signatures import tagged
from llm_router.dialects.inbound.sizes import counted
from llm_router.dialects.inbound.tool_names import originals
from llm_router.dialects.reading import arguments_object
from llm_router.nouns import (
    Answer,
    JsonDict,
    Part,
    Request,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    Usage,
    new_id,
)
from llm_router.ports import Head

_STOPS: Mapping[StopReason, str] = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool_use": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
}


def message_id() -> str:
    """Unique: Claude Code takes two answers of one id for one, and never ends its turn."""
    return f"msg_01{getrandbits(88):022x}"


def render(answer: Answer, head: Head) -> bytes:
    body = envelope(head) | {
        "content": list(_blocks(answer.parts, head)),
        "stop_reason": stop_reason(answer),
        "stop_sequence": answer.stop_sequence,
        "usage": usage(counted(answer.usage, head)),
    }
    return msgspec.json.encode(body)


def envelope(head: Head) -> JsonDict:
    """A message that has said nothing yet, without its usage."""
    return {
        "id": message_id(),
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def stop_reason(answer: Answer) -> str:
    """Clients run the tools only where the reason says so."""
    if answer.stop_reason == "end" and any(isinstance(part, ToolCall) for part in answer.parts):
        return "tool_use"
    return _STOPS[answer.stop_reason]


def usage(told: Usage) -> JsonDict:
    """Anthropic counts beside the input what others count as a part of it."""
    counts: JsonDict = {
        "input_tokens": max(0, told.input_tokens - told.cache_read_tokens - told.cache_write_tokens),
        "cache_creation_input_tokens": told.cache_write_tokens,
        "cache_read_input_tokens": told.cache_read_tokens,
        "output_tokens": told.output_tokens,
    }
    if told.reasoning_tokens:
        counts["output_tokens_details"] = {"thinking_tokens": told.reasoning_tokens}
    return counts


def thinks(request: Request) -> bool:
    """Whether the caller takes thinking at all. Who did not forbid it gets what there is: some vendors want it back."""
    return request.reasoning is None or request.reasoning.effort != "none"


def shows(request: Request) -> bool:
    return request.reasoning is None or request.reasoning.shown


def _blocks(parts: Iterable[Part], head: Head) -> Iterable[JsonDict]:
    names, shown = originals(head.request), shows(head.request)
    for part in parts:
        match part:
            case Text(text) if text:
                yield {"type": "text", "text": text}
            case Thinking() if thinks(head.request):
                yield thinking_block(part, head.issuer, shown=shown)
            case ToolCall(call_id, name, arguments):
                yield {
                    "type": "tool_use",
                    "id": call_id or new_id("call"),
                    "name": names.get(name, name),
                    "input": arguments_object(arguments),
                }
            case _:
                pass


def thinking_block(part: Thinking, issuer: str, *, shown: bool) -> JsonDict:
    if part.signature and part.signature.startswith(REDACTED):
        return {"type": "redacted_thinking", "data": part.signature.removeprefix(REDACTED)}
    text = part.text if shown else ""
    return {"type": "thinking", "thinking": text, "signature": tagged(part, issuer, shown=shown)}
