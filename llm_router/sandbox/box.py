"""The sandbox as its users see it: started and stopped, aimed at, and told to fail."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Self

from llm_router.sandbox.environment import base_url, environ
from llm_router.sandbox.faults import Fault, Placed
from llm_router.sandbox.listings import INSTALLED, Installed, Shelf
from llm_router.sandbox.records import Recorded
from llm_router.sandbox.server import Server
from llm_router.sandbox.standins import executables

_START_S = 60.0


class Sandbox:
    """Simulated vendors on 127.0.0.1, served by a thread of their own: for sync and async users alike.

    `port` 0 takes a free one. `models` are the ids each vendor lists (any id is answered); `installed` are the
    models of the simulated Ollama, which answers to no others. `pace` is the pause before each streamed event in
    seconds. `start` raises OSError when the port is taken.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        models: Mapping[str, Sequence[str]] | None = None,
        installed: Sequence[Installed] = INSTALLED,
        pace: float = 0.0,
    ) -> None:
        self._host, self._port = host, port
        self._server = Server(Shelf(models or {}, installed), pace)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._failed: BaseException | None = None

    # ── life ─────────────────────────────────────────────────────────────────

    def start(self) -> Self:
        ready = threading.Event()
        self._failed = None
        self._thread = threading.Thread(target=self._run, args=(ready,), name="sandbox", daemon=True)
        self._thread.start()
        if not ready.wait(_START_S):
            raise TimeoutError("the sandbox did not start")
        if self._failed is not None:
            self._thread.join()
            self._thread = None
            raise self._failed
        return self

    def stop(self) -> None:
        """End every exchange and free the port; a sandbox that does not run is left alone."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._live(ready))
        except BaseException as error:  # handed to the thread that called start
            self._failed = error
        finally:
            ready.set()

    async def _live(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        listening = await self._server.listen(self._host, self._port)
        self._port = int(listening.sockets[0].getsockname()[1])
        ready.set()
        try:
            await self._stopping.wait()
        finally:
            listening.close()
            await self._server.close()
            await listening.wait_closed()

    # ── where it is ──────────────────────────────────────────────────────────

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    def base_url(self, vendor: str) -> str:
        """The address to give this vendor's client; any vendor name will do."""
        return base_url(self.url, vendor)

    def environ(self, vendors: Sequence[str] | None = None) -> dict[str, str]:
        """Variables that point these vendors (None: all that are known) here, with keys that are obviously fake."""
        return environ(self.url, vendors)

    # ── what goes wrong ──────────────────────────────────────────────────────

    def fault(
        self,
        vendor: str,
        fault: Fault,
        *,
        times: int | None = None,
        model: str | None = None,
        operation: str = "answer",
    ) -> None:
        """Let the next `times` requests (None: all) of this vendor ("*": any) fail. `model` and `operation` are
        patterns; the operations are answer, count, models, model, embed, show, version; "*" is all of them.
        Faults strike in the order they were placed.
        """
        self._server.faults.add(Placed(vendor, fault, times, model or "*", operation))

    def clear(self, vendor: str | None = None) -> None:
        """Take back the faults placed for `vendor` (None: all)."""
        self._server.faults.clear(vendor)

    # ── what was asked ───────────────────────────────────────────────────────

    @property
    def requests(self) -> list[Recorded]:
        """The newest thousand requests, oldest first."""
        return self._server.records.all()

    def answers(self, vendor: str | None = None) -> list[Recorded]:
        """Those that asked a model, of one vendor or of all."""
        return [r for r in self.requests if r.operation == "answer" and vendor in (None, r.vendor)]

    def forget(self) -> None:
        """Drop the records."""
        self._server.records.clear()

    def wait(self, until: Callable[[list[Recorded]], object], timeout: float = 60.0) -> bool:
        """Wait until the records fulfil `until`, at most `timeout` seconds; whether they do."""
        return self._server.records.wait(until, timeout)

    # ── stand-in executables ─────────────────────────────────────────────────

    @staticmethod
    def codex(folder: Path, *, fault: str | None = None, logged_out: bool = False) -> Path:
        """Write a stand-in `codex` into `folder`; see `standins.codex`."""
        return executables.write(folder, "codex", fault, logged_out=logged_out)

    @staticmethod
    def gemini_cli(folder: Path, *, fault: str | None = None, logged_out: bool = False) -> Path:
        """Write a stand-in `gemini` into `folder`; see `standins.gemini`."""
        return executables.write(folder, "gemini", fault, logged_out=logged_out)


def serve(port: int = 0, on_ready: Callable[[Sandbox], None] | None = None, *, pace: float = 0.0) -> None:
    """Run in the foreground until SIGINT or SIGTERM. Call it from the main thread; raises OSError when the port is
    taken.
    """
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    previous = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Sandbox(port, pace=pace) as box:
            if on_ready is not None:
                on_ready(box)
            ended.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
