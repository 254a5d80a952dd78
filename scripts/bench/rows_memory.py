"""How much memory a server holds at rest: when a client has listed its tools and used one, by what its user has set up,
and after an answer of a model.
"""

from __future__ import annotations

from collections.abc import Iterator

from figures import Row, Target, say
from processes import REST_S, Child, at_rest_mb, bare_server, opening_by_handshake, product
from upstreams import VENDORS, Upstream

LOCAL = ("OLLAMA", "LMSTUDIO", "VLLM", "LLAMACPP")
IDLE = Target(80, "median")
Weight = tuple[float, float]


def rows(rounds: int | None) -> Iterator[Row]:
    rounds = rounds or 2
    say(f"memory: {rounds} servers of each kind, each until it has not grown for {REST_S:.0f} s")
    idle: list[Weight] = []
    set_up: dict[str, list[Weight]] = {"keys": [], "all": []}
    bare: list[Weight] = []
    asked: dict[str, list[Weight]] = {vendor: [] for vendor in VENDORS}
    with Upstream() as upstream:
        for _ in range(rounds):
            idle.append(_weigh(product("mcp"), "llm_classify", {}))
            bare.append(_weigh(bare_server(), "llm_classify", {}))
            everything = upstream.environ()
            keys = {name: value for name, value in everything.items() if not name.startswith(LOCAL)}
            for name, environ in (("keys", keys), ("all", everything)):
                set_up[name].append(_weigh(product("mcp"), "llm_classify", environ))
            for vendor, weights in asked.items():
                weights.append(_weigh(product("mcp"), "llm_query", upstream.environ(vendor)))
    floor = "a server of the bare SDK with the same tools, same calls"
    for number, (name, meaning) in enumerate((("rss", "resident"), ("pss", "proportional"))):
        ours, floors = [w[number] for w in idle], [w[number] for w in bare]
        target = IDLE if name == "rss" else None
        yield Row(
            f"memory-{name}", f"server idle, no provider ({meaning})", "MB", ours, floor, floors, target
        )
    for name, what in (("keys", "the keys of all vendors"), ("all", "all keys, Ollama and others running")):
        ours, floors = [w[0] for w in set_up[name]], [w[0] for w in bare]
        yield Row(f"memory-{name}", f"the same, {what} (resident)", "MB", ours, floor, floors, IDLE)
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
        return at_rest_mb(server.pid)
