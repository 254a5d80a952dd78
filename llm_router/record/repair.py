"""A damaged database is moved aside, never deleted; what can still be read of it is carried into a new one."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from llm_router import db, paths
from llm_router.record import rows
from llm_router.record.condition import check_whole, is_corrupt
from llm_router.record.spool import Spool

# what is worth carrying over: what happened, what counts against a budget, what became of answers and was learned from it
_TABLES = ("decisions", "attempts", "spend", "hook_events", "uses", "memories", "outcomes")
_NUMBERS = {
    "spend": "id",
    "outcomes": "n",
}  # mean nothing, and others may be giving out the same ones already


@dataclass(frozen=True, slots=True)
class Repair:
    """`moved_to` is where the damaged file is now (None: it was whole); `salvaged` rows were read from it."""

    moved_to: Path | None
    salvaged: int
    drained: int


def repair(root: Path) -> Repair:
    """Raises db.FAILURES where the trouble is not damage (locked, read-only, full): that needs no new file."""
    path = paths.database(root)
    damage = _damage(path)
    moved_to = _move_aside(path) if damage else None
    with closing(db.connect(path)) as connection:
        salvaged = _salvage(moved_to, connection) if moved_to else 0

        def insert(entries: list[rows.Entry]) -> None:
            with db.transaction(connection):
                rows.insert(connection, entries)

        return Repair(moved_to, salvaged, Spool(root).drain(insert))


def _damage(path: Path) -> bool:
    try:
        with closing(db.connect(path)) as connection:
            check_whole(connection)
    except sqlite3.DatabaseError as error:
        if not is_corrupt(error):
            raise
        return True
    return False


def _move_aside(path: Path) -> Path:
    """With its journal: the two belong together."""
    aside = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}")
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside


def _salvage(damaged: Path, into: sqlite3.Connection) -> int:
    """Rows that can still be read, table by table, up to the damage."""
    count = 0
    with suppress(sqlite3.Error), closing(sqlite3.connect(damaged)) as source:
        source.row_factory = sqlite3.Row
        for table in _TABLES:
            with suppress(sqlite3.Error):
                count += _copy(source, into, table)
    return count


def _copy(source: sqlite3.Connection, into: sqlite3.Connection, table: str) -> int:
    count = 0
    known = {row["name"] for row in into.execute(f"PRAGMA table_info({table})")} - {_NUMBERS.get(table)}
    with db.transaction(into), suppress(sqlite3.DatabaseError):
        for row in source.execute(f"SELECT * FROM {table}"):  # noqa: S608 - one of _TABLES
            columns = [name for name in row.keys() if name in known]  # noqa: SIM118 - a Row iterates over values
            insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
            with suppress(sqlite3.IntegrityError):  # an attempt whose decision was lost
                into.execute(insert + " ON CONFLICT DO NOTHING", [row[name] for name in columns])
                count += 1
    return count
