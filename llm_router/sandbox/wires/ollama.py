"""Ollama's native API: /api/chat and /api/generate, streamed as lines of JSON (the default) or whole.

Like the real one it keeps only the end of a prompt that does not fit `num_ctx`, and says nothing about it, unless the
request forbids it with `truncate: false`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from llm_router.sandbox.answers import Answer
from llm_router.sandbox.frames import Frame, dump, pieces
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import (
    Entry,
    Offered,
    Turn,
    as_dict,
    as_list,
    dicts,
    last_turn,
    size,
    text_of,
    tokens,
)
from llm_router.sandbox.wires import problems
from llm_router.sandbox.wires.problems import Problem
from llm_router.sandbox.wires.wire import InvalidError, Wire, required

_DEFAULT_CONTEXT = 4096


def read_chat(body: JsonDict, _model: str) -> Turn:
    required(body, "model")
    messages = dicts(body.get("messages"))
    read = sum(size(m.get("content")) for m in messages) + size(body.get("tools"))
    return _turn(body, [_entry(message) for message in messages], tokens(read))


def read_generate(body: JsonDict, _model: str) -> Turn:
    required(body, "model")
    prompt = str(body.get("prompt") or "")
    entries = [Entry("system", str(body.get("system") or "")), Entry("user", prompt)]
    return _turn(body, entries, tokens(len(prompt) + size(body.get("system"))))


def _turn(body: JsonDict, entries: list[Entry], input_tokens: int) -> Turn:
    options = as_dict(body.get("options") or {})
    window = int(options.get("num_ctx") or _DEFAULT_CONTEXT)
    last = last_turn(entries).fields()
    if input_tokens > window and body.get("truncate") is False:
        raise InvalidError("the input length exceeds the context length")
    if input_tokens > window:
        last |= {"prompt": last["prompt"][-4 * window :], "said": last["said"][-4 * window :]}
    limit = int(options.get("num_predict") or -1)
    wanted = body.get("format")
    return Turn(
        model=str(body["model"]),
        tools=tuple(_tool(t) for t in dicts(body.get("tools"))),
        schema=as_dict(wanted) if isinstance(wanted, dict) else None,
        wants_json=wanted == "json",
        thinking=bool(body.get("think")),
        max_tokens=limit if limit > 0 else None,
        stop=_stops(options.get("stop")),
        stream=body.get("stream") is not False,
        input_tokens=min(input_tokens, window),
        body=body,
        **last,
    )


def _stops(stop: Any) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(as_list(stop or []))


def _tool(tool: JsonDict) -> Offered:
    function = as_dict(tool["function"])
    return Offered(str(function["name"]), as_dict(function.get("parameters") or {}))


def _entry(message: JsonDict) -> Entry:
    text = text_of(message.get("content"))
    match message.get("role"):
        case "tool":
            return Entry("user", results=(text,))
        case "assistant":
            calls = dicts(message.get("tool_calls"))
            for call in calls:
                if not isinstance(call["function"].get("arguments"), dict):
                    raise InvalidError(
                        "json: cannot unmarshal string into Go struct field of type api.ToolCallFunctionArguments"
                    )
            return Entry("assistant", text, tuple(str(c["function"]["name"]) for c in calls))
        case "system":
            return Entry("system", text)
        case _:
            return Entry("user", text)


def _line(turn: Turn, part: JsonDict, *, done: bool = False) -> JsonDict:
    """Chat wraps what is said in a message; generate puts it beside, under `response`."""
    head = {"model": turn.model, "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
    if "messages" in turn.body:
        return head | {"message": {"role": "assistant", "content": ""} | part, "done": done}
    beside = {"response" if key == "content" else key: value for key, value in part.items()}
    return head | {"response": ""} | beside | {"done": done}


def _end(turn: Turn, answer: Answer) -> JsonDict:
    """Counts, and durations in nanoseconds that follow from them."""
    prompt_ns, answer_ns = turn.input_tokens * 100_000, answer.output_tokens * 1_000_000
    return {
        "done_reason": "length" if answer.stop == "length" else "stop",
        "total_duration": prompt_ns + answer_ns + 1_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": turn.input_tokens,
        "prompt_eval_duration": prompt_ns,
        "eval_count": answer.output_tokens,
        "eval_duration": answer_ns,
    }


def _calls(answer: Answer) -> list[JsonDict]:
    return [
        {"id": call.id, "function": {"index": index, "name": call.name, "arguments": call.arguments}}
        for index, call in enumerate(answer.calls)
    ]


def whole(turn: Turn, answer: Answer) -> JsonDict:
    part: JsonDict = {"content": answer.text}
    if answer.thinking:
        part["thinking"] = answer.thinking
    if answer.calls:
        part["tool_calls"] = _calls(answer)
    return _line(turn, part, done=True) | _end(turn, answer)


def stream(turn: Turn, answer: Answer) -> Iterator[Frame]:
    for piece in pieces(answer.thinking):
        yield _frame(_line(turn, {"thinking": piece}), token=True)
    for piece in pieces(answer.text):
        yield _frame(_line(turn, {"content": piece}), token=True)
    if answer.calls:
        yield _frame(_line(turn, {"tool_calls": _calls(answer)}), token=True)
    yield _frame(_line(turn, {}, done=True) | _end(turn, answer))


def _frame(line: JsonDict, *, token: bool = False) -> Frame:
    return Frame(dump(line) + b"\n", token)


def error_event(problem: Problem) -> Frame:
    return _frame(problems.ollama(problem)[1])


CHAT = Wire("ollama", read_chat, whole, stream, problems.ollama, error_event, "application/x-ndjson")
GENERATE = Wire("ollama", read_generate, whole, stream, problems.ollama, error_event, "application/x-ndjson")
