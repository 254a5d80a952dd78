from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from decimal import Decimal

import pytest

from llm_router import db
from llm_router.admit import processes
from llm_router.admit.budgets import EXPIRES_S, SqliteBudgets
from llm_router.errors import BudgetError
from llm_router.nouns import Billing, Candidate, Model
from llm_router.settings import BudgetSettings, Caps
from llm_router.windows import bounds
from tests.clock import NOON

DAY = 86_400
PAID = Model("openai", "gpt-x")
OTHER = Model("mistral", "large")


@pytest.fixture
def make(tmp_path, clock):
    made = []

    def build(path=None, **settings):
        budgets = SqliteBudgets(path or tmp_path / "router.db", BudgetSettings(**settings), clock)
        made.append(budgets)
        return budgets

    yield build
    for each in made:
        each.close()


def costing(dollars, model=PAID):
    return Candidate(model, "test", max_cost=None if dollars is None else int(dollars * 1_000_000))


def spend(budgets, dollars, model=PAID):
    reservation = budgets.reserve(costing(dollars, model))
    budgets.settle(reservation, model, int(dollars * 1_000_000))


def test_a_call_that_fits_is_reserved_and_settled_at_what_it_cost(make):
    budgets = make(daily=Decimal(1))
    reservation = budgets.reserve(costing(0.6))
    assert reservation.id
    assert reservation.amount == 600_000
    (held,) = budgets.status()
    assert (held.spent, held.reserved, held.remaining) == (0, 600_000, 400_000)

    budgets.settle(reservation, PAID, 250_000)
    (settled,) = budgets.status()
    assert (settled.spent, settled.reserved, settled.remaining) == (250_000, 0, 750_000)


def test_a_call_may_use_a_cap_to_its_last_micro_dollar_and_no_further(make):
    budgets = make(daily=Decimal(1))
    spend(budgets, 0.4)
    budgets.settle(budgets.reserve(costing(0.6)), PAID, 0)
    with pytest.raises(BudgetError):
        budgets.reserve(Candidate(PAID, "test", max_cost=600_001))


def test_a_refusal_names_the_budget_the_amounts_the_reset_and_the_way_round_it(make):
    budgets = make(daily=Decimal(5))
    spend(budgets, 4.2)
    budgets.reserve(costing(0.3))
    with pytest.raises(BudgetError) as caught:
        budgets.reserve(costing(0.6))
    error = caught.value
    assert error.budget == "daily budget"
    assert (error.cap, error.spent) == (5_000_000, 4_200_000)
    assert error.resets_at == bounds("daily", NOON).until
    for said in (
        "openai/gpt-x",
        "$0.60",
        "$0.50 left",
        "$4.20 spent",
        "$0.30 reserved",
        "$5.00",
        "2026-03-19 00:00",
    ):
        assert said in error.message
    assert "llm-router budget set --daily 6" in error.fix
    assert "--max-cost 0.5" in error.fix
    assert "free or local model" in error.fix


def test_a_failed_call_gives_its_reservation_back(make):
    budgets = make(daily=Decimal(1))
    for _ in range(5):
        budgets.settle(budgets.reserve(costing(1)), PAID, 0)
    assert budgets.status()[0].remaining == 1_000_000


def test_an_answer_without_a_price_settles_at_the_reserved_amount(make):
    budgets = make(daily=Decimal(1))
    budgets.settle(budgets.reserve(costing(0.7)), PAID, None)
    assert budgets.status()[0].spent == 700_000


def test_a_call_dearer_than_reserved_is_counted_in_full(make):
    budgets = make(daily=Decimal(1))
    budgets.settle(budgets.reserve(costing(0.7)), PAID, 1_300_000)
    assert budgets.status()[0].spent == 1_300_000
    assert budgets.status()[0].remaining == 0
    with pytest.raises(BudgetError):
        budgets.reserve(costing(0.000001))


@pytest.mark.parametrize(
    ("window", "same", "later"),
    [("daily", 11 * 3600, 13 * 3600), ("weekly", 4 * DAY, 5 * DAY), ("monthly", 13 * DAY, 14 * DAY)],
)
def test_a_window_ends_at_local_midnight_the_end_of_sunday_or_of_the_month(make, clock, window, same, later):
    budgets = make(**{window: Decimal(1)})
    spend(budgets, 1)
    clock.now = NOON + same
    with pytest.raises(BudgetError, match=window):
        budgets.reserve(costing(0.1))
    clock.now = NOON + later
    assert budgets.reserve(costing(0.1)).id


