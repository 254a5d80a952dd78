"""The gateway under load, routing, ledger and budgets on, against what Python allows, measured in turns.

CPU is that of the whole process, from /proc: of all these figures it is the one that a busy machine disturbs least.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from figures import Row, Target, percentile, say
from load import Load, load
from processes import HERE, at_rest_mb, product
from upstreams import Upstream

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 10.0
START_LIMIT_S = 60.0
SMALL = {
    "model": "bench/tiny",
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "Hello, how are you?"}],
}
_LINE = 'def merge(left: str, right: str = "→") -> dict[str, int]:\n\treturn {"n": 1}  # a line like those of a listing\n'
_CONFIG = """
providers:
  bench: {{base_url: "http://127.0.0.1:{port}/v1", api_key: none, dialect: openai_chat, models: [tiny, tiny-500]}}
  anthropic: {{base_url: "http://127.0.0.1:{port}", api_key: none}}
prices:
  bench/tiny: {{input_per_million: 1, output_per_million: 2}}
  bench/tiny-500: {{input_per_million: 1, output_per_million: 2}}
budget: {{daily: 100000, monthly: 1000000}}
"""


def large() -> dict[str, object]:
    """As large as a coding agent's request: a long system prompt, many tools, a conversation with listings."""
    tools = [
        {
            "name": f"tool_{n}",
            "description": _LINE * 12,
            "input_schema": {
                "type": "object",
                "properties": {f"field_{i}": {"type": "string"} for i in range(6)},
            },
        }
        for n in range(24)
    ]
    turns = [
        {"role": ("user", "assistant")[n % 2], "content": [{"type": "text", "text": _LINE * 30}]}
        for n in range(28)
    ]
    turns.append(
        {"role": "user", "content": [{"type": "text", "text": "Continue, and run the tests again."}]}
    )
    return SMALL | {"system": [{"type": "text", "text": _LINE * 150}], "tools": tools, "messages": turns}


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of load; `anthropic` is sent to an upstream of the caller's own dialect."""

    name: str
    what: str
    body: Mapping[str, object]
    at_once: int
    count: int

    @property
    def expect(self) -> bytes:
        return b"message_stop" if self.body.get("stream") else b'"end_turn"'


