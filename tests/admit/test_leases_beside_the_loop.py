"""More money is fetched by a thread: the event loop goes on, and who waits can be cancelled at any moment."""

import asyncio
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager, suppress

import pytest

from llm_router import db
from llm_router.admit import leases
from llm_router.admit.budgets import SqliteBudgets
from llm_router.admit.leases import LeasedBudgets
from llm_router.errors import BudgetError
from llm_router.nouns import Candidate
from llm_router.settings import BudgetSettings
from tests.admit.spending import CENT, PAID, costing, reserve
from tests.waiting import stood_still, wait_for

HELD_S = 1.0


@pytest.fixture
def path(tmp_path):
    db.connect(tmp_path / "router.db").close()
    return tmp_path / "router.db"


@pytest.fixture
def make(path):
    made = []

    def build(calls=leases.CALLS, **settings):
        made.append(LeasedBudgets(SqliteBudgets(path, BudgetSettings(**settings)), calls=calls))
        return made[-1]

    yield build
    for each in made:
        each.close()


@asynccontextmanager
async def held(path, seconds=HELD_S):
    """Another connection writes for so long, whatever happens inside."""
    connection = db.connect(path)
    connection.execute("BEGIN EXCLUSIVE")
    until = time.monotonic() + seconds
    try:
        yield
        await asyncio.sleep(until - time.monotonic())
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def test_who_needs_more_waits_for_the_database_and_nobody_else_does(make, path):
    budgets = make(daily=100)
    budgets.settle(await reserve(budgets, CENT), PAID, CENT)  # and there is some left
    async with held(path):
        waiting = asyncio.create_task(reserve(budgets, 1000 * CENT))
        gap = asyncio.create_task(stood_still(waiting))
        await asyncio.sleep(0.1)
        covered = budgets.at_once(costing(CENT))
        budgets.settle(covered, PAID, CENT)
        assert not waiting.done()
    assert (await waiting).amount == 1000 * CENT
    assert await gap < HELD_S / 2
    assert budgets.status()[0].spent == 2 * CENT


async def test_who_wants_figures_is_not_kept_by_those_who_wait_for_the_database(make, path):
    budgets = make(daily=100)
    budgets.settle(await reserve(budgets, CENT), PAID, CENT)  # and it is not booked
    async with held(path):
        waiting = asyncio.create_task(reserve(budgets, 1000 * CENT))
        await asyncio.sleep(0.1)
        with pytest.raises(BudgetError, match="cannot be checked"):
            await asyncio.to_thread(budgets.status, timeout_s=0.05)
        assert not waiting.done()
    assert (await waiting).amount == 1000 * CENT
    assert budgets.status()[0].spent == CENT


async def test_those_who_need_more_at_the_same_time_share_one_transaction(make, monkeypatch):
    budgets = make(daily=1000)
    fetched = []
    fetch = budgets._fetch
    monkeypatch.setattr(budgets, "_fetch", lambda call, **how: fetched.append(call) or fetch(call, **how))
    reservations = await asyncio.gather(*(reserve(budgets, CENT) for _ in range(40)))
    assert len(fetched) == 1
    assert len({each.id for each in reservations}) == 1
    (status,) = budgets.status()
    assert status.reserved >= 40 * CENT


async def test_a_refusal_of_one_is_none_of_another_that_fits(make):
    budgets = make(daily=1)
    large, small = await asyncio.gather(
        reserve(budgets, 200 * CENT), reserve(budgets, 5 * CENT), return_exceptions=True
    )
    assert isinstance(large, BudgetError)
    assert small.amount == 5 * CENT


def test_who_comes_when_a_top_up_has_just_ended_asks_for_another(make):
    """It must not look at the ended one for ever: in a thread, so that this would be seen."""
    budgets, got = make(daily=1000), []

    async def newcomer():
        task = budgets._asking["openai"]
        while not task.done():  # noqa: ASYNC110 - to be there before anybody has taken note of it
            await asyncio.sleep(0)
        got.append(await reserve(budgets, 5000 * CENT))

    async def all_at_once():
        first = asyncio.create_task(reserve(budgets, CENT))
        await asyncio.sleep(0)
        await asyncio.gather(first, newcomer())

    thread = threading.Thread(target=asyncio.run, args=(all_at_once(),), daemon=True)
    thread.start()
    thread.join(60)
    assert [each.amount for each in got] == [5000 * CENT]


