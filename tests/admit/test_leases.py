"""Money leased in blocks: the caps hold among all, whatever happens to who draws from a lease."""

import asyncio
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router import db
from llm_router.admit import leases
from llm_router.admit.budgets import SqliteBudgets
from llm_router.admit.leases import LeasedBudgets
from llm_router.errors import BudgetError
from llm_router.nouns import Billing, Model
from llm_router.settings import BudgetSettings, Caps
from tests.admit import spending
from tests.admit.spending import CENT, PAID
from tests.clock import NOON, Clock
from tests.waiting import wait_for

OTHER = Model("mistral", "large")


@pytest.fixture
def make(tmp_path, clock):
    made = []

    def build(path=None, **settings):
        plain = SqliteBudgets(path or tmp_path / "router.db", BudgetSettings(**settings), clock)
        made.append(LeasedBudgets(plain, clock))
        return made[-1]

    yield build
    for each in made:
        each.close()


@pytest.fixture(scope="module", autouse=True)
def loop():
    """One for all synchronous tests: see `reserve`."""
    with asyncio.Runner() as runner:
        reserve.run = runner.run
        yield


def reserve(budgets, amount, model=PAID):
    return reserve.run(spending.reserve(budgets, amount, model))


def spend(budgets, amount, model=PAID):
    budgets.settle(reserve(budgets, amount, model), model, amount)


def booked(path):
    connection = db.connect(path)
    try:
        return connection.execute("SELECT coalesce(sum(amount), 0) FROM spend").fetchone()[0]
    finally:
        connection.close()


def counted(budgets, monkeypatch):
    """How often the database is written."""
    writes = []
    transaction = budgets._budgets.database.transaction
    monkeypatch.setattr(
        budgets._budgets.database, "transaction", lambda **options: writes.append(1) or transaction(**options)
    )
    return writes


def test_many_calls_take_few_transactions(make, monkeypatch):
    monkeypatch.setattr(leases, "BOOK_EVERY_S", 1000)
    budgets = make(daily=1000)
    writes = counted(budgets, monkeypatch)
    for _ in range(640):
        spend(budgets, CENT)
    assert len(writes) <= 640 // 32
    assert budgets.status()[0].spent == 640 * CENT


def test_a_call_that_does_not_fit_is_refused_and_names_the_cap(make):
    budgets = make(daily=1)
    spend(budgets, 60 * CENT)
    with pytest.raises(BudgetError) as raised:
        reserve(budgets, 50 * CENT)
    assert raised.value.budget == "daily budget"
    spend(budgets, 40 * CENT)
    with pytest.raises(BudgetError):
        spend(budgets, 1)


def test_the_last_cent_of_a_cap_can_be_spent_by_anybody(make, monkeypatch):
    monkeypatch.setattr(leases, "BOOK_EVERY_S", 1000)
    one, two = make(daily=1), make(daily=1)
    for budgets in [one, two] * 50:
        spend(budgets, CENT)
    for budgets in (one, two):
        with pytest.raises(BudgetError):
            spend(budgets, CENT)
        budgets._book_all()
    assert one.status()[0].spent == 100 * CENT


def test_money_leased_for_one_provider_serves_another_when_it_is_needed(make):
    budgets = make(daily=1)
    spend(budgets, 1)
    spend(budgets, 95 * CENT, OTHER)
    assert budgets.status()[0].spent == 95 * CENT + 1


def test_a_provider_s_own_cap_holds_beside_the_global_one(make):
    budgets = make(daily=100, providers={"openai": Caps(daily=1)})
    spend(budgets, 90 * CENT)
    with pytest.raises(BudgetError) as raised:
        spend(budgets, 20 * CENT)
    assert raised.value.budget == "daily budget of openai"
    spend(budgets, 200 * CENT, OTHER)


def test_what_a_call_cost_beyond_its_reservation_is_booked_at_once(make, tmp_path):
    budgets = make(daily=100)
    budgets.settle(reserve(budgets, CENT), PAID, 5000 * CENT)
    wait_for(lambda: booked(tmp_path / "router.db") == 5000 * CENT)


def test_a_call_without_a_known_cost_counts_as_what_was_reserved(make):
    budgets = make(daily=100)
    budgets.settle(reserve(budgets, 7 * CENT), PAID, None)
    assert budgets.status()[0].spent == 7 * CENT


def test_a_new_day_is_a_new_window_and_the_old_one_keeps_what_was_spent_in_it(make, clock):
    budgets = make(daily=1)
    spend(budgets, 90 * CENT)
    clock.forward(86_400)
    spend(budgets, 90 * CENT)
    (status,) = budgets.status()
    assert status.spent == 90 * CENT
    assert budgets.status(NOON)[0].spent == 180 * CENT  # nothing is spent in the future of a clock set back


def test_what_is_free_or_under_no_cap_is_not_leased(make, tmp_path):
    budgets = make(providers={"mistral": Caps(daily=1)})
    free = Model("ollama", "x", billing=Billing.LOCAL)
    assert reserve(budgets, 0, free).id is None
    spend(budgets, CENT)
    budgets.close()
    assert booked(tmp_path / "router.db") == CENT  # a cap set later today counts it


