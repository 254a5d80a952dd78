from __future__ import annotations

import time
from contextlib import closing

import pytest

from llm_router import db
from llm_router.errors import NotFoundError, UsageError
from llm_router.nouns import (
    Assessment,
    Attempt,
    Billing,
    Candidate,
    Complexity,
    Decision,
    FailureKind,
    Model,
    Plan,
    Task,
    Usage,
    Verdict,
    ask,
)
from llm_router.record import queries, rows
from tests.clock import NOON

DAY = 86_400


@pytest.fixture
def connection(tmp_path):
    with closing(db.connect(tmp_path / "router.db")) as opened:
        yield opened


def answered(
    provider="openai", model="gpt-x", *, cost=1000, ms=100.0, billing=Billing.METERED, tokens=(100, 10)
):
    usage = Usage(*tokens, cache_read_tokens=5, cache_write_tokens=2)
    return Attempt(provider, model, "ok", NOON, ms, usage=usage, cost=cost, billing=billing)


def failed(provider="groq", model="llama", kind=FailureKind.OVERLOADED):
    return Attempt(provider, model, kind, NOON, 5.0, cost=0)


def add(
    connection,
    name,
    *attempts,
    at=NOON,
    task=Task.CODE,
    project=None,
    baseline_cost=None,
    error=None,
    **fields,
):
    costs = [attempt.cost for attempt in attempts]
    decision = Decision(
        id=name,
        at=at,
        request=ask("hello", project=project),
        assessment=Assessment(task, Complexity.SIMPLE, 0.9, 0.1, ("short",)),
        verdict=Verdict(),
        plan=Plan((Candidate(Model("openai", "gpt-x"), "cheapest", 10, 20),)),
        attempts=attempts,
        cost=None if None in costs else sum(costs),
        baseline="anthropic/opus" if baseline_cost is not None else None,
        baseline_cost=baseline_cost,
        error=error,
        **fields,
    )
    rows.insert(connection, [rows.entry(decision, store_prompts=False)])


def usage(connection, by="none", since=0, until=NOON + 100 * DAY):
    return {row.key: row for row in queries.usage(connection, since, until, by)}


def test_usage_counts_answers_failures_tokens_and_money(connection):
    add(connection, "d_1", failed(), answered(cost=1000))
    add(connection, "d_2", answered(cost=500))
    (row,) = usage(connection).values()
    assert (row.calls, row.failures, row.cost) == (2, 1, 1500)
    assert (row.input_tokens, row.output_tokens) == (200, 20)
    assert (row.cache_read_tokens, row.cache_write_tokens) == (10, 4)


def test_usage_of_nothing_is_no_row(connection):
    assert usage(connection) == {}


def test_usage_by_model_and_by_provider_puts_a_failure_where_it_happened(connection):
    add(connection, "d_1", failed(), answered())
    by_model = usage(connection, "model")
    assert list(by_model) == ["openai/gpt-x", "groq/llama"]
    assert (by_model["groq/llama"].calls, by_model["groq/llama"].failures) == (0, 1)
    assert by_model["groq/llama"].ms_p50 is None
    assert set(usage(connection, "provider")) == {"openai", "groq"}


def test_usage_by_task_project_complexity_and_day(connection):
    add(connection, "d_1", answered(), task=Task.CODE, project="shop")
    add(connection, "d_2", answered(), task=Task.QUERY, at=NOON + DAY)
    add(connection, "d_3", answered(), task=Task.QUERY, at=NOON + DAY)
    assert {key: row.calls for key, row in usage(connection, "task").items()} == {"code": 1, "query": 2}
    assert {key: row.calls for key, row in usage(connection, "project").items()} == {"shop": 1, "": 2}
    assert {key: row.calls for key, row in usage(connection, "complexity").items()} == {"simple": 3}
    assert {key: row.calls for key, row in usage(connection, "day").items()} == {
        "2026-03-18": 1,
        "2026-03-19": 2,
    }
    assert list(usage(connection, "day")) == ["2026-03-18", "2026-03-19"]


def test_days_are_local_days(connection):
    late = time.mktime((2026, 3, 18, 23, 59, 0, 0, 0, -1))
    add(connection, "d_1", answered(), at=late)
    add(connection, "d_2", answered(), at=late + 120)
    assert list(usage(connection, "day")) == ["2026-03-18", "2026-03-19"]


def test_usage_keeps_to_its_window(connection):
    add(connection, "d_1", answered(), at=NOON - 1)
    add(connection, "d_2", answered(), at=NOON)
    add(connection, "d_3", answered(), at=NOON + 10)
    (row,) = usage(connection, since=NOON, until=NOON + 10).values()
    assert row.calls == 1