async def test_as_many_as_fit_are_served_when_all_come_at_once(make):
    budgets = make(daily=1)
    answers = await asyncio.gather(*(reserve(budgets, 30 * CENT) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(each, BudgetError) for each in answers) == 3


async def test_a_database_that_is_held_too_long_refuses_all_who_wait_at_the_same_time(make, path):
    budgets = make(daily=100)
    budgets._budgets.database._timeout_s = 0.25
    async with held(path):
        began = time.monotonic()
        answers = await asyncio.gather(*(reserve(budgets, CENT) for _ in range(80)), return_exceptions=True)
        assert time.monotonic() - began < 10  # one after the other they would have waited for twenty seconds
    assert {type(each) for each in answers} == {BudgetError}
    assert "cannot be checked" in answers[0].message
    assert (await reserve(budgets, CENT)).amount == CENT  # no refusal outlives its reason


async def test_calls_of_an_unknown_price_share_one_look_at_what_is_left(make, path, monkeypatch):
    budgets, unpriced, looks = make(daily=1, unpriced="allow"), Candidate(PAID, "test"), []
    look = budgets._budgets.reserve
    monkeypatch.setattr(budgets._budgets, "reserve", lambda call: looks.append(call) or look(call))
    async with held(path, 0.2):
        waiting = [asyncio.create_task(budgets.areserve(unpriced)) for _ in range(20)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(told[0], asyncio.CancelledError)
    assert {each.id for each in told[1:]} == {None}
    budgets.settle(told[1], PAID, 100 * CENT)  # what it cost was known in the end
    assert budgets.status()[0].spent == 100 * CENT
    with pytest.raises(BudgetError):
        await budgets.areserve(unpriced)
    assert len(looks) == 2


async def test_who_is_cancelled_while_waiting_leaves_the_money_to_the_others(make, path):
    budgets = make(daily=1)
    async with held(path, 0.3):
        first, second = (asyncio.create_task(reserve(budgets, 60 * CENT)) for _ in range(2))
        await asyncio.sleep(0.1)
        first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    budgets.settle(await second, PAID, 60 * CENT)
    assert (budgets.status()[0].spent, budgets.status()[0].reserved) == (60 * CENT, 0)


async def test_when_all_who_waited_are_gone_what_was_leased_for_them_goes_back(make, path, monkeypatch):
    monkeypatch.setattr(leases, "BOOK_EVERY_S", 0.01)
    monkeypatch.setattr(leases, "IDLE_S", 0.02)
    budgets, other = make(daily=1), make(daily=1)
    async with held(path, 0.3):
        waiting = asyncio.create_task(reserve(budgets, 60 * CENT))
        await asyncio.sleep(0.1)
        waiting.cancel()
    await asyncio.to_thread(wait_for, lambda: not other.status()[0].reserved)
    assert (await reserve(other, 100 * CENT)).amount == 100 * CENT


async def test_money_is_fetched_ahead_so_that_nobody_waits(make):
    budgets = make(daily=1000)
    await reserve(budgets, CENT)
    for _ in range(500):
        if budgets._leases["openai"].low == 0:  # the thread is at it
            await asyncio.to_thread(wait_for, lambda: budgets._leases["openai"].low)
        assert budgets.at_once(costing(CENT))


async def test_nothing_is_fetched_ahead_by_who_leases_for_one_call(make):
    budgets = make(calls=1, daily=1000)
    await reserve(budgets, CENT)
    await asyncio.sleep(0.1)
    assert budgets.status()[0].reserved == CENT


async def test_the_thread_ends_when_there_is_nothing_to_look_after(make, monkeypatch):
    monkeypatch.setattr(leases, "BOOK_EVERY_S", 0.01)
    monkeypatch.setattr(leases, "IDLE_S", 0.02)
    budgets = make(daily=1000)
    for _ in range(2):  # and begins again when there is
        budgets.settle(await reserve(budgets, CENT), PAID, CENT)
        thread = budgets._tending
        await asyncio.to_thread(thread.join, 60)
        assert not thread.is_alive()
    assert budgets.status()[0].spent == 2 * CENT


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_cancelled_the_cap_holds_and_every_cent_is_accounted_for(make, monkeypatch, seed):
    """Two processes' worth of calls, many at once, a third of them cancelled somewhere, and the thread always busy."""
    monkeypatch.setattr(leases, "BOOK_EVERY_S", 0.002)
    monkeypatch.setattr(leases, "IDLE_S", 0.005)
    chance, both, spent, committed = random.Random(seed), [make(daily=5), make(daily=5, calls=1)], 0, 0

    async def call(budgets):
        nonlocal spent, committed
        with suppress(BudgetError):
            reservation = await reserve(budgets, chance.randint(1, 9) * CENT)
            committed += reservation.amount
            assert committed <= 500 * CENT
            cost = 0
            try:
                await asyncio.sleep(chance.random() * 0.02)
                cost = chance.randint(0, reservation.amount)
            finally:
                budgets.settle(reservation, PAID, cost)
                spent, committed = spent + cost, committed - reservation.amount + cost

    async with asyncio.timeout(60):
        for _ in range(10):
            tasks = [asyncio.create_task(call(budgets)) for budgets in both for _ in range(10)]
            await asyncio.sleep(chance.random() * 0.02)
            for task in tasks[::3]:
                task.cancel()
            told = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(each) for each in told} <= {type(None), asyncio.CancelledError}
    for budgets in both:
        await asyncio.to_thread(budgets.close)
    (status,) = both[0].status()
    assert (status.spent, status.reserved) == (spent, 0)
    assert spent > 100 * CENT


# ── real processes ───────────────────────────────────────────────────────────

SPENDER = """
import asyncio, os, random, signal, sys
from contextlib import suppress
from pathlib import Path
from llm_router.admit.budgets import SqliteBudgets
from llm_router.admit.leases import LeasedBudgets
from llm_router.errors import BudgetError
from llm_router.nouns import Candidate, Model
from llm_router.settings import BudgetSettings

model, number = Model("openai", "gpt-x"), int(sys.argv[2])
call, chance = Candidate(model, "test", max_cost=10_000), random.Random(number)
budgets = LeasedBudgets(SqliteBudgets(Path(sys.argv[1]), BudgetSettings(daily=5)))

async def spend():
    for _ in range(10):
        with suppress(BudgetError):
            reservation = budgets.at_once(call) or await budgets.areserve(call)
            cost = 0
            try:
                await asyncio.sleep(chance.random() / 100)
                cost = 10_000
            finally:
                budgets.settle(reservation, model, cost)
            os.write(1, b".")
            if number % 5 == 0 and chance.random() < 0.1:
                os.kill(os.getpid(), signal.SIGKILL)

async def main():
    tasks = [asyncio.create_task(spend()) for _ in range(4)]
    await asyncio.sleep(chance.random() / 20)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(budgets.close)

asyncio.run(main())
"""


def test_fifty_processes_of_many_calls_some_cancelled_some_killed_pass_no_cap(path):
    started = [
        subprocess.Popen([sys.executable, "-c", SPENDER, str(path), str(n)], stdout=subprocess.PIPE)
        for n in range(50)
    ]
    told = sum(len(process.communicate(timeout=240)[0]) for process in started)
    codes = {process.returncode for process in started}
    assert codes == {0, -signal.SIGKILL}
    budgets = SqliteBudgets(path, BudgetSettings(daily=5))
    (status,) = budgets.status()
    budgets.close()
    assert status.reserved == 0
    assert status.spent <= 500 * CENT
    assert status.spent == told * CENT
    assert told > 100
