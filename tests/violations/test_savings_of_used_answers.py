"""Only what replaced work saves money: answers of tools, in sessions whose hooks saw what became of them."""

import json
import time
from contextlib import closing

import pytest

from llm_router import db, paths
from llm_router.hosts import events
from llm_router.nouns import (
    Assessment,
    Attempt,
    Billing,
    Complexity,
    Decision,
    Plan,
    Task,
    Usage,
    Verdict,
    ask,
)
from llm_router.record import queries, rows

AT = time.time() - 600  # what waits longer than days is not joined


@pytest.fixture
def home(tmp_path):
    (tmp_path / "hooks").mkdir()
    return tmp_path


@pytest.fixture
def book(home):
    with closing(db.connect(paths.database(home))) as connection:
        yield connection


def add(
    book,
    name,
    *,
    door="mcp",
    session=None,
    cost=100,
    baseline=1000,
    billing=Billing.METERED,
    tokens=(1, 2),
    ms=1.0,
):
    usage = Usage(input_tokens=tokens[0], output_tokens=tokens[1])
    decision = Decision(
        id=name,
        at=AT,
        request=ask("hello", door=door, session=session),
        assessment=Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.1),
        verdict=Verdict(),
        plan=Plan(()),
        attempts=(Attempt("openai", "m", "ok", AT, 5.0, cost=cost, billing=billing, usage=usage),),
        total_ms=ms,
        cost=cost,
        baseline="anthropic/big" if baseline is not None else None,
        baseline_cost=baseline,
    )
    rows.insert(book, [rows.entry(decision, store_prompts=False)])


def saw(home, *found):
    lines = [json.dumps({"at": AT, "kind": kind, **facts}) + "\n" for kind, facts in found]
    (home / "hooks" / "events.jsonl").write_text("".join(lines))
    assert events.drain(home) == len(found)


def became(verdict, decision, session="s", overhead=0):
    return ("used", {"verdict": verdict, "decision": decision, "session": session, "overhead": overhead})


def savings(book):
    return queries.savings(book, 0, AT + 1)


def test_used_counts_reworked_and_ignored_are_deducted_and_the_unseen_is_unmeasured(home, book):
    for name in ("d_used", "d_reworked", "d_ignored", "d_unseen"):
        add(book, name, session="s")
    saw(home, became("used", "d_used"), became("reworked", "d_reworked"), became("ignored", "d_ignored"))
    found = savings(book)
    assert (found.measured, found.unused, found.unmeasured, found.unwatched) == (1, 2, 1, 0)
    assert (found.baseline_cost, found.cost, found.unused_cost) == (1000, 100, 200)
    assert found.saved == 700


def test_a_session_is_watched_from_its_first_event_on(home, book):
    add(book, "d_1", session="s")
    saw(home, ("session", {"session": "s"}))
    found = savings(book)
    assert (found.measured, found.unmeasured, found.saved) == (0, 1, None)


def test_a_decision_is_watched_where_the_server_does_not_know_the_session(home, book):
    add(book, "d_1")
    add(book, "d_2")
    saw(home, ("routed", {"session": "s", "decision": "d_1"}), became("used", "d_2"))
    found = savings(book)
    assert (found.measured, found.unmeasured, found.saved) == (1, 1, 900)


def test_answers_of_tools_that_no_hook_watches_are_not_measured(home, book):
    add(book, "d_tool", session="other")
    add(book, "d_cli", door="cli")
    saw(home, ("session", {"session": "s"}))
    found = savings(book)
    assert (found.measured, found.unmeasured, found.unwatched, found.saved) == (1, 1, 1, 900)


def test_what_the_call_and_the_repeating_cost_the_host_is_deducted(home, book):
    add(book, "d_1", session="s")
    add(book, "d_2", session="s")
    saw(home, became("used", "d_1", overhead=250), became("ignored", "d_2", overhead=50))
    found = savings(book)
    assert (found.measured, found.overhead) == (1, 300)
    assert found.saved == 1000 - 100 - 100 - 300


@pytest.mark.parametrize("overhead", [None, "much", 1.5, 10**16])
def test_without_knowing_that_cost_a_used_answer_is_not_measured(home, book, overhead):
    add(book, "d_1", session="s")
    saw(home, became("used", "d_1", overhead=overhead))
    found = savings(book)
    assert (found.measured, found.unmeasured, found.overhead, found.saved) == (0, 1, 0, None)


