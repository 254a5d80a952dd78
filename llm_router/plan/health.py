"""Breakers per provider and model, shared by all processes of the user through the table `breakers`.

    closed ── failures ──> open ── cooldown ends ──> half open: one probe, of one process
      ^                      ^                          │
      └────── success ───────┼──────────────────────────┤
                             └──── failure, doubled ────┘

A closed breaker without failures has no row. Model "" stands for the whole provider. Disk trouble never reaches the
caller: this process then goes on with what it remembers, and writes it down when the disk is back.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from llm_router.db import FAILURES, Database
from llm_router.nouns import FailureKind
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
from llm_router.ports import HealthState

WRITE_LIMIT_S = 0.2
FRESH_S = (
    0.2  # so long one look at the table serves: a plan asks about a dozen models, and a busy door makes many
)
LAPSED_S = 86_400.0  # after its rest, or its last failure, a breaker says nothing any more: there are names nobody has
REST_S = 1.0  # after disk trouble, so that a locked file does not delay every call

Table = dict[Key, Breaker]
Step = Callable[[Breaker, Key, float], Breaker]
_COLUMNS = (
    "provider, model, state, failures, opened_until, cooldown_s, probe_until, reason, updated_at, credential"
)
_FORGET = "DELETE FROM breakers WHERE max(opened_until, updated_at) < :before"
_OF_THE_KEY = {FailureKind.AUTH, FailureKind.BILLING}
_TROUBLE = (*FAILURES, TypeError, ValueError)  # the last two: rows that somebody else wrote


class HealthBook:
    """ports.Health. `path` None keeps it in memory only."""

    def __init__(
        self,
        path: Path | None,
        clock: Callable[[], float] = time.time,
        *,
        fresh_s: float = FRESH_S,
        credential: Callable[[str], str] = lambda _provider: "",
    ) -> None:
        """`credential` gives a fingerprint of a provider's key as it is now, "" where it has none."""
        self._credential = credential
        self._database = Database(path, timeout_s=WRITE_LIMIT_S) if path else None
        self._clock = clock
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._table: Table = {}
        self._unsaved: Table = {}
        self._read_at = self._disk_again_at = float("-inf")

    def calm(self) -> bool:
        """Whether nobody is cooling down."""
        with self._lock:
            self._look()
            now = self._clock()
            return not any(forbids(row, key, now) for key, row in self._table.items())

    def cooling(self, provider: str, model: str) -> HealthState | None:
        with self._lock:
            self._look()
            return _forbidden(self._table, _keys(provider, model), self._clock())

    def enter(self, provider: str, model: str) -> HealthState | None:
        with self._lock:
            self._look()
            if not self._table:  # as nearly always
                return None
            keys = _keys(provider, model)
            state = _forbidden(self._table, keys, self._clock())
            if state is None and any(self._table[key].is_open for key in keys if key in self._table):
                return self._claim(keys)
            return state

    def succeeded(self, provider: str, model: str) -> None:
        with self._lock:
            self._look()
            if not self._table:
                return
            keys = _keys(provider, model)
            if any(key in self._table for key in keys):
                self._change(keys, lambda row, _, now: after_success(row, now))

    def failed(self, provider: str, model: str, kind: FailureKind, retry_after_s: float | None) -> None:
        keys = _keys(provider, model)
        used = self._credential(provider) if kind in _OF_THE_KEY else ""

        def step(row: Breaker, key: Key, now: float) -> Breaker:
            after = after_failure(row, key, kind, retry_after_s, now)
            return replace(after, credential=used) if after.reason == kind else after

        with self._lock:
            if kind not in OPENS_AFTER:  # it can only change what is known already
                self._look()
                if not any(key in self._table for key in keys):
                    return
            self._change(keys, step)

    def states(self) -> Sequence[HealthState]:
        with self._lock:
            self._read()
            return [row.as_state(key, self._clock()) for key, row in sorted(self._table.items())]

    def reset(self, provider: str | None = None) -> int:
        """Forget the breakers of one provider, or of all; how many there were."""
        with self._lock:
            self._read()
            keys = [key for key in self._table if provider in {None, key[0]}]
            if keys:
                self._change(keys, lambda _row, _key, now: replace(CLOSED, updated_at=now))
            return len(keys)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _claim(self, keys: Sequence[Key]) -> HealthState | None:
        """Take the probe of both breakers or of neither, in one transaction: other processes are asking too."""
        taken_by: HealthState | None = None

        def look(table: Table) -> None:
            nonlocal taken_by
            taken_by = _forbidden(table, keys, self._clock())

        self._change(keys, lambda row, _, now: row if taken_by else claimed(row, now), look)
        return taken_by

    # ── the table on disk, and what is remembered while the disk fails ───────

    def _look(self) -> None:
        if time.monotonic() - self._read_at >= self._fresh_s:
            self._read()

    def _read(self) -> None:
        if (database := self._disk()) is None:
            return
        try:
            with database.reading(timeout_s=WRITE_LIMIT_S) as connection:
                self._table = self._seen(connection)
        except _TROUBLE:
            self._disk_again_at = time.monotonic() + REST_S
        self._read_at = time.monotonic()

    def _change(
        self, keys: Sequence[Key], step: Step, look: Callable[[Table], None] = lambda _table: None
    ) -> None:
        """Apply `step` to the rows as they are on disk now; to the remembered ones where the disk fails."""
        if (database := self._disk()) is not None:
            try:
                with database.transaction(timeout_s=WRITE_LIMIT_S) as connection:
                    table = self._seen(connection)
                    look(table)
                    _write(connection, self._unsaved | _stepped(table, keys, step, self._clock()))
                    connection.execute(_FORGET, {"before": self._clock() - LAPSED_S})
            except _TROUBLE:
                self._disk_again_at = time.monotonic() + REST_S
            else:
                self._table, self._unsaved = table, {}
                self._read_at = time.monotonic()
                return
        look(self._table)
        self._unsaved |= _stepped(self._table, keys, step, self._clock())

    def _disk(self) -> Database | None:
        return self._database if time.monotonic() >= self._disk_again_at else None

    def _seen(self, connection: sqlite3.Connection) -> Table:
        """The rows on disk, under what this process could not write yet, unless somebody wrote later."""
        rows = connection.execute(f"SELECT {_COLUMNS} FROM breakers")  # noqa: S608 - a constant
        table = dict(map(_row, rows))
        for key, row in self._unsaved.items():
            if key not in table or table[key].updated_at <= row.updated_at:
                table[key] = row
        return {key: row for key, row in table.items() if not row.is_idle and not self._outdated(key, row)}

    def _outdated(self, key: Key, row: Breaker) -> bool:
        """The key that was refused is no longer the one in use, or all of it is long past."""
        if max(row.until, row.updated_at) < self._clock() - LAPSED_S:
            return True
        return bool(row.credential) and row.credential != self._credential(key[0])


