"""The server's HTTP protocol with what uvicorn leaves open: how long and how large a head may be, and how many connect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llm_router.gateway.http import CONNECTION, Scope

LARGEST_HEAD = 64 * 1024
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
        self._leaving: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._turn_away(503)
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_done()
        super().connection_lost(exc)
        if self._leaving is not None:
            self._leaving()

    def data_received(self, data: bytes) -> None:
        if self._head_timer is None and self._between_requests():
            self._await_head()
        if self._head_timer is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > LARGEST_HEAD:
            self._turn_away(431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        self._head_done()
        super().on_headers_complete()

    # ── for the application: see gateway.http.Connection ─────────────────────

    def abort(self) -> None:
        self.transport.abort()

    def when_gone(self, tell: Callable[[], None] | None) -> None:
        self._leaving = tell
        if tell is not None and self.transport.is_closing():
            tell()

    def has_all_of(self, scope: Scope) -> bool:
        return self.cycle.scope is scope and not self.cycle.more_body

    # ── own ──────────────────────────────────────────────────────────────────

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


def protocol_with(most_connections: int, head_limit_s: float) -> type[GatewayProtocol]:
    limits = {"most_connections": most_connections, "head_limit_s": head_limit_s}
    return type("Limited", (GatewayProtocol,), limits)
