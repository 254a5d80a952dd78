"""The same server over streamable HTTP, at /mcp. Without an access key it serves this machine only."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

import uvicorn

from llm_router import access
from llm_router.access import Keys, Names
from llm_router.errors import RefusedError, RouterError
from llm_router.mcp_server import lean
from llm_router.mcp_server.wire import encode
from llm_router.settings import GatewaySettings

PATH = "/mcp"
LARGEST_BODY = 32 * 1024 * 1024  # prompts of 10 MB are meant to work

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def main(host: str | None, port: int | None, tools: Collection[str] | None) -> int:
    """Serve until SIGTERM or SIGINT. None = as configured. Port 0 = any free one. Says the URL on stderr."""
    configured = _configured()
    host = configured.host if host is None else host
    keys = Keys.of(configured)
    try:
        access.check_address(host, keys)
        listener = access.bind(host, configured.port if port is None else port)
    except RouterError as error:
        print(f"llm-router: {error.message}\nfix: {error.fix}", file=sys.stderr)
        return error.exit_code
    with listener:
        asyncio.run(_serve(listener, host, keys, tools))
    return 0


def mounted(tools: Collection[str] | None = None) -> Asgi:
    """The ASGI application for a server that has its own guard."""
    lean.prepare()
    from mcp.server.transport_security import TransportSecuritySettings

    from llm_router.mcp_server.server import build

    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return build(tools).streamable_http_app(
        streamable_http_path=PATH, max_request_body_size=LARGEST_BODY, transport_security=security
    )


class Guard:
    """Asks for the key, if there is one; refuses names that are not ours and foreign web pages."""

    def __init__(self, app: Asgi, keys: Keys, names: Names) -> None:
        self._app, self._keys, self._names = app, keys, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers: dict[bytes, bytes] = {name.lower(): value for name, value in scope["headers"]}
            try:
                self._check(headers)
            except RefusedError as refused:
                await _refuse(send, refused)
                return
        await self._app(scope, receive, send)

    def _check(self, headers: dict[bytes, bytes]) -> None:
        if self._keys and self._keys.name_of(headers) is None:
            raise access.key_needed()
        self._names.check(headers.get(b"host", b""), headers.get(b"origin"))


async def _refuse(send: Send, refused: RefusedError) -> None:
    headers = [(b"content-type", b"application/json")]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": encode({"error": refused.message}).encode()})


class _Server(uvicorn.Server):
    """Says where it is once it serves. A signal is how it is stopped, and no failure: uvicorn would raise it anew."""

    url = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"llm-router: MCP at {self.url}", file=sys.stderr, flush=True)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


async def _serve(listener: socket.socket, host: str, keys: Keys, tools: Collection[str] | None) -> None:
    config = uvicorn.Config(
        Guard(mounted(tools), keys, Names(host, local_pages=True)),
        log_config=None,
        access_log=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=3,
    )
    server = _Server(config)
    server.url = access.url_of(listener, host) + PATH
    await server.serve(sockets=[listener])


def _configured() -> GatewaySettings:
    """The service's address and keys; with a broken configuration the defaults, for the tools will tell what is wrong."""
    from llm_router import config, paths

    try:
        loaded = config.load(root=paths.home(), cwd=paths.here(), environ=os.environ, flags={})
    except RouterError:
        return GatewaySettings.model_validate({"access_key": os.environ.get(access.ACCESS_KEY) or None})
    return loaded.settings.gateway
