"""The same server over streamable HTTP, at /mcp. Without an access key it serves this machine only."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from llm_router.errors import RouterError, UsageError
from llm_router.mcp_server.server import build
from llm_router.mcp_server.wire import encode
from llm_router.settings import GatewaySettings

PATH = "/mcp"
ACCESS_KEY = "LLM_ROUTER_ACCESS_KEY"
LARGEST_BODY = 32 * 1024 * 1024  # prompts of 10 MB are meant to work
WILDCARDS = ("0.0.0.0", "::")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def main(host: str | None, port: int | None, tools: Collection[str] | None) -> int:
    """Serve until SIGTERM or SIGINT. None = as configured. Port 0 = any free one. Says the URL on stderr."""
    configured = _configured()
    host = configured.host if host is None else host
    key = os.environ.get(ACCESS_KEY) or None
    try:
        check(host, key)
        listener = _bind(host, configured.port if port is None else port)
    except RouterError as error:
        print(f"llm-router: {error.message}\nfix: {error.fix}", file=sys.stderr)
        return error.exit_code
    with listener:
        asyncio.run(_serve(listener, host, key, tools))
    return 0


def check(host: str, key: str | None) -> None:
    """Raises UsageError where the address is open to others and no key protects it."""
    if not (key or is_loopback(host)):
        raise UsageError(
            f"{host} can be reached from other machines, and no access key is set",
            fix=f"export {ACCESS_KEY}=<a long random text>, or leave --host out to serve this machine only",
        )


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def application(host: str, key: str | None, tools: Collection[str] | None = None) -> Asgi:
    """The ASGI application, guarded."""
    name = f"[{host}]" if ":" in host else host
    # behind a wildcard any name may lead here, so Host says nothing; the guard's key and Origin check remain
    names = {*LOOPBACK_NAMES, name}
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=host not in WILDCARDS,
        allowed_hosts=[entry for each in names for entry in (each, f"{each}:*")],
        allowed_origins=[f"http://{entry}" for each in names for entry in (each, f"{each}:*")],
    )
    app = build(tools).streamable_http_app(
        streamable_http_path=PATH, host=host, max_request_body_size=LARGEST_BODY, transport_security=security
    )
    return Guard(app, key)


class Guard:
    """Asks for the key, if there is one, in `Authorization: Bearer` or `x-api-key`; refuses foreign web pages."""

    def __init__(self, app: Asgi, key: str | None) -> None:
        self._app = app
        self._key = key.encode() if key else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.lower(): value for name, value in scope["headers"]}
            if self._key and not self._knows_key(headers):
                await _refuse(send, 401, f"an access key is needed: Authorization: Bearer ${ACCESS_KEY}")
                return
            if not _same_site(headers.get(b"origin"), headers.get(b"host", b"")):
                await _refuse(send, 403, "web pages of other sites may not call this server")
                return
        await self._app(scope, receive, send)

    def _knows_key(self, headers: dict[bytes, bytes]) -> bool:
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        given = token.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
        return secrets.compare_digest(given, self._key)


def _same_site(origin: bytes | None, host: bytes) -> bool:
    if origin is None:
        return True
    try:
        site = urlsplit(origin.decode("latin-1"))
        return site.netloc == host.decode("latin-1") or is_loopback(site.hostname or "")
    except ValueError:
        return False


async def _refuse(send: Send, status: int, message: str) -> None:
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": encode({"error": message}).encode()})


class _Server(uvicorn.Server):
    """Says where it is once it serves. A signal is how it is stopped, and no failure: uvicorn would raise it anew."""

    url = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"llm-router: MCP at {self.url}", file=sys.stderr, flush=True)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


async def _serve(listener: socket.socket, host: str, key: str | None, tools: Collection[str] | None) -> None:
    config = uvicorn.Config(
        application(host, key, tools),
        log_config=None,
        access_log=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=3,
    )
    server = _Server(config)
    server.url = _url(listener, host)
    await server.serve(sockets=[listener])


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            fix="choose another with --port, or --port 0 for any free one",
        ) from error
    return listener


def _url(listener: socket.socket, host: str) -> str:
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{name}:{listener.getsockname()[1]}{PATH}"


def _configured() -> GatewaySettings:
    """The service's address; with a broken configuration the default, for the tools will tell what is wrong."""
    from llm_router import config, paths

    try:
        loaded = config.load(root=paths.home(), cwd=paths.here(), environ=os.environ, flags={})
    except RouterError:
        return GatewaySettings()
    return loaded.settings.gateway
