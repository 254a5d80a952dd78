"""OpenAI Chat Completions, and what vendors compatible with it add: `reasoning_content` or `reasoning`."""

from __future__ import annotations

import time
from collections.abc import Iterator

from llm_router.sandbox.answers import Answer, Call
from llm_router.sandbox.frames import Frame, new_id, pieces, sse
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import Entry, Offered, Turn, as_dict, dicts, last_turn, size, text_of, tokens
from llm_router.sandbox.wires import problems
from llm_router.sandbox.wires.problems import Problem
from llm_router.sandbox.wires.wire import InvalidError, Wire, required

_STOPS = {"end": "stop", "stop_sequence": "stop", "length": "length", "tool_use": "tool_calls"}
_HIDES_REASONING = {"", "openai", "azure"}
_SAYS_REASONING = {"groq", "openrouter", "cerebras", "together"}


def read(body: JsonDict, model: str) -> Turn:
    if not model:
        required(body, "model")
    required(body, "messages")
    messages = dicts(body["messages"])
    choice = body.get("tool_choice")
    forced = "*" if choice == "required" else None
    if isinstance(choice, dict):
        forced = str(as_dict(as_dict(choice).get("function") or {}).get("name"))
    wanted = as_dict(body.get("response_format") or {})
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    return Turn(
        model=str(body.get("model") or model),
        tools=tuple(_tool(t) for t in dicts(body.get("tools")) if "function" in t),
        forced=forced,
        schema=as_dict(wanted.get("json_schema") or {}).get("schema"),
        wants_json=wanted.get("type") == "json_object",
        thinking=_thinks(body),
        max_tokens=int(limit) if limit else None,
        stop=_stops(body.get("stop")),
        stream=body.get("stream") is True,
        input_tokens=tokens(size(messages) + size(body.get("tools"))),
        body=body,
        **last_turn(_entries(messages)).fields(),
    )


def _tool(tool: JsonDict) -> Offered:
    function = as_dict(tool["function"])
    return Offered(str(function["name"]), as_dict(function.get("parameters") or {}))


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def _thinks(body: JsonDict) -> bool:
    effort = body.get("reasoning_effort") or as_dict(body.get("reasoning") or {}).get("effort")
    asked = (
        as_dict(body.get("thinking") or {}).get("type") == "enabled" or body.get("enable_thinking") is True
    )
    return asked or effort not in (None, "none")


def _entries(messages: list[JsonDict]) -> list[Entry]:
    called: set[str] = set()
    entries: list[Entry] = []
    for message in messages:
        text = text_of(message.get("content"))
        match message.get("role"):
            case "user":
                entries.append(Entry("user", text))
            case "system" | "developer":
                entries.append(Entry("system", text))
            case "assistant":
                calls = dicts(message.get("tool_calls"))
                called |= {str(call["id"]) for call in calls}
                entries.append(Entry("assistant", text, tuple(str(c["function"]["name"]) for c in calls)))
            case "tool":
                if message.get("tool_call_id") not in called:
                    raise InvalidError(
                        "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                    )
                entries.append(Entry("user", results=(text,)))
            case role:
                raise InvalidError(
                    f"Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user'."
                )
    return entries


def whole(turn: Turn, answer: Answer) -> JsonDict:
    message: JsonDict = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if not answer.text and not answer.calls:
        message["content"] = ""
    if answer.calls:
        message["tool_calls"] = [_call(call, call.json) for call in answer.calls]
    if key := _reasoning_key(turn, answer):
        message[key] = answer.thinking
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    return _head(turn, "chat.completion") | {"choices": [choice], "usage": _usage(turn, answer)}


def _head(turn: Turn, kind: str) -> JsonDict:
    head = {"id": new_id("chatcmpl-"), "object": kind, "created": int(time.time()), "model": turn.model}
    return head | {"service_tier": "default", "system_fingerprint": "fp_sandbox"}


def _call(call: Call, arguments: str) -> JsonDict:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _finish(answer: Answer) -> str:
    return _STOPS.get(answer.stop, "content_filter")


def _reasoning_key(turn: Turn, answer: Answer) -> str | None:
    """OpenAI only counts its reasoning; others show it, under one of two names."""
    if not answer.thinking or turn.vendor in _HIDES_REASONING:
        return None
    return "reasoning" if turn.vendor in _SAYS_REASONING else "reasoning_content"


def _usage(turn: Turn, answer: Answer) -> JsonDict:
    return {
        "prompt_tokens": turn.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": turn.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": turn.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": answer.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def stream(turn: Turn, answer: Answer) -> Iterator[Frame]:
    head = _head(turn, "chat.completion.chunk")
    counted = as_dict(turn.body.get("stream_options") or {}).get("include_usage") is True

    def chunk(delta: JsonDict, finish: str | None = None, *, token: bool = False) -> Frame:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse(head | {"choices": [choice]} | ({"usage": None} if counted else {}), token=token)

    yield chunk(
        {"role": "assistant", "content": None if answer.calls and not answer.text else "", "refusal": None}
    )
    if key := _reasoning_key(turn, answer):
        for piece in pieces(answer.thinking):
            yield chunk({key: piece}, token=True)
    for piece in pieces(answer.text):
        yield chunk({"content": piece}, token=True)
    for index, call in enumerate(answer.calls):
        yield chunk({"tool_calls": [{"index": index} | _call(call, "")]}, token=True)
        for piece in pieces(call.json):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, token=True)
    yield chunk({}, _finish(answer))
    if counted:
        yield sse(head | {"choices": [], "usage": _usage(turn, answer)})
    yield Frame(b"data: [DONE]\n\n")


def error_event(problem: Problem) -> Frame:
    return sse(problems.openai(problem)[1])


WIRE = Wire("openai_chat", read, whole, stream, problems.openai, error_event)
