"""Money that this process has set aside for one provider: a row of `reservations`, drawn from in memory.

    amount of the row  =  left  +  held by calls under way  +  spent and not booked yet

Drawing and settling wait for no database. A transaction may run meanwhile, one at a time: it takes note of how things
stand when it begins, and what has happened since then is on top.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection

from llm_router.admit import budgets, processes
from llm_router.admit.counters import Counter
from llm_router.db import Database
from llm_router.nouns import Candidate, new_id


class Lease:
    """Amounts in micro-dollars, times in Unix seconds. Raises OSError where its counter cannot be made."""

    def __init__(self, provider: str, folder: Path) -> None:
        self.id, self.provider = new_id("l"), provider
        self.until = 0.0  # when the first of the caps' windows ends
        self.low = 0  # with less left, more is to be fetched ahead
        self.wanting: Candidate | None = None  # the call that left less than that
        self.used = time.monotonic()
        self._row = self._held = self._unbooked = 0
        self._spent: dict[str, int] = {}  # by model, not booked
        self._spent_at = 0.0
        self._counter = Counter(folder / self.id)
        self._lock = threading.Lock()  # held for a moment, and never while the database is waited for

    @property
    def left(self) -> int:
        return self._row - self._held - self._unbooked

    @property
    def is_empty(self) -> bool:
        """No call holds anything of it, and none can."""
        return not self._row

    @property
    def is_held(self) -> bool:
        return self._held > 0

    @property
    def is_booked(self) -> bool:
        return not self._unbooked

    def draw(self, candidate: Candidate, needed: int, now: float) -> bool:
        """Whether the call is covered."""
        with self._lock:
            left = self.left - needed
            if left < 0 or now >= self.until:
                return False
            self._held += needed
            if left < self.low:
                self.low, self.wanting = 0, candidate
            return True

    def settle(self, reserved: int, model: str, amount: int, now: float) -> bool:
        """False where others must know at once: it cost more than was set aside, or could not be noted."""
        with self._lock:
            self._held -= reserved
            self.used = time.monotonic()
            if not amount:
                return True
            self._unbooked += amount
            self._spent[model] = self._spent.get(model, 0) + amount
            self._spent_at = now
            try:
                self._counter.add(amount)
            except OSError:
                return False
            return self.left >= 0

    @contextmanager
    def booking(
        self, database: Database, now: float, timeout_s: float | None, *, keeps: bool = True
    ) -> Generator[Booking]:
        """A transaction that books what was spent, and gives back what is left unless it `keeps` it. Raises FAILURES:
        then all is as before.
        """
        with self._lock:
            given = 0 if keeps else self.left
            self._row -= given  # nobody draws from it any more
            booked, spent, total = self._unbooked, self._spent, self._counter.total
            self._spent = {}
            # what was spent beyond the block is in no row; calls under way keep what they hold
            held = self._held
            amount = max(self._row - booked, held)
        try:
            with database.transaction(timeout_s=timeout_s) as connection:
                for model, cost in spent.items():
                    budgets.book(connection, self._spent_at, self.provider, model, cost)
                made = Booking(connection, self, total, now)
                made.write(amount)
                made.left = amount - held
                yield made
        except BaseException:
            with self._lock:
                self._row += given
                for model, cost in spent.items():
                    self._spent[model] = self._spent.get(model, 0) + cost
            raise
        with self._lock:
            self._unbooked -= booked
            self._row = made.amount

    def close(self) -> None:
        self._counter.close()


class Booking:
    """`write` sets the amount of the lease's row. `left` is what no call held of it when the transaction began."""

    def __init__(self, connection: Connection, lease: Lease, total: int, now: float) -> None:
        self.connection, self.amount, self.left = connection, 0, 0
        self._lease, self._total, self._now = lease, total, now

    def write(self, amount: int) -> None:
        self.amount, lease, pid = amount, self._lease, os.getpid()
        self.connection.execute(
            "INSERT OR REPLACE INTO reservations"
            " (id, provider, model, amount, at, expires_at, pid, process, flushed)"
            " VALUES (?, ?, '', ?, ?, ?, ?, ?, ?)",
            (
                lease.id,
                lease.provider,
                amount,
                self._now,
                self._now + budgets.EXPIRES_S,
                pid,
                processes.marker(pid),
                self._total,
            ),
        )

    def remove(self) -> None:
        self.connection.execute("DELETE FROM reservations WHERE id = ?", (self._lease.id,))
