"""The server's HTTP protocol with what uvicorn leaves open: how long and how large a head may be, how many connect, and who
is told when a client leaves that has sent several requests ahead of their answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from llm_router.gateway.http import CONNECTION, Scope

LARGEST_HEAD = 64 * 1024
MOST_AHEAD = 256 * 1024  # bytes of requests that are read ahead of their turn
_LEAVING = "llm_router.leaving"
_REFUSALS = {
    408: b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
}


class GatewayProtocol(HttpToolsProtocol):
    """A connection that sends nothing, or a head without end, is closed. The body's limits are the application's."""

    most_connections = 4000
    head_limit_s = 30.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        # `cycle` is the latest request, which may wait behind it
        self._serving: RequestResponseCycle | None = None
        self._ahead = bytearray()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._turn_away(503)
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_done()
        super().connection_lost(exc)
        self.pipeline.clear()
        serving = self._serving
        if serving is not None and not serving.response_complete:
            serving.disconnected = True
            serving.message_event.set()
            if tell := serving.scope.get(_LEAVING):
                tell()

    def data_received(self, data: bytes) -> None:
        if self._is_answering():
            self._ahead += data
            if len(self._ahead) > MOST_AHEAD:
                self.flow.pause_reading()
            return
        if self._head_timer is None and self._between_requests():
            self._await_head()
        if self._head_timer is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > LARGEST_HEAD:
            self._turn_away(431)
        elif self.pipeline:
            self.flow.resume_reading()  # who does not read does not notice that the client has gone

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        self._head_done()
        super().on_headers_complete()
        if not self.pipeline:
            self._serving = self.cycle
        if self.scope["http_version"] == "1.0":
            self.cycle.chunked_encoding, self.cycle.expected_content_length = False, _ToTheEnd()

    def on_response_complete(self) -> None:
        if self.pipeline:
            self._serving = self.pipeline[-1][0]
        super().on_response_complete()
        if self._ahead and not self.transport.is_closing() and not self._is_answering():
            ahead, self._ahead = bytes(self._ahead), bytearray()
            self.data_received(ahead)

    # ── for the application: see gateway.http.Connection ─────────────────────

    def abort(self) -> None:
        self.transport.abort()

    def when_gone(self, scope: Scope, tell: Callable[[], None] | None) -> None:
        scope[_LEAVING] = tell
        if tell is not None and self.transport.is_closing():
            tell()

    def has_all_of(self, scope: Scope) -> bool:
        return self.cycle.scope is scope and not self.cycle.more_body

    # ── own ──────────────────────────────────────────────────────────────────

    def _is_answering(self) -> bool:
        """Whether all of the request is here that is being answered: what comes now belongs to others."""
        serving = self._serving
        if serving is None or serving.response_complete:
            return False
        return serving is not self.cycle or not serving.more_body

    def _between_requests(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, whatever its type says
        return cycle is not None and cycle.response_complete

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.head_limit_s, self._turn_away, 408)

    def _head_done(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _turn_away(self, status: int) -> None:
        self._head_done()
        if not self.transport.is_closing():
            self.transport.write(_REFUSALS[status])
            self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Said to the client, with 426, and no news for the log."""


class _ToTheEnd(int):
    """The length of an answer to HTTP/1.0, which knows no chunks: as long as the connection. uvicorn counts it down."""

    def __lt__(self, _: object) -> bool:
        return False

    def __sub__(self, _: object) -> Self:
        return self

    def __ne__(self, _: object) -> bool:
        return False

    __hash__ = int.__hash__


def protocol_with(most_connections: int, head_limit_s: float) -> type[GatewayProtocol]:
    limits = {"most_connections": most_connections, "head_limit_s": head_limit_s}
    return type("Limited", (GatewayProtocol,), limits)