def test_the_narrowest_of_several_windows_decides(make, clock):
    budgets = make(daily=Decimal(1), weekly=Decimal("1.5"), monthly=Decimal(10))
    spend(budgets, 1)
    clock.forward(DAY)
    with pytest.raises(BudgetError) as caught:
        budgets.reserve(costing(0.6))
    assert caught.value.budget == "weekly budget"


def test_a_cap_of_one_provider_leaves_the_others_alone(make):
    budgets = make(providers={"openai": Caps(monthly=Decimal(1))})
    spend(budgets, 1)
    with pytest.raises(BudgetError) as caught:
        budgets.reserve(costing(0.1))
    assert caught.value.budget == "monthly budget of openai"
    assert "budget set --provider openai --monthly" in caught.value.fix
    assert budgets.reserve(costing(100, OTHER)).id is None


def test_a_global_cap_counts_every_provider(make):
    budgets = make(daily=Decimal(1), providers={"openai": Caps(daily=Decimal(5))})
    spend(budgets, 0.9, OTHER)
    with pytest.raises(BudgetError) as caught:
        budgets.reserve(costing(0.2))
    assert caught.value.budget == "daily budget"


@pytest.mark.parametrize("billing", [Billing.LOCAL, Billing.SUBSCRIPTION])
def test_free_models_need_no_budget_and_no_database(tmp_path, make, billing):
    budgets = make(path=tmp_path / "file" / "router.db", daily=Decimal(0))
    (tmp_path / "file").write_text("in the way")
    model = Model("ollama", "qwen", billing=billing)
    reservation = budgets.reserve(Candidate(model, "free"))
    assert reservation.id is None
    budgets.settle(reservation, model, 0)


def test_a_cap_of_zero_refuses_every_paid_call(make):
    with pytest.raises(BudgetError):
        make(daily=Decimal(0)).reserve(costing(0.000001))


def test_without_a_cap_nothing_is_reserved_but_a_cap_set_later_counts_what_was_spent(make):
    free_hand = make()
    reservation = free_hand.reserve(costing(2))
    assert reservation.id is None
    free_hand.settle(reservation, PAID, 1_500_000)
    capped = make(daily=Decimal(2))
    assert capped.status()[0].spent == 1_500_000
    with pytest.raises(BudgetError):
        capped.reserve(costing(1))


def test_an_unknown_price_under_a_cap_is_refused_and_the_message_says_how_to_give_one(make):
    with pytest.raises(BudgetError) as caught:
        make(daily=Decimal(5)).reserve(costing(None))
    assert "openai/gpt-x" in caught.value.message
    assert "prices:" in caught.value.fix
    assert "unpriced: allow" in caught.value.fix


def test_an_unknown_price_passes_where_allowed_until_a_cap_is_used_up(make):
    budgets = make(daily=Decimal(1), unpriced="allow")
    assert budgets.reserve(costing(None)).id is None
    spend(budgets, 1)
    with pytest.raises(BudgetError, match="no known price"):
        budgets.reserve(costing(None))


def test_an_unknown_price_without_a_cap_is_nobodys_business(make):
    budgets = make()
    reservation = budgets.reserve(costing(None))
    budgets.settle(reservation, PAID, None)


# ── when the database cannot be used ─────────────────────────────────────────


def test_a_cap_that_cannot_be_checked_refuses_paid_calls_and_says_why(tmp_path, make):
    path = tmp_path / "router.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(BudgetError) as caught:
        make(daily=Decimal(5)).reserve(costing(0.1))
    assert "not a database" in caught.value.message
    assert str(path) in caught.value.fix
    assert "doctor" in caught.value.fix


def test_a_database_of_a_newer_version_refuses_paid_calls_under_a_cap(tmp_path, make):
    connection = db.connect(tmp_path / "router.db")
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    with pytest.raises(BudgetError, match="newer"):
        make(daily=Decimal(5)).reserve(costing(0.1))


def test_without_a_cap_a_broken_database_troubles_nobody(tmp_path, make):
    (tmp_path / "router.db").write_bytes(b"this is no database" * 100)
    budgets = make()
    budgets.settle(budgets.reserve(costing(0.1)), PAID, 100_000)


def test_what_could_not_be_settled_stays_reserved_and_is_settled_the_next_time(tmp_path, make, monkeypatch):
    budgets = make(daily=Decimal(1))
    reservation = budgets.reserve(costing(0.5))
    with monkeypatch.context() as patched:

        def locked(*_args, **_kwargs):
            raise sqlite3.OperationalError("database is locked")

        patched.setattr(budgets.database, "transaction", locked)
        budgets.settle(reservation, PAID, 300_000)
    assert budgets.status()[0].reserved == 500_000
    budgets.settle(budgets.reserve(costing(0.1)), PAID, 100_000)
    (status,) = budgets.status()
    assert (status.spent, status.reserved) == (400_000, 0)