def gemini(kind, *, ms=5.0, tokens=30, model="openai/m", at=AT + 1, **facts):
    return (
        kind,
        {
            "session": "g",
            "host": "gemini-cli",
            "model": model,
            "tokens": tokens,
            "ms": ms,
            "answered_at": at,
            **facts,
        },
    )


def test_an_answer_whose_decision_the_host_did_not_show_is_known_by_its_figures(home, book):
    add(book, "d_1", tokens=(10, 20), ms=5.4)
    add(book, "d_other_time", tokens=(10, 20), ms=7.0)
    add(book, "d_other_size", tokens=(10, 21), ms=5.0)
    saw(home, gemini("routed"), gemini("used", verdict="used", overhead=0))
    assert events.drain(home) == 0
    assert dict(book.execute("SELECT decision_id, verdict FROM uses").fetchall()) == {"d_1": "used"}
    found = savings(book)
    assert (found.measured, found.unmeasured, found.unwatched) == (1, 2, 2)


@pytest.mark.parametrize(
    "other",
    [
        {"ms": 6.0},
        {"tokens": 31},
        {"model": "openai/n"},
        {"at": AT + 100},
        {"at": AT - 100},
        {"ms": "5"},
        {"x": float("nan")},
    ],
)
def test_figures_that_do_not_fit_join_nothing(home, book, other):
    add(book, "d_1", tokens=(10, 20), ms=5.4)
    saw(home, gemini("used", verdict="used", overhead=0, **other))
    assert savings(book).measured == 0


def test_two_answers_alike_get_a_verdict_each(home, book):
    for name in ("d_1", "d_2"):
        add(book, name, tokens=(10, 20), ms=5.0)
    saw(home, gemini("used", verdict="used", overhead=0), gemini("used", verdict="ignored", overhead=0))
    assert sorted(v for (v,) in book.execute("SELECT verdict FROM uses")) == ["ignored", "used"]


def test_an_event_that_came_before_its_decision_is_joined_later(home, book):
    saw(home, gemini("used", verdict="used", overhead=0))
    assert book.execute("SELECT count(*) FROM uses").fetchone()[0] == 0
    add(book, "d_1", tokens=(10, 20), ms=5.0)
    saw(home, ("session", {"session": "g"}))
    assert savings(book).measured == 1


def test_another_door_is_not_judged_by_a_session_of_the_same_name(home, book):
    add(book, "d_cli", door="cli", session="s")
    saw(home, ("session", {"session": "s"}), became("ignored", "d_cli"))
    assert savings(book).saved == 900


def test_answers_that_were_all_ignored_cost_what_they_cost(home, book):
    add(book, "d_1", session="s")
    saw(home, became("ignored", "d_1"))
    assert savings(book).saved == -100


def test_an_unpriced_ignored_answer_deducts_nothing_that_is_not_known(home, book):
    add(book, "d_1", session="s", cost=None)
    saw(home, became("ignored", "d_1"))
    found = savings(book)
    assert (found.unused, found.unused_cost, found.saved) == (1, 0, 0)


def test_quota_counts_when_it_was_used(home, book):
    for name in ("d_used", "d_ignored", "d_unseen"):
        add(book, name, session="s", cost=0, billing=Billing.SUBSCRIPTION)
    saw(home, became("used", "d_used"), became("ignored", "d_ignored"))
    found = savings(book)
    assert (found.quota_calls, found.quota_baseline_cost, found.unused, found.unmeasured) == (1, 1000, 1, 1)


def test_every_answer_is_in_exactly_one_group(home, book):
    verdicts = ("used", "reworked", "ignored", None)
    kinds = [(c, b, q) for c in (0, None) for b in (5, None) for q in (Billing.METERED, Billing.SUBSCRIPTION)]
    told = []
    for n, (cost, baseline, billing) in enumerate(kinds):
        for verdict in verdicts:
            name = f"d_{n}_{verdict}"
            add(book, name, session="s", cost=cost, baseline=baseline, billing=billing)
            told += [became(verdict, name)] if verdict else []
    saw(home, *told)
    found = savings(book)
    assert found.measured + found.unmeasured + found.quota_calls + found.unused == len(kinds) * len(verdicts)
