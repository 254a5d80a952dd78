"""The book of running conversations: bounded, cheap, and kept across a restart by the ledger alone."""

import time

import pytest
from msgspec.structs import replace

from llm_router.admit import sessions as module
from llm_router.admit.sessions import Sessions
from llm_router.nouns import (
    Assessment,
    Attempt,
    Complexity,
    Conversation,
    Decision,
    FailureKind,
    Origin,
    Plan,
    Task,
    Usage,
    Verdict,
    ask,
    new_id,
)
from llm_router.plan.sticky import Cached
from llm_router.record import SqliteLedger

NOW = 1_000_000.0
USAGE = Usage(9_000, 10, 0, 9_000)


def decided(key="s", model="m", *, usage=USAGE, at=NOW, turn=None, goes_on=False, opening="", **fields):  # fmt: skip
    conversation = Conversation(key, opening, goes_on) if key else None
    return Decision(
        id=new_id("d"),
        at=at,
        request=ask("x", turn=turn, conversation=conversation, session="s", **fields),
        assessment=Assessment(Task.CODE, Complexity.SIMPLE, 0.9, 0.1),
        verdict=Verdict(),
        plan=Plan(()),
        attempts=(
            Attempt("openai", "failed", FailureKind.OVERLOADED, at, 1.0),
            Attempt("anthropic", model, "ok", at, 10.0, usage=usage, cost=1),
        ),
    )


def asked(key="s", turn=None):
    return ask("y", turn=turn, conversation=Conversation(key))


@pytest.fixture
def book():
    return Sessions(clock=lambda: NOW)


def test_who_answered_last_and_what_is_cached_there(book):
    assert book.standing(asked()) is None
    book.note(decided(usage=Usage(9_000, 10, 4_000, 5_000)))
    standing = book.standing(asked())
    assert standing.model == "anthropic/m"
    assert standing.cached == {"anthropic/m": Cached(9_000, NOW + 300)}
    assert book.last_tokens("s") == 9_000
    assert book.last_tokens("another") == 0


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (Usage(9_000, 10), 0),  # says nothing of a cache
        (Usage(9_000, 10, cache_read_tokens=8_000), 9_000),  # a vendor that caches by itself
        (Usage(9_000, 10, 2_000, 6_000), 8_000),  # the rest stands behind the last mark
    ],
)
def test_what_the_next_call_will_find_is_read_off_the_usage(book, usage, tokens):
    book.note(decided(usage=usage))
    assert book.standing(asked()).cached["anthropic/m"].tokens == tokens


def test_a_cache_of_an_hour_lasts_an_hour(book):
    body = b'{"system":[{"cache_control":{"type":"ephemeral","ttl":"1h"}}]}'
    book.note(decided(origin=Origin("anthropic", body)))
    assert book.standing(asked()).cached["anthropic/m"].until == NOW + 3600


def test_models_that_answered_before_keep_their_caches_for_the_way_back(book):
    for model in "abcd":
        book.note(decided(model=model))
    assert list(book.standing(asked()).cached) == ["anthropic/b", "anthropic/c", "anthropic/d"]


def test_another_opening_forgets_what_was_cached(book):
    book.note(decided(model="a", opening="one"))
    book.note(decided(model="b", opening="two"))
    assert list(book.standing(asked()).cached) == ["anthropic/b"]


def test_calls_are_counted_per_prompt(book):
    for goes_on in (False, True, True, False, True, True):
        book.note(decided(goes_on=goes_on))
    standing = book.standing(asked())
    assert (standing.requests, standing.prompts, standing.calls) == (6, 2, 3)


@pytest.mark.parametrize("turn", ["background", "webSearch", "compaction"])
def test_what_stands_beside_a_conversation_neither_moves_nor_follows_it(book, turn):
    book.note(decided(model="main"))
    book.note(decided(model="aside", turn=turn))
    assert book.standing(asked()).model == "anthropic/main"
    assert (book.standing(asked(turn=turn)) is None) is (turn != "compaction")


def test_a_compaction_is_one_call_that_finds_what_is_cached(book):
    for goes_on in (False, True, True):
        book.note(decided(goes_on=goes_on))
    standing = book.standing(asked(turn="compaction"))
    assert (standing.model, standing.calls) == ("anthropic/m", 1)
    assert standing.cached == book.standing(asked()).cached
    assert book.standing(asked()).calls == 3


def test_a_failed_call_and_one_without_a_conversation_leave_no_trace(book):
    failed = decided()
    failed = replace(failed, attempts=failed.attempts[:1])
    book.note(failed)
    book.note(decided(key=None))
    assert book.standing(asked()) is None


def test_the_book_is_bounded(book, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    for key in "abc":
        book.note(decided(key))
    book.note(decided("a"))
    book.note(decided("d"))
    assert [key for key in "abcd" if book.standing(asked(key))] == ["a", "c", "d"]


def test_a_restart_learns_from_the_ledger(tmp_path):
    now = time.time()
    with_ledger = SqliteLedger(tmp_path, store_prompts=False)
    with_ledger.record(decided("s", "old", at=now - 100))
    with_ledger.record(decided("s", "new", at=now - 50, usage=Usage(12_000, 5, 11_000, 1_000)))
    with_ledger.record(decided("s", "aside", at=now - 40, turn="background"))
    with_ledger.record(decided("t/agent", "long ago", at=now - 7_200))
    with_ledger.close()
    book = Sessions(tmp_path / "router.db")
    book.read()
    standing = book.standing(asked())
    assert standing.model == "anthropic/new"
    assert standing.input_tokens == 12_000
    assert standing.cached_tokens("anthropic/new", now) == 12_000
    assert standing.cached_tokens("anthropic/new", now + 260) == 0
    assert book.standing(asked("t/agent")) is None


def test_a_book_whose_ledger_cannot_be_read_is_empty(tmp_path):
    (tmp_path / "router.db").write_bytes(b"no database at all" * 100)
    for path in (tmp_path / "router.db", tmp_path / "nothing" / "router.db"):
        book = Sessions(path)
        book.read()
        assert book.is_read
        assert book.standing(asked()) is None


def test_after_a_restart_what_a_judge_read_is_not_taken_for_the_conversation(tmp_path):
    ledger = SqliteLedger(tmp_path, store_prompts=False)
    answered = decided(at=time.time())
    judged = replace(answered.attempts[-1], role="check", usage=Usage(200, 1, 0, 0))
    ledger.record(replace(answered, attempts=(*answered.attempts, judged)))
    ledger.close()
    book = Sessions(tmp_path / "router.db")
    book.read()
    standing = book.standing(asked())
    assert (standing.input_tokens, standing.requests) == (9_000, 1)
