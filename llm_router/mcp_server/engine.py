"""The thread in which the SDK lives: imported when it is first needed, fed with decoded messages, in order."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Collection

from llm_router.mcp_server.static import REPLAY_ID
from llm_router.mcp_server.wire import CONNECTION_CLOSED, INTERNAL_ERROR, Deliver, Feed, JsonDict, error_line


class Engine:
    """Messages posted before the SDK is there wait, and reach it in the order they came."""

    def __init__(self, deliver: Deliver, tools: Collection[str] | None) -> None:
        self._deliver, self._tools = deliver, tools
        self._lock = threading.Lock()
        self._waiting: list[JsonDict] = []
        self._feed: Feed | None = None
        self._refusal: tuple[int, str] | None = None  # set once nothing can be answered any more
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="mcp-sdk", daemon=True)
            self._thread.start()

    def post(self, message: JsonDict) -> None:
        with self._lock:
            if self._refusal is not None:
                self._refuse([message])
            elif self._feed is not None:
                self._feed(message)
            else:
                self._waiting.append(message)

    def close(self, timeout_s: float) -> bool:
        """Cancel what is in flight and wait until it is recorded. False when the thread is busy still.

        A thread that is only importing holds nothing worth waiting for.
        """
        with self._lock:
            feed = self._feed
            self._stop((CONNECTION_CLOSED, "Connection closed"))
            if feed is not None:
                feed(None)
        if self._thread is None:
            return True
        self._thread.join(timeout_s if feed is not None else 0)
        return not self._thread.is_alive()

    def _run(self) -> None:
        reason = "the server loop has ended"
        try:
            from llm_router.mcp_server import lean

            lean.prepare()
            from llm_router.mcp_server import live

            live.serve(self._deliver, self._attach, self._tools)
        except Exception as error:  # the client must hear of it, whatever it is, instead of waiting
            reason = f"{type(error).__name__}: {error}"
            try:
                traceback.print_exc()
            except Exception:  # Python 3.15 looks for reasons of its own, and may fail at that
                print(reason, file=sys.stderr)
        with self._lock:
            self._stop((INTERNAL_ERROR, f"llm-router cannot serve tools: {reason}"))

    def _attach(self, feed: Feed) -> None:
        with self._lock:
            for message in self._waiting:
                feed(message)
            self._waiting.clear()
            if self._refusal is None:
                self._feed = feed
            else:
                feed(None)

    def _stop(self, refusal: tuple[int, str]) -> None:
        self._feed = None
        self._refusal = self._refusal or refusal
        unheard, self._waiting = self._waiting, []
        self._refuse(unheard)

    def _refuse(self, messages: list[JsonDict]) -> None:
        code, reason = self._refusal or (INTERNAL_ERROR, "")
        for message in messages:
            if "id" in message and message["id"] != REPLAY_ID:
                self._deliver(error_line(message["id"], code, reason), message["id"])
