"""Rows of the table `breakers`: how they are read, changed and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from sqlite3 import Connection
from typing import Any

from llm_router.plan.breaker import CLOSED, Breaker, Key, forbids
from llm_router.ports import HealthState

LAPSED_S = 86_400.0  # after its rest, or its last failure, a breaker says nothing any more: there are names nobody has

Table = dict[Key, Breaker]
Step = Callable[[Breaker, Key, float], Breaker]
_COLUMNS = (
    "provider, model, state, failures, opened_until, cooldown_s, probe_until, reason, updated_at, credential"
)


def read(connection: Connection) -> Table:
    return dict(map(_row, connection.execute(f"SELECT {_COLUMNS} FROM breakers")))  # noqa: S608 - a constant


def newer(rows: Table, unsaved: Table) -> Table:
    """What this process could not write yet, unless somebody has written later."""
    return {
        key: row for key, row in unsaved.items() if key not in rows or rows[key].updated_at <= row.updated_at
    }


def _row(columns: Sequence[Any]) -> tuple[Key, Breaker]:
    provider, model, state, failures, until, cooldown_s, probe_until, reason, updated_at, credential = columns
    times = float(until), float(cooldown_s), float(probe_until)
    return (provider, model), Breaker(state, int(failures), *times, reason, float(updated_at), credential)


def keys_of(provider: str, model: str) -> Sequence[Key]:
    return tuple(dict.fromkeys([(provider, ""), (provider, model)]))


def forbidden(table: Table, keys: Sequence[Key], now: float) -> HealthState | None:
    states = (forbids(table[key], key, now) for key in keys if key in table)
    return next((state for state in states if state is not None), None)


def stepped(table: Table, keys: Sequence[Key], step: Step, now: float) -> Table:
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


def write(connection: Connection, changed: Table, now: float) -> None:
    """And forget what is long past."""
    for key, row in changed.items():
        if row.is_idle:
            connection.execute("DELETE FROM breakers WHERE provider = ? AND model = ?", key)
        else:
            connection.execute(
                f"INSERT OR REPLACE INTO breakers ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (*key, *astuple(row)),
            )
    connection.execute(
        "DELETE FROM breakers WHERE max(opened_until, updated_at) < :before", {"before": now - LAPSED_S}
    )