# ── many processes ───────────────────────────────────────────────────────────

RESERVE = """
import sys, time
from decimal import Decimal
from pathlib import Path
from llm_router.admit.budgets import SqliteBudgets
from llm_router.errors import BudgetError
from llm_router.nouns import Candidate, Model
from llm_router.settings import BudgetSettings
model = Model("openai", "gpt-x")
budgets = SqliteBudgets(Path(sys.argv[1]), BudgetSettings(daily=Decimal(1)))
"""
COMPETE = (
    RESERVE
    + """
won = 0
for turn in range(4):
    try:
        reservation = budgets.reserve(Candidate(model, "", max_cost=30_000))
    except BudgetError as error:
        assert error.spent <= 1_000_000 and "left" in error.message, error.message
        continue
    budgets.settle(reservation, model, 30_000 if turn % 2 else 0)
    won += turn % 2
budgets.close()
print(won)
"""
)
HOLD = (
    RESERVE
    + """
budgets.reserve(Candidate(model, "", max_cost=900_000))
print("held", flush=True)
time.sleep(600)
"""
)


def python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def test_fifty_processes_together_never_spend_more_than_one_cap(tmp_path):
    path = tmp_path / "router.db"
    started = [python(COMPETE, path) for _ in range(50)]
    outputs = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 50
    budgets = SqliteBudgets(path, BudgetSettings(daily=Decimal(1)))
    (status,) = budgets.status()
    assert 0 < status.spent <= 1_000_000
    assert status.spent == 30_000 * sum(int(output) for output in outputs)
    rest = budgets.reserve(Candidate(PAID, "test", max_cost=1_000_000 - status.spent))  # nothing has leaked
    assert rest.id
    budgets.close()


def test_a_killed_process_leaves_no_reservation(tmp_path, make, clock):
    path = tmp_path / "router.db"
    holder = python(HOLD, path)
    try:
        assert holder.stdout.readline() == "held\n"
        clock.now = time.time()
        budgets = make(daily=Decimal(1))
        with pytest.raises(BudgetError):
            budgets.reserve(costing(0.2))
        holder.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, and still a zombie
        assert budgets.reserve(costing(0.2)).id
    finally:
        holder.kill()
        holder.communicate(timeout=60)


def test_many_calls_of_one_process_are_looked_after_by_one_look_at_it(make, monkeypatch):
    asked = []
    monkeypatch.setattr(processes, "alive", lambda *holder: asked.append(holder) or True)
    budgets = make(daily=Decimal(1))
    for _ in range(4):
        budgets.reserve(costing(0.1))
    assert len(asked) == 3  # one for each call that found others


def test_a_reservation_expires_where_nobody_can_see_its_process(tmp_path, make, clock, monkeypatch):
    budgets = make(weekly=Decimal(1))
    budgets.reserve(costing(0.9))
    clock.forward(EXPIRES_S - 1)
    assert budgets.status()[0].reserved == 900_000
    clock.forward(1)
    assert budgets.status()[0].reserved == 0


def test_a_reused_pid_does_not_keep_a_dead_reservation(tmp_path, make):
    budgets = make(daily=Decimal(1))
    budgets.reserve(costing(0.9))
    with budgets.database.transaction() as connection:
        connection.execute("UPDATE reservations SET pid = ?, process = process || '7'", (os.getppid(),))
    expected = 0 if processes.marker(os.getpid()) else 900_000
    assert budgets.status()[0].reserved == expected


@pytest.mark.skipif(
    not processes.marker(os.getpid()), reason="the system does not tell when a process started"
)
def test_processes_of_an_earlier_boot_are_dead_and_those_of_another_container_are_left_alone():
    boot, namespace, started = processes.marker(os.getppid()).split(" ", 2)
    assert processes.alive(os.getppid(), f"{boot} {namespace} {started}")
    assert not processes.alive(os.getppid(), f"another-boot {namespace} {started}")
    assert processes.alive(999_999_999, f"{boot} pid:[1] {started}")
    assert not processes.alive(999_999_999, f"{boot} {namespace} {started}")


def test_a_system_without_start_times_falls_back_to_the_pid():
    assert processes.alive(os.getppid(), "")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(timeout=30)
    assert not processes.alive(ended.pid, "")
