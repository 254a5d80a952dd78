"""Writing OpenAI Responses: every item is announced, filled by deltas, then repeated whole, and so is the response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from llm_router.dialects.inbound import openai_responses_output as output
from llm_router.dialects.inbound.openai_chat_errors import openai_fault
from llm_router.dialects.inbound.openai_responses_tools import Offer
from llm_router.dialects.inbound.segments import deltas_of
from llm_router.errors import RouterError
from llm_router.nouns import (
    Answer,
    Delta,
    JsonDict,
    TextDelta,
    Thinking,
    ThinkingDelta,
    Tool,
    ToolCallDelta,
    new_id,
)
from llm_router.ports import Head

_encode = msgspec.json.Encoder().encode


class _Events:
    """Numbers events and writes them."""

    def __init__(self) -> None:
        self._number = 0

    def event(self, kind: str, **fields: Any) -> bytes:
        body = {"type": kind, "sequence_number": self._next(), **fields}
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(body))

    def delta(self, opening: bytes, text: str) -> bytes:
        """The event that comes hundreds of times: its `opening` is written once for all of them."""
        return b'%b"sequence_number":%d,"delta":%b}\n\n' % (opening, self._next(), _encode(text))

    def opening(self, kind: str, **fields: Any) -> bytes:
        fixed = _encode({"type": kind, **fields})
        return b"event: %b\ndata: %b," % (kind.encode(), fixed[:-1])

    def _next(self) -> int:
        self._number += 1
        return self._number - 1


class _Text:
    def __init__(self, events: _Events, index: int, item_id: str) -> None:
        self._events, self._index, self._id = events, index, item_id
        self._pieces: list[str] = []
        self._place = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._opening = events.opening("response.output_text.delta", **self._place, logprobs=[])

    def begin(self) -> bytes:
        item = output.message(self._id, "", "in_progress")
        return self._events.event(
            "response.output_item.added", output_index=self._index, item=item
        ) + self._events.event("response.content_part.added", **self._place, part=output.output_text(""))

    def add(self, text: str) -> bytes:
        self._pieces.append(text)
        return self._events.delta(self._opening, text)

    def close(self) -> tuple[JsonDict, bytes]:
        text, events = "".join(self._pieces), self._events
        item = output.message(self._id, text)
        told = events.event("response.output_text.done", **self._place, text=text, logprobs=[])
        told += events.event("response.content_part.done", **self._place, part=output.output_text(text))
        return item, told + events.event("response.output_item.done", output_index=self._index, item=item)


class _Thought:
    """Its summary is told piece by piece where the caller wants to read it; what only goes back comes with its end."""

    def __init__(self, events: _Events, index: int, item_id: str, head: Head) -> None:
        self._events, self._index, self._id = events, index, item_id
        self._issuer = head.issuer
        self._shown = head.request.reasoning is None or head.request.reasoning.shown
        self._pieces: list[str] = []
        self._signature: str | None = None
        self._begun = False
        self._place = {"item_id": item_id, "output_index": index, "summary_index": 0}
        self._opening = events.opening("response.reasoning_summary_text.delta", **self._place)

    def add(self, text: str, signature: str | None) -> bytes:
        self._signature = signature or self._signature
        if not text:
            return b""
        told = b""
        if self._shown and not self._pieces:
            told = self._announced() + self._events.event(
                "response.reasoning_summary_part.added",
                **self._place,
                part={"type": "summary_text", "text": ""},
            )
        self._pieces.append(text)
        return told + self._events.delta(self._opening, text) if self._shown else b""

    def _announced(self) -> bytes:
        self._begun = True
        item: JsonDict = {"id": self._id, "type": "reasoning", "summary": []}
        return self._events.event("response.output_item.added", output_index=self._index, item=item)

    def close(self) -> tuple[JsonDict | None, bytes]:
        text, events = "".join(self._pieces), self._events
        thinking = Thinking(text, self._signature)
        item = output.reasoning(self._id, thinking, self._issuer, shown=self._shown)
        if item is None:
            return None, b""
        told = b""
        if not self._begun:
            self._id = item["id"]
            told += self._announced()
        if self._shown and text:
            told += events.event("response.reasoning_summary_text.done", **self._place, text=text)
            part = {"type": "summary_text", "text": text}
            told += events.event("response.reasoning_summary_part.done", **self._place, part=part)
        item["id"] = self._id
        return item, told + events.event("response.output_item.done", output_index=self._index, item=item)


class _Call:
    """Announced once its name is known, which with some vendors comes late."""

    def __init__(self, events: _Events, index: int, base: str, call_id: str) -> None:
        self._events, self._index, self._id, self._call_id = events, index, base, call_id
        self._pieces: list[str] = []
        self._offer: Offer | None = None
        self._opening = b""

    def name(self, offer: Offer) -> bytes:
        if self._offer is not None:
            return b""
        self._offer = offer
        self._id = f"{output.PREFIXES[offer.kind]}_{self._id}"
        self._opening = self._events.opening(
            "response.function_call_arguments.delta", item_id=self._id, output_index=self._index
        )
        item = output.call(self._id, self._call_id, offer, "", "in_progress")
        told = self._events.event("response.output_item.added", output_index=self._index, item=item)
        if self._pieces:
            held, self._pieces = "".join(self._pieces), []
            told += self.add(held)
        return told

    def add(self, arguments: str) -> bytes:
        if not arguments:
            return b""
        self._pieces.append(arguments)
        if self._offer is None or self._offer.kind != "function":
            return b""
        return self._events.delta(self._opening, arguments)

    def close(self) -> tuple[JsonDict, bytes]:
        told = b"" if self._offer else self.name(Offer(Tool("")))
        offer = self._offer or Offer(Tool(""))
        arguments = "".join(self._pieces)
        if not arguments:
            arguments = "{}"
            told += self._events.delta(self._opening, arguments) if offer.kind == "function" else b""
        item = output.call(self._id, self._call_id, offer, arguments)
        told += self._filled(offer, item)
        return item, told + self._events.event(
            "response.output_item.done", output_index=self._index, item=item
        )

    def _filled(self, offer: Offer, item: JsonDict) -> bytes:
        place = {"item_id": self._id, "output_index": self._index}
        match offer.kind:
            case "function":
                done = "response.function_call_arguments.done"
                return self._events.event(done, **place, arguments=item["arguments"])
            case "custom":
                text = item["input"]
                told = self._events.event("response.custom_tool_call_input.delta", **place, delta=text)
                return told + self._events.event("response.custom_tool_call_input.done", **place, input=text)
            case _:
                return b""


class OpenAIResponsesRenderer:
    """One item after the other, but calls, whose pieces may come mixed: those stay open until the end."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._events = _Events()
        self._base = output.new_base()
        self._calls_of = output.Calls(head.request)
        self.response = output.response(head, self._base)
        self._begun = self._ended = False
        self._items: dict[int, JsonDict] = {}
        self._next_index = 0
        self._open: tuple[int, _Text | _Thought] | None = None
        self._calls: dict[int, tuple[int, _Call]] = {}

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        told = [] if self._begun else [self._begin()]
        for delta in deltas:
            match delta:
                case TextDelta(text):
                    if text:
                        told.append(self._text(text))
                case ThinkingDelta(text, signature):
                    if text or signature:
                        told.append(self._thought(text, signature))
                case ToolCallDelta():
                    told.append(self._call(delta))
        return b"".join(told)

    def end(self, answer: Answer) -> bytes:
        # an upstream that told all of it at the end has fed nothing
        told = b"" if self._begun else self.feed(deltas_of(answer))
        self._ended = True
        told += self._close() + self._close_calls()
        self.response = output.completed(self.response, self._output(), answer, self._head)
        return told + self._events.event(f"response.{self.response['status']}", response=self.response)

    def error(self, error: RouterError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        wrong = openai_fault(error)
        self.response = output.failed(self.response, self._output(), wrong)
        words = {"code": output.code(wrong), "message": output.message_of(wrong), "param": None}
        told = self._events.event("error", **words)
        return told + self._events.event("response.failed", response=self.response)

    def ping(self) -> bytes:
        return b"" if self._ended else b": ping\n\n"

    def _output(self) -> list[JsonDict]:
        return [self._items[index] for index in sorted(self._items)]

    def _begin(self) -> bytes:
        self._begun = True
        return self._events.event("response.created", response=self.response) + self._events.event(
            "response.in_progress", response=self.response
        )

    def _place(self) -> tuple[int, str]:
        """The next item's index, and what its id has behind its kind."""
        index = self._next_index
        self._next_index += 1
        return index, f"{self._base}{index:02x}"

    def _text(self, text: str) -> bytes:
        if self._open is not None and isinstance(self._open[1], _Text):
            return self._open[1].add(text)
        told = self._close()
        index, base = self._place()
        said = _Text(self._events, index, f"msg_{base}")
        self._open = index, said
        return told + said.begin() + said.add(text)

    def _thought(self, text: str, signature: str | None) -> bytes:
        told = b""
        if self._open is None or not isinstance(self._open[1], _Thought):
            told = self._close()
            index, base = self._place()
            self._open = index, _Thought(self._events, index, f"rs_{base}", self._head)
        thought = self._open[1]
        if isinstance(thought, _Thought):
            told += thought.add(text, signature)
        return told + (self._close() if signature else b"")  # a signature seals its block

    def _call(self, delta: ToolCallDelta) -> bytes:
        told = b""
        if delta.index not in self._calls:
            told = self._close()
            index, base = self._place()
            call = _Call(self._events, index, base, delta.id or new_id("call"))
            self._calls[delta.index] = index, call
        call = self._calls[delta.index][1]
        if delta.name:
            told += call.name(self._calls_of.offer(delta.name))
        return told + call.add(delta.arguments)

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        (index, opened), self._open = self._open, None
        item, told = opened.close()
        if item is None:  # nothing of it was told: its place is free
            self._next_index -= 1
        else:
            self._items[index] = item
        return told

    def _close_calls(self) -> bytes:
        told = b""
        for index, call in self._calls.values():
            self._items[index], last = call.close()
            told += last
        return told
