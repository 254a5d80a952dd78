"""Child processes: a group of their own, input through a pipe, bounded output, and nothing left behind.

A command line client may start children that outlive it or hold its output open. The group is therefore ended as a
whole: when the client exits, when the caller is cancelled or runs out of time, and when it has heard enough.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

MAX_OUTPUT = 16 * 1024 * 1024
KEPT_STDERR = 16 * 1024
GRACE_S = 1.0  # between asking to end and killing
KILLED_S = 10.0  # for a killed process to be gone, which on a busy machine takes a while
DRAIN_S = 1.0  # for output of a process that is already gone


class OutputTooLargeError(Exception):
    """More than MAX_OUTPUT bytes on standard output."""


@dataclass(frozen=True, slots=True)
class Finished:
    code: int
    stdout: str
    stderr: str


class Child(asyncio.SubprocessProtocol):
    """One running process. `output` yields its standard output as it comes; `stderr` is the end of the other."""

    def __init__(self) -> None:
        self._transport: asyncio.SubprocessTransport | None = None
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._stderr = bytearray()
        self._open = {1, 2}
        self._silent = asyncio.Event()
        self._news = asyncio.Event()
        self.exited = asyncio.Event()

    # ── what the event loop calls ────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._stderr += data
            del self._stderr[:-KEPT_STDERR]
            return
        self._size += len(data)
        if self._size <= MAX_OUTPUT:
            self._chunks.append(data)
        self._news.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        self._open.discard(fd)
        self._news.set()
        if not self._open:
            self._silent.set()

    def process_exited(self) -> None:
        self.signal_group(kill=True)  # at once: later the number could be somebody else's
        self.exited.set()
        self._news.set()

    # ── what callers use ─────────────────────────────────────────────────────

    @property
    def stderr(self) -> str:
        return self._stderr.decode("utf-8", "replace")

    async def code(self) -> int:
        """The exit code, once all of `stderr` is there too."""
        await self.exited.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._silent.wait()
        returned = self._transport.get_returncode() if self._transport else None
        return -1 if returned is None else returned

    def write(self, data: bytes) -> None:
        """All of standard input, then its end."""
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if isinstance(pipe, asyncio.WriteTransport):
            pipe.write(data)
            pipe.close()  # once everything is written

    async def output(self) -> AsyncGenerator[bytes, None]:
        """Until the end of output; if somebody else holds it open, until shortly after the process is gone.
        Raises OutputTooLargeError.
        """
        while True:
            while self._chunks:
                yield self._chunks.popleft()
            if self._size > MAX_OUTPUT:
                raise OutputTooLargeError
            if 1 not in self._open:
                return
            self._news.clear()
            try:
                async with asyncio.timeout(DRAIN_S if self.exited.is_set() else None):
                    await self._news.wait()
            except TimeoutError:
                return

    async def lines(self) -> AsyncGenerator[str, None]:
        rest = bytearray()
        async for chunk in self.output():
            rest += chunk
            if b"\n" not in chunk:
                continue
            *whole, rest = rest.split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")
        if rest:
            yield rest.decode("utf-8", "replace")

    def signal_group(self, *, kill: bool) -> None:
        pid = self._transport.get_pid() if self._transport else None
        if pid is not None and not self.exited.is_set():
            _signal(pid, kill=kill)

    async def ends_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.exited.wait()
        return self.exited.is_set()

    async def stop(self) -> None:
        """End the whole group: ask, wait a moment, kill. Killing happens even when this is cancelled."""
        try:
            self.signal_group(kill=False)
            await self.ends_within(GRACE_S)
        finally:
            self.signal_group(kill=True)
            if self._transport is not None:
                self._transport.close()
        await self.ends_within(KILLED_S)


def _signal(pid: int, *, kill: bool) -> None:
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/PID", str(pid), "/T", "/F"], capture_output=True, check=False)
        return
    with suppress(ProcessLookupError, PermissionError):  # nobody is left, or only one who changed user
        os.killpg(pid, signal.SIGKILL if kill else signal.SIGTERM)


@asynccontextmanager
async def child(
    command: Sequence[str], *, environ: Mapping[str, str], cwd: Path, stdin: bytes = b""
) -> AsyncGenerator[Child, None]:
    """The command, running; ended with everything it started when the block is left. Raises OSError."""
    loop = asyncio.get_running_loop()
    _, protocol = await loop.subprocess_exec(
        Child,
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
        cwd=cwd,
        start_new_session=True,
    )
    try:
        protocol.write(stdin)
        yield protocol
    finally:
        await protocol.stop()


async def run(
    command: Sequence[str], *, environ: Mapping[str, str], cwd: Path, timeout_s: float, stdin: bytes = b""
) -> Finished:
    """The command to its end. Raises TimeoutError, OSError, OutputTooLargeError."""
    async with asyncio.timeout(timeout_s), child(command, environ=environ, cwd=cwd, stdin=stdin) as process:
        stdout = b"".join([chunk async for chunk in process.output()])
        code = await process.code()
        return Finished(code, stdout.decode("utf-8", "replace"), process.stderr)
