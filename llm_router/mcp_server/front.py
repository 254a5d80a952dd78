"""`llm-router mcp`: the stdio server answers first and imports later.

Clients give a server one to three seconds, and importing the SDK takes half a second on an idle machine and more on
a busy one. So this module, of standard library only, reads the client's messages on the main thread and answers the
opening ones from the manifest. After the first tools/list, or at the first request of another kind, the SDK is
imported in a thread and gets all the rest; the handshake is replayed to it.

    reading -> static answer                          initialize, discover, ping, lists
            -> engine (-> importing -> live)          everything else; notifications always
    EOF or SIGTERM -> engine closed -> output written -> exit 0
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Collection
from types import FrameType
from typing import Any, BinaryIO, NoReturn, cast

from llm_router.mcp_server.engine import Engine
from llm_router.mcp_server.static import HANDSHAKE, StaticAnswers, load_manifest, replayed
from llm_router.mcp_server.wire import (
    INVALID_REQUEST,
    PARSE_ERROR,
    JsonDict,
    Writer,
    as_object,
    decoded,
    error_line,
    fault,
    reserve_streams,
    usable_id,
)

CLOSE_S = 6.0  # what calls in flight get to close their upstreams and be recorded
FLUSH_S = 2.0
BATCHING_VERSIONS = ("2024-11-05", "2025-03-26")  # later revisions removed batches


class Stopped(BaseException):
    """A signal asks the process to end; BaseException, so that nothing on the way takes it for a failure."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class Front:
    def __init__(self, writer: Writer, tools: Collection[str] | None = None) -> None:
        self._writer = writer
        self._static = StaticAnswers(load_manifest(tools))
        self.engine = Engine(writer.send, tools)

    def serve(self, wire_in: BinaryIO) -> None:
        """Read until EOF."""
        for message in decoded(wire_in):
            if isinstance(message, Exception):
                self._writer.send(error_line(None, PARSE_ERROR, f"Parse error: {message}"))
            elif isinstance(message, list):
                self._batch(cast("list[Any]", message))
            else:
                self._accept(message)

    def _accept(self, message: Any) -> None:
        if (wrong := fault(message)) is not None:
            claimed = as_object(message).get("id")
            request_id = claimed if usable_id(claimed) else None
            self._writer.send(
                error_line(request_id, INVALID_REQUEST, f"Invalid Request: {wrong}"), request_id
            )
        elif "method" not in message:
            return  # an answer, though we never ask
        elif "id" in message:
            self._request(message)
        else:
            self._notification(message)

    def _request(self, message: JsonDict) -> None:
        line = self._static.line_for(message)
        if line is None:
            self.engine.post(message)
            self.engine.start()
            return
        self._writer.send(line, message["id"])
        if message["method"] == "initialize":
            self.engine.post(replayed(message))
        elif message["method"] == "tools/list":
            # the client has what it waits for, and calls are to be expected
            self.engine.start()

    def _notification(self, message: JsonDict) -> None:
        self.engine.post(message)
        if message["method"] == "notifications/cancelled":
            cancelled = message.get("params", {}).get("requestId")
            if usable_id(cancelled):  # the SDK will not answer it, and its batch must not wait
                self._writer.settle(cancelled, None)

    def _batch(self, messages: list[Any]) -> None:
        if not messages or self._static.era != HANDSHAKE or self._static.version not in BATCHING_VERSIONS:
            why = f"batches exist only in protocol {' and '.join(BATCHING_VERSIONS)}, after initialize"
            self._writer.send(error_line(None, INVALID_REQUEST, f"Invalid Request: {why}"))
            return
        self._writer.open_batch(
            [m["id"] for m in messages if fault(m) is None and {"id", "method"} <= m.keys()]
        )
        for message in messages:
            self._accept(message)


def main(argv: list[str]) -> int:
    """Serve over stdio, or over HTTP with `--http`. Returns the exit code."""
    tools: Collection[str] | None = None
    if argv:
        from llm_router.mcp_server import options

        chosen = options.parse(argv)
        if chosen.http:
            from llm_router.mcp_server import web

            return web.main(chosen.host, chosen.port, chosen.tools)
        tools = chosen.tools
    return serve_stdio(tools)


def serve_stdio(tools: Collection[str] | None = None) -> int:
    wire_in, wire_out = reserve_streams()
    writer = Writer(wire_out)
    front = Front(writer, tools)
    exit_code = 0
    try:
        _on_signals(_stop)
        front.serve(wire_in)
        _on_signals(signal.SIG_IGN)
    except Stopped as stopped:
        exit_code = stopped.exit_code
    ended = front.engine.close(CLOSE_S)
    writer.close(FLUSH_S)
    wire_in.close()
    if not ended:
        sys.stderr.flush()
        os._exit(exit_code)  # a thread that still imports, or an upstream that does not let go
    gc.freeze()  # with the SDKs loaded, tidying up at exit takes seconds, and the client waits for the exit
    return exit_code


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    _on_signals(signal.SIG_IGN)  # closing has begun, and is bounded
    raise Stopped(130 if number == signal.SIGINT else 0)


def _on_signals(handler: Any) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
