"""The processes that are measured: started in a clean environment, spoken to, weighed, and ended by their id."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).resolve().parent
LIMIT_S = 60.0  # a child that is silent for so long is ended, and the bench with it
REST_S = 3.0  # much is loaded behind the first answers
BUSY_S = 120.0  # a busy loop ends by itself when nobody ends it
CLOSED_PORT = "http://127.0.0.1:1"
ENVELOPE: dict[str, Any] = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}
Message = dict[str, Any]


def product(*arguments: str) -> list[str]:
    """The installed `llm-router` beside this interpreter; without one, the package as a module."""
    script = Path(sys.executable).with_name("llm-router")
    program = [str(script)] if script.is_file() else [sys.executable, "-m", "llm_router"]
    return [*program, *arguments]


def bare_server() -> list[str]:
    return [sys.executable, str(HERE / "bare_server.py")]


def bare_interpreter() -> list[str]:
    return [sys.executable, "-c", "pass"]


def clean_environ(home: Path) -> dict[str, str]:
    """No key, proxy, client or configuration of whoever runs this; no Ollama either, should one be running here."""
    (home / "bin").mkdir(parents=True)
    return {
        "HOME": str(home),
        "PATH": str(home / "bin"),
        "LANG": "C.UTF-8",
        "LLM_ROUTER_HOME": str(home / "router"),
        "OLLAMA_HOST": CLOSED_PORT,
    }


def request(number: int, method: str, params: Mapping[str, Any] | None = None) -> Message:
    message: Message = {"jsonrpc": "2.0", "id": number, "method": method}
    return message if params is None else message | {"params": params}


def opening_by_handshake() -> list[Message]:
    """What a client of the revisions up to 2025-11-25 sends; the last one is the request that is waited for."""
    client = {"name": "bench", "version": "1"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    return [
        request(1, "initialize", hello),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request(2, "tools/list"),
    ]


def opening_by_discovery() -> list[Message]:
    """Likewise of revision 2026-07-28, which has no handshake."""
    return [request(1, "server/discover", ENVELOPE), request(2, "tools/list", ENVELOPE)]


class Child:
    """A process that reads and writes JSON lines. Its stderr is kept for when it breaks."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | (environ or {}),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._read = b""
        self._number = 100

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, messages: Sequence[Message]) -> None:
        """All of them at once, as one write."""
        self._stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
        self._stdin.flush()

    def line(self) -> bytes:
        source = self._stdout.fileno()
        while b"\n" not in self._read:
            if not select.select([source], [], [], LIMIT_S)[0]:
                raise TimeoutError(f"{self._process.args!r} was silent for {LIMIT_S:.0f} s")
            if not (piece := os.read(source, 1 << 16)):
                self._errors.seek(0)
                said = self._errors.read().decode(errors="replace").strip()
                raise ChildProcessError(f"{self._process.args!r} ended before it answered: {said[-2000:]}")
            self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        return line

    def answer(self, number: int) -> Message:
        """The answer to this request; notifications and other answers before it are skipped."""
        while (message := json.loads(self.line())).get("id") != number:
            pass
        return message

    def open(self, opening: Sequence[Message]) -> Message:
        self.send(opening)
        return self.answer(opening[-1]["id"])

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Message:
        """One tool call; raises where it failed, because a failure's duration is no figure."""
        self._number += 1
        self.send([request(self._number, "tools/call", {"name": tool, "arguments": arguments})])
        answer = self.answer(self._number)
        if "error" in answer or answer["result"].get("isError"):
            raise ChildProcessError(f"{tool} failed: {json.dumps(answer)[:2000]}")
        return answer["result"]

    def close(self) -> None:
        """EOF; who does not end then is killed."""
        with suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_ms(command: Sequence[str]) -> float:
    """Milliseconds from spawn to exit."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=LIMIT_S)
    return (time.perf_counter() - begun) * 1000


def opening_ms(command: Sequence[str], opening: Sequence[Message]) -> float:
    """Milliseconds from spawn until the last of the opening requests is answered; they are written at once."""
    begun = time.perf_counter()
    with Child(command) as child:
        child.open(opening)
        return (time.perf_counter() - begun) * 1000


@contextmanager
def busy_cores() -> Generator[None]:
    """A busy loop of normal priority for each core."""
    loop = f"import time\nend = time.monotonic() + {BUSY_S}\nwhile time.monotonic() < end: pass"
    loops = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for each in loops:
            each.kill()
            each.wait()


def at_rest_mb(pid: int) -> tuple[float, float]:
    """Resident and proportional size in MB (10^6 bytes) of a process that has not grown for REST_S."""
    limit = time.monotonic() + LIMIT_S
    since, heaviest = time.monotonic(), 0.0
    while True:
        resident, proportional = _memory_mb(pid)
        now = time.monotonic()
        if resident > heaviest:
            since, heaviest = now, resident
        if now - since > REST_S or now > limit:
            return resident, proportional
        time.sleep(0.2)


def _memory_mb(pid: int) -> tuple[float, float]:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        raise NotImplementedError(
            "memory is read from /proc/PID/smaps_rollup, which this system does not have"
        ) from None
    kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    return kib["Rss"] * 1024 / 1e6, kib["Pss"] * 1024 / 1e6
