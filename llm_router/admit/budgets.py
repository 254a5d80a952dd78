"""Caps on money: reserved before a call, settled after it, in one transaction among all processes of the user.

For every window of every cap that applies: spent + reserved + what the call may cost <= cap. A cap that cannot be
checked is kept: paid calls are refused, free ones pass.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llm_router.admit import caps, counters, processes
from llm_router.admit.caps import Cap, CapStatus
from llm_router.db import FAILURES, Database
from llm_router.errors import BudgetError
from llm_router.nouns import Billing, Candidate, Model, new_id
from llm_router.ports import Reservation
from llm_router.settings import BudgetSettings
from llm_router.windows import bounds

EXPIRES_S = 2 * 3600.0  # longer than any call may last: for where the death of a process cannot be seen
PATIENCE_S = 5.0  # for other processes: to wait is better than to be refused a call that there is money for
QUICK_S = 0.05  # how long what can be tried again, or what no cap depends on, may wait for the database


@dataclass(frozen=True, slots=True)
class _Settlement:
    reservation: str | None
    model: Model
    amount: int
    at: float


class SqliteBudgets:
    """Implements ports.Budgets for a process with one call at a time: whoever calls waits for the database itself, its
    event loop too. `clock` gives Unix seconds.
    """

    def __init__(
        self,
        path: Path,
        settings: BudgetSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self.folder = path.parent / "leases"  # of the counters
        self.database = Database(path, timeout_s=PATIENCE_S)
        self._caps = caps.caps_of(settings)
        self._applying: dict[str, tuple[Cap, ...]] = {}  # by provider
        self._allow_unpriced = settings.unpriced == "allow"
        self._clock = clock
        self._unsettled: list[_Settlement] = []  # what the database did not take yet
        self._settling = threading.Lock()

    def at_once(self, candidate: Candidate) -> Reservation | None:
        """Raises BudgetError for a price that is unknown."""
        applying = self.applying(candidate.model)
        if not applying or candidate.max_cost == 0:
            return Reservation()
        if candidate.max_cost is None and not self._allow_unpriced:
            raise caps.unpriced(candidate.model, applying[0])
        return None

    async def areserve(self, candidate: Candidate) -> Reservation:
        return self.reserve(candidate)

    def reserve(self, candidate: Candidate) -> Reservation:
        """Raises BudgetError when the call does not fit under every cap that applies, or one cannot be checked."""
        if (found := self.at_once(candidate)) is not None:
            return found
        model, needed = candidate.model, candidate.max_cost
        applying = self.applying(model)
        try:
            self._settle_pending()
            with self.database.transaction() as connection:
                swept = sweep(connection, self._clock(), self.folder)
                reservation = self._reserve(connection, model, applying, needed or 0)
        except BudgetError:
            raise
        except FAILURES as error:
            raise caps.unusable(applying[0], error, self._path) from error
        counters.remove(*swept)
        return reservation

    def settle(self, reservation: Reservation, model: Model, cost: int | None) -> None:
        """Replace the reservation by what was spent (unpriced: by the reserved amount). Never raises.

        Where no cap applies the amount is noted all the same, without insisting: a cap set later today counts it.
        """
        amount = max(0, reservation.amount if cost is None else cost)
        if model.billing is not Billing.METERED or (reservation.id is None and not amount):
            return
        settlement = _Settlement(reservation.id, model, amount, self._clock())
        with suppress(*FAILURES):
            if self.applying(model):
                self._settle_pending(settlement)
            else:
                self._write([settlement], QUICK_S)

    def status(self, now: float | None = None, *, timeout_s: float | None = None) -> Sequence[CapStatus]:
        """Every cap as of `now`, the global ones first. Raises BudgetError when the database cannot be used, or is held
        by another process for `timeout_s`.
        """
        if not self._caps:
            return ()
        at = self._clock() if now is None else now
        try:
            with self.database.transaction(timeout_s=timeout_s) as connection:
                swept = sweep(connection, at, self.folder)
                standing = [stand(connection, cap, at) for cap in self._caps]
        except FAILURES as error:
            raise caps.unusable(self._caps[0], error, self._path) from error
        counters.remove(*swept)
        return standing

    def close(self) -> None:
        with suppress(*FAILURES):
            self._settle_pending()
        self.database.close()

    def applying(self, model: Model) -> tuple[Cap, ...]:
        if model.billing is not Billing.METERED:
            return ()
        found = self._applying.get(model.provider)
        if found is None:
            found = tuple(cap for cap in self._caps if cap.provider in {None, model.provider})
            self._applying[model.provider] = found
        return found

    def _reserve(
        self, connection: sqlite3.Connection, model: Model, applying: Sequence[Cap], needed: int
    ) -> Reservation:
        now, pid = self._clock(), os.getpid()
        for cap in applying:
            status = stand(connection, cap, now)
            if needed > status.remaining or not status.remaining:
                raise caps.over(status, model, needed)
        if not needed:  # unpriced, and allowed
            return Reservation()
        reservation = Reservation(new_id("b"), needed)
        row = (
            reservation.id,
            model.provider,
            model.id,
            needed,
            now,
            now + EXPIRES_S,
            pid,
            processes.marker(pid),
        )
        connection.execute(
            "INSERT INTO reservations (id, provider, model, amount, at, expires_at, pid, process)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        return reservation

    def _settle_pending(self, settlement: _Settlement | None = None) -> None:
        """Write what is settled and not written. What fails stays, its reservation too, until the next time."""
        with self._settling:
            if settlement is not None:
                self._unsettled.append(settlement)
            if self._unsettled:
                self._write(self._unsettled)
                self._unsettled.clear()

    def _write(self, settlements: Sequence[_Settlement], timeout_s: float | None = None) -> None:
        with self.database.transaction(timeout_s=timeout_s) as connection:
            for each in settlements:
                connection.execute("DELETE FROM reservations WHERE id = ?", (each.reservation,))
                if each.amount:
                    book(connection, each.at, each.model.provider, each.model.id, each.amount)


def book(connection: sqlite3.Connection, at: float, provider: str, model: str, amount: int) -> None:
    connection.execute(
        "INSERT INTO spend (at, provider, model, amount) VALUES (?, ?, ?, ?)", (at, provider, model, amount)
    )


def sweep(connection: sqlite3.Connection, now: float, folder: Path) -> Sequence[Path]:
    """Release what ended processes, or lost calls, still hold. What they had spent of a lease is booked.

    The counters read are returned, to be removed when the transaction is through.
    """
    pid = os.getpid()
    own = (pid, processes.marker(pid))  # our own leases are alive, however long they lay
    ended = connection.execute(
        "SELECT * FROM reservations WHERE expires_at <= ? AND NOT (flushed IS NOT NULL AND pid = ? AND process = ?)",
        (now, *own),
    ).fetchall()
    for holder in connection.execute("SELECT DISTINCT pid, process FROM reservations").fetchall():
        if not processes.alive(*holder):
            rows = connection.execute(
                "SELECT * FROM reservations WHERE pid = ? AND process = ?", tuple(holder)
            )
            ended += rows.fetchall()
    ended = list({row["id"]: row for row in ended}.values())
    for row in ended:
        connection.execute("DELETE FROM reservations WHERE id = ?", (row["id"],))
        if row["flushed"] is not None:
            _book_lease(connection, row, folder / row["id"])
    return [folder / row["id"] for row in ended if row["flushed"] is not None]


def _book_lease(connection: sqlite3.Connection, row: sqlite3.Row, path: Path) -> None:
    """Without its counter nobody knows what became of the money: it counts as spent."""
    total, at = counters.read(path) or (row["flushed"] + row["amount"], row["at"])
    if total > row["flushed"]:
        book(connection, at, row["provider"], row["model"], total - row["flushed"])


def stand(connection: sqlite3.Connection, cap: Cap, now: float) -> CapStatus:
    window = bounds(cap.window, now)
    where, values = ("provider = ?", (cap.provider,)) if cap.provider else ("1", ())
    # no upper end: what a clock set back left "in the future" was spent all the same
    spent = connection.execute(
        f"SELECT coalesce(sum(amount), 0) FROM spend WHERE at >= ? AND {where}",  # noqa: S608 - one of two constants
        (window.since, *values),
    ).fetchone()[0]
    reserved = connection.execute(
        f"SELECT coalesce(sum(amount), 0) FROM reservations WHERE {where}",  # noqa: S608
        values,
    ).fetchone()[0]
    return CapStatus(cap, spent, reserved, window.until)
