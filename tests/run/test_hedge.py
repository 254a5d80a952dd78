"""A second model beside a slow one: who speaks first answers, both are booked, and a share bounds how often."""

import asyncio
import dataclasses
import json
from contextlib import aclosing, asynccontextmanager

import pytest
from msgspec.structs import replace

from llm_router.app import App
from llm_router.dialects import inbound
from llm_router.errors import UpstreamError
from llm_router.nouns import Billing, Chosen, Chunk, Complexity, Failed, FailureKind, TextDelta, Trying
from llm_router.run import Hedging
from llm_router.run.hedge import MOST_SAVED, UNSTREAMED
from llm_router.run.relay import Relay
from tests.run.scripted_upstream import upstream
from tests.run.test_attempts import GOOD, Books, Scripted, a_run, collect, failure, outcomes, piece

SLOW = ["pause", *GOOD]  # 0.1 s
SLOWER = ["pause", "pause", "pause", *GOOD]
HANGS = ["hang"]


def hedged(*providers, after_s=0.03, stream=True, **fields):
    run, books = a_run(*providers, stream=stream, **fields)
    run.means = dataclasses.replace(run.means, hedging=Hedging(after_s))
    return run, books


def told(events):
    """The events but for the words, which are joined."""
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    named = [e for e in events if not isinstance(e, TextDelta)]
    return said, [
        (type(e).__name__, e.attempt.provider if isinstance(e, Failed) else e.candidate.model.provider)
        for e in named
    ]


async def test_who_is_slow_is_given_up_when_the_next_speaks_first():
    first, second = Scripted("a", HANGS), Scripted("b", GOOD)
    run, books = hedged(first, second)
    said, others = told(await collect(run))
    assert said == "hello"
    assert others == [("Trying", "a"), ("Trying", "b"), ("Chosen", "b")]
    assert outcomes(run) == [("a", "cancelled"), ("b", "ok")]
    assert run.attempts[0].detail == "given up: b/m was faster"
    assert run.answer.text == "hello"
    assert first.cancelled == 1
    assert books.reserved == ["a", "b"]
    assert sorted(books.settled) == [("a", "r1", 0), ("b", "r2", 4)]
    assert ("a", FailureKind.TIMEOUT) not in books.health


async def test_who_speaks_in_time_is_the_only_one_asked():
    second = Scripted("b", GOOD)
    run, _ = hedged(Scripted("a", GOOD), second)
    assert told(await collect(run)) == ("hello", [("Trying", "a")])
    assert second.calls == 0


async def test_the_first_may_still_win():
    second = Scripted("b", HANGS)
    run, books = hedged(Scripted("a", SLOW), second)
    said, others = told(await collect(run))
    assert (said, others) == ("hello", [("Trying", "a"), ("Trying", "b"), ("Chosen", "a")])
    assert outcomes(run) == [("b", "cancelled"), ("a", "ok")]
    assert second.cancelled == 1
    assert sorted(books.settled) == [("a", "r1", 4), ("b", "r2", 0)]


async def test_of_two_who_speak_only_one_is_heard():
    run, _ = hedged(Scripted("a", SLOW), Scripted("b", SLOW), after_s=0.0)
    said, others = told(await collect(run))
    assert said == "hello"
    assert [name for name, _ in others] == ["Trying", "Trying", "Chosen"]
    assert sorted(outcome for _, outcome in outcomes(run)) == ["cancelled", "ok"]


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_comes_whole_is_raced_for_too(stream):
    run, _ = hedged(Scripted("a", HANGS), Scripted("b", GOOD), after_s=0.02, stream=stream)
    await collect(run)
    assert run.answer.text == "hello"
    assert outcomes(run) == [("a", "cancelled"), ("b", "ok")]


async def test_where_the_second_fails_the_first_goes_on_alone():
    run, _ = hedged(Scripted("a", SLOW), Scripted("b", failure(FailureKind.OVERLOADED)))
    said, others = told(await collect(run))
    assert said == "hello"
    assert others == [("Trying", "a"), ("Trying", "b"), ("Failed", "b"), ("Chosen", "a")]
    assert outcomes(run) == [("b", "overloaded"), ("a", "ok")]


async def test_where_the_first_fails_meanwhile_the_second_is_under_way_already():
    second = Scripted("b", SLOWER)
    run, _ = hedged(Scripted("a", ["pause", failure(FailureKind.CONNECTION)]), second)
    said, others = told(await collect(run))
    assert (said, second.calls) == ("hello", 1)
    assert others == [("Trying", "a"), ("Trying", "b"), ("Failed", "a"), ("Chosen", "b")]
    assert outcomes(run) == [("a", "connection"), ("b", "ok")]


async def test_where_both_fail_the_rest_is_asked():
    run, _ = hedged(
        Scripted("a", ["pause", failure(FailureKind.CONNECTION)]),
        Scripted("b", failure(FailureKind.OVERLOADED)),
        Scripted("c", GOOD),
    )
    said, others = told(await collect(run))
    assert said == "hello"
    assert [name for name, _ in others].count("Failed") == 2
    assert outcomes(run) == [("b", "overloaded"), ("a", "connection"), ("c", "ok")]


async def test_what_nobody_would_do_better_ends_both():
    first = Scripted("a", HANGS)
    run, _ = hedged(first, Scripted("b", failure(FailureKind.BAD_REQUEST)), Scripted("c", GOOD))
    with pytest.raises(UpstreamError) as raised:
        await collect(run)
    assert raised.value.kind is FailureKind.BAD_REQUEST
    assert first.cancelled == 1
    assert outcomes(run) == [("b", "bad_request"), ("a", "cancelled")]


