"""Cheap first, checked, escalated: what is asked next, what is served, what it costs, and that limits hold all the way."""

import asyncio

import pytest
from msgspec.structs import replace
from test_attempts import USAGE, Books, Scripted, failure, outcomes, piece

from llm_router.checks import Check, Verify
from llm_router.errors import AllFailedError
from llm_router.nouns import (
    Assessment,
    Billing,
    Candidate,
    Checking,
    Complexity,
    Failed,
    FailureKind,
    Model,
    Plan,
    Profile,
    Task,
    TextDelta,
    Trying,
    ask,
)
from llm_router.run import Exchange, Means, Run, cascade_for
from llm_router.settings import RoutingSettings

ASSESSED = Assessment(Task.CODE, Complexity.MODERATE, 0.8, 0.4, p_small=0.72, p_mid=0.82, p_frontier=0.9)


async def nobody():
    return ()


def says(text):
    return [piece(text, role="assistant"), piece(finish="stop"), USAGE]


REFUSED, FINE = says("I'm sorry, but I can't help with that."), says("A mutex is a lock.")
TIERS = {"s": "small", "m": "mid", "f": "frontier"}


def a_cascade(
    *providers, verify=None, books=None, stream=False, billing=Billing.METERED, deadline_s=60.0, **fields
):
    """A provider's tier is the first letter of its name. An answer is expected to cost 10 micro-dollars."""
    books, by_name = books or Books(), {p.name: p for p in providers}
    models = [Model(p.name, "m", tier=TIERS[p.name[0]], billing=billing) for p in providers]
    profile, harder = fields.pop("profile", Profile.BALANCED), fields.pop("harder", nobody)
    plan = Plan(tuple(Candidate(m, "because", 10, 1000) for m in models), input_tokens=100, profile=profile)
    request = ask("what is a mutex?", stream=stream, verify=verify, **fields)
    means = Means(by_name.__getitem__, books, books, books, deadline_s)
    checks = cascade_for(request, ASSESSED, RoutingSettings(), harder)
    run = Run(request, plan, 20.0, explicit=False, means=means, examiner=checks)
    return run, checks, books


async def collect(run, checks):
    return [event async for event in (checks.events(run) if checks else run.events())]


async def test_an_answer_that_passes_is_served_and_nobody_else_is_asked():
    cheap, strong = Scripted("s1", FINE), Scripted("f1", FINE)
    run, checks, _ = a_cascade(cheap, strong)
    events = await collect(run, checks)
    assert [type(e) for e in events] == [Trying, Checking]
    assert strong.calls == 0
    (attempt,) = run.attempts
    assert attempt.ok
    assert attempt.verification.accepted
    assert {c.verifier for c in attempt.verification.checks} >= {"refusal", "truncation"}


async def test_an_answer_that_fails_its_checks_goes_to_a_stronger_model_and_not_to_an_equal_one():
    cheap, equal, strong = Scripted("s1", REFUSED), Scripted("s2", FINE), Scripted("m1", FINE)
    run, checks, books = a_cascade(cheap, equal, strong)
    events = await collect(run, checks)
    assert [type(e) for e in events] == [Trying, Checking, Failed, Trying, Checking]
    assert outcomes(run) == [("s1", "rejected"), ("m1", "ok")]
    assert equal.calls == 0
    assert run.answer.text == "A mutex is a lock."
    rejected = run.attempts[0]
    assert "refusal: it declines" in rejected.detail
    assert rejected.verification.p < rejected.verification.needed
    assert books.settled == [("s1", "r1", 4), ("m1", "r2", 4)]  # both answers were paid for
    assert ("s1", "ok") in books.health  # the upstream did its work


async def test_without_a_stronger_model_one_of_the_same_strength_is_asked():
    run, checks, _ = a_cascade(Scripted("s1", REFUSED), Scripted("s2", FINE))
    await collect(run, checks)
    assert outcomes(run) == [("s1", "rejected"), ("s2", "ok")]


async def test_where_the_plan_has_nobody_stronger_the_plan_of_a_harder_request_has():
    strong = Scripted("f1", FINE)

    async def harder():
        return (Candidate(Model("f1", "m", tier="frontier"), "because", 10, 1000),)

    run, checks, _ = a_cascade(Scripted("s1", REFUSED), Scripted("s2", FINE), strong, harder=harder)
    run.plan = replace(run.plan, candidates=run.plan.candidates[:2])
    await collect(run, checks)
    assert outcomes(run) == [("s1", "rejected"), ("f1", "ok")]
    assert "does not pass" in run.plan.candidates[-1].reason


async def test_the_only_model_is_checked_and_served_whatever_is_found():
    run, checks, _ = a_cascade(Scripted("s1", REFUSED))
    await collect(run, checks)
    (attempt,) = run.attempts
    assert attempt.ok
    assert [c.verifier for c in attempt.verification.failed] == ["refusal"]


