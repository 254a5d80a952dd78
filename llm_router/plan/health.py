"""Breakers per provider and model, shared by all processes of the user through the table `breakers`.

    closed ── failures ──> open ── cooldown ends ──> half open: one probe, of one process
      ^                      ^                          │
      └────── success ───────┼──────────────────────────┤
                             └──── failure, doubled ────┘

A closed breaker without failures has no row. Model "" stands for the whole provider. Disk trouble never reaches the
caller: this process then goes on with what it remembers, and writes it down when the disk is back.

What is remembered answers at once. The disk is looked at and written to by whoever asks; `aside`, for an event loop,
only by threads: `refresh` is awaited when what is remembered is old, `aenter` for a probe, and changes are written
behind.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llm_router.db import FAILURES, Database
from llm_router.nouns import FailureKind
from llm_router.plan import breaker_rows
from llm_router.plan.breaker import (
    CLOSED,
    OPENS_AFTER,
    Breaker,
    Key,
    after_failure,
    after_success,
    claimed,
    forbids,
)
from llm_router.plan.breaker_rows import LAPSED_S, Step, Table, forbidden, keys_of, newer, stepped
from llm_router.ports import PROBE, HealthState

WRITE_LIMIT_S = 0.2
# so long one look at the table serves: a plan asks about a dozen models, and a busy door makes many
FRESH_S = 0.2
REST_S = 1.0  # after disk trouble, so that a locked file does not delay every call

_OF_THE_KEY = {FailureKind.AUTH, FailureKind.BILLING}
_TROUBLE = (*FAILURES, TypeError, ValueError)  # the last two: rows that somebody else wrote


@dataclass(slots=True)
class _Change:
    """What happened, to be applied to the rows as they are on disk. `rows` is what it changed in memory."""

    apply: Callable[[Table], Table]  # changes the table; the changed rows
    rows: Table


class HealthBook:
    """ports.Health. `path` None keeps it in memory only."""

    def __init__(
        self,
        path: Path | None,
        clock: Callable[[], float] = time.time,
        *,
        fresh_s: float = FRESH_S,
        credential: Callable[[str], str] = lambda _provider: "",
        aside: bool = False,
    ) -> None:
        """`credential` gives a fingerprint of a provider's key as it is now, "" where it has none."""
        self._credential = credential
        self._database = Database(path, timeout_s=WRITE_LIMIT_S) if path else None
        self._clock = clock
        self._fresh_s = fresh_s
        self._aside = aside and path is not None
        self._lock = threading.Lock()  # of what is remembered: held for a moment
        self._table: Table = {}
        self._owed: list[_Change] = []
        self._unsaved: Table = {}  # what the disk did not take
        self._writer: threading.Thread | None = None
        self._read_at = self._disk_again_at = float("-inf")
        self._at_disk = threading.Lock()  # taken before `_lock`

    def is_fresh(self) -> bool:
        """False: `refresh` before a plan is made."""
        return not self._aside or time.monotonic() - self._read_at < self._fresh_s

    async def refresh(self) -> None:
        self._read_at = time.monotonic()  # who comes meanwhile goes by what is remembered
        await asyncio.to_thread(self._read)

    def calm(self) -> bool:
        """Whether nobody is cooling down."""
        self._look()
        with self._lock:
            now = self._clock()
            return not any(forbids(row, key, now) for key, row in self._table.items())

    def cooling(self, provider: str, model: str) -> HealthState | None:
        self._look()
        with self._lock:
            return forbidden(self._table, keys_of(provider, model), self._clock())

    def enter(self, provider: str, model: str) -> HealthState | None:
        self._look()
        if not self._table:  # as nearly always
            return None
        keys = keys_of(provider, model)
        with self._lock:
            state = forbidden(self._table, keys, self._clock())
            if state is not None or not any(key in self._table and self._table[key].is_open for key in keys):
                return state
        return PROBE if self._aside else self._claim(keys)

    async def aenter(self, provider: str, model: str) -> HealthState | None:
        return await asyncio.to_thread(self._claim, keys_of(provider, model))

    def succeeded(self, provider: str, model: str) -> None:
        self._look()
        if not self._table:
            return
        keys = keys_of(provider, model)
        if any(key in self._table for key in keys):
            self._change(keys, lambda row, _, now: after_success(row, now))

    def failed(self, provider: str, model: str, kind: FailureKind, retry_after_s: float | None) -> None:
        keys = keys_of(provider, model)
        used = self._credential(provider) if kind in _OF_THE_KEY else ""

        def step(row: Breaker, key: Key, now: float) -> Breaker:
            after = after_failure(row, key, kind, retry_after_s, now)
            return replace(after, credential=used) if after.reason == kind else after

        if kind not in OPENS_AFTER:  # it can only change what is known already
            self._look()
            if not any(key in self._table for key in keys):
                return
        self._change(keys, step)

    def states(self) -> Sequence[HealthState]:
        """Waits for the disk."""
        self._read()
        with self._lock:
            return [row.as_state(key, self._clock()) for key, row in sorted(self._table.items())]

    def reset(self, provider: str | None = None) -> int:
        """Forget the breakers of one provider, or of all; how many there were. Waits for the disk."""
        self._read()
        with self._lock:
            keys = [key for key in self._table if provider in {None, key[0]}]
        if keys:
            self._change(keys, lambda _row, _key, now: replace(CLOSED, updated_at=now))
        return len(keys)

    def close(self) -> None:
        """Waits for the disk."""
        if self._database is not None:
            self._save()
            self._database.close()

    def _claim(self, keys: Sequence[Key]) -> HealthState | None:
        """Take the probe of both breakers or of neither, in one transaction: other processes are asking too."""
        taken_by: HealthState | None = None

        def claim(table: Table) -> Table:
            nonlocal taken_by
            now = self._clock()
            taken_by = forbidden(table, keys, now)
            return {} if taken_by else stepped(table, keys, lambda row, _, now: claimed(row, now), now)

        with self._lock:
            if (state := forbidden(self._table, keys, self._clock())) is not None:
                return state
            self._note(claim)
        self._save()
        return taken_by

    # ── the table on disk, and what is remembered while the disk fails ───────

    def _look(self) -> None:
        if not self._aside and time.monotonic() - self._read_at >= self._fresh_s:
            self._read()

    def _read(self) -> None:
        with self._at_disk:
            if (database := self._disk()) is None:
                return
            try:
                with database.reading(timeout_s=WRITE_LIMIT_S) as connection:
                    rows = breaker_rows.read(connection)
            except _TROUBLE:
                self._disk_again_at = time.monotonic() + REST_S
            else:
                self._take(rows | newer(rows, self._unsaved))
            self._read_at = time.monotonic()
        with self._lock:
            if self._aside and self._unsaved:
                self._write_behind()

    def _change(self, keys: Sequence[Key], step: Step) -> None:
        now = self._clock()
        with self._lock:
            self._note(lambda table: stepped(table, keys, step, now))
            if self._aside:
                self._write_behind()
        if not self._aside:
            self._save()

    def _note(self, change: Callable[[Table], Table]) -> None:
        """Remembered at once, and owed to the disk. For who holds `_lock`, like the next."""
        self._owed.append(_Change(change, change(self._table)))

    def _write_behind(self) -> None:
        if self._writer is None or not self._writer.is_alive():
            self._writer = threading.Thread(target=self._write, name="llm-router-health", daemon=True)
            self._writer.start()

    def _write(self) -> None:
        """Until nothing is owed."""
        while True:
            self._save()
            with self._lock:
                if not self._owed:
                    self._writer = None
                    return

    def _save(self) -> None:
        """Apply what is owed to the rows as they are on disk now; where the disk fails, what is remembered stays."""
        with self._at_disk:
            with self._lock:
                owed, unsaved = list(self._owed), dict(self._unsaved)
            if not owed and not unsaved:
                return
            if (database := self._disk()) is not None:
                try:
                    with database.transaction(timeout_s=WRITE_LIMIT_S) as connection:
                        rows = breaker_rows.read(connection)
                        changed = newer(rows, unsaved)
                        table = self._valid(rows | changed)
                        for each in owed:
                            changed |= each.apply(table)
                        breaker_rows.write(connection, changed, self._clock())
                except _TROUBLE:
                    self._disk_again_at = time.monotonic() + REST_S
                else:
                    with self._lock:
                        del self._owed[: len(owed)]
                        self._unsaved = {}
                    self._take(table)
                    self._read_at = time.monotonic()
                    return
            with self._lock:
                for each in self._owed[: len(owed)]:
                    self._unsaved |= each.rows
                del self._owed[: len(owed)]

    def _disk(self) -> Database | None:
        return self._database if time.monotonic() >= self._disk_again_at else None

    def _take(self, rows: Table) -> None:
        """Remember what is on disk, and on top what is owed to it."""
        with self._lock:
            self._table = self._valid(rows)
            for each in self._owed:
                each.rows = each.apply(self._table)

    def _valid(self, rows: Table) -> Table:
        return {key: row for key, row in rows.items() if not row.is_idle and not self._outdated(key, row)}

    def _outdated(self, key: Key, row: Breaker) -> bool:
        """The key that was refused is no longer the one in use, or all of it is long past."""
        if max(row.until, row.updated_at) < self._clock() - LAPSED_S:
            return True
        return bool(row.credential) and row.credential != self._credential(key[0])
