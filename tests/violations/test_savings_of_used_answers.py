"""Only what replaced work saves money: answers of tools, in sessions whose hooks saw what became of them."""

import json
import time
from contextlib import closing

import pytest

from llm_router import db, paths
from llm_router.hosts import events
from llm_router.nouns import Assessment, Attempt, Billing, Complexity, Decision, Plan, Task, Verdict, ask
from llm_router.record import queries, rows

AT = time.mktime((2026, 3, 18, 12, 0, 0, 0, 0, -1))


@pytest.fixture
def home(tmp_path):
    (tmp_path / "hooks").mkdir()
    return tmp_path


@pytest.fixture
def book(home):
    with closing(db.connect(paths.database(home))) as connection:
        yield connection


def add(book, name, *, door="mcp", session=None, cost=100, baseline=1000, billing=Billing.METERED):
    decision = Decision(
        id=name,
        at=AT,
        request=ask("hello", door=door, session=session),
        assessment=Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.1),
        verdict=Verdict(),
        plan=Plan(()),
        attempts=(Attempt("openai", "m", "ok", AT, 5.0, cost=cost, billing=billing),),
        cost=cost,
        baseline="anthropic/big" if baseline is not None else None,
        baseline_cost=baseline,
    )
    rows.insert(book, [rows.entry(decision, store_prompts=False)])


def saw(home, *found):
    lines = [json.dumps({"at": AT, "kind": kind, **facts}) + "\n" for kind, facts in found]
    (home / "hooks" / "events.jsonl").write_text("".join(lines))
    assert events.drain(home) == len(found)


def became(verdict, decision, session="s"):
    return ("used", {"verdict": verdict, "decision": decision, "session": session})


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


def test_tools_without_hooks_count_and_are_told_apart(home, book):
    add(book, "d_tool", session="other")
    add(book, "d_cli", door="cli")
    saw(home, ("session", {"session": "s"}))
    found = savings(book)
    assert (found.measured, found.unwatched, found.saved) == (2, 1, 1800)


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