class Service:
    """A process that listens: ours, a floor, or the upstream."""

    def __init__(
        self, command: Sequence[str], port: int | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        begun = time.perf_counter()
        self._child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **(environ or {})}
        )
        self.pid = self._child.pid
        self.port = port or int((self._child.stdout or sys.stdin.buffer).readline())
        self.path = "/v1/messages"
        self._wait(begun)

    def _wait(self, begun: float) -> None:
        while time.perf_counter() - begun < START_LIMIT_S:
            if self._child.poll() is not None:
                raise ChildProcessError("it ended before it answered")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.005)
            else:
                return
        raise TimeoutError("it did not start")

    def answer(self, body: Mapping[str, object]) -> None:
        url = f"http://127.0.0.1:{self.port}{self.path}"
        asked = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
        urllib.request.urlopen(asked, timeout=START_LIMIT_S).read()

    def cpu_ms(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_MS

    def load(self, work: Work) -> tuple[Load, float]:
        """What came of it, and the CPU of one request in milliseconds."""
        before = self.cpu_ms()
        body = json.dumps(work.body, ensure_ascii=False).encode()
        told = load(self.port, self.path, body, at_once=work.at_once, count=work.count, expect=work.expect)
        return told, (self.cpu_ms() - before) / work.count

    def close(self) -> None:
        self._child.terminate()
        self._child.wait(START_LIMIT_S)


def rows(rounds: int | None) -> Iterator[Row]:
    if not Path("/proc/self/smaps_rollup").exists():
        raise NotImplementedError("CPU and memory are read from /proc")
    rounds = rounds or 5
    with ExitStack() as running, tempfile.TemporaryDirectory(prefix="llm-router-bench-") as folder:

        def start(service: Service) -> Service:
            running.callback(service.close)
            return service

        upstream = start(Service([sys.executable, str(HERE / "gateway_upstream.py")]))
        floors = {
            mode: start(
                Service(
                    [
                        sys.executable,
                        str(HERE / "gateway_floor.py"),
                        mode,
                        f"http://127.0.0.1:{upstream.port}",
                    ]
                )
            )
            for mode in ("translate", "pass")
        }
        home = Path(folder)
        (home / "config.yaml").write_text(_CONFIG.format(port=upstream.port))
        yield _start(home, rounds)
        yield from _memory(home)
        ours = start(_ours(home))
        yield from _translated(ours, floors["translate"], rounds)
        yield _passed(ours, floors["pass"], rounds)


def _ours(home: Path, environ: Mapping[str, str] = MappingProxyType({})) -> Service:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {**environ, "LLM_ROUTER_HOME": str(home)}
    return Service(product("serve", "--quiet", "--port", str(port)), port, environ)


def _start(home: Path, rounds: int) -> Row:
    say(f"gateway-start: {rounds} starts")
    samples: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        service = _ours(home)
        service.answer(SMALL)
        samples.append((time.perf_counter() - begun) * 1000)
        service.close()
    return Row(
        "gateway-start",
        "from the start of the process to its first answer",
        "ms",
        samples,
        target=Target(600, "median"),
    )


_STREAMED = {"stream": True}
_FIRST = lambda told: sorted(told.first)[len(told.first) // 2]  # noqa: E731
_MEDIAN = lambda told: sorted(told.whole)[len(told.whole) // 2]  # noqa: E731
_P99 = lambda told: percentile(told.whole, 0.99)  # noqa: E731
Figure = Callable[[Load], float]


def _translated(ours: Service, floor: Service, rounds: int) -> Iterator[Row]:
    """From Anthropic's dialect to Chat Completions."""
    many = SMALL | _STREAMED | {"model": "bench/tiny-500"}
    works: list[tuple[Work, float, Sequence[tuple[str, str, Figure, Target]]]] = [
        (
            Work("small-1", "a small request, one at a time", SMALL, 1, 300),
            0.2,
            [("p50", "ms", _MEDIAN, Target(0.4, "difference"))],
        ),
        (
            Work("small-16", "a small request, 16 at a time", SMALL, 16, 1500),
            0.2,
            [("p99", "ms", _P99, Target(10, "median"))],
        ),
        (
            Work("small-64", "a small request, 64 at a time", SMALL, 64, 1500),
            0.2,
            [("p99", "ms", _P99, Target(35, "median"))],
        ),
        (
            Work("large-16", "a coding agent's request, 16 at a time", large(), 16, 200),
            1.5,
            [("p99", "ms", _P99, Target(100, "median"))],
        ),
        (
            Work("first-small", "the first token of a small request", SMALL | _STREAMED, 1, 200),
            0.3,
            [("first", "ms", _FIRST, Target(0.7, "difference"))],
        ),
        (
            Work("first-large", "the first token of a coding agent's request", large() | _STREAMED, 1, 100),
            1.8,
            [("first", "ms", _FIRST, Target(1.8, "difference"))],
        ),
        (Work("stream-500", "a stream of 500 pieces", many, 4, 80), 8, []),
    ]
    for work, cpu, figures in works:
        say(f"gateway-{work.name}: {rounds} rounds of {work.count}")
        told = _in_turns({"ours": ours, "floor": floor}, work, rounds)
        yield _row(
            work,
            "cpu",
            "ms",
            [c for _, c in told["ours"]],
            [c for _, c in told["floor"]],
            Target(cpu, "median"),
        )
        for name, unit, figure, target in figures:
            samples = {who: [figure(each) for each, _ in those] for who, those in told.items()}
            yield _row(work, name, unit, samples["ours"], samples["floor"], target)
        rates = {who: [work.count / each.seconds for each, _ in those] for who, those in told.items()}
        yield _row(work, "rate", "1/s", rates["ours"], rates["floor"], None)


def _passed(ours: Service, floor: Service, rounds: int) -> Row:
    body = SMALL | _STREAMED | {"model": "anthropic/claude-haiku-4-5"}
    work = Work("pass", "the same dialect in and out, streamed", body, 16, 800)
    say(f"gateway-{work.name}: {rounds} rounds of {work.count}")
    told = _in_turns({"ours": ours, "floor": floor}, work, rounds)
    row = _row(work, "cpu", "ms", [c for _, c in told["ours"]], [c for _, c in told["floor"]], None)
    ratio = row.ratio or 0.0
    return Row(
        row.name,
        row.what,
        row.unit,
        row.samples,
        row.floor,
        row.floor_samples,
        held=("1.3 x floor", ratio <= 1.3),
    )


def _memory(home: Path) -> Iterator[Row]:
    """At rest, resident: just started, with everything set up, and after work."""
    say("gateway-memory: 10,000 small and 500 large requests")
    with Upstream() as upstream, closing(_ours(home, upstream.environ())) as ours:
        yield _weighed(
            "gateway-memory-all", "the gateway idle, all keys, Ollama and others running", ours, 80
        )
    with closing(_ours(home)) as ours:
        yield _weighed("gateway-memory-idle", "the gateway idle, one vendor", ours, 80)
        ours.load(Work("", "", SMALL, 16, 10_000))
        ours.load(Work("", "", large(), 16, 500))
        yield _weighed("gateway-memory", "the same after 10,000 small and 500 large requests", ours, 100)


def _weighed(name: str, what: str, ours: Service, at_most: float) -> Row:
    return Row(name, what, "MB", [at_rest_mb(ours.pid)[0]], target=Target(at_most, "median"))


def _in_turns(
    services: Mapping[str, Service], work: Work, rounds: int
) -> dict[str, list[tuple[Load, float]]]:
    told: dict[str, list[tuple[Load, float]]] = {name: [] for name in services}
    for service in services.values():
        service.load(Work(work.name, work.what, work.body, work.at_once, max(work.at_once, work.count // 10)))
    for number in range(rounds):
        for name in sorted(services, reverse=bool(number % 2)):
            told[name].append(services[name].load(work))
    return told


def _row(
    work: Work, figure: str, unit: str, ours: Sequence[float], floor: Sequence[float], target: Target | None
) -> Row:
    said = {
        "cpu": "CPU of one",
        "p50": "median",
        "p99": "99 of 100 within",
        "first": "time to it",
        "rate": "per second",
    }
    bare = "uvicorn and aiohttp alone" if work.name == "pass" else "the same with a bare translation"
    return Row(
        f"gateway-{work.name}-{figure}", f"{work.what}: {said[figure]}", unit, ours, bare, floor, target
    )
