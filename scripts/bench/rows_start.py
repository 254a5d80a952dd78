"""What a user or a client waits for at the start: the version, and the first list of tools."""

from __future__ import annotations

from collections.abc import Iterator

from figures import Measure, Row, Target, in_turns, say
from processes import (
    bare_interpreter,
    bare_server,
    busy_cores,
    opening_by_discovery,
    opening_by_handshake,
    opening_ms,
    product,
    run_ms,
)

_SDK = "a server of the bare SDK with the same tools, same opening"
_PYTHON = "`python -c pass`"


def version(rounds: int | None) -> Iterator[Row]:
    rounds = rounds or 20
    say(f"version: {rounds} starts of each")
    measures: dict[str, Measure] = {
        "ours": lambda: run_ms(product("--version")),
        "floor": lambda: run_ms(bare_interpreter()),
    }
    samples = in_turns(rounds, measures)
    what, target = "`llm-router --version`, spawn to exit", Target(60, "difference")
    yield Row("version", what, "ms", samples["ours"], _PYTHON, samples["floor"], target)


def idle(rounds: int | None) -> Iterator[Row]:
    rounds = rounds or 12
    say(f"start: {rounds} starts of each server, the machine otherwise idle")
    yield from _openings(rounds, "start", "spawn to `tools/list` answer", 300)


def busy(rounds: int | None) -> Iterator[Row]:
    rounds = rounds or 8
    say(f"start-busy: {rounds} starts of each server, a busy loop on each core")
    with busy_cores():
        yield from _openings(rounds, "start-busy", "the same, every core busy", 1000)


def _openings(rounds: int, name: str, what: str, at_most: float) -> Iterator[Row]:
    measures: dict[str, Measure] = {
        "handshake": lambda: opening_ms(product("mcp"), opening_by_handshake()),
        "sdk": lambda: opening_ms(bare_server(), opening_by_handshake()),
        "discover": lambda: opening_ms(product("mcp"), opening_by_discovery()),
        "sdk-discover": lambda: opening_ms(bare_server(), opening_by_discovery()),
        "python": lambda: run_ms(bare_interpreter()),
    }
    samples = in_turns(rounds, measures)
    ours, target = samples["handshake"], Target(at_most, "median")
    yield Row(name, f"{what}, after initialize", "ms", ours, _SDK, samples["sdk"], target)
    discovered = samples["discover"]
    yield Row(
        f"{name}-discover", f"{what}, after discover", "ms", discovered, _SDK, samples["sdk-discover"], target
    )
    yield Row(f"{name}-python", f"{what}, after initialize", "ms", ours, _PYTHON, samples["python"])
