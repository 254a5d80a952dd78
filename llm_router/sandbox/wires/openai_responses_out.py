"""OpenAI Responses: the answer, whole or as the sequence of typed events."""

from __future__ import annotations

import time
from collections.abc import Iterator

from llm_router.sandbox.answers import Answer, Call
from llm_router.sandbox.frames import Frame, new_id, pieces, sse
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import Turn, as_dict
from llm_router.sandbox.wires.problems import Problem, openai

_ECHOED = ("instructions", "max_output_tokens", "previous_response_id", "temperature", "top_p", "user")
_INCOMPLETE = {"length": "max_output_tokens", "refusal": "content_filter"}


def whole(turn: Turn, answer: Answer) -> JsonDict:
    return _ended(_opened(turn), answer, _items(turn, answer), turn)


def _opened(turn: Turn) -> JsonDict:
    body = turn.body
    effort = as_dict(body.get("reasoning") or {})
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        **{name: body.get(name) for name in _ECHOED},
        "model": turn.model,
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "reasoning": {"effort": effort.get("effort"), "summary": effort.get("summary")},
        "service_tier": "default",
        "store": body.get("store", True),
        "text": body.get("text") or {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "truncation": body.get("truncation", "disabled"),
        "usage": None,
        "metadata": body.get("metadata") or {},
    }


def _ended(response: JsonDict, answer: Answer, items: list[JsonDict], turn: Turn) -> JsonDict:
    usage = {
        "input_tokens": turn.input_tokens,
        "input_tokens_details": {"cached_tokens": turn.cache_read, "cache_write_tokens": turn.cache_write},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
        "total_tokens": turn.input_tokens + answer.output_tokens,
    }
    reason = _INCOMPLETE.get(answer.stop)
    return response | {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": items,
        "usage": usage,
    }


def _items(turn: Turn, answer: Answer) -> list[JsonDict]:
    items = [_reasoning(turn, answer)] if answer.thinking else []
    if answer.text:
        status = "incomplete" if answer.stop == "length" else "completed"
        part = _text_part(answer.text)
        items.append(
            {
                "id": new_id("msg_"),
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": [part],
            }
        )
    return items + [_call(call) for call in answer.calls]


def _text_part(text: str) -> JsonDict:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _reasoning(turn: Turn, answer: Answer) -> JsonDict:
    """The summary comes only when asked for; so does the encrypted reasoning of stateless clients."""
    shown = as_dict(turn.body.get("reasoning") or {}).get("summary")
    summary = [{"type": "summary_text", "text": answer.thinking}] if shown else []
    item: JsonDict = {"id": new_id("rs_"), "type": "reasoning", "summary": summary}
    if "reasoning.encrypted_content" in (turn.body.get("include") or []):
        item["encrypted_content"] = new_id("gAAAA-sandbox-")
    return item


def _call(call: Call) -> JsonDict:
    if call.search:
        arguments = {"call_id": call.id, "execution": "client", "arguments": call.arguments}
        return {"id": new_id("tsc_"), "type": "tool_search_call", "status": "completed"} | arguments
    if call.freeform:
        told = {"type": "custom_tool_call", "input": str(call.arguments.get("input", ""))}
    else:
        told = {"type": "function_call", "arguments": call.json}
    item = {"id": new_id("fc_"), "status": "completed", "call_id": call.id, "name": call.name} | told
    return item | ({"namespace": call.namespace} if call.namespace else {})


class _Events:
    """Numbers the events."""

    def __init__(self) -> None:
        self._next = 0

    def __call__(self, kind: str, at: JsonDict, more: JsonDict, *, token: bool = False) -> Frame:
        name = f"response.{kind}"
        numbered = {"type": name, "sequence_number": self._next}
        self._next += 1
        return sse(numbered | at | more, name, token=token)


def stream(turn: Turn, answer: Answer) -> Iterator[Frame]:
    event, opened, items = _Events(), _opened(turn), _items(turn, answer)
    yield event("created", {}, {"response": opened})
    yield event("in_progress", {}, {"response": opened})
    for index, item in enumerate(items):
        place = {"output_index": index}
        yield event("output_item.added", place, {"item": _emptied(item)})
        at: JsonDict = {"item_id": item["id"]} | place
        if item["type"] == "message":
            yield from _text_events(event, at, item["content"][0])
        elif item["type"] == "reasoning":
            yield from _summary_events(event, at, item["summary"])
        elif item["type"] == "function_call":
            yield from _argument_events(event, at, item)
        elif item["type"] == "custom_tool_call":
            yield from _input_events(event, at, item["input"])
        yield event("output_item.done", place, {"item": item}, token=item["type"] == "tool_search_call")
    ended = _ended(opened, answer, items, turn)
    yield event(str(ended["status"]), {}, {"response": ended})


def _emptied(item: JsonDict) -> JsonDict:
    empty: dict[str, JsonDict] = {
        "message": {"status": "in_progress", "content": []},
        "reasoning": {"summary": []},
        "function_call": {"status": "in_progress", "arguments": ""},
        "custom_tool_call": {"status": "in_progress", "input": ""},
        "tool_search_call": {"status": "in_progress"},
    }
    return item | empty[item["type"]]


def _text_events(event: _Events, at: JsonDict, part: JsonDict) -> Iterator[Frame]:
    at = at | {"content_index": 0}
    yield event("content_part.added", at, {"part": _text_part("")})
    for piece in pieces(part["text"]):
        yield event("output_text.delta", at, {"delta": piece, "logprobs": []}, token=True)
    yield event("output_text.done", at, {"text": part["text"], "logprobs": []})
    yield event("content_part.done", at, {"part": part})


def _summary_events(event: _Events, at: JsonDict, summary: list[JsonDict]) -> Iterator[Frame]:
    for index, part in enumerate(summary):
        here = at | {"summary_index": index}
        yield event("reasoning_summary_part.added", here, {"part": {"type": "summary_text", "text": ""}})
        for piece in pieces(part["text"]):
            yield event("reasoning_summary_text.delta", here, {"delta": piece}, token=True)
        yield event("reasoning_summary_text.done", here, {"text": part["text"]})
        yield event("reasoning_summary_part.done", here, {"part": part})


def _argument_events(event: _Events, at: JsonDict, item: JsonDict) -> Iterator[Frame]:
    for piece in pieces(item["arguments"]):
        yield event("function_call_arguments.delta", at, {"delta": piece}, token=True)
    done = {"arguments": item["arguments"], "name": item["name"]}
    yield event("function_call_arguments.done", at, done)


def _input_events(event: _Events, at: JsonDict, text: str) -> Iterator[Frame]:
    for piece in pieces(text):
        yield event("custom_tool_call_input.delta", at, {"delta": piece}, token=True)
    yield event("custom_tool_call_input.done", at, {"input": text})


def error_event(problem: Problem) -> Frame:
    """The stream's own end for a response that failed."""
    status, body = openai(problem)
    code = "rate_limit_exceeded" if status == 429 else "server_error"
    failed: JsonDict = {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "failed",
        "model": problem.model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": {"code": code, "message": body["error"]["message"]},
    }
    return sse({"type": "response.failed", "sequence_number": 999, "response": failed}, "response.failed")
