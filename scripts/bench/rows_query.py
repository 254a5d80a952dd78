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
            yield from _query(vendor, upstream, rounds)
    say(f"call: {rounds} calls of each")
    yield _call(rounds)


def _query(vendor: str, upstream: Upstream, rounds: int) -> Iterator[Row]:
    """The target is held against the plain call: that is what a user would write for a whole answer, and whatever
    we do differently below (we stream) is ours to pay.
    """
    with Child(product("mcp"), upstream.environ(vendor)) as server:
        server.open(opening_by_handshake())
        answer = server.call("llm_query", _ARGUMENTS)["structuredContent"]
        if not answer["model"].startswith(f"{vendor}/"):
            raise ChildProcessError(f"{vendor} was to answer, and {answer['model']} did")
        with upstream.alone(vendor) as alone:
            for floor in (alone.plain, alone.streamed):
                _same(answer["answer"], floor())
            measures = {
                "ours": lambda: timed(lambda: server.call("llm_query", _ARGUMENTS)),
                "plain": lambda: timed(alone.plain),
                "streamed": lambda: timed(alone.streamed),
            }
            samples = in_turns(rounds, measures, warm_up=_WARM_UP)
    ours, what = samples["ours"], f"`llm_query` over stdio, {vendor} SDK below"
    floor = f"the same request by the {vendor} SDK alone"
    yield Row(f"query-{vendor}", what, "ms", ours, floor, samples["plain"], Target(5, "difference"))
    streaming = samples["streamed"]
    yield Row(
        f"query-{vendor}-streamed",
        "the same against a streamed call",
        "ms",
        ours,
        f"{floor}, streamed to its end",
        streaming,
    )


def _same(ours: str, floor: str) -> None:
    """A floor that does less than we do is no floor."""
    if not floor.strip() or floor.strip() != ours.strip():
        raise ChildProcessError(f"the SDK alone answered {floor!r}, the tool {ours!r}")


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
