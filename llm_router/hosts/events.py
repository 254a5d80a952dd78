"""What the hooks saw, carried from their file into the ledger: events as they were written, and what became of answers.

The hooks append to `<home>/hooks/events.jsonl`, fifty at once, and rename a full file to `events.jsonl.1` and so on. A
file is taken away by renaming it; the exclusive lock on it is had when the last hook that had it open has written. A
line's id is its file and its number, so that a file read twice, by two processes or after a crash, counts once.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, cast

from llm_router import paths
from llm_router.db import FAILURES, connect, transaction
from llm_router.learn.rows import take_in_uses
from llm_router.nouns import JsonDict

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be renamed
    fcntl = None

VERDICTS = ("used", "reworked", "ignored")
PATIENCE_S = 1.0  # how long a hook may keep a renamed file open before it is left for the next time
LONGEST_NAME = 500
MOST = 10**15  # micro-dollars
JOINED_WITHIN_S = 2 * 86_400.0
_MADE_SO = """
    SELECT d.id FROM decisions d JOIN attempts a ON a.decision_id = d.id AND a.outcome = 'ok'
    WHERE d.door = 'mcp' AND a.provider || '/' || a.model = json_extract(:facts, '$.model')
      AND a.input_tokens + a.output_tokens = json_extract(:facts, '$.tokens')
      AND abs(d.total_ms - json_extract(:facts, '$.ms')) <= 0.5
      AND abs(d.at + d.total_ms / 1000 - coalesce(json_extract(:facts, '$.answered_at'), :at)) < 60
      AND NOT EXISTS (SELECT 1 FROM hook_events h WHERE h.decision_id = d.id AND h.kind = :kind)
    ORDER BY abs(d.at + d.total_ms / 1000 - coalesce(json_extract(:facts, '$.answered_at'), :at)) LIMIT 1
"""
_COLUMNS = ("at", "kind", "host", "session", "agent", "decision")

Row = tuple[str, float, str, str | None, str | None, str | None, str | None, str]


def drain(root: Path) -> int:
    """Carry what waits into the ledger. Returns the events that were new; never raises: what cannot be written waits."""
    folder = root / "hooks"
    with suppress(*FAILURES):
        _take(folder)
        waiting = sorted(folder.glob("events-*.taken"))
        if not waiting:
            return 0
        with closing(connect(paths.database(root))) as connection:
            count = sum(_carry(connection, path) for path in waiting)
            with transaction(connection):
                take_in_uses(connection)
            return count
    return 0


def _take(folder: Path) -> None:
    """Rename the live file and the full ones, oldest first."""
    live = folder / "events.jsonl"
    full = sorted(folder.glob("events.jsonl.[0-9]*"), reverse=True)
    for path in (*full, live):
        with suppress(OSError):  # there is none, or another process was quicker
            path.rename(folder / f"events-{time.time_ns()}-{os.getpid()}-{secrets.token_hex(2)}.taken")


def _carry(connection: sqlite3.Connection, path: Path) -> int:
    try:
        data = _read(path)
    except OSError:
        return 0
    with transaction(connection):
        count = _insert(connection, list(_rows(path.name, data)))
    path.unlink(missing_ok=True)
    return count


def _read(path: Path) -> bytes:
    """The file once nobody writes to it any more. OSError when that takes too long, or it is gone."""
    with path.open("rb") as file:
        give_up = time.monotonic() + PATIENCE_S
        while fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.005)
        return file.read()


def _rows(name: str, data: bytes) -> Iterator[Row]:
    for number, line in enumerate(data.split(b"\n")):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue  # half a line of a full disk
        if isinstance(event, dict):
            yield _row(f"{name}:{number}", cast("JsonDict", event))


def _row(row_id: str, event: JsonDict) -> Row:
    at = event.get("at")
    known = isinstance(at, int | float) and math.isfinite(at)
    kind, host, session, agent, decision = (_name(event.get(key)) for key in _COLUMNS[1:])
    facts = {key: value for key, value in event.items() if key not in _COLUMNS}
    text = json.dumps(facts, ensure_ascii=True, separators=(",", ":"))
    stamp = float(at) if known and at is not None else time.time()
    return row_id, stamp, kind or "?", host, session, agent, decision, text


def _name(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    return value[:LONGEST_NAME].encode("utf-8", "replace").decode()


def _insert(connection: sqlite3.Connection, rows: list[Row]) -> int:
    before = connection.total_changes
    connection.executemany(
        "INSERT OR IGNORE INTO hook_events (id, at, kind, host, session, agent, decision_id, facts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    count = connection.total_changes - before
    _write_uses(connection, [*rows, *_join(connection)])
    return count


def _write_uses(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """A later word about the same answer replaces an earlier one."""
    connection.executemany(
        "INSERT INTO uses (decision_id, at, session, verdict, how, overhead) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (decision_id) DO UPDATE SET at = excluded.at, verdict = excluded.verdict,"
        " how = excluded.how, overhead = excluded.overhead WHERE excluded.at >= uses.at",
        [use for row in rows if (use := _use(row)) is not None],
    )


def _use(row: Row) -> tuple[str, float, str | None, str, str | None, int | None] | None:
    """What became of an answer, where the event says so, and what it cost the host's own model."""
    _, at, kind, _, session, _, decision, facts = row
    told: JsonDict = json.loads(facts)
    verdict = kind if kind in VERDICTS[1:] else told.get("verdict", kind)
    if decision is None or verdict not in VERDICTS:
        return None
    overhead = told.get("overhead")
    overhead = overhead if isinstance(overhead, int) and abs(overhead) < MOST else None
    return decision, at, session, verdict, _name(told.get("how")), overhead


def _join(connection: sqlite3.Connection) -> list[Row]:
    """Gemini CLI shows its hooks no decision, but the line under the answer: model, tokens, milliseconds. Events that
    tell these and no decision get the one decision that was made so, and just then; they are returned.
    """
    waiting = connection.execute(
        "SELECT id, at, kind, host, session, agent, decision_id, facts FROM hook_events"
        " WHERE decision_id IS NULL AND kind IN ('routed', 'used') AND at > ? AND CASE WHEN json_valid(facts) THEN json_type(facts, '$.ms') END IN ('integer', 'real') ORDER BY at",
        (time.time() - JOINED_WITHIN_S,),
    ).fetchall()
    joined: list[Row] = []
    for event in waiting:
        found = connection.execute(_MADE_SO, dict(event)).fetchone()
        if found is not None:
            connection.execute("UPDATE hook_events SET decision_id = ? WHERE id = ?", (found[0], event["id"]))
            joined.append((*event[:6], found[0], event["facts"]))
    return joined
