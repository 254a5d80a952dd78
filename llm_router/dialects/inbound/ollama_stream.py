"""Writing Ollama: one JSON object a line; the last says `done` and holds the counts. A call comes in one piece."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from llm_router.dialects.inbound.openai_chat_errors import openai_fault
from llm_router.dialects.inbound.segments import WholeCalls, deltas_of
from llm_router.dialects.inbound.sizes import counted
from llm_router.dialects.inbound.tool_names import originals
from llm_router.dialects.reading import arguments_object
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Delta, JsonDict, TextDelta, ThinkingDelta, ToolCall
from llm_router.ports import Head

_encode = msgspec.json.Encoder().encode
_LINE_ENDS = ("\x85", "\u2028", "\u2029")


class Pieces:
    """Makes messages of deltas, each a part of the whole: `content`, `thinking` or one tool call."""

    def __init__(self, head: Head) -> None:
        wish = head.request.reasoning
        self._shown = wish is None or (wish.shown and wish.effort != "none")
        self._whole = WholeCalls(originals(head.request))
        self._count = 0

    def put(self, delta: Delta) -> Iterable[JsonDict]:
        for ready in self._whole.put(delta):
            yield from self._piece(ready)

    def rest(self) -> Iterable[JsonDict]:
        for ready in self._whole.rest():
            yield from self._piece(ready)

    def _piece(self, ready: TextDelta | ThinkingDelta | ToolCall) -> Iterable[JsonDict]:
        match ready:
            case TextDelta(text):
                yield {"content": text}
            case ThinkingDelta(text):
                if text and self._shown:
                    yield {"content": "", "thinking": text}
            case ToolCall(call_id, name, arguments):
                function = {"index": self._count, "name": name, "arguments": arguments_object(arguments)}
                self._count += 1
                yield {"content": "", "tool_calls": [{"id": call_id, "function": function}]}


class OllamaRenderer:
    """`generate`: the words stand in `response` instead of in a message."""

    def __init__(self, head: Head, *, generate: bool = False) -> None:
        self._head = head
        self._pieces = Pieces(head)
        self._generate = generate
        self._started = time.perf_counter_ns()
        self._fed = self._ended = False

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        self._fed = True
        return b"".join(self._line(piece) for delta in deltas for piece in self._pieces.put(delta))

    def end(self, answer: Answer) -> bytes:
        # an upstream that told all of it at the end has fed nothing
        told = b"" if self._fed else self.feed(deltas_of(answer))
        told += b"".join(self._line(piece) for piece in self._pieces.rest())
        self._ended = True
        return told + self._line({"content": ""}, ending(answer, self._started, self._head))

    def error(self, error: RouterError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        return line({"error": openai_fault(error).message})

    def ping(self) -> bytes:
        """Lines have no room for one: a blank one is no JSON."""
        return b""

    def _line(self, piece: JsonDict, ending: JsonDict | None = None) -> bytes:
        return line(whole(self._head.model, piece, ending, generate=self._generate))


def line(body: JsonDict) -> bytes:
    """What some readers take for the end of a line, Ollama's own client among them, is escaped inside of one."""
    data = _encode(body)
    if not data.isascii():
        for character in _LINE_ENDS:
            data = data.replace(character.encode(), f"\\u{ord(character):04x}".encode())
    return data + b"\n"


def whole(model: str, piece: JsonDict, ending: JsonDict | None, *, generate: bool) -> JsonDict:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    body: JsonDict = {"model": model, "created_at": now}
    if generate:
        body |= {"response": piece["content"]} | {k: v for k, v in piece.items() if k == "thinking"}
    else:
        body["message"] = {"role": "assistant", **piece}
    return body | (ending or {"done": False})


def ending(answer: Answer, started_ns: int, head: Head) -> JsonDict:
    """Durations are nanoseconds. How long the prompt took and how long the answer, nobody told us."""
    took, usage = time.perf_counter_ns() - started_ns, counted(answer.usage, head)
    return {
        "done": True,
        "done_reason": "length" if answer.stop_reason == "length" else "stop",
        "total_duration": took,
        "load_duration": 0,
        "prompt_eval_count": usage.input_tokens,
        "prompt_eval_duration": 0,
        "eval_count": usage.output_tokens,
        "eval_duration": took,
    }


def render(answer: Answer, head: Head, *, generate: bool = False) -> bytes:
    made = Pieces(head)
    pieces = [piece for delta in deltas_of(answer) for piece in made.put(delta)]
    pieces += made.rest()
    message: JsonDict = {"content": "".join(piece["content"] for piece in pieces)}
    if thoughts := "".join(piece.get("thinking", "") for piece in pieces):
        message["thinking"] = thoughts
    if calls := [call for piece in pieces for call in piece.get("tool_calls", ())]:
        message["tool_calls"] = calls
    return _encode(
        whole(head.model, message, ending(answer, time.perf_counter_ns(), head), generate=generate)
    )