def test_an_idle_lease_is_given_back(make, monkeypatch, tmp_path):
    monkeypatch.setattr(leases, "BOOK_EVERY_S", 0.01)
    monkeypatch.setattr(leases, "IDLE_S", 0.02)
    budgets = make(daily=100)
    spend(budgets, CENT)
    wait_for(lambda: not list((tmp_path / "leases").iterdir()))
    (status,) = SqliteBudgets(tmp_path / "router.db", BudgetSettings(daily=100), budgets._clock).status()
    assert (status.spent, status.reserved) == (CENT, 0)


def test_a_database_that_takes_nothing_refuses_paid_calls_and_forgets_nothing(make, monkeypatch):
    budgets = make(daily=100)
    held = reserve(budgets, CENT)
    with monkeypatch.context() as broken:
        broken.setattr(
            budgets._budgets.database, "transaction", lambda **_: (_ for _ in ()).throw(OSError("disk"))
        )
        budgets.settle(held, PAID, CENT)
        budgets._book_all()
        with pytest.raises(BudgetError) as raised:
            reserve(budgets, 1000 * CENT)
        assert "cannot be checked" in raised.value.message
    assert budgets.status()[0].spent == CENT


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["reserve", "settle", "book", "give back"]),
        st.integers(1, 40),
        st.integers(0, 100),
    ),
    max_size=60,
)


class Spenders:
    """Three that share a database, and what they hold and have spent."""

    def __init__(self, path):
        clock = Clock()
        self.all = [
            LeasedBudgets(SqliteBudgets(path, BudgetSettings(daily=1), clock), clock) for _ in range(3)
        ]
        for each in self.all:
            each._tended = lambda: None  # no thread: the steps say when it books
        self.held, self.spent = [[], [], []], 0

    def do(self, who, what, cents, share):
        budgets = self.all[who]
        if what == "reserve":
            with suppress(BudgetError):
                self.held[who].append(reserve(budgets, cents * CENT))
        elif what == "settle" and self.held[who]:
            self.settle(who, share)
        elif what == "book":
            budgets._book_all()
        elif what == "give back":
            budgets._give_back()

    def settle(self, who, share):
        reservation = self.held[who].pop()
        cost = reservation.amount * share // 100
        self.all[who].settle(reservation, PAID, cost)
        self.spent += cost

    def committed(self):
        return self.spent + sum(r.amount for each in self.held for r in each)


@given(STEPS)
def test_whatever_three_of_them_do_the_cap_holds_and_every_cent_is_accounted_for(tmp_path_factory, steps):
    those = Spenders(tmp_path_factory.mktemp("leases") / "router.db")
    try:
        for step in steps:
            those.do(*step)
            assert those.committed() <= 100 * CENT
        for who in range(3):
            while those.held[who]:
                those.settle(who, 0)
            those.all[who].close()
        (status,) = those.all[0].status()
        assert (status.spent, status.reserved) == (those.spent, 0)
    finally:
        for each in those.all:
            each.close()


# ── a real process ────────────────────────────────────────────────────────────

SPENDER = """
import asyncio, sys
from pathlib import Path
from llm_router.admit.budgets import SqliteBudgets
from llm_router.admit.leases import LeasedBudgets
from llm_router.nouns import Candidate, Model
from llm_router.settings import BudgetSettings

model = Model("openai", "gpt-x")
budgets = LeasedBudgets(SqliteBudgets(Path(sys.argv[1]), BudgetSettings(daily=5)))
call, run = Candidate(model, "test", max_cost=10_000), asyncio.Runner().run
while True:
    budgets.settle(budgets.at_once(call) or run(budgets.areserve(call)), model, 10_000)
    sys.stdout.write(".")
    sys.stdout.flush()
"""


def test_a_process_that_is_killed_leaves_exactly_what_it_had_spent(tmp_path):
    path = tmp_path / "router.db"
    process = subprocess.Popen(
        [sys.executable, "-c", SPENDER, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    seen = 0
    with process.stdout as told:
        while seen < 100:
            seen += len(told.read(100 - seen))
        process.kill()
        while rest := told.read(1000):
            seen += len(rest)
    process.wait(timeout=60)
    plain = SqliteBudgets(path, BudgetSettings(daily=5))
    (status,) = plain.status()
    plain.close()
    assert status.reserved == 0
    assert status.spent // CENT in (seen, seen + 1)  # the last one may have been settled and not told
    assert not list((tmp_path / "leases").iterdir())


def test_a_call_that_cost_more_than_was_leased_leaves_nobody_else_more(make, tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "BOOK_EVERY_S", 1000)
    budgets, other = make(daily=1), SqliteBudgets(tmp_path / "router.db", BudgetSettings(daily=1))
    under_way, dear = reserve(budgets, 20 * CENT), reserve(budgets, 20 * CENT)
    budgets.settle(dear, PAID, 60 * CENT)
    wait_for(lambda: other.status(NOON)[0].spent == 60 * CENT)
    assert other.status(NOON)[0].reserved == 20 * CENT
    budgets.settle(under_way, PAID, 10 * CENT)
    (status,) = budgets.status()
    assert (status.spent, status.reserved) == (70 * CENT, 10 * CENT)


def test_a_lease_that_is_drawn_from_for_hours_stays_its_owners(make, clock, tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "BOOK_EVERY_S", 1000)
    budgets = make(daily=100)
    for _ in range(4):
        spend(budgets, CENT)
        budgets._book_all()
        clock.forward(3600)
    with db.connect(tmp_path / "router.db") as connection:
        (expires,) = connection.execute("SELECT expires_at FROM reservations").fetchone()
    assert expires > clock.now