@pytest.mark.parametrize("kind", [FailureKind.CONTENT_FILTER, FailureKind.AUTH, FailureKind.BAD_REQUEST])
async def test_where_the_stronger_model_fails_the_rejected_answer_is_better_than_none(kind):
    run, checks, _ = a_cascade(Scripted("s1", REFUSED), Scripted("f1", failure(kind)))
    await collect(run, checks)
    assert outcomes(run) == [("s1", "ok"), ("f1", str(kind))]
    assert run.answer.text.startswith("I'm sorry")
    assert run.attempts[0].detail.startswith("served, though its checks failed")


async def test_of_several_rejected_answers_the_likeliest_is_served():
    cut = says("```python\nx = 1")
    run, checks, _ = a_cascade(
        Scripted("s1", cut), Scripted("m1", says("```python\nx = (\n```")), Scripted("f1", cut)
    )
    await collect(run, checks)
    best = max(run.attempts, key=lambda a: a.verification.p)
    assert best.ok
    assert sum(a.ok for a in run.attempts) == 1


async def test_when_nobody_answers_at_all_it_is_an_error_as_ever():
    run, checks, _ = a_cascade(
        Scripted("s1", failure(FailureKind.AUTH)), Scripted("f1", failure(FailureKind.AUTH))
    )
    with pytest.raises(AllFailedError):
        await collect(run, checks)


async def test_a_refused_budget_for_the_stronger_model_serves_what_there_is():
    run, checks, books = a_cascade(Scripted("s1", REFUSED), Scripted("f1", FINE), books=Books(refuse=("f1",)))
    await collect(run, checks)
    assert outcomes(run) == [("s1", "ok"), ("f1", "budget")]
    assert books.reserved == ["s1"]


async def test_the_maximum_cost_of_a_call_holds_for_the_whole_cascade():
    strong = Scripted("f1", FINE)
    # s1 was billed 4; f1 may cost 1000
    run, checks, _ = a_cascade(Scripted("s1", REFUSED), strong, max_cost=1002)
    await collect(run, checks)
    assert strong.calls == 0
    assert outcomes(run) == [("s1", "ok"), ("f1", "budget")]


async def test_escalating_must_be_worth_its_price():
    """A wrong answer is not replaced where the next one costs more than a right answer is worth to this user."""
    for cost, asked in ((50_000, 1), (420_000, 0)):
        strong = Scripted("f1", FINE)
        run, checks, _ = a_cascade(Scripted("s1", says("```python\nx = (\n```")), strong)
        dear = tuple(
            replace(c, expected_cost=cost) if c.model.provider == "f1" else c for c in run.plan.candidates
        )
        run.plan = replace(run.plan, candidates=dear)
        await collect(run, checks)
        assert strong.calls == asked


async def test_tests_the_caller_names_decide(tmp_path, monkeypatch):
    seen = []

    async def tests(self, verify, answer, *, seconds):
        seen.append((verify.tests, seconds))
        return Check("tests", "pass" if "right" in answer.text else "fail", "exit 1")

    monkeypatch.setattr("llm_router.verify.Workshop.tests", tests)
    verify = Verify(tests="make test", tree=str(tmp_path))
    run, checks, _ = a_cascade(
        Scripted("s1", says("wrong")), Scripted("f1", says("right")), verify=verify, door="gateway"
    )
    await collect(run, checks)
    assert outcomes(run) == [("s1", "rejected"), ("f1", "ok")]
    assert [name for name, _ in seen] == ["make test", "make test"]
    assert all(seconds <= 30 for _, seconds in seen)  # half of what is left


async def test_what_keeps_us_from_testing_says_nothing_of_the_answer(tmp_path, monkeypatch):
    async def tests(self, verify, answer, *, seconds):
        raise OSError("no space left on device")

    monkeypatch.setattr("llm_router.verify.Workshop.tests", tests)
    run, checks, _ = a_cascade(Scripted("s1", FINE), Scripted("f1", FINE), verify=Verify(tests="make test"))
    await collect(run, checks)
    assert outcomes(run) == [("s1", "ok")]
    assert "no space left" in str(run.attempts[0].verification.checks)


async def test_a_judge_is_asked_when_the_caller_wants_it_and_its_cost_is_the_calls():
    judge = Scripted("s2", says("BAD: it says nothing of ownership."))
    run, checks, books = a_cascade(Scripted("s1", FINE), judge, Scripted("f1", FINE), verify=Verify("always"))
    await collect(run, checks)
    assert [(a.provider, a.role, str(a.outcome)) for a in run.attempts] == [
        ("s1", "answer", "rejected"), ("s2", "check", "ok"), ("f1", "answer", "ok")
    ]  # fmt: skip
    found = run.attempts[0].verification
    (check,) = [c for c in found.checks if c.verifier == "judge"]
    assert (check.finding, check.model, check.cost) == ("fail", "s2/m", 4)
    assert found.p < found.prior
    assert ("s2", "r2", 4) in books.settled


