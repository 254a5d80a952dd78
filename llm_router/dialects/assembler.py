"""What all stream decoders share: deltas become an Answer, in one place.

A decoder is a small state machine: `read` turns one event of its vendor into deltas and notes the id, the model, the
usage, the stop reason and whether the end mark came. A plain body is decoded by feeding it to the same machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from llm_router.dialects.stops import StopCut
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    Answer,
    Delta,
    FailureKind,
    Part,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    new_id,
)

CHARACTERS_PER_TOKEN = 4


@dataclass(slots=True)
class _Text:
    pieces: list[str] = field(default_factory=list[str])
    closed: bool = False


@dataclass(slots=True)
class _Thought:
    pieces: list[str] = field(default_factory=list[str])
    signature: str | None = None
    closed: bool = False


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list[str])


class Assembler:
    """Joins deltas to parts, in the order in which the parts began."""

    def __init__(self) -> None:
        self._open: list[_Text | _Thought | _Call] = []
        self._calls: dict[int, _Call] = {}

    def add(self, delta: Delta) -> None:
        match delta:
            case TextDelta(text):
                if text:
                    self.say(text)
            case ThinkingDelta(text, signature):
                if text or signature:
                    self._think(text, signature)
            case ToolCallDelta(index, arguments, call_id, name):
                call = self._call(index)
                call.id, call.name = call.id or call_id or "", call.name or name or ""
                call.pieces.append(arguments)

    def say(self, text: str) -> None:
        """Add a piece of text, which is not empty."""
        self._text().pieces.append(text)

    def close(self) -> None:
        """The vendor ended a block: what follows is a new part, even of the same kind."""
        if self._open and not isinstance(last := self._open[-1], _Call):
            last.closed = True

    def _text(self) -> _Text:
        if not (self._open and isinstance(last := self._open[-1], _Text) and not last.closed):
            last = _Text()
            self._open.append(last)
        return last

    def _think(self, text: str, signature: str | None) -> None:
        if not (self._open and isinstance(last := self._open[-1], _Thought) and not last.closed):
            last = _Thought()
            self._open.append(last)
        last.pieces.append(text)
        if signature:
            last.signature, last.closed = signature, True  # a signature seals its block

    def _call(self, index: int) -> _Call:
        if index not in self._calls:
            self._calls[index] = _Call()
            self._open.append(self._calls[index])
        return self._calls[index]

    @property
    def begun(self) -> bool:
        return bool(self._open and self.parts())

    def parts(self) -> tuple[Part, ...]:
        return tuple([part for opened in self._open if (part := _finish(opened)) is not None])


def _finish(opened: _Text | _Thought | _Call) -> Part | None:
    text = "".join(opened.pieces)
    match opened:
        case _Text():
            return Text(text) if text else None
        case _Thought():
            return Thinking(text, opened.signature) if text or opened.signature else None
        case _Call():
            return ToolCall(opened.id or new_id("call"), opened.name, text or "{}")


def estimated_usage(parts: Iterable[Part]) -> Usage:
    """For a vendor that reports none. Only the output is seen here; the caller knows the size of the input."""
    size = 0
    for part in parts:
        match part:
            case Text(text) | Thinking(text):
                size += len(text)
            case ToolCall(_, name, arguments):
                size += len(name) + len(arguments)
            case _:
                pass
    return Usage(output_tokens=-(-size // CHARACTERS_PER_TOKEN), estimated=True)


class Decoder:
    """The common half of every StreamDecoder; a vendor's half is `read`. `stops` are the stop sequences that the vendor
    was not told: where the text meets one the answer is over, whatever else the vendor says.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._assembler = Assembler()
        self._cut = StopCut(stops) if stops else None
        self.usage: Usage | None = None
        self.stop: StopReason | None = None
        self.stop_sequence: str | None = None
        self.ended = self._marks_all = False
        self.model = ""
        self.id = ""

    def read(self, event: Mapping[str, object]) -> Iterable[Delta]:
        raise NotImplementedError

    def words(self, data: bytes) -> str:  # noqa: ARG002 - a vendor's own
        """The piece of text in the JSON of an event that tells nothing else, as most do; "" for all others, which are to be
        fed. A short cut: the event need not become an object, and the piece is to be told by `say`. Not for decoders that
        are given `stops`, which look at all text.
        """
        return ""

    def say(self, text: str) -> TextDelta:
        """Take a piece that `words` found."""
        if self.ended:
            self._marks_all = True
        self._assembler.say(text)
        return TextDelta(text)

    def feed(self, event: Mapping[str, object]) -> Sequence[Delta]:
        ended, read = self.ended, self.read(event)
        deltas: list[Delta] = []
        for delta in read if self._cut is None else self._until_stop(read, self._cut):
            self._assembler.add(delta)
            deltas.append(delta)
        if ended and deltas:
            self._marks_all = True
        return deltas

    def _until_stop(self, deltas: Iterable[Delta], cut: StopCut) -> Iterable[Delta]:
        for delta in deltas:
            told = cut.feed(delta.text) if isinstance(delta, TextDelta) else cut.rest()
            if told:
                yield TextDelta(told)
            if not isinstance(delta, TextDelta) and cut.hit is None:
                yield delta
        if self.ended and (told := cut.rest()):
            yield TextDelta(told)
        if cut.hit is not None:
            self.ended, self.stop, self.stop_sequence = True, "stop_sequence", cut.hit

    @property
    def over(self) -> bool:
        """Whether the end mark came. A vendor that marks every piece as the last has said nothing by it."""
        return self.ended and not self._marks_all

    @property
    def begun(self) -> bool:
        """Whether anything of the answer has been told."""
        return self._assembler.begun

    def close_part(self) -> None:
        self._assembler.close()

    def answer(self) -> Answer:
        if not self.ended:
            raise UpstreamError(FailureKind.TRUNCATED, "The answer broke off before its end mark.")
        parts = self._assembler.parts()
        stop = self.stop or "end"
        # several vendors say "stop" although the model called a tool
        if stop == "end" and any(isinstance(part, ToolCall) for part in parts):
            stop = "tool_use"
        usage = self.usage or estimated_usage(parts)
        return Answer(parts, stop, usage, self.model, self.id, self.stop_sequence)


def sources(pages: Mapping[str, str]) -> str:
    """What a search found, title by address, for the end of an answer: few formats have a place of their own for it."""
    return "\n\nSources:" + "".join(f"\n- [{title}]({url})" for url, title in pages.items()) + "\n"


def malformed(what: str) -> UpstreamError:
    return UpstreamError(FailureKind.MALFORMED, f"The answer cannot be read: {what}.")
