"""From a caller to an upstream of the same dialect: bytes pass as they are, but for a few fields at the head.

    speaks = passing.get("anthropic")  # None where the dialect has none
    if speaks is not None and speaks.takes(request, model):
        body = speaks.head(request, model)  # what to send
        tap = speaks.tap(request, model.vendor, shown)
        for chunk in answer:
            send(tap.feed(chunk))  # whole events, so that an error may follow at any time
        send(tap.end())
    plain = speaks.plain(whole_body, model.vendor, shown)  # of an answer that is not streamed

`shown` is the model's name as the caller reads it, None = as it comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

import msgspec

from llm_router.dialects.assembler import Decoder
from llm_router.dialects.events import BOM, blocks, last_end
from llm_router.dialects.reading import count, records
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    Answer,
    Delta,
    FailureKind,
    JsonDict,
    Model,
    Request,
    TextDelta,
    ToolCallDelta,
    Usage,
)

NAMES = ("anthropic", "openai_chat", "openai_responses", "gemini", "ollama")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_QUOTED = 60  # characters of what could not be read
_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")')


class Passing(Protocol):
    """`takes` says whether the body means the same to this model; where it does not, the request is translated."""

    def takes(self, request: Request, model: Model) -> bool: ...
    def head(self, request: Request, model: Model) -> bytes: ...
    def tap(self, request: Request, provider: str, shown: str | None) -> Tap: ...
    def plain(self, body: bytes, provider: str, shown: str | None) -> bytes: ...


@cache
def get(dialect: str) -> Passing | None:
    """How this dialect passes, if it does."""
    return import_module(f"{__name__}_{dialect}").PASSING if dialect in NAMES else None


def fields(body: bytes) -> dict[str, msgspec.Raw]:
    """The head of a body: its fields, of which none was read."""
    return _OBJECT.decode(body)


def written(changed: Mapping[str, Any]) -> bytes:
    return _encode(changed)


def renamed(body: bytes, shown: str | None, field: re.Pattern[bytes] = _MODEL) -> bytes:
    """The first `model` (or `field`, whose group 1 is the name) of a plain answer, which is its own."""
    if shown is None:
        return body
    name = _encode(shown)
    return field.sub(lambda found: found[0].replace(found[1], name), body, count=1)


class Tap:
    """Watches a stream pass: server-sent events cut anywhere come in, whole ones go out.

    Only events that tell something beside the answer's content are read: until the first real token (`begun`; `alive`
    counts thinking too), and those that `telling` finds. `error` is set when the upstream told one: what came with it is
    held back, so that the caller can be told in our way. `body` is what came instead of a stream. `seen_chars` is about
    what was written so far. Of several `answers` at once only the first is read, but the stream is over when all have
    ended. Formats that frame their events in another way, or call the model something else, say so in a subclass.
    """

    MODEL: re.Pattern[bytes] = _MODEL
    # finds what is an answer too, and neither text nor a call of the caller's
    ACTS: re.Pattern[bytes] | None = None
    CLOSING = b""  # the event behind the answer's own end, where the format has one; `closes` knows it
    CHOICES = ("choices", "finish_reason")  # where several answers stand, and what says that one has ended

    def __init__(
        self, decoder: Decoder, telling: re.Pattern[bytes], shown: str | None, answers: int = 1
    ) -> None:
        self._decoder, self._telling, self._answers = decoder, telling, answers
        self._shown = None if shown is None else _encode(shown)
        self._name: tuple[bytes, bytes] | None = None
        self._rest = b""
        self._envelope = 0  # bytes of an event beside the text in it
        self._reads_all = answers > 1
        if answers > 1:
            self._answering, self._answered = set[int](), set[int]()
        self.begun = self.alive = self._closed = False
        self.error: UpstreamError | None = None
        self.body = b""
        self.seen_chars = 0

    @property
    def usage(self) -> Usage | None:
        return self._decoder.usage

    @property
    def ended(self) -> bool:
        several = self._answers > 1 and not self._closed
        return self._decoder.over and not (several and len(self._answered) < self._answers)

    def answer(self) -> Answer:
        """How it ended: stop reason, usage, id and model, with next to none of the content. Raises UpstreamError."""
        if self.error is not None:
            raise self.error
        if self._answers > 1 and self._answering - self._answered and not self._closed:
            raise UpstreamError(FailureKind.TRUNCATED, "One of the answers broke off before its end mark.")
        return self._decoder.answer()

    def acts(self, answer: bytes) -> bool:
        """Whether an answer, or a piece of it, does something that no other format has."""
        return self.ACTS is not None and self.ACTS.search(answer) is not None

    def feed(self, chunk: bytes) -> bytes:
        data = self._rest + chunk if self._rest else chunk
        cut = self.last_end(data)
        self._rest = data[cut:]
        return self._passed(data[:cut]) if cut else b""

    def end(self) -> bytes:
        """The stream is over. An event without its blank line counts if it is whole."""
        rest, self._rest = self._rest.strip(), b""
        if not rest or self.error is not None or self.is_plain(rest):
            return b""
        data = self.data(rest)
        whole = data == b"[DONE]" or _event(data) is not None
        return self._passed(rest + self.end_of_event) if whole else b""

    def is_plain(self, block: bytes) -> bool:
        """Whether this is JSON and no event. Kept in `body`: what an upstream says that does not stream."""
        plain = not self.begun and (bool(self.body) or block.lstrip()[:1] in (b"{", b"["))
        if plain:
            self.body += block
        return plain

    def close(self) -> bytes:
        """The answer is whole, however the stream ended: what callers wait for at its end, where it has not come."""
        rest = self.end()
        return rest if self._closed else rest + self.CLOSING

    def closes(self, data: bytes) -> bool:  # noqa: ARG002 - a format's own
        """Whether this is the data of the event behind the answer's own end."""
        return False

    def told(self, block: bytes, event: JsonDict) -> bytes:  # noqa: ARG002 - for those who change more than a name
        """What the caller gets of this event; perhaps nothing."""
        return block

    # how events are framed: server-sent events

    end_of_event = b"\n\n"

    def last_end(self, data: bytes) -> int:
        """Where the last whole event ends."""
        return last_end(data)

    def blocks(self, events: bytes) -> Iterable[bytes]:
        """Each event with the blank line that ends it."""
        return blocks(events)

    def data(self, block: bytes) -> bytes:
        return b"\n".join(line[5:].strip() for line in block.splitlines() if line.startswith(b"data:"))

    def _passed(self, events: bytes) -> bytes:
        if self.error is not None:
            return b""
        if not self.begun or self._reads_all or self._telling.search(events) or not _whole(events):
            events = b"".join(self._read(block) for block in self.blocks(events))
        else:
            self.seen_chars += max(1, len(events) - self._envelope * events.count(b"data:"))
        return self._named(events)

    def _read(self, block: bytes) -> bytes:
        if self.error is not None:
            return b""
        block = block.removeprefix(BOM)
        data = self.data(block)
        event = _event(data)
        self._closed = self._closed or self.closes(data)
        self._reads_all = self._reads_all or b"\n" in data  # patterns find nothing that runs over two lines
        if event is None and data and data != b"[DONE]":
            self.error = UpstreamError(FailureKind.MALFORMED, f"it sent no JSON: {_quoted(data)}")
            return b""
        if event is None:
            return b"" if self.is_plain(block) else block
        try:
            self._note(block, self._decoder.feed(event))
        except UpstreamError as error:
            self.error = error
            return b""
        if self._answers > 1:
            self._note_answers(event)
        if not self.begun and self.acts(data):
            self.begun = self.alive = True
            self._envelope = len(block)
        return self.told(block, event)

    def _note(self, block: bytes, deltas: Iterable[Delta]) -> None:
        for delta in deltas:
            text = delta.arguments if isinstance(delta, ToolCallDelta) else delta.text
            self.alive = True
            self.seen_chars += len(text)
            real = isinstance(delta, ToolCallDelta) or (isinstance(delta, TextDelta) and bool(text.strip()))
            if real and not self.begun:
                self.begun = True
                self._envelope = len(block) - len(text)

    def _note_answers(self, event: JsonDict) -> None:
        listed, end = self.CHOICES
        for choice in records(event.get(listed)):
            self._answering.add(count(choice.get("index")))
            if choice.get(end):
                self._answered.add(count(choice.get("index")))

    def _named(self, events: bytes) -> bytes:
        """With the model's name as the caller shall read it. The same bytes cannot stand in a text: quotes are escaped."""
        if self._shown is None:
            return events
        if self._name is None:
            found = self.MODEL.search(events)
            if found is None:
                return events
            self._name = found[0], found[0].replace(found[1], self._shown)
        return events.replace(*self._name)


def _whole(events: bytes) -> bool:
    """Whether every event ends as a JSON object does; else each is looked at. Line ends inside JSON are escaped."""
    ends = (b"\n\n", b"\r\n\r\n", b"\r\r") if b"\r" in events else (b"\n\n",)
    return all(events.count(end) == events.count(b"}" + end) for end in ends)


def _quoted(data: bytes) -> str:
    return repr(data[:_QUOTED].decode("utf-8", "replace"))


def _event(data: bytes) -> JsonDict | None:
    """None for what is no JSON object: comments, [DONE], an event cut off."""
    try:
        value: object = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return cast("JsonDict", value) if isinstance(value, dict) else None