async def test_a_free_model_is_asked_twice_instead():
    cheap = Scripted("s1", says("The answer is 4."), says("The answer is 5."))
    run, checks, _ = a_cascade(cheap, Scripted("f1", FINE), verify=Verify("always"), billing=Billing.LOCAL)
    await collect(run, checks)
    assert cheap.calls == 2
    assert [c.finding for c in run.attempts[0].verification.checks if c.verifier == "consistency"] == ["fail"]


async def test_a_judge_that_fails_says_nothing():
    run, checks, _ = a_cascade(
        Scripted("s1", FINE),
        Scripted("s2", failure(FailureKind.SERVER_ERROR)),
        Scripted("f1", FINE),
        verify=Verify("always"),
    )
    await collect(run, checks)
    assert run.attempts[0].ok
    assert all(c.verifier != "judge" for c in run.attempts[0].verification.checks)


async def test_without_being_asked_no_model_is_paid_to_check():
    judge = Scripted("s2", says("GOOD"))
    run, checks, _ = a_cascade(Scripted("s1", FINE), judge, Scripted("f1", FINE))
    await collect(run, checks)
    assert judge.calls == 0


@pytest.mark.parametrize(
    ("fields", "checked"),
    [
        ({}, True),
        ({"door": "mcp"}, True),
        ({"stream": True}, False),
        ({"door": "gateway"}, False),
        ({"verify": Verify("off")}, False),
        ({"verify": Verify("auto"), "stream": True}, True),
        ({"verify": Verify(tests="make test"), "stream": True}, True),
    ],
)
def test_who_streams_and_who_speaks_another_dialect_is_checked_only_when_asked(fields, checked):
    assert (cascade_for(ask("x", **fields), ASSESSED, RoutingSettings(), nobody) is not None) is checked


def test_the_settings_speak_where_the_caller_does_not():
    never, always = RoutingSettings(verify="off"), RoutingSettings(verify="always")
    assert cascade_for(ask("x"), ASSESSED, never, nobody) is None
    assert cascade_for(ask("x", verify=Verify(tests="make test")), ASSESSED, never, nobody) is not None
    assert cascade_for(ask("x", door="gateway", stream=True), ASSESSED, always, nobody) is not None


async def test_a_stream_that_is_checked_shows_only_the_accepted_answer():
    run, checks, _ = a_cascade(
        Scripted("s1", REFUSED), Scripted("f1", FINE), stream=True, verify=Verify("auto")
    )
    events = await collect(run, checks)
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["A mutex is a lock."]


async def test_tool_calls_are_not_checked():
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    calling = [piece(tool_calls=[call]), piece(finish="tool_calls"), USAGE]
    run, checks, _ = a_cascade(Scripted("s1", calling), Scripted("f1", FINE))
    await collect(run, checks)
    assert outcomes(run) == [("s1", "ok")]
    assert run.attempts[0].verification is None


async def test_a_caller_who_leaves_while_an_answer_is_checked_has_not_been_answered(monkeypatch):
    begun = asyncio.Event()

    async def tests(self, verify, answer, *, seconds):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("llm_router.verify.Workshop.tests", tests)
    run, checks, books = a_cascade(Scripted("s1", FINE), verify=Verify(tests="make test"))
    task = asyncio.create_task(collect(run, checks))
    async with asyncio.timeout(5):
        await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcomes(run) == [("s1", "cancelled")]
    assert run.answer is None
    assert books.settled == [("s1", "r1", 4)]


async def test_a_deadline_that_has_passed_serves_what_there_is():
    strong = Scripted("f1", FINE)
    run, checks, _ = a_cascade(Scripted("s1", REFUSED), strong, deadline_s=0.9)
    await collect(run, checks)
    assert outcomes(run) == [("s1", "ok")]
    assert strong.calls == 0


class Told(Exchange):
    """An exchange whose answer is told as bytes, as the gateway's is."""

    async def whole(self):
        await super().whole()
        self.farewell = self.answer.text.encode()


async def test_the_bytes_that_leave_are_those_of_the_answer_that_is_served():
    cut = says("```python\nx = 1")
    worse = says("I'm sorry, but I can't help with that, and")
    run, checks, _ = a_cascade(Scripted("m1", cut), Scripted("f1", worse))
    run.exchange = Told
    checks.assessment = replace(ASSESSED, p_frontier=0.83)
    await collect(run, checks)
    assert outcomes(run) == [("m1", "ok"), ("f1", "rejected")]
    assert run.farewell.decode() == run.answer.text
