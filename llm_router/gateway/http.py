"""One HTTP request over ASGI: its headers and body in, an answer out. No framework: this is the hot path."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Protocol

from llm_router.errors import RefusedError
from llm_router.nouns import new_id

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = "application/json"
CONNECTION = "llm_router.connection"  # where the server's protocol puts itself
_SOUND_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_MEMBERS = 16  # of a body; each costs a copy of what follows, and 64 MB hold three million
_CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": zlib.MAX_WBITS}  # zlib's `wbits`
_UNFIT = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")


class Connection(Protocol):
    """What ASGI has no word for."""

    def abort(self) -> None:
        """Cut the connection, whatever waits to be sent."""
        ...

    def when_gone(self, scope: Scope, tell: Callable[[], None] | None) -> None:
        """Call this when the client hangs up before this request is answered, or at once if it has; None: nobody wants to
        know any more.
        """
        ...

    def has_all_of(self, scope: Scope) -> bool:
        """Whether the whole body of this request has arrived."""
        ...


class GoneError(Exception):
    """The client hung up before it had sent its request: there is nobody to answer."""


class HttpCall:
    """One request. `status` is what was answered, 0 before; `sent` how many bytes of body went out."""

    __slots__ = (
        "_connection",
        "_names",
        "_receive",
        "_send",
        "headers",
        "method",
        "path",
        "query",
        "request_id",
        "scope",
        "sent",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        if len(self.headers) < len(scope["headers"]):
            self.headers = _joined(scope["headers"])
        self._names: dict[str, str] | None = None
        self._connection: Connection | None = scope.get(CONNECTION)
        given = self.text("x-request-id")
        self.request_id = given if given and _SOUND_ID.fullmatch(given) else new_id("req")
        self.status = 0
        self.sent = 0

    def text(self, name: str) -> str:
        """A header as text, "" where there is none."""
        return self.headers.get(name.encode(), b"").decode("latin-1")

    def names(self) -> dict[str, str]:
        """All headers as text, by lower-case name."""
        if self._names is None:
            self._names = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers.items()
            }
        return self._names

    async def body(self, largest: int, limit_s: float) -> bytes:
        """Raises RefusedError (408, 413, 415) and GoneError."""
        declared = self.headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > largest:
            raise _too_large(largest)
        if self._connection is not None and self._connection.has_all_of(self.scope):
            body = await self._read(largest)  # no wait, and so no timer
        else:
            try:
                async with asyncio.timeout(limit_s):
                    body = await self._read(largest)
            except TimeoutError:
                raise RefusedError(408, f"the request was not complete after {limit_s:.0f} s") from None
        if (coding := self.headers.get(b"content-encoding")) is not None:
            body = _unpacked(body, coding.decode("latin-1").strip().lower(), largest)
        return body.removeprefix(BOM)

    async def _read(self, largest: int) -> bytes:
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            pieces.append(message["body"])
            size += len(pieces[-1])
            more = message["more_body"]
            if size > largest:
                raise _too_large(largest)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def when_gone(self, tell: Callable[[], None] | None) -> None:
        """See Connection."""
        if self._connection is not None:
            self._connection.when_gone(self.scope, tell)

    def abort(self) -> None:
        """See Connection."""
        if self._connection is not None:
            self._connection.abort()

    async def start(self, status: int, content_type: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.status = status
        told = [(b"content-type", content_type.encode()), (b"x-request-id", self.request_id.encode())]
        told += [(name.encode(), _fit(value)) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": told})

    async def write(self, data: bytes) -> None:
        self.sent += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        self.sent += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def reply(
        self, status: int, body: bytes, content_type: str = JSON, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """A whole answer."""
        await self.start(status, content_type, [("content-length", str(len(body))), *headers])
        await self.end(body)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """A header that is sent twice is a list (RFC 9110, 5.2), unless it says the same again."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if value not in (told := found.setdefault(name, [])):
            told.append(value)
    return {name: b", ".join(told) for name, told in found.items()}


def _unpacked(body: bytes, coding: str, largest: int) -> bytes:
    """A compressed body as it was. It may not become larger than one that comes as it is."""
    if coding in ("", "identity"):
        return body
    if coding not in _CODINGS:
        raise RefusedError(
            415, f"content-encoding {coding!r} is not read here; send gzip, deflate, or it as it is"
        )
    wbits = -zlib.MAX_WBITS if coding == "deflate" and not _is_zlib(body) else _CODINGS[coding]
    whole, rest = b"", body
    for _ in range(_MEMBERS):  # gzip may come in several
        unpacker = zlib.decompressobj(wbits)
        try:
            whole += unpacker.decompress(rest, largest + 1 - len(whole))
        except zlib.error:
            raise RefusedError(400, f"the request body is not {coding}") from None
        if len(whole) > largest:
            raise _too_large(largest)
        if not unpacker.eof:
            raise RefusedError(400, f"the request body ends before its {coding} does")
        rest = unpacker.unused_data
        if rest[:2] != _GZIP:
            return whole
    raise RefusedError(400, f"the request body has more than {_MEMBERS} members of {coding}")


def _is_zlib(body: bytes) -> bool:
    """By its first two bytes. What many call deflate comes without them: RFC 9110, 8.4.1.2."""
    return len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _too_large(largest: int) -> RefusedError:
    return RefusedError(
        413, f"the request is larger than {largest // 1024**2} MB", fix="raise gateway.max_body_mb"
    )


def _fit(value: str) -> bytes:
    """No header holds a line break, whatever an upstream put into the text we quote."""
    if value.isascii() and value.isprintable():
        return value.encode()
    return _UNFIT.sub(b" ", value.encode("latin-1", "replace"))
