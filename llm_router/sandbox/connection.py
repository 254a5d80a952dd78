"""A small HTTP/1.1 server side over asyncio streams: enough for API clients, and close enough to the socket to
misbehave on purpose.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

HEAD_LIMIT = 256 * 1024
BODY_LIMIT = 256 * 1024 * 1024
_REASONS = {529: "Site Overloaded"}


class BadRequestError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Reader(asyncio.StreamReader):
    """Tells when the client has gone, also while nobody reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=HEAD_LIMIT, loop=loop)
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        super().feed_eof()
        self.gone.set()

    def set_exception(self, exc: BaseException | type[BaseException]) -> None:
        super().set_exception(exc if isinstance(exc, Exception) else ConnectionResetError("reset"))
        self.gone.set()


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` is decoded, `headers` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The decoded body, {} for none; raises ValueError."""
        return json.loads(self.body) if self.body else {}

    @property
    def keep_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> HttpRequest | None:
    """The next request of a connection; None when the client has closed it between two. Raises BadRequestError."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise BadRequestError(431, "the request's header is too large") from None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    try:
        method, target, version = first.split(" ")
    except ValueError:
        raise BadRequestError(400, "not an HTTP request") from None
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    if version == "HTTP/1.0":
        headers["connection"] = "close"
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        body = await _body(reader, headers)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    parts = urlsplit(target)
    return HttpRequest(method, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    try:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return await _chunked(reader)
        length = int(headers.get("content-length", 0))
    except ValueError:
        raise BadRequestError(400, "the length of the body is not a number") from None
    if not 0 <= length <= BODY_LIMIT:
        raise BadRequestError(413, "the body is too large")
    return await reader.readexactly(length)


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while length := int((await reader.readline()).split(b";")[0], 16):
        if len(body) + length > BODY_LIMIT:
            raise BadRequestError(413, "the body is too large")
        body += await reader.readexactly(length)
        await reader.readline()
    while (await reader.readline()).strip():
        pass
    return bytes(body)


class Reply:
    """Writes one response. `on_status` hears of the status before the client can see it; `finished` tells whether
    the client can have all of it.
    """

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        request: HttpRequest,
        on_status: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._writer = writer
        self._on_status = on_status
        self._bodiless = request.method == "HEAD"
        self.keep_alive = request.keep_alive
        self.status = 0
        self.finished = False

    async def whole(
        self, status: int, headers: Mapping[str, str], body: bytes, *, claimed: int | None = None
    ) -> None:
        """`claimed` is a Content-Length that is not true."""
        length = len(body) if claimed is None else claimed
        self._head(status, {**headers, "content-length": str(length)})
        self._writer.write(b"" if self._bodiless else body)
        self.finished = length == len(body)
        await self._writer.drain()

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        self._head(status, {**headers, "transfer-encoding": "chunked", "cache-control": "no-cache"})
        await self._writer.drain()

    async def chunk(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        self.finished = True
        await self._writer.drain()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self._on_status(status)
        if not self.keep_alive:
            headers = {**headers, "connection": "close"}
        lines = [
            f"HTTP/1.1 {status} {_reason(status)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))

    async def close(self) -> None:
        """End the connection after what was written."""
        self.keep_alive = False
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def reset(self) -> None:
        """Tear the connection down with RST."""
        self.keep_alive = False
        sock = self._writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return _REASONS.get(status, "Unknown")
