"""Budgets for a process with many calls a second: money is leased from the caps in blocks, and drawn from in memory.

A lease is a reservation of the whole block, so the caps hold among any number of processes whatever each of them does
with its own. What was spent is booked about once a second; what is not used is given back soon. Of a process that died,
only what it really spent stays spent: its counter on disk tells how much (see counters).

    row of the lease  =  left  +  held by calls under way  +  spent and not booked yet
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from llm_router.admit import budgets as sqlite_budgets
from llm_router.admit import caps, counters, processes
from llm_router.admit.budgets import QUICK_S, SqliteBudgets
from llm_router.admit.caps import Cap, CapStatus
from llm_router.admit.counters import Counter
from llm_router.db import FAILURES
from llm_router.errors import BudgetError
from llm_router.nouns import Billing, Candidate, Model, new_id
from llm_router.ports import Reservation
from llm_router.windows import bounds

CALLS = 64  # how many calls like the one that asks a lease is for
SHARE = 16  # at most this part of what is left under a cap: near its end each call is reserved by itself
BOOK_EVERY_S = 1.0
IDLE_S = 2.0  # then what is not used goes back


@dataclass(slots=True)
class _Lease:
    """Of one provider. Amounts in micro-dollars."""

    id: str
    provider: str
    counter: Counter
    row: int = 0
    held: int = 0
    unbooked: int = 0
    spent: dict[str, int] = field(default_factory=dict[str, int])  # by model, not booked
    spent_at: float = 0.0
    until: float = 0.0  # when the first of its windows ends
    used: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> int:
        return self.row - self.held - self.unbooked


class LeasedBudgets:
    """Implements ports.Budgets over SqliteBudgets."""

    def __init__(self, budgets: SqliteBudgets, clock: Callable[[], float] = time.time) -> None:
        self._budgets, self._clock = budgets, clock
        self._leases: dict[str, _Lease] = {}  # by provider
        self._by_id: dict[str, _Lease] = {}
        self._loose: dict[
            tuple[str, str], int
        ] = {}  # spent under no cap: noted for one that may be set later
        self._state = threading.Lock()
        self._writing = threading.Lock()  # always taken before `_state`
        self._ending: threading.Event | None = None

    def reserve(self, candidate: Candidate) -> Reservation:
        """Raises BudgetError when the call does not fit under every cap that applies, or one cannot be checked."""
        model, needed = candidate.model, candidate.max_cost
        applying = self._budgets.applying(model)
        if not applying or not needed:
            return self._budgets.reserve(candidate)
        with self._state:
            lease = self._leases.get(model.provider)
            if lease is not None and lease.left >= needed and self._clock() < lease.until:
                lease.held += needed
                return Reservation(lease.id, needed)
        try:
            return self._topped_up(model, applying, needed)
        except BudgetError:
            if not self._give_back():
                raise
        return self._topped_up(model, applying, needed)

    def settle(self, reservation: Reservation, model: Model, cost: int | None) -> None:
        """Replace the reservation by what was spent. Never raises."""
        lease = self._by_id.get(reservation.id or "")
        if lease is None:
            self._settle_loose(reservation, model, cost)
            return
        amount = max(0, reservation.amount if cost is None else cost)
        with self._state:
            lease.held -= reservation.amount
            lease.used = time.monotonic()
            if not amount:
                return
            lease.unbooked += amount
            lease.spent[model.id] = lease.spent.get(model.id, 0) + amount
            lease.spent_at = self._clock()
            safe = lease.left >= 0
            try:
                lease.counter.add(amount)
            except OSError:
                safe = False
        if not safe:  # it cost more than was set aside, or cannot be noted: others must know at once
            self._book(lease)

    def status(self, now: float | None = None) -> Sequence[CapStatus]:
        self._book_all()
        return self._budgets.status(now)

    def close(self) -> None:
        ending, self._ending = self._ending, None
        if ending is not None:
            ending.set()
        self._book_all()
        self._give_back()
        self._budgets.close()

    # ── the lease and the database ───────────────────────────────────────────

    def _topped_up(self, model: Model, applying: Sequence[Cap], needed: int) -> Reservation:
        """Raises BudgetError."""
        with self._writing, self._state:
            try:
                lease = self._leases.get(model.provider) or self._opened(model.provider)
                now = self._clock()
                with self._budgets.database.transaction() as connection:
                    swept = sqlite_budgets.sweep(connection, now, self._budgets.folder)
                    _book(connection, lease)
                    _set_aside(connection, lease, 0, now)
                    standing = [sqlite_budgets.stand(connection, cap, now) for cap in applying]
                    for status in standing:
                        if needed > status.remaining - lease.held:
                            raise caps.over(status, model, needed)
                    room = min(status.remaining for status in standing) - lease.held
                    block = max(needed, min(needed * CALLS, room // SHARE))
                    _set_aside(connection, lease, lease.held + block, now)
            except BudgetError:
                raise
            except FAILURES as error:
                raise caps.unusable(applying[0], error, self._budgets.database.path) from error
            lease.spent, lease.unbooked = {}, 0
            lease.row = lease.held + block
            lease.until = min(bounds(cap.window, now).until for cap in applying)
            lease.used = time.monotonic()
            lease.held += needed
        counters.remove(*swept)
        self._tended()
        return Reservation(lease.id, needed)

    def _opened(self, provider: str) -> _Lease:
        """Raises OSError."""
        id_ = new_id("l")
        lease = _Lease(id_, provider, Counter(self._budgets.folder / id_))
        self._leases[provider] = self._by_id[id_] = lease
        return lease

    def _book(self, lease: _Lease, timeout_s: float | None = None) -> None:
        """Put what was spent into the database. What it does not take stays, and the block too."""
        with self._writing:
            with self._state:
                if not lease.unbooked:
                    return
                booked, spent, total = lease.unbooked, lease.spent, lease.counter.total
                lease.spent = {}
                # what was spent beyond the block is in no row; calls under way keep what they hold
                row = max(lease.row - booked, lease.held)
            moved = _Lease(lease.id, lease.provider, lease.counter, spent=spent, spent_at=lease.spent_at)
            try:
                with self._budgets.database.transaction(timeout_s=timeout_s) as connection:
                    _book(connection, moved)
                    connection.execute(
                        "UPDATE reservations SET amount = ?, flushed = ?, expires_at = ? WHERE id = ?",
                        (row, total, self._clock() + sqlite_budgets.EXPIRES_S, lease.id),
                    )
            except FAILURES:
                with self._state:
                    for model, amount in spent.items():
                        lease.spent[model] = lease.spent.get(model, 0) + amount
                return
            with self._state:
                lease.unbooked -= booked
                lease.row = row

    def _book_all(self) -> None:
        for lease in list(self._leases.values()):
            self._book(lease)
        self._note_loose()

    def _give_back(self, idle_s: float = 0.0) -> bool:
        """What no call holds of leases that were not used for so long. Whether there was any."""
        given = False
        with self._writing, self._state:
            for lease in list(self._leases.values()):
                if time.monotonic() - lease.used < idle_s or (lease.left <= 0 and lease.held):
                    continue
                left = lease.left
                with suppress(*FAILURES):
                    self._return(lease)
                    given = given or left > 0
        return given

    def _return(self, lease: _Lease) -> None:
        keeps = lease.held + lease.unbooked
        with self._budgets.database.transaction(timeout_s=QUICK_S) as connection:
            if keeps:
                connection.execute("UPDATE reservations SET amount = ? WHERE id = ?", (keeps, lease.id))
            else:
                connection.execute("DELETE FROM reservations WHERE id = ?", (lease.id,))
        lease.row = keeps
        if not keeps:
            del self._leases[lease.provider], self._by_id[lease.id]
            lease.counter.close()

    # ── what no cap applies to ───────────────────────────────────────────────

    def _settle_loose(self, reservation: Reservation, model: Model, cost: int | None) -> None:
        if reservation.id is not None or self._budgets.applying(model):
            self._budgets.settle(reservation, model, cost)
        elif cost and model.billing is Billing.METERED:
            with self._state:
                key = (model.provider, model.id)
                self._loose[key] = self._loose.get(key, 0) + cost
            self._tended()

    def _note_loose(self) -> None:
        with self._state:
            loose, self._loose = self._loose, {}
        for (provider, model), amount in loose.items():
            self._budgets.settle(Reservation(), Model(provider, model), amount)

    # ── the thread that books and gives back ─────────────────────────────────

    def _tended(self) -> None:
        if self._ending is None:
            self._ending = threading.Event()
            threading.Thread(
                target=self._tend, args=(self._ending,), name="llm-router-leases", daemon=True
            ).start()

    def _tend(self, ending: threading.Event) -> None:
        while not ending.wait(BOOK_EVERY_S):
            for lease in list(self._leases.values()):
                self._book(lease, QUICK_S)
            self._note_loose()
            self._give_back(IDLE_S)


def _book(connection: sqlite3.Connection, lease: _Lease) -> None:
    for model, amount in lease.spent.items():
        connection.execute(
            "INSERT INTO spend (at, provider, model, amount) VALUES (?, ?, ?, ?)",
            (lease.spent_at, lease.provider, model, amount),
        )


def _set_aside(connection: sqlite3.Connection, lease: _Lease, amount: int, now: float) -> None:
    pid = os.getpid()
    connection.execute(
        "INSERT OR REPLACE INTO reservations (id, provider, model, amount, at, expires_at, pid, process, flushed)"
        " VALUES (?, ?, '', ?, ?, ?, ?, ?, ?)",
        (
            lease.id,
            lease.provider,
            amount,
            now,
            now + sqlite_budgets.EXPIRES_S,
            pid,
            processes.marker(pid),
            lease.counter.total,
        ),
    )
