"""What a routed call costs beyond the model's own time: `llm_query` over stdio against the bare vendor SDK."""

from __future__ import annotations

from collections.abc import Iterator

from figures import Row, Target, in_turns, say, timed
from processes import Child, bare_server, opening_by_handshake, product
from upstreams import VENDORS, Upstream

PROMPT = "In one sentence: what does a semaphore protect, and from whom?"
_ARGUMENTS = {"prompt": PROMPT}
_WARM_UP = 5


def rows(rounds: int | None) -> Iterator[Row]:
    rounds = rounds or 200
    with Upstream() as upstream:
        for vendor in VENDORS:
            say(f"query-{vendor}: {rounds} calls of each")
            yield _query(vendor, upstream, rounds)
    say(f"call: {rounds} calls of each")
    yield _call(rounds)


def _query(vendor: str, upstream: Upstream, rounds: int) -> Row:
    with Child(product("mcp"), upstream.environ(vendor)) as server:
        server.open(opening_by_handshake())
        answer = server.call("llm_query", _ARGUMENTS)["structuredContent"]
        if not answer["model"].startswith(f"{vendor}/"):
            raise ChildProcessError(f"{vendor} was to answer, and {answer['model']} did")
        same_call = upstream.same_call(vendor)
        measures = {
            "ours": lambda: timed(lambda: server.call("llm_query", _ARGUMENTS)),
            "floor": lambda: timed(same_call),
        }
        samples = in_turns(rounds, measures, warm_up=_WARM_UP)
    return Row(
        f"query-{vendor}",
        f"`llm_query` over stdio, {vendor} SDK below",
        "ms",
        samples["ours"],
        f"the same request by the {vendor} SDK alone",
        samples["floor"],
        Target(5, "difference"),
    )


def _call(rounds: int) -> Row:
    with Child(product("mcp")) as ours, Child(bare_server()) as bare:
        for server in (ours, bare):
            server.open(opening_by_handshake())
        measures = {
            "ours": lambda: timed(lambda: ours.call("llm_classify", _ARGUMENTS)),
            "floor": lambda: timed(lambda: bare.call("llm_classify", _ARGUMENTS)),
        }
        samples = in_turns(rounds, measures, warm_up=_WARM_UP)
    what = "`llm_classify` over stdio: a tool call that asks no model"
    floor = "a tool of a bare SDK server that answers a constant"
    return Row("call", what, "ms", samples["ours"], floor, samples["floor"])
