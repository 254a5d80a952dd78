"""One owner of retries: what a failure means, deadlines, the commit of a stream, money and breakers on every way out."""

import asyncio
import time
from contextlib import aclosing

import pytest
from msgspec.structs import replace

from llm_router.errors import AllFailedError, BudgetError, CredentialsError, RouterError, UpstreamError
from llm_router.nouns import (
    Billing,
    Candidate,
    Failed,
    FailureKind,
    Model,
    Plan,
    TextDelta,
    Thinking,
    ToolCallDelta,
    Trying,
    Usage,
    ask,
)
from llm_router.plan.health import HealthBook
from llm_router.ports import PROBE, Reservation
from llm_router.run import Means, Run, exchange, tries
from llm_router.run.actions import ACTIONS, Action, wait_before_retry


def piece(text=None, *, finish=None, **delta):
    if text is not None:
        delta["content"] = text
    return {"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


USAGE = {"id": "x", "model": "m", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
GOOD = [piece("hel", role="assistant"), piece("lo"), piece(finish="stop"), USAGE]
EMPTY = [piece(" ", role="assistant"), piece(finish="stop"), USAGE]


class Scripted:
    """A provider that does what it is told: streams of events, errors among them, or "hang"."""

    dialect = "openai_chat"

    def __init__(self, name, *script):
        self.name, self.script, self.calls, self.cancelled = name, list(script), 0, 0
        self.called = asyncio.Event()

    def _next(self):
        self.calls += 1
        self.called.set()
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step

    async def _hang(self):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def stream(self, call):
        step = self._next()
        for event in step if isinstance(step, list) else [step]:
            if isinstance(event, Exception):
                raise event
            if event == "hang":
                await self._hang()
            if event == "pause":  # longer than the limit for a first sign of life
                await asyncio.sleep(0.1)
                continue
            yield event


class Books:
    """Budgets, health and prices that remember what they were told."""

    def __init__(self, refuse=(), cooling=()):
        self.refuse, self.forbidden = refuse, cooling
        self.reserved, self.settled, self.health = [], [], []

    def at_once(self, candidate):
        if candidate.model.provider in self.refuse:
            raise BudgetError("daily budget would break", budget="daily budget")
        self.reserved.append(candidate.model.provider)
        return Reservation(id=f"r{len(self.reserved)}", amount=1000)

    def settle(self, reservation, model, cost):
        self.settled.append((model.provider, reservation.id, cost))

    def cost(self, model, usage):
        return usage.input_tokens + usage.output_tokens

    def enter(self, provider, model):
        from llm_router.ports import HealthState

        return HealthState(provider, model, "open", reason="rested") if provider in self.forbidden else None

    def succeeded(self, provider, model):
        self.health.append((provider, "ok"))

    def failed(self, provider, model, kind, retry_after_s):
        self.health.append((provider, kind))


def a_run(*providers, books=None, stream=False, explicit=False, limit_s=60.0, deadline_s=60.0, contexts=None):
    books = books or Books()
    by_name = {p.name: p for p in providers}
    models = [
        Model(p.name, "m", billing=Billing.METERED, context=(contexts or {}).get(p.name)) for p in providers
    ]
    plan = Plan(tuple(Candidate(m, "because", 10, 1000) for m in models), input_tokens=100)
    means = Means(by_name.__getitem__, books, books, books, deadline_s)
    request = ask("hi", stream=stream)
    return Run(request, plan, limit_s, explicit, means), books


async def collect(run):
    async with aclosing(run.events()) as events:
        return [event async for event in events]


def failure(kind, **fields):
    return UpstreamError(kind, f"it said {kind}", **fields)


def outcomes(run):
    return [(a.provider, str(a.outcome)) for a in run.attempts]


def test_every_failure_has_an_action():
    assert set(ACTIONS) == set(FailureKind)


async def test_the_first_good_answer_ends_the_run():
    first, second = Scripted("a", GOOD), Scripted("b", GOOD)
    run, books = a_run(first, second)
    events = await collect(run)
    assert [type(e) for e in events] == [Trying]
    assert run.answer.text == "hello"
    assert second.calls == 0
    assert books.settled == [("a", "r1", 4)]
    assert books.health == [("a", "ok")]


@pytest.mark.parametrize("kind", [k for k, action in ACTIONS.items() if action is Action.NEXT])
async def test_a_failure_that_others_may_not_share_moves_on_at_once(kind):
    first, second = Scripted("a", failure(kind, retry_after_s=60.0, status=429)), Scripted("b", GOOD)
    run, books = a_run(first, second)
    events = await collect(run)
    assert outcomes(run) == [("a", str(kind)), ("b", "ok")]
    assert [type(e) for e in events] == [Trying, Failed, Trying]
    assert first.calls == 1
    assert ("a", "r1", 0) in books.settled


async def test_a_bad_request_stops_the_chain():
    second = Scripted("b", GOOD)
    run, _ = a_run(Scripted("a", failure(FailureKind.BAD_REQUEST, status=400)), second)
    with pytest.raises(UpstreamError) as caught:
        await collect(run)
    assert caught.value.kind is FailureKind.BAD_REQUEST
    assert second.calls == 0


async def test_a_context_that_does_not_fit_skips_models_with_no_larger_window():
    small, same, large = (
        Scripted("a", failure(FailureKind.CONTEXT_TOO_LONG)),
        Scripted("b", GOOD),
        Scripted("c", GOOD),
    )
    run, _ = a_run(small, same, large, contexts={"a": 1000, "b": 1000, "c": 9000})
    await collect(run)
    assert outcomes(run) == [("a", "context_too_long"), ("c", "ok")]


async def test_who_leads_back_here_is_asked_once_and_then_only_other_providers():
    back, other = Scripted("a", failure(FailureKind.LOOP, status=508)), Scripted("b", GOOD)
    run, _ = a_run(back, other)
    first, last = run.plan.candidates
    also = replace(first, model=replace(first.model, id="m2"))
    run.plan = replace(run.plan, candidates=(first, also, last))
    await collect(run)
    assert outcomes(run) == [("a", "loop"), ("b", "ok")]


async def test_who_leads_back_here_is_not_tried_again_where_nobody_else_is_left():
    back = Scripted("a", failure(FailureKind.LOOP, status=508))
    run, _ = a_run(back)
    with pytest.raises(AllFailedError, match="it said loop"):
        await collect(run)
    assert back.calls == 1


async def test_an_empty_answer_is_a_failure_and_what_it_cost_is_kept():
    run, books = a_run(Scripted("a", EMPTY), Scripted("b", GOOD))
    await collect(run)
    assert outcomes(run) == [("a", "empty"), ("b", "ok")]
    assert books.settled[0] == ("a", "r1", 4)


async def test_a_host_that_hangs_loses_only_its_own_limit():
    hanging = Scripted("a", "hang")
    run, books = a_run(hanging, Scripted("b", GOOD), limit_s=0.02)
    await collect(run)
    assert outcomes(run) == [("a", "timeout"), ("b", "ok")]
    assert hanging.cancelled == 1
    assert ("a", FailureKind.TIMEOUT) in books.health


async def test_one_deadline_ends_the_whole_call():
    providers = [Scripted(name, "hang") for name in "abc"]
    run, _ = a_run(*providers, limit_s=9, deadline_s=0.05)
    with pytest.raises(AllFailedError) as caught:
        await collect(run)
    assert {str(a.outcome) for a in caught.value.attempts} == {"timeout"}
    assert run.remaining_s() <= 0.01


async def test_a_deadline_shorter_than_an_attempt_may_take_leaves_time_for_the_others(monkeypatch):
    monkeypatch.setattr(tries, "SHARE", 0.01)  # the rest is for a machine that stands still
    run, _ = a_run(Scripted("a", "hang"), Scripted("b", GOOD), limit_s=90, deadline_s=30)
    await collect(run)
    assert outcomes(run) == [("a", "timeout"), ("b", "ok")]


async def test_the_only_model_is_tried_again_when_its_failure_may_pass():
    run, _ = a_run(Scripted("a", failure(FailureKind.OVERLOADED, retry_after_s=0.0), GOOD))
    await collect(run)
    assert outcomes(run) == [("a", "overloaded"), ("a", "ok")]


async def test_the_only_model_is_not_waited_for_when_it_asks_for_a_minute():
    provider = Scripted("a", failure(FailureKind.RATE_LIMITED, retry_after_s=60.0, status=429))
    run, _ = a_run(provider)
    with pytest.raises(AllFailedError) as caught:
        await collect(run)
    assert provider.calls == 1
    assert caught.value.exit_code == 5
    assert "60 s" in caught.value.fix


def test_retries_are_few_and_waits_short():
    assert wait_before_retry(FailureKind.SERVER_ERROR, 0, None) == 0.5
    assert wait_before_retry(FailureKind.SERVER_ERROR, 2, None) is None
    assert wait_before_retry(FailureKind.AUTH, 0, None) is None


async def test_refused_keys_everywhere_are_a_credentials_error():
    run, _ = a_run(
        Scripted("a", failure(FailureKind.AUTH, status=401)),
        Scripted("b", failure(FailureKind.BILLING, status=402)),
    )
    with pytest.raises(AllFailedError) as caught:
        await collect(run)
    assert caught.value.exit_code == 3
    assert [a.status for a in caught.value.attempts] == [401, 402]


async def test_a_missing_key_is_told_but_does_not_open_a_breaker():
    run, books = a_run(Scripted("a", CredentialsError("no key", fix="export A=")), Scripted("b", GOOD))
    await collect(run)
    assert outcomes(run)[0] == ("a", "auth")
    assert books.health == [("a", FailureKind.CANCELLED), ("b", "ok")]


async def test_a_budget_refusal_moves_on_to_what_still_fits():
    run, _ = a_run(Scripted("a", GOOD), Scripted("b", GOOD), books=Books(refuse=("a",)))
    await collect(run)
    assert outcomes(run) == [("a", "budget"), ("b", "ok")]


async def test_when_only_budgets_refuse_the_error_is_the_budgets_own():
    run, _ = a_run(Scripted("a", GOOD), Scripted("b", GOOD), books=Books(refuse=("a", "b")))
    with pytest.raises(BudgetError, match="daily budget"):
        await collect(run)


async def test_a_model_that_rests_is_passed_over_but_the_named_one_is_tried():
    run, _ = a_run(Scripted("a", GOOD), Scripted("b", GOOD), books=Books(cooling=("a",)))
    await collect(run)
    assert outcomes(run) == [("a", "cooling"), ("b", "ok")]
    run, _ = a_run(Scripted("a", GOOD), books=Books(cooling=("a",)), explicit=True)
    await collect(run)
    assert outcomes(run) == [("a", "ok")]


class Resting(Books):
    """Books over a real breaker, which "a" has opened and which waits for its one probe."""

    def __init__(self, **more):
        super().__init__(**more)
        self.now = 0.0
        self.breakers = HealthBook(None, lambda: self.now)
        self.breakers.failed("a", "m", FailureKind.OVERLOADED, 5.0)
        self.now = 10.0
        self.enter, self.failed = self.breakers.enter, self.breakers.failed


async def test_a_probe_that_never_asked_the_upstream_is_free_for_the_next_call():
    for refused, provider in ((("a",), Scripted("a", GOOD)), ((), Scripted("a", CredentialsError("no key")))):
        books = Resting(refuse=refused)
        run, _ = a_run(provider, Scripted("b", GOOD), books=books)
        await collect(run)
        assert outcomes(run)[1] == ("b", "ok")
        assert books.breakers.enter("a", "m") is None


async def test_a_cancelled_probe_is_free_for_the_next_call():
    hanging, books = Scripted("a", "hang"), Resting()
    run, _ = a_run(hanging, Scripted("b", GOOD), books=books)
    task = asyncio.create_task(collect(run))
    async with asyncio.timeout(30):
        await hanging.called.wait()
    assert books.breakers.enter("a", "m").state == "half_open"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert books.breakers.enter("a", "m") is None


async def test_who_was_cut_short_by_the_callers_deadline_is_not_called_ill():
    for script in ("hang", [piece("hel"), "hang"]):
        run, books = a_run(Scripted("a", script), limit_s=9, deadline_s=0.05)
        with pytest.raises(AllFailedError):
            await collect(run)
        assert outcomes(run) == [("a", "timeout")]
        assert books.health == [("a", FailureKind.CANCELLED)]


async def test_the_maximum_of_a_call_is_for_all_its_attempts_together():
    run, books = a_run(Scripted("a", EMPTY), Scripted("b", GOOD))
    run.request = replace(run.request, max_cost=1003)  # "a" was billed 4, and "b" may cost 1000
    with pytest.raises(AllFailedError, match="maximum"):
        await collect(run)
    assert outcomes(run) == [("a", "empty"), ("b", "budget")]
    assert books.reserved == ["a"]


async def test_what_one_failure_ruled_out_stays_out_after_another():
    long, unable = failure(FailureKind.CONTEXT_TOO_LONG), failure(FailureKind.UNSUPPORTED)
    providers = [Scripted("a", long), Scripted("b", unable), Scripted("c", GOOD), Scripted("d", GOOD)]
    run, _ = a_run(*providers, contexts={"a": 1000, "b": 9000, "c": 1000, "d": 9000})
    await collect(run)
    assert outcomes(run) == [("a", "context_too_long"), ("b", "unsupported"), ("d", "ok")]


async def test_a_defect_in_reading_one_answer_does_not_cost_the_others():
    run, _ = a_run(Scripted("a", [7]), Scripted("b", GOOD))
    await collect(run)
    assert outcomes(run) == [("a", "malformed"), ("b", "ok")]


async def test_before_the_first_real_token_the_next_candidate_serves_and_nothing_of_the_first_is_seen():
    broken = [piece(role="assistant"), piece("  "), failure(FailureKind.CONNECTION)]
    run, _ = a_run(Scripted("a", broken), Scripted("b", GOOD), stream=True)
    events = await collect(run)
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["hel", "lo"]
    assert outcomes(run) == [("a", "connection"), ("b", "ok")]
    assert run.attempts[1].first_token_ms is not None


async def test_after_the_first_token_a_failure_ends_the_stream_and_nothing_is_spliced():
    second = Scripted("b", GOOD)
    run, books = a_run(Scripted("a", [piece("hel"), failure(FailureKind.CONNECTION)]), second, stream=True)
    with pytest.raises(UpstreamError):
        await collect(run)
    assert second.calls == 0
    assert outcomes(run) == [("a", "connection")]
    assert run.attempts[0].usage.estimated
    assert books.settled == [("a", "r1", 101)]  # what was streamed will be billed


def test_what_an_upstream_told_before_it_broke_stands_above_the_estimate():
    told = Usage(9_000, 1, cache_read_tokens=8_000, cache_write_tokens=900)
    assert exchange.estimated(12_000, 400, told) == Usage(9_000, 100, 8_000, 900, estimated=True)
    assert exchange.estimated(12_000, 400, Usage(0, 0)) == Usage(12_000, 100, estimated=True)
    assert exchange.estimated(12_000, 0, told) is None


async def test_a_caller_who_wants_no_stream_has_seen_nothing_so_another_model_may_serve():
    run, books = a_run(Scripted("a", [piece("hel"), failure(FailureKind.CONNECTION)]), Scripted("b", GOOD))
    await collect(run)
    assert outcomes(run) == [("a", "connection"), ("b", "ok")]
    assert books.settled == [("a", "r1", 101), ("b", "r2", 4)]  # what "a" had said is paid for


async def test_thinking_shows_that_a_model_is_at_work():
    thought = piece(reasoning_content="hmm")
    run, _ = a_run(Scripted("a", [thought, "pause", *GOOD]), Scripted("b", GOOD), stream=True, limit_s=0.05)
    await collect(run)
    assert outcomes(run) == [("a", "ok")]


async def test_a_stream_without_its_end_mark_is_a_failure():
    run, _ = a_run(Scripted("a", [piece("hel")]), stream=True)
    with pytest.raises(UpstreamError) as caught:
        await collect(run)
    assert caught.value.kind is FailureKind.TRUNCATED


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("ending", [failure(FailureKind.TRUNCATED), "hang"], ids=["cut", "silent"])
async def test_trouble_after_the_end_mark_does_not_cost_an_answer_that_is_whole(monkeypatch, ending, stream):
    monkeypatch.setattr(exchange, "FAREWELL_S", 0.02)
    run, books = a_run(Scripted("a", [*GOOD, ending]), Scripted("b", GOOD), stream=stream)
    await collect(run)
    assert outcomes(run) == [("a", "ok")]
    assert run.answer.text == "hello"
    assert books.settled == [("a", "r1", 4)]


async def test_an_end_mark_on_every_piece_says_nothing():
    pieces = [piece("hel", finish="stop"), piece("lo", finish="stop"), failure(FailureKind.TRUNCATED)]
    run, _ = a_run(Scripted("a", pieces), Scripted("b", GOOD))
    await collect(run)
    assert outcomes(run) == [("a", "truncated"), ("b", "ok")]


async def test_an_error_after_an_end_mark_without_an_answer_is_told_as_it_is():
    run, _ = a_run(
        Scripted("a", [piece(finish="stop"), failure(FailureKind.OVERLOADED)]), Scripted("b", GOOD)
    )
    await collect(run)
    assert outcomes(run) == [("a", "overloaded"), ("b", "ok")]


async def test_a_tool_call_commits_a_stream_too():
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    run, _ = a_run(Scripted("a", [piece(tool_calls=[call]), piece(finish="tool_calls")]), stream=True)
    events = await collect(run)
    assert any(isinstance(e, ToolCallDelta) for e in events)
    assert not run.answer.empty


async def test_a_silent_stream_is_given_up_before_the_first_token():
    run, _ = a_run(
        Scripted("a", [piece(role="assistant"), "hang"]),
        Scripted("b", GOOD),
        stream=True,
        limit_s=0.02,
    )
    await collect(run)
    assert outcomes(run) == [("a", "timeout"), ("b", "ok")]


async def test_cancelling_reaches_the_upstream_is_recorded_and_frees_the_money():
    hanging = Scripted("a", "hang")
    run, books = a_run(hanging, Scripted("b", GOOD))
    task = asyncio.create_task(collect(run))
    async with asyncio.timeout(30):
        await hanging.called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert hanging.cancelled == 1
    assert outcomes(run) == [("a", "cancelled")]
    assert books.settled == [("a", "r1", 0)]


async def test_a_consumer_that_leaves_in_the_middle_closes_the_upstream():
    hanging = Scripted("a", [piece("hel"), "hang"])
    run, books = a_run(hanging, stream=True)
    async with aclosing(run.events()) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    assert outcomes(run) == [("a", "cancelled")]
    assert books.settled == [("a", "r1", 101)]


async def test_where_the_upstream_reports_no_usage_both_sides_are_estimated():
    run, _ = a_run(Scripted("a", GOOD[:-1]))
    await collect(run)
    assert run.attempts[0].usage.estimated
    assert run.attempts[0].usage.input_tokens == 100
    assert run.attempts[0].usage.output_tokens > 0


async def test_thinking_is_marked_with_who_spoke_so_that_no_other_vendor_is_sent_it():
    run, _ = a_run(Scripted("a", [piece(reasoning_content="hmm"), *GOOD]))
    await collect(run)
    assert [p.issuer for p in run.answer.parts if isinstance(p, Thinking)] == ["a"]


class Capped(Scripted):
    """Remembers the output limit of the calls it carried."""

    def stream(self, call):
        self.limit = call.payload.get("max_tokens")
        return super().stream(call)


async def test_where_money_was_reserved_the_answer_is_held_to_what_it_pays_for():
    provider = Capped("a", GOOD)
    run, _ = a_run(provider)
    run.plan = Plan((replace(run.plan.candidates[0], max_output=4096),))
    await collect(run)
    assert provider.limit == 4096


async def test_without_a_reservation_no_limit_is_invented():
    provider, books = Capped("a", GOOD), Books()
    books.at_once = lambda _: Reservation()
    run, _ = a_run(provider, books=books)
    run.plan = Plan((replace(run.plan.candidates[0], max_output=4096),))
    await collect(run)
    assert provider.limit is None


class Slow(Books):
    """Books whose database another process holds."""

    def __init__(self, held_s):
        super().__init__()
        self.held_s = held_s

    def at_once(self, _candidate):
        return None

    async def areserve(self, candidate):
        await asyncio.sleep(self.held_s)
        return super().at_once(candidate)


async def test_money_that_must_be_waited_for_is_reserved_like_any_other():
    provider, books = Capped("a", GOOD), Slow(0.01)
    run, _ = a_run(provider, books=books)
    run.plan = Plan((replace(run.plan.candidates[0], max_output=4096),))
    await collect(run)
    assert (books.settled, provider.limit) == ([("a", "r1", 4)], 4096)


async def test_a_call_waits_for_the_budgets_no_longer_than_it_has_time():
    provider, books = Scripted("a", GOOD), Slow(60)
    run, _ = a_run(provider, books=books, deadline_s=0.1)
    with pytest.raises(RouterError, match="budgets could not be checked"):
        await asyncio.wait_for(collect(run), 10)
    assert (provider.calls, outcomes(run)) == (0, [("a", "budget")])
    assert books.health == [("a", FailureKind.CANCELLED)]  # no failure of the upstream's


async def test_who_is_cancelled_while_it_waits_for_the_budgets_owes_nothing():
    provider, books = Scripted("a", GOOD), Slow(60)
    run, _ = a_run(provider, books=books)
    task = asyncio.create_task(collect(run))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (provider.calls, outcomes(run)) == (0, [("a", "cancelled")])
    assert books.settled == [("a", None, 0)]


class Probing(Books):
    """Books of a door whose breaker has to be asked for its probe in a thread."""

    def __init__(self, path):
        super().__init__()
        self.breakers = book = HealthBook(path, aside=True)
        book.failed("a", "m", FailureKind.RATE_LIMITED, None)
        book._clock = lambda: time.time() + 31
        self.enter, self.aenter = book.enter, book.aenter
        self.succeeded, self.failed = book.succeeded, book.failed


async def test_the_one_probe_of_a_breaker_is_waited_for_and_closes_it(tmp_path):
    provider, books = Scripted("a", GOOD), Probing(tmp_path / "router.db")
    assert books.enter("a", "m") is PROBE
    run, _ = a_run(provider, Scripted("b", GOOD), books=books)
    await collect(run)
    assert outcomes(run) == [("a", "ok")]
    assert books.breakers.calm()
    books.breakers.close()


async def test_where_another_has_the_probe_the_next_candidate_is_asked(tmp_path):
    provider, books = Scripted("a", GOOD), Probing(tmp_path / "router.db")
    books.enter = lambda *_: PROBE  # as it was when this call looked
    assert await books.aenter("a", "m") is None
    run, _ = a_run(provider, Scripted("b", GOOD), books=books)
    await collect(run)
    assert outcomes(run) == [("a", "cooling"), ("b", "ok")]
    assert provider.calls == 0
    books.breakers.close()