def test_unpriced_subscription_and_local_answers_are_told_apart(connection):
    add(connection, "d_1", answered(cost=None))
    add(connection, "d_2", answered("codex", "x", cost=0, billing=Billing.SUBSCRIPTION))
    add(connection, "d_3", answered("ollama", "y", cost=0, billing=Billing.LOCAL))
    (row,) = usage(connection).values()
    assert (row.calls, row.cost) == (3, 0)
    assert (row.unpriced_calls, row.subscription_calls, row.local_calls) == (1, 1, 1)


def test_answers_that_did_not_report_their_tokens_are_counted(connection):
    add(connection, "d_1", Attempt("a", "b", "ok", NOON, 1.0, usage=Usage(9, 9, estimated=True), cost=1))
    add(connection, "d_2", answered())
    assert usage(connection)[""].estimated_calls == 1


@pytest.mark.parametrize(
    ("times", "median"), [([30], 30), ([10, 20], 15), ([900, 10, 30], 30), ([1, 2, 4, 900], 3)]
)
def test_the_median_is_of_answered_calls(connection, times, median):
    for n, ms in enumerate(times):
        add(connection, f"d_{n}", failed("openai", "gpt-x"), answered(ms=ms))
    assert usage(connection, "model")["openai/gpt-x"].ms_p50 == median


def test_savings_are_measured_answers_only(connection):
    add(connection, "d_1", answered(cost=1000), baseline_cost=5000)
    add(connection, "d_2", answered(cost=None), baseline_cost=5000)
    add(connection, "d_3", answered(cost=700))
    add(connection, "d_4", failed(), error="nobody answered", baseline_cost=9999)
    add(connection, "d_5", answered("ollama", "y", cost=0, billing=Billing.LOCAL), baseline_cost=300)
    found = queries.savings(connection, 0, NOON + DAY)
    assert (found.measured, found.unmeasured) == (2, 2)
    assert (found.cost, found.baseline_cost, found.saved) == (1000, 5300, 4300)
    assert found.baselines == ("anthropic/opus",)


def test_a_subscription_is_counted_as_quota_and_not_as_dollars(connection):
    add(connection, "d_1", answered("codex", "x", cost=0, billing=Billing.SUBSCRIPTION), baseline_cost=5000)
    found = queries.savings(connection, 0, NOON + DAY)
    assert (found.measured, found.saved) == (0, None)
    assert (found.quota_calls, found.quota_baseline_cost) == (1, 5000)


def test_a_loss_is_shown_as_a_loss(connection):
    add(connection, "d_1", answered(cost=9000), baseline_cost=5000)
    assert queries.savings(connection, 0, NOON + DAY).saved == -4000


def test_savings_of_nothing_are_unknown_and_not_zero(connection):
    assert queries.savings(connection, 0, NOON).saved is None


def test_a_decision_tells_its_whole_story(connection):
    add(connection, "d_1", failed(), answered())
    story = queries.decision(connection, "d_1")
    assert story["reasons"] == ["short"]
    assert story["candidates"][0]["model"] == "openai/gpt-x"
    assert [attempt["outcome"] for attempt in story["attempts"]] == ["overloaded", "ok"]


def test_a_decision_is_found_by_its_beginning_and_by_last(connection):
    add(connection, "d_abc1", answered(), at=NOON + 5)
    add(connection, "d_xyz2", answered(), at=NOON)
    assert queries.decision(connection, "d_x")["id"] == "d_xyz2"
    assert queries.decision(connection, "last")["id"] == "d_abc1"


def test_a_beginning_that_fits_several_is_refused_with_their_ids_but_a_whole_id_is_taken(connection):
    add(connection, "d_abc", answered())
    add(connection, "d_abc1", answered())
    with pytest.raises(UsageError, match="d_abc1"):
        queries.decision(connection, "d_ab")
    assert queries.decision(connection, "d_abc")["id"] == "d_abc"


@pytest.mark.parametrize("which", ["d_nope", "", "%", "d_%", "' OR 1=1 --"])
def test_an_unknown_decision_is_not_found(connection, which):
    add(connection, "d_abc", answered())
    with pytest.raises(NotFoundError):
        queries.decision(connection, which)


def test_last_of_an_empty_ledger_is_not_found(connection):
    with pytest.raises(NotFoundError, match="no decision is recorded yet"):
        queries.decision(connection, "last")


def test_recent_decisions_come_newest_first(connection):
    for n in range(3):
        add(connection, f"d_{n}", failed(), answered(), at=NOON + n)
    found = queries.recent(connection, 2)
    assert [row["id"] for row in found] == ["d_2", "d_1"]
    assert found[0]["attempts"] == 2
