"""How much memory a server holds: when a client has listed its tools and used one, and after an answer of a model."""

from __future__ import annotations

import time
from collections.abc import Iterator

from figures import Row, Target, say
from processes import Child, bare_server, memory_mb, opening_by_handshake, product
from upstreams import VENDORS, Upstream

SETTLE_S = 2.0  # the SDK and the application are loaded behind the first answers
Weight = tuple[float, float]


def rows(rounds: int | None) -> Iterator[Row]:
    rounds = rounds or 2
    say(f"memory: {rounds} servers of each kind, {SETTLE_S:.0f} s of rest each")
    idle: list[Weight] = []
    bare: list[Weight] = []
    asked: dict[str, list[Weight]] = {vendor: [] for vendor in VENDORS}
    with Upstream() as upstream:
        for _ in range(rounds):
            idle.append(_weigh(product("mcp"), "llm_classify", {}))
            bare.append(_weigh(bare_server(), "llm_classify", {}))
            for vendor, weights in asked.items():
                weights.append(_weigh(product("mcp"), "llm_query", upstream.environ(vendor)))
    floor = "a server of the bare SDK with the same tools, same calls"
    for number, (name, meaning) in enumerate((("rss", "resident"), ("pss", "proportional"))):
        ours, floors = [w[number] for w in idle], [w[number] for w in bare]
        target = Target(80, "median") if name == "rss" else None
        yield Row(
            f"memory-{name}", f"server idle, after a call ({meaning})", "MB", ours, floor, floors, target
        )
    for vendor, weights in asked.items():
        yield Row(
            f"memory-{vendor}",
            f"the same, after an `llm_query` ({vendor}; resident)",
            "MB",
            [w[0] for w in weights],
            floor,
            [w[0] for w in bare],
            note=f"the {vendor} SDK is loaded now",
        )


def _weigh(command: list[str], tool: str, environ: dict[str, str]) -> Weight:
    with Child(command, environ) as server:
        server.open(opening_by_handshake())
        server.call(tool, {"prompt": "what is a semaphore?"})
        time.sleep(SETTLE_S)
        weight = memory_mb(server.pid)
    if weight is None:
        raise NotImplementedError(
            "memory is read from /proc/PID/smaps_rollup, which this system does not have"
        )
    return weight
