"""A whole answer as a chat completion; and the pieces of one that a stream writes too."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

import msgspec

from llm_router.dialects.inbound.sizes import counted
from llm_router.dialects.inbound.tool_names import originals
from llm_router.nouns import Answer, JsonDict, StopReason, Text, Thinking, ToolCall, Usage, new_id
from llm_router.ports import Head

_STOPS: Mapping[StopReason, str] = {
    "end": "stop",
    "length": "length",
    "tool_use": "tool_calls",
    "stop_sequence": "stop",
    "refusal": "content_filter",
}


def render(answer: Answer, head: Head) -> bytes:
    choice = {
        "index": 0,
        "message": _message(answer, head),
        "logprobs": None,
        "finish_reason": finish_reason(answer),
    }
    body = envelope(head, "chat.completion") | {
        "choices": [choice],
        "usage": usage(counted(answer.usage, head)),
    }
    return msgspec.json.encode(body)


def envelope(head: Head, kind: str) -> JsonDict:
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": head.model,
    }


def finish_reason(answer: Answer) -> str:
    """Clients run the tools only where the reason says so."""
    if answer.stop_reason == "end" and any(isinstance(part, ToolCall) for part in answer.parts):
        return "tool_calls"
    return _STOPS[answer.stop_reason]


def usage(told: Usage) -> JsonDict:
    return {
        "prompt_tokens": told.input_tokens,
        "completion_tokens": told.output_tokens,
        "total_tokens": told.input_tokens + told.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": told.cache_read_tokens,
            "cache_write_tokens": told.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": told.reasoning_tokens},
    }


def _message(answer: Answer, head: Head) -> JsonDict:
    """Reasoning goes where DeepSeek puts it, which most clients read; signatures have no place here."""
    names = originals(head.request)
    message: JsonDict = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if thoughts := "".join(part.text for part in answer.parts if isinstance(part, Thinking)):
        message["reasoning_content"] = thoughts
    calls = [
        {
            "id": part.id or new_id("call"),
            "type": "function",
            "function": {"name": names.get(part.name, part.name), "arguments": part.arguments or "{}"},
        }
        for part in answer.parts
        if isinstance(part, ToolCall)
    ]
    if calls:
        message["tool_calls"] = calls
    elif not any(isinstance(part, Text) for part in answer.parts):
        message["content"] = ""
    return message
