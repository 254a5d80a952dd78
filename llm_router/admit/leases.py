"""Budgets for a process with many calls at once: money is leased from the caps in blocks, and drawn from in memory.

A lease is a reservation of the whole block, so the caps hold among any number of processes whatever each of them does
with its own. What was spent is booked about once a second; what is not used is given back soon. Of a process that died,
only what it really spent stays spent: its counter on disk tells how much (see counters).

The event loop never waits for the database: threads alone write there, one at a time. A call that needs more than is
left waits for its thread, and those that come meanwhile wait for the same one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from llm_router.admit import budgets as sqlite_budgets
from llm_router.admit import caps, counters
from llm_router.admit.budgets import QUICK_S, SqliteBudgets
from llm_router.admit.caps import CapStatus
from llm_router.admit.lease import Lease
from llm_router.db import FAILURES
from llm_router.errors import BudgetError
from llm_router.nouns import Billing, Candidate, Model
from llm_router.ports import Reservation
from llm_router.windows import bounds

T = TypeVar("T")

CALLS = 64  # how many calls like the one that asks a lease is for
SHARE = 16  # at most this part of what is left under a cap: near its end each call is reserved by itself
LOW = 4  # with this part of a block left, the next one is fetched before anybody has to wait for it
BOOK_EVERY_S = 1.0
IDLE_S = 2.0  # then what is not used goes back
THREADS = 4  # that wait for the database
CLOSE_S = 1.0  # how long the end waits for the database: what it does not take is booked when we are gone


class LeasedBudgets:
    """Implements ports.Budgets over SqliteBudgets. `calls` is how many like the one that asks a lease is for."""

    def __init__(
        self, budgets: SqliteBudgets, clock: Callable[[], float] = time.time, *, calls: int = CALLS
    ) -> None:
        self._budgets, self._clock, self._calls = budgets, clock, calls
        self._leases: dict[str, Lease] = {}  # by provider; changed by who holds `_writing`
        self._by_id: dict[str, Lease] = {}
        self._asking: dict[str, asyncio.Task[Any]] = {}  # by provider, or by model where its price is unknown
        self._threads = ThreadPoolExecutor(THREADS, "llm-router-budgets")  # made when they are needed
        self._writing = threading.Lock()  # held while the database is waited for
        self._loose: dict[tuple[str, str], int] = {}  # spent under no lease, by provider and model
        self._tending: threading.Thread | None = None
        self._hurry = threading.Event()
        self._state = threading.Lock()  # for the three above; held for a moment

    def at_once(self, candidate: Candidate) -> Reservation | None:
        """Raises BudgetError for a price that is unknown."""
        model, needed = candidate.model, candidate.max_cost
        if not needed or not self._budgets.applying(model):
            return self._budgets.at_once(candidate)
        lease = self._leases.get(model.provider)
        if lease is None or not lease.draw(candidate, needed, self._clock()):
            return None
        if lease.wanting is not None:
            self._hurry.set()
        return Reservation(lease.id, needed)

    async def areserve(self, candidate: Candidate) -> Reservation:
        if not candidate.max_cost:  # unknown, and allowed
            return await asyncio.shield(self._asked(self._budgets.reserve, candidate, candidate.model.ref)[0])
        while (found := self.at_once(candidate)) is None:
            await self._more(candidate)
        return found

    def settle(self, reservation: Reservation, model: Model, cost: int | None) -> None:
        lease = self._by_id.get(reservation.id or "")
        if lease is None:
            self._settle_loose(model, cost or 0)
            return
        amount = max(0, reservation.amount if cost is None else cost)
        if not lease.settle(reservation.amount, model.id, amount, self._clock()):
            self._hurry.set()

    def status(self, now: float | None = None, *, timeout_s: float | None = None) -> Sequence[CapStatus]:
        """For a thread. Raises BudgetError."""
        self._book_all(timeout_s)
        return self._budgets.status(now, timeout_s=timeout_s)

    def close(self) -> None:
        """For a thread."""
        self._book_all(CLOSE_S)
        self._give_back(timeout_s=CLOSE_S)
        self._budgets.close()
        self._hurry.set()

    # ── more money ───────────────────────────────────────────────────────────

    async def _more(self, candidate: Candidate) -> None:
        """Wait for a thread that tops up: for one that is at it already, if there is one. Raises BudgetError."""
        task, is_mine = self._asked(self._topped_up, candidate, candidate.model.provider)
        try:
            await asyncio.shield(task)  # who is cancelled leaves what was leased to the others
        except BudgetError:
            if is_mine:  # what does not fit for one may fit for another
                raise
        except FAILURES as error:
            cap = self._budgets.applying(candidate.model)[0]
            raise caps.unusable(cap, error, self._budgets.database.path) from error

    def _asked(
        self, what: Callable[[Candidate], T], candidate: Candidate, key: str
    ) -> tuple[asyncio.Task[T], bool]:
        """The thread that is at it, for all who ask meanwhile, and whether it was made for this one."""
        task = self._asking.get(key)
        if task is not None and not task.done():  # to wait for what is done would be no wait at all
            return task, False
        task = self._asking[key] = asyncio.create_task(self._aside(what, candidate))
        task.add_done_callback(lambda done: self._answered(key, done))
        return task, True

    def _answered(self, key: str, done: asyncio.Task[Any]) -> None:
        if self._asking.get(key) is done:
            del self._asking[key]
        if not done.cancelled():
            done.exception()  # whom it concerned may be gone

    async def _aside(self, what: Callable[[Candidate], T], candidate: Candidate) -> T:
        """In threads of our own: who waits for the database is not to use up those of the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, what, candidate)

    def _topped_up(self, candidate: Candidate) -> None:
        """Raises BudgetError where the call does not fit, else FAILURES."""
        try:
            self._fetch(candidate)
        except BudgetError:
            if not self._give_back():
                raise
            self._fetch(candidate)

    def _fetch(self, candidate: Candidate, *, ahead: bool = False) -> None:
        """Raises BudgetError where the call does not fit, else FAILURES."""
        model, needed = candidate.model, candidate.max_cost or 0
        applying, now = self._budgets.applying(model), self._clock()
        with self._writing:
            lease = self._leases.get(model.provider) or self._opened(model.provider)
            with lease.booking(self._budgets.database, now, QUICK_S if ahead else None) as booking:
                swept = sqlite_budgets.sweep(booking.connection, now, self._budgets.folder)
                standing = [sqlite_budgets.stand(booking.connection, cap, now) for cap in applying]
                for status in standing:
                    if needed > booking.left + status.remaining:
                        raise caps.over(status, model, needed)
                room = booking.left + min(status.remaining for status in standing)
                block = min(needed * self._calls, room // SHARE)
                wanted = block if ahead else max(needed, block)
                booking.write(booking.amount + max(0, wanted - booking.left))
            lease.until = min(bounds(cap.window, now).until for cap in applying)
            lease.low = block // LOW if block >= needed * LOW else 0
            lease.used = time.monotonic()
        counters.remove(*swept)
        self._tended()

    def _opened(self, provider: str) -> Lease:
        """Raises OSError."""
        lease = Lease(provider, self._budgets.folder)
        self._leases[provider] = self._by_id[lease.id] = lease
        return lease

    # ── what was spent, and what is not needed ───────────────────────────────

    def _book(self, lease: Lease, timeout_s: float | None = None) -> None:
        """Put what was spent into the database. What it does not take stays, and the block too."""
        if not self._writing.acquire(timeout=-1 if timeout_s is None else timeout_s):
            return  # another thread waits for the database
        try:
            with suppress(*FAILURES):
                if not lease.is_booked:
                    with lease.booking(self._budgets.database, self._clock(), timeout_s):
                        pass
        finally:
            self._writing.release()

    def _book_all(self, timeout_s: float | None = None) -> None:
        for lease in list(self._leases.values()):
            self._book(lease, timeout_s)
        self._note_loose()

    def _give_back(self, idle_s: float = 0.0, timeout_s: float | None = None) -> bool:
        """What no call holds of leases that were not used for so long. Whether there was any."""
        given = False
        with self._writing:
            for lease in list(self._leases.values()):
                left = lease.left
                if time.monotonic() - lease.used < idle_s or (left <= 0 and lease.is_held):
                    continue
                with suppress(*FAILURES):
                    self._returned(lease, timeout_s)
                    given = given or left > 0
        return given

    def _returned(self, lease: Lease, timeout_s: float | None) -> None:
        """Raises FAILURES."""
        with lease.booking(self._budgets.database, self._clock(), timeout_s, keeps=False) as booking:
            if not booking.amount:
                booking.remove()
        if lease.is_empty:
            del self._leases[lease.provider], self._by_id[lease.id]
            lease.close()

    # ── what is spent under no lease ─────────────────────────────────────────

    def _settle_loose(self, model: Model, cost: int) -> None:
        """Under no cap: noted for one that may be set later. Or at a price that was not known before."""
        if cost <= 0 or model.billing is not Billing.METERED:
            return
        key = (model.provider, model.id)
        with self._state:
            self._loose[key] = self._loose.get(key, 0) + cost
        if self._tending is None:
            self._tended()
        if self._budgets.applying(model):
            self._hurry.set()

    def _note_loose(self) -> None:
        with self._state:
            loose, self._loose = self._loose, {}
        if not loose:
            return
        try:
            with self._budgets.database.transaction(timeout_s=QUICK_S) as connection:
                for (provider, model), amount in loose.items():
                    sqlite_budgets.book(connection, self._clock(), provider, model, amount)
        except FAILURES:
            with self._state:
                for key, amount in loose.items():
                    self._loose[key] = self._loose.get(key, 0) + amount

    # ── the thread that books, gives back and fetches ahead ──────────────────

    def _tended(self) -> None:
        with self._state:
            if self._tending is None or not self._tending.is_alive():
                self._tending = threading.Thread(target=self._tend, name="llm-router-leases", daemon=True)
                self._tending.start()

    def _tend(self) -> None:
        """Until there is nothing left to look after."""
        while True:
            self._hurry.wait(BOOK_EVERY_S)
            self._hurry.clear()
            for lease in list(self._leases.values()):
                candidate, lease.wanting = lease.wanting, None
                if candidate is None:
                    self._book(lease, QUICK_S)
                else:
                    with suppress(*FAILURES):
                        self._fetch(candidate, ahead=True)
            self._note_loose()
            self._give_back(IDLE_S, QUICK_S)
            with self._state:
                if not self._leases and not self._loose:
                    self._tending = None
                    return
