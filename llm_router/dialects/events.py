"""From the bytes of a streamed answer to its events: server-sent events, lines of JSON, or one plain JSON body.

The rules are those of https://html.spec.whatwg.org/multipage/server-sent-events.html, except that an event the end of
the stream cuts off is given out too: some vendors leave out the last blank line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Protocol

import msgspec

from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind, JsonDict

LONGEST_EVENT = 64 * 1024 * 1024  # bytes; a picture in base64 is far from it, an upstream gone wild is not
BOM = b"\xef\xbb\xbf"
DONE = b"[DONE]"  # how OpenAI's streams end, which is no JSON

Event = tuple[bytes, bytes]  # the event's name, b"" where it has none, and its data


class Splitter(Protocol):
    """Incremental: `feed` takes bytes as they arrive, cut anywhere, and gives the events that are complete; `end` what
    is left. Raises UpstreamError(MALFORMED) for an event beyond LONGEST_EVENT.
    """

    def feed(self, piece: bytes) -> list[Event]: ...
    def end(self) -> list[Event]: ...


class SseSplitter:
    """Server-sent events. A body that is JSON from its first byte on is one event: a server that does not stream."""

    def __init__(self) -> None:
        self._rest: bytes = b""
        self._began = False
        self._plain: bytearray | None = None
        self._after_cr = False

    def feed(self, piece: bytes) -> list[Event]:
        if not self._began:
            piece = self._begin(piece)
        if self._plain is not None:
            self._plain += piece
            _check(len(self._plain))
            return []
        if self._after_cr or b"\r" in piece:
            piece = self._unified(piece)
        blocks = (self._rest + piece).split(b"\n\n")
        self._rest = blocks.pop()
        _check(len(self._rest))
        return [event for block in blocks if (event := _event(block)) is not None]

    def end(self) -> list[Event]:
        if self._plain is not None:
            return [(b"", bytes(self._plain))]
        event = _event(self._rest)
        self._rest: bytes = b""
        return [] if event is None else [event]

    def _begin(self, piece: bytes) -> bytes:
        """Look at the first bytes that say anything."""
        piece = self._rest + piece
        said = piece.removeprefix(BOM).lstrip(b" \t\r\n")
        if not said or (len(piece) < len(BOM) and BOM.startswith(piece)):
            self._rest = piece
            return b""
        self._rest, self._began = b"", True
        if said[:1] in b"{[":
            self._plain = bytearray()
        return said

    def _unified(self, piece: bytes) -> bytes:
        """Line ends are LF, CRLF or CR; a CR at the end of a piece may be the first half of a CRLF."""
        if self._after_cr and piece[:1] == b"\n":
            piece = piece[1:]
        self._after_cr = piece[-1:] == b"\r" if piece else self._after_cr
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


# A blank line, whatever ends the lines. A CR at the very end may be half of a CRLF, but not behind another CR.
_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n|\Z))|\r\r(?!\n)")


def last_end(data: bytes) -> int:
    """Where the last whole event ends, for who passes them on as they are; 0 where there is none."""
    if data.endswith((b"\n\n", b"\n\r\n")):
        return len(data)
    end = _behind(data, b"\n\n")
    return end if b"\r" not in data else max(end, _behind(data, b"\n\r\n"), _behind_cr(data))


def blocks(data: bytes) -> Iterable[bytes]:
    """Whole events, each with the blank line that ends it."""
    if b"\r" not in data:
        return (block + b"\n\n" for block in data.split(b"\n\n") if block.strip())
    ends = [0, *(found.end() for found in _BLANK.finditer(data)), len(data)]
    return (block for start, end in pairwise(ends) if (block := data[start:end]).strip())


def _behind(data: bytes, blank: bytes) -> int:
    return at + len(blank) if (at := data.rfind(blank)) >= 0 else 0


def _behind_cr(data: bytes) -> int:
    """Where the last blank line ends that is a CR alone."""
    end = _behind(data, b"\r\r")
    if end and data[end : end + 1] == b"\n":
        end += 1
    other = data.rfind(b"\n\r", 0, -1)  # not at the end, where half of a CRLF may be missing
    return max(end, other + 2) if other >= 0 and data[other + 2 : other + 3] != b"\n" else end


class LineSplitter:
    """One JSON object a line, as Ollama streams."""

    def __init__(self) -> None:
        self._rest: bytes = b""

    def feed(self, piece: bytes) -> list[Event]:
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        _check(len(self._rest))
        return [(b"", line) for line in lines if line.strip()]

    def end(self) -> list[Event]:
        rest, self._rest = self._rest, b""
        return [(b"", rest)] if rest.strip() else []


def splitter(dialect: str) -> Splitter:
    return LineSplitter() if dialect == "ollama" else SseSplitter()


class Pairs:
    """Escaped characters beyond the first plane are pairs, and servers that cut their text anywhere cut those too: half
    of one in this event, half in the next. No JSON parser takes that, so it is looked at only when one has refused.
    `more`: other events follow.
    """

    def __init__(self, *, more: bool = True) -> None:
        self._more = more
        self._high = b""

    def mended(self, data: bytes) -> bytes:
        """With the first half of a pair at the end of a text put off until its second comes, which it is lost without, and
        other halves replaced.
        """
        held, self._high = self._high, b""

        def escape(found: re.Match[bytes]) -> bytes:
            nonlocal held
            if found["low"]:
                whole, held = (held or _REPLACED) + (found["low"] if held else b""), b""
                return whole
            if not found["high"]:
                return found[0]
            if not self._more or found.string[found.end() : found.end() + 1] != b'"':
                return _REPLACED
            self._high = found["high"]
            return b""

        return _ESCAPE.sub(escape, data)


_REPLACED = rb"\ufffd"
_ESCAPE = re.compile(
    rb"""\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|[^u]|u(?![dD][89a-fA-F]))
    | (?P<high>\\u[dD][89abAB][\da-fA-F]{2}) | (?P<low>\\u[dD][c-fC-F][\da-fA-F]{2})""",
    re.VERBOSE | re.DOTALL,
)


def decoded(event: Event, pairs: Pairs | None = None) -> JsonDict | None:
    """The event as decoders take it; None for one without JSON. `pairs` joins what one stream's events cut apart. Raises
    UpstreamError(MALFORMED).
    """
    name, data = event
    if data.startswith(DONE):  # blanks may follow
        return None
    value = parsed(data, pairs)
    if name and "type" not in value:
        value["event"] = name.decode("utf-8", "replace")
    return value


def parsed(data: bytes, pairs: Pairs | None = None) -> JsonDict:
    """A JSON object. Raises UpstreamError(MALFORMED) for anything else."""
    try:
        value: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        try:  # what some vendors write and the standard does not know: NaN, half a pair
            value = json.loads((pairs or Pairs(more=False)).mended(data))
        except (ValueError, RecursionError):
            raise UpstreamError(FailureKind.MALFORMED, f"it sent no JSON: {_start(data)}") from None
    if isinstance(value, dict):
        return value  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):  # Google wraps an error of a stream in a list
        return {"error": value}
    raise UpstreamError(FailureKind.MALFORMED, f"it sent no JSON object: {_start(data)}")


def _start(data: bytes) -> str:
    return repr(data[:60].decode("utf-8", "replace"))


def _check(size: int) -> None:
    if size > LONGEST_EVENT:
        raise UpstreamError(FailureKind.MALFORMED, f"one event of more than {LONGEST_EVENT >> 20} MB")


def _event(block: bytes) -> Event | None:
    """None for what holds no data: comments that keep the connection alive."""
    if block.startswith(b"data: ") and b"\n" not in block:
        return (b"", block[6:])
    name, data = b"", list[bytes]()
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    text = b"\n".join(data)
    return (name, text) if text else None
