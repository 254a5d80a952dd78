"""Breakers behind a door that serves many at once: memory answers, threads read and write."""

import asyncio
import sqlite3
import threading
import time

import pytest

from llm_router.db import connect
from llm_router.nouns import FailureKind as Kind
from llm_router.plan import health
from llm_router.plan.health import HealthBook
from llm_router.ports import PROBE
from tests.clock import NOON


@pytest.fixture
def path(tmp_path):
    connect(tmp_path / "router.db").close()
    return tmp_path / "router.db"


@pytest.fixture
def open_book(path, clock):
    opened = []

    def open_(*, aside=True):
        opened.append(HealthBook(path, clock, fresh_s=0, aside=aside))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def hold(path):
    """A writer that holds the database until it is told to let go."""
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    yield lambda: writer.execute("ROLLBACK")
    writer.close()


def written(book):
    """Once its thread has nothing to write any more."""
    if (writer := book._writer) is not None:
        writer.join(30)
        assert not writer.is_alive()


async def test_what_happened_is_known_at_once_and_written_behind(open_book):
    book, other = open_book(), open_book(aside=False)
    book.failed("p", "m", Kind.RATE_LIMITED, 60)
    assert book.cooling("p", "m").until == NOON + 60
    assert not book.calm()
    await asyncio.to_thread(written, book)
    assert other.cooling("p", "m").until == NOON + 60


async def test_what_others_wrote_is_known_after_a_refresh(open_book):
    book, other = open_book(), open_book(aside=False)
    assert not book.is_fresh()
    other.failed("p", "m", Kind.AUTH, None)
    assert book.cooling("p", "m") is None
    await book.refresh()
    assert book.cooling("p", "m")
    other.reset()
    await book.refresh()
    assert book.enter("p", "m") is None


async def test_failures_of_several_processes_add_up(open_book):
    books = [open_book() for _ in range(3)]
    for book in books:  # none of which has heard of the others
        book.failed("p", "m", Kind.SERVER_ERROR, None)
    for book in books:
        await asyncio.to_thread(written, book)
    await books[0].refresh()
    assert books[0].cooling("p", "m")


async def test_nothing_waits_for_a_database_that_is_held(open_book, hold, monkeypatch):
    monkeypatch.setattr(health, "WRITE_LIMIT_S", 5.0)
    book = open_book()
    began = time.monotonic()
    for n in range(200):
        book.failed("p", f"m{n % 20}", Kind.SERVER_ERROR, None)
        book.succeeded("p", f"m{n % 3}")
        book.enter("p", f"m{n % 20}")
        book.calm()
    assert time.monotonic() - began < health.WRITE_LIMIT_S / 2
    hold()
    await asyncio.to_thread(written, book)


async def test_what_a_held_database_did_not_take_is_written_when_it_is_free(open_book, hold):
    book, other = open_book(), open_book(aside=False)
    book.failed("p", "m", Kind.RATE_LIMITED, 60)
    await asyncio.to_thread(written, book)
    assert other.states() == []
    assert book.cooling("p", "m")
    hold()
    book._disk_again_at = 0.0  # the rest after disk trouble is over
    await book.refresh()
    assert book.cooling("p", "m")  # what is on disk does not undo what is remembered
    await asyncio.to_thread(written, book)
    assert other.cooling("p", "m")


async def test_a_probe_is_asked_for_and_one_process_gets_it(open_book, clock):
    books = [open_book() for _ in range(4)]
    books[0].failed("p", "m", Kind.RATE_LIMITED, None)
    await asyncio.to_thread(written, books[0])
    clock.forward(31)
    for book in books:
        await book.refresh()
        assert book.enter("p", "m") is PROBE
    told = await asyncio.gather(*(book.aenter("p", "m") for book in books for _ in range(3)))
    assert told.count(None) == 1
    assert {state.state for state in told if state is not None} == {"half_open"}


async def test_a_probe_that_was_refused_claims_nothing_later(open_book, clock):
    one, other = open_book(), open_book()
    one.failed("p", "m", Kind.RATE_LIMITED, None)
    await asyncio.to_thread(written, one)
    clock.forward(31)
    await other.refresh()
    assert await one.aenter("p", "m") is None
    assert (await other.aenter("p", "m")).state == "half_open"
    one.succeeded("p", "m")
    await asyncio.to_thread(written, one)
    other.failed("p", "another", Kind.SERVER_ERROR, None)  # something is written again
    await asyncio.to_thread(written, other)
    await other.refresh()
    assert other.enter("p", "m") is None


async def test_a_probe_while_the_database_is_held_is_given_by_memory(open_book, clock, hold):
    book = open_book()
    book.failed("p", "m", Kind.RATE_LIMITED, None)
    await asyncio.to_thread(written, book)
    clock.forward(31)
    book._disk_again_at = 0.0
    assert await book.aenter("p", "m") is None
    assert (await book.aenter("p", "m")).state == "half_open"
    hold()


def test_closing_writes_what_is_owed(open_book, monkeypatch):
    book, other = open_book(), open_book(aside=False)
    monkeypatch.setattr(threading.Thread, "start", lambda _self: None)  # the thread has not come to it yet
    book.failed("p", "m", Kind.AUTH, None)
    book.close()
    assert other.cooling("p", "m")
