"""The service as a process: it listens, tells others where (`service.json`), reloads, and ends without breaking streams.

llm-router serve  ->  main  ->  bind, build the App, serve until SIGTERM or SIGINT; SIGHUP reloads
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import uvicorn

from llm_router import access, config, db, paths
from llm_router.access import Keys
from llm_router.errors import RouterError
from llm_router.gateway import files
from llm_router.gateway.app import Gateway
from llm_router.gateway.current import Current
from llm_router.gateway.http import Asgi
from llm_router.gateway.log import ServiceLog
from llm_router.gateway.mount import Mount
from llm_router.gateway.protocol import protocol_with
from llm_router.record.spool import Spool
from llm_router.service import state

BACKLOG = 1024
KEEP_ALIVE_S = 75  # longer than clients keep theirs: who closes first must be the one who knows it
END_S = 2.0  # after the last answer: how long the database is waited for, in all
log = logging.getLogger(__name__)


def main(
    host: str | None, port: int | None, *, echo: bool, make_mcp: Callable[[], Asgi] | None = None
) -> int:
    """Serve until SIGTERM or SIGINT. None = as configured. Port 0 = any free one. Raises UsageError and ConfigError."""
    given = {name: value for name, value in (("gateway.host", host), ("gateway.port", port or None)) if value}
    root = paths.home()
    settings = config.load(root=root, cwd=root, environ=os.environ, flags=given).settings.gateway
    access.check_address(settings.host, Keys.of(settings))
    listener = access.bind(settings.host, 0 if port == 0 else settings.port, backlog=BACKLOG)
    with listener:
        bound = listener.getsockname()[1]
        flags = {"gateway.host": settings.host, "gateway.port": bound}
        said = (host, None if port is None else bound)
        _run(_serve(listener, settings.host, flags, said, echo=echo, make_mcp=make_mcp))
    return 0


def _run(serving: Any) -> None:
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serving)


async def _serve(
    listener: socket.socket,
    host: str,
    flags: Mapping[str, object],
    said: tuple[str | None, int | None],
    *,
    echo: bool,
    make_mcp: Callable[[], Asgi] | None,
) -> None:
    root = paths.home()
    service_log = ServiceLog(root, echo=echo)
    _log_to(service_log)
    current = Current(host, flags)
    mount = Mount(make_mcp) if make_mcp else None
    gateway = Gateway(current, mount)
    gateway.activities.listeners.append(service_log.request)
    settings = current.now.settings
    server = _Server(
        uvicorn.Config(
            gateway,
            http=protocol_with(files.connections(settings.max_connections), settings.read_seconds),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(settings.stop_seconds),
            server_header=False,
            proxy_headers=False,  # nobody asks who a proxy says it speaks for
        )
    )
    server.mount, server.url, server.said, server.root = mount, access.url_of(listener, host), said, root
    watching = asyncio.create_task(current.watch())
    warming = asyncio.create_task(_warm(current))
    if hasattr(signal, "SIGHUP"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, current.reload)
    try:
        await server.serve(sockets=[listener])
    finally:
        watching.cancel()
        warming.cancel()
        state.forget(root)
        db.end_within(END_S)
        await current.aclose()
        if waiting := Spool(root).count():
            log.warning("the database takes nothing now; calls that wait on disk for it: %d", waiting)
        log.info("stopped")
        service_log.close()


async def _warm(current: Current) -> None:
    """Look who is there before the first request asks: a listing may import an SDK."""
    with suppress(RouterError):
        await current.now.app.router.world()


class _Server(uvicorn.Server):
    """Says where it is once it serves. A signal is how it is stopped, and no failure: uvicorn would raise it anew."""

    url = ""
    said: tuple[str | None, int | None] = (None, None)  # by the command line: host and port
    root = paths.home()
    mount: Mount | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # what is loaded stays; the collector need not look at it again and again
        gc.set_threshold(20_000, 20, 50)  # a request makes a thousand objects, and hardly a cycle among them
        await asyncio.to_thread(state.remember, self.root, self.url, *self.said)  # it takes a lock
        log.info("serving at %s (pid %d)", self.url, os.getpid())
        with suppress(OSError):  # of a full disk
            print(f"llm-router: gateway at {self.url}", file=sys.stderr, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("stopping: answers under way may finish")
        if self.mount is not None:
            await self.mount.aclose()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


def _log_to(handler: ServiceLog) -> None:
    for name, level in (("llm_router", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(handler)
        logger.propagate = False
