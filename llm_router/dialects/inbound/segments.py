"""The pieces of an answer, put one after the other.

Upstreams may write several tool calls at once, a piece of each in turn, or words between the pieces of a call. Formats
whose blocks must not overlap get them in the order in which they began: what belongs to a later one is held until the
one before it is complete. The order is that of the assembled answer (see dialects.assembler).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from llm_router.nouns import (
    Answer,
    Delta,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    new_id,
)


@dataclass(slots=True)
class Segment:
    """One text, one thought or one tool call; `held` are its deltas that have not been passed on."""

    index: int | None = None  # of a tool call
    thinking: bool = False
    sealed: bool = False  # by its signature: what follows is another thought
    id: str = ""
    name: str = ""
    begun: bool = False  # whether there are arguments
    written: list[str] = field(default_factory=list[str])
    held: list[Delta] = field(default_factory=list[Delta])

    @property
    def call(self) -> bool:
        return self.index is not None

    def complete(self) -> bool:
        """Whether nothing more can come once another segment has begun."""
        if self.index is None:
            return True
        arguments = "".join(self.written).strip()
        if not (self.name and arguments.endswith("}")):
            return False
        try:
            return isinstance(msgspec.json.decode(arguments), dict)
        except msgspec.DecodeError:
            return False


class Serial:
    """A queue of segments. The first is open; the others wait for it."""

    def __init__(self) -> None:
        self._queue: deque[Segment] = deque()
        self._calls: dict[int, Segment] = {}
        self._only: Segment | None = None  # open, and nothing waits

    def runs_on(self, delta: Delta) -> bool:
        """Whether it just continues what is open, as nearly all do: then it may be written at once, and not `put`."""
        only = self._only
        if only is None:
            return False
        if isinstance(delta, TextDelta):
            return only.index is None and not only.thinking
        if isinstance(delta, ToolCallDelta) and only.index == delta.index:
            only.written.append(delta.arguments)
            return True
        return False

    def put(self, delta: Delta) -> Iterable[tuple[Segment, Delta]]:
        """What may be written now, in order. A segment other than the one before closes that."""
        segment = self._of(delta)
        if segment is None:
            return
        if isinstance(delta, ToolCallDelta) and not segment.begun:
            # a reader that takes half an object does not take a blank for the beginning of one
            delta = replace(delta, arguments=delta.arguments.lstrip())
            segment.begun = bool(delta.arguments)
        segment.held.append(delta)
        yield from self._ready()
        head = self._queue[0] if len(self._queue) == 1 else None
        self._only = head if head is not None and not head.held and (head.begun or not head.call) else None

    def rest(self) -> Iterable[tuple[Segment, Delta]]:
        """The stream is over: everything that was held."""
        while self._queue:
            yield from self._drain(self._queue.popleft(), named=True)

    def _ready(self) -> Iterable[tuple[Segment, Delta]]:
        while self._queue:
            head = self._queue[0]
            yield from self._drain(head, named=False)
            if len(self._queue) == 1 or not head.complete():
                return
            self._queue.popleft()

    def _drain(self, segment: Segment, *, named: bool) -> Iterable[tuple[Segment, Delta]]:
        """A call is begun by its name: without it its pieces wait."""
        if segment.call and not segment.name and not named:
            return
        held, segment.held = segment.held, []
        for delta in held:
            yield segment, delta

    def _of(self, delta: Delta) -> Segment | None:
        """The segment a delta belongs to; None for one without content."""
        match delta:
            case ToolCallDelta(index, arguments, call_id, name):
                segment = self._calls.get(index)
                if segment is None:
                    segment = self._calls[index] = Segment(index)
                    self._queue.append(segment)
                segment.id = segment.id or call_id or ""
                segment.name = segment.name or name or ""
                segment.written.append(arguments)
                return segment
            case ThinkingDelta(text, signature):
                return self._words(thinking=True, seals=bool(signature)) if text or signature else None
            case TextDelta(text):
                return self._words(thinking=False, seals=False) if text else None

    def _words(self, *, thinking: bool, seals: bool) -> Segment:
        last = self._queue[-1] if self._queue else None
        if last is None or last.call or last.thinking != thinking or last.sealed:
            last = Segment(thinking=thinking)
            self._queue.append(last)
        last.sealed = seals
        return last


class WholeCalls:
    """The same, for formats that tell a call in one piece: it is held until all of it is there. `names` are the caller's
    own of his tools.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._serial, self._names = Serial(), names
        self._open: Segment | None = None  # a call
        self._arguments: list[str] = []

    def put(self, delta: Delta) -> Iterable[TextDelta | ThinkingDelta | ToolCall]:
        for segment, ready in self._serial.put(delta):
            yield from self._joined(segment, ready)

    def rest(self) -> Iterable[TextDelta | ThinkingDelta | ToolCall]:
        for segment, ready in self._serial.rest():
            yield from self._joined(segment, ready)
        yield from self._call()

    def _joined(self, segment: Segment, delta: Delta) -> Iterable[TextDelta | ThinkingDelta | ToolCall]:
        if segment is not self._open:
            yield from self._call()
        if isinstance(delta, ToolCallDelta):
            self._open = segment
            self._arguments.append(delta.arguments)
        else:
            yield delta

    def _call(self) -> Iterable[ToolCall]:
        if self._open is not None:
            call, self._open = self._open, None
            arguments, self._arguments = "".join(self._arguments), []
            yield ToolCall(call_id(call), self._names.get(call.name, call.name), arguments)


def call_id(segment: Segment) -> str:
    segment.id = segment.id or new_id("call")
    return segment.id


def deltas_of(answer: Answer) -> list[Delta]:
    """The answer as if it had been streamed in one piece each."""
    deltas: list[Delta] = []
    for part in answer.parts:
        match part:
            case Text(text):
                deltas.append(TextDelta(text))
            case Thinking(text, signature):
                deltas.append(ThinkingDelta(text, signature))
            case ToolCall(call_id, name, arguments):
                calls = sum(isinstance(delta, ToolCallDelta) for delta in deltas)
                deltas.append(ToolCallDelta(calls, arguments, call_id, name))
            case _:
                pass
    return deltas