def _row(columns: Sequence[Any]) -> tuple[Key, Breaker]:
    provider, model, state, failures, until, cooldown_s, probe_until, reason, updated_at, credential = columns
    times = float(until), float(cooldown_s), float(probe_until)
    return (provider, model), Breaker(state, int(failures), *times, reason, float(updated_at), credential)


def _keys(provider: str, model: str) -> Sequence[Key]:
    return tuple(dict.fromkeys([(provider, ""), (provider, model)]))


def _forbidden(table: Table, keys: Sequence[Key], now: float) -> HealthState | None:
    states = (forbids(table[key], key, now) for key in keys if key in table)
    return next((state for state in states if state is not None), None)


def _stepped(table: Table, keys: Sequence[Key], step: Step, now: float) -> Table:
    """Change `table`; the changed rows, idle ones included."""
    changed: Table = {}
    for key in keys:
        before = table.get(key, CLOSED)
        after = step(before, key, now)
        if after == before or (after.is_idle and key not in table):
            continue
        changed[key] = after
        if after.is_idle:
            del table[key]
        else:
            table[key] = after
    return changed


def _write(connection: sqlite3.Connection, changed: Table) -> None:
    for key, row in changed.items():
        if row.is_idle:
            connection.execute("DELETE FROM breakers WHERE provider = ? AND model = ?", key)
        else:
            connection.execute(
                f"INSERT OR REPLACE INTO breakers ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (*key, *astuple(row)),
            )