async def test_a_stream_that_breaks_after_it_was_chosen_is_no_success():
    run, _ = hedged(Scripted("a", HANGS), Scripted("b", [piece("hel"), failure(FailureKind.CONNECTION)]))
    with pytest.raises(UpstreamError):
        await collect(run)
    assert outcomes(run) == [("a", "cancelled"), ("b", "connection")]


async def test_budgets_hold_for_both():
    run, books = hedged(Scripted("a", SLOW), Scripted("b", GOOD), books=Books(refuse=("b",)))
    said, _ = told(await collect(run))
    assert said == "hello"
    assert outcomes(run) == [("b", "budget"), ("a", "ok")]
    assert books.reserved == ["a"]


@pytest.mark.parametrize(("most", "asked"), [(1_999, False), (2_000, True)])
async def test_both_together_stay_within_the_callers_maximum(most, asked):
    second = Scripted("b", GOOD)  # each costs 1,000 at most
    run, _ = hedged(Scripted("a", SLOW), second)
    run.request = replace(run.request, max_cost=most)
    await collect(run)
    assert bool(second.calls) is asked


async def test_a_caller_who_leaves_ends_both():
    first, second = Scripted("a", HANGS), Scripted("b", HANGS)
    run, books = hedged(first, second)

    async def listen():
        async with aclosing(run.events()) as events:
            async for _ in events:
                pass

    listening = asyncio.create_task(listen())
    await asyncio.wait_for(second.called.wait(), 5)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert (first.cancelled, second.cancelled) == (1, 1)
    assert sorted(outcomes(run)) == [("a", "cancelled"), ("b", "cancelled")]
    assert len(books.settled) == 2


async def test_no_more_than_a_share_of_the_calls_is_hedged():
    hedging, hedges = Hedging(0.0), 0
    for _ in range(60):
        second = Scripted("b", GOOD)
        run, _ = a_run(Scripted("a", SLOW[:1] + GOOD), second, stream=True)
        run.means = dataclasses.replace(run.means, hedging=hedging)
        await collect(run)
        hedges += second.calls
    assert 6 <= hedges <= 8
    assert hedging._saved <= MOST_SAVED


async def test_who_may_be_slow_has_more_time():
    run, _ = a_run(Scripted("a", GOOD), Scripted("b", GOOD), stream=True)
    candidate = run.plan.candidates[0]
    local = replace(candidate, model=replace(candidate.model, billing=Billing.LOCAL))
    assert Hedging(3.0).wait_s(run, candidate) == 3.0
    assert Hedging(3.0).wait_s(run, local) == 6.0
    run.request = replace(run.request, stream=False)
    assert Hedging(3.0).wait_s(run, candidate) == 3.0 * UNSTREAMED


async def test_a_named_model_is_the_only_one_ever():
    run, _ = hedged(Scripted("a", SLOW), explicit=True)
    events = await collect(run)
    assert [type(e) for e in events if not isinstance(e, TextDelta)] == [Trying]
    assert not any(isinstance(e, Chosen) for e in events)


SAID = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'
END = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@asynccontextmanager
async def relaying(tmp_path, first, second):
    """The events of a relayed stream through two upstreams, hedged, and its relay."""
    async with upstream(*first) as (own, _), upstream(*second) as (other, _):
        chain = ", ".join(f"{level}: [own/m, other/m]" for level in Complexity)
        (tmp_path / "config.yaml").write_text(
            f"routing: {{hedge_seconds: 0.02, chains: {{{chain}}}}}\n"
            f"providers: {{own: {{base_url: '{own}', models: [m]}}, other: {{base_url: '{other}', models: [m]}}}}\n"
        )
        app = App.build(root=tmp_path, cwd=tmp_path, environ={"PATH": "/nonexistent"}, relays=True)
        speaks = inbound.get("openai_chat")
        body = {"model": "auto", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        relay = Relay(speaks, {})
        async with aclosing(app.router.stream(speaks.sketch(json.dumps(body).encode()), relay)) as events:
            yield events, relay
        await app.aclose()


async def test_an_answer_that_comes_all_at_once_is_the_one_and_is_recorded_last(tmp_path):
    async with relaying(tmp_path, [30.0], [SAID + END]) as (events, _):
        heard = [event async for event in events]
    assert b"".join(event.data for event in heard if isinstance(event, Chunk)) == SAID + END
    assert [(a.provider, str(a.outcome)) for a in heard[-1].reply.decision.attempts] == [
        ("own", "cancelled"),
        ("other", "ok"),
    ]
    assert [type(e) for e in heard[1:4]] == [Trying, Trying, Chosen]


async def test_a_stream_that_is_stopped_ends_as_one_in_the_words_of_who_was_chosen(tmp_path):
    stopping, tried = UpstreamError(FailureKind.CANCELLED, "it stops"), []
    async with relaying(tmp_path, [0.2, SAID, 30.0], [30.0]) as (events, relay):
        async for event in events:
            if isinstance(event, Trying):
                tried.append(event.candidate.model.ref)
                assert relay.broken_off(stopping) == b""
            if isinstance(event, Chunk):
                assert event.data == SAID
                break
    assert tried == ["own/m", "other/m"]
    assert b"it stops" in relay.broken_off(stopping)
