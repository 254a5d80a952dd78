"""The one SQLite file of a user: opening it, its schema, and short transactions among many processes.

Every table lives here, because ledger, budgets and health share one file and one schema version:

    decisions, attempts     the ledger          written by record
    reservations, spend     the budgets         written by admit
    breakers, probes        health and checks   written by plan
    hook_events, uses       what hooks saw      written by hosts

Money is integer micro-dollars (NULL = unpriced), times are Unix seconds, durations milliseconds, JSON is text.
"""

from __future__ import annotations

import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from llm_router.errors import RouterError
from llm_router.paths import ensure_home

# everything that can go wrong with the file: locked, read-only, full, corrupt, in no folder, of a newer version
FAILURES = (sqlite3.Error, OSError, RouterError)

_creating = threading.Lock()
_SLICE_S = 0.1  # who waits for another process looks this often whether this one ends


class _Ending:
    at = math.inf  # monotonic; from then on nobody waits


_ending = _Ending()


def end_within(seconds: float) -> None:
    """The process ends: all its waits for databases together, those under way too, get no longer than that."""
    _ending.at = time.monotonic() + seconds


def _at_most(timeout_s: float) -> float:
    return max(0.0, min(timeout_s, _ending.at - time.monotonic()))


def connect(path: Path, *, timeout_s: float = 2.0) -> sqlite3.Connection:
    """Open (and make, and migrate) the database. Autocommit: write between `BEGIN IMMEDIATE` and `COMMIT`.

    Waits at most about `timeout_s` for other processes. Raises sqlite3.Error, OSError or RouterError (FAILURES).
    The connection may change threads but is not to be used by two at once.
    """
    ensure_home(path.parent)
    _make_private(path)
    timeout_s = _at_most(timeout_s)
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        _use_wal(connection, timeout_s)
        connection.execute("PRAGMA synchronous = NORMAL")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_as_it_is(path: Path) -> sqlite3.Connection:
    """For reading where nothing can be written, not even a journal (a full or read-only disk). Raises FAILURES."""
    if not path.is_file():
        raise FileNotFoundError(path)
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        connection.row_factory = sqlite3.Row
        schema_version(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """SQLite gives its -wal and -shm files the mode of the database, so this one file decides.

    An existing file is never opened here: closing any descriptor of it would drop the locks this process's other
    connections hold. Hence also `_creating`: nobody may connect between the open and the close of the new file.
    """
    with _creating:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                path.chmod(0o600)


def _use_wal(connection: sqlite3.Connection, timeout_s: float) -> None:
    """The switch to WAL does not wait for a busy database by itself, so processes that start together retry."""
    give_up = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= min(give_up, _ending.at):
                raise
            time.sleep(0.01)
        else:
            return


def schema_version(connection: sqlite3.Connection) -> int:
    """How many MIGRATIONS the file has seen. RouterError when it is more than this version knows."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise RouterError(
            f"the database is of a newer llm-router (schema {version}; this one knows {len(MIGRATIONS)})",
            fix="upgrade: pip install --upgrade llm-router (or set LLM_ROUTER_HOME to another folder)",
        )
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, once, however many processes start together."""
    if schema_version(connection) == len(MIGRATIONS):
        return
    with transaction(connection):
        for step in MIGRATIONS[schema_version(connection) :]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[sqlite3.Connection]:
    """One write transaction, holding the write lock from its first statement. Waits for it as the connection does."""
    _begin(connection)
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself (full disk)
            connection.execute("ROLLBACK")
        raise


def _begin(connection: sqlite3.Connection) -> None:
    """In slices: SQLite's own wait could not be ended."""
    patience_ms = int(connection.execute("PRAGMA busy_timeout").fetchone()[0])
    give_up = time.monotonic() + patience_ms / 1000
    try:
        while True:
            left = _at_most(give_up - time.monotonic())
            connection.execute(f"PRAGMA busy_timeout = {int(min(left, _SLICE_S) * 1000)}")
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or left <= _SLICE_S:
                    raise
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience_ms}")


class Database:
    """A connection opened on first use and kept: for all threads of this process, one transaction at a time.

    It is opened anew after a fork, after an error, and when the file was replaced (a repair by another process).
    """

    def __init__(self, path: Path, *, timeout_s: float = 2.0) -> None:
        self.path = path
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened_as: tuple[int, ...] = ()

    @contextmanager
    def transaction(self, *, timeout_s: float | None = None) -> Generator[sqlite3.Connection]:
        """A write transaction. Waits at most `timeout_s` for another writer. Raises FAILURES."""
        with self._held(timeout_s) as connection, transaction(connection):
            yield connection

    @contextmanager
    def reading(self, *, timeout_s: float | None = None) -> Generator[sqlite3.Connection]:
        """The connection without a transaction: single statements. Raises FAILURES."""
        with self._held(timeout_s) as connection:
            yield connection

    def close(self) -> None:
        with self._lock:
            self._drop()

    @contextmanager
    def _held(self, timeout_s: float | None) -> Generator[sqlite3.Connection]:
        wait = _at_most(self._timeout_s if timeout_s is None else timeout_s)
        if not self._lock.acquire(timeout=wait):
            raise sqlite3.OperationalError("database is locked")
        try:
            connection = self._current(wait)
            connection.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
            yield connection
        except sqlite3.Error:
            self._drop()
            raise
        finally:
            self._lock.release()

    def _current(self, timeout_s: float) -> sqlite3.Connection:
        if self._connection is None or self._opened_as != self._identity():
            self._drop()
            self._connection = connect(self.path, timeout_s=timeout_s)
            self._opened_as = self._identity()
        return self._connection

    def _identity(self) -> tuple[int, ...]:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return ()
        return (os.getpid(), stat.st_dev, stat.st_ino)

    def _drop(self) -> None:
        """Forget the connection. A child must not close what its parent opened: that would drop the parent's locks."""
        if self._connection is not None and self._opened_as[:1] in {(os.getpid(),), ()}:
            self._connection.close()
        self._connection = None


# ── the schema: append only; a released step is never edited ─────────────────


def _ledger(connection: sqlite3.Connection) -> None:
    connection.execute("""
        CREATE TABLE decisions (
            id TEXT PRIMARY KEY, at REAL NOT NULL,
            request_id TEXT NOT NULL, door TEXT NOT NULL, session TEXT, project TEXT,
            asked_model TEXT, prompt_chars INTEGER NOT NULL, prompt_sha256 TEXT NOT NULL,
            prompt TEXT, answer TEXT,
            task TEXT NOT NULL, complexity TEXT NOT NULL, confidence REAL NOT NULL, difficulty REAL NOT NULL,
            assessed_by TEXT NOT NULL, reasons TEXT NOT NULL,
            profile TEXT NOT NULL, strategy TEXT NOT NULL, verdict TEXT NOT NULL,
            candidates TEXT NOT NULL, skipped TEXT NOT NULL, planned_input_tokens INTEGER NOT NULL,
            provider TEXT, model TEXT, billing TEXT,
            cost INTEGER, baseline TEXT, baseline_cost INTEGER,
            route_ms REAL NOT NULL, total_ms REAL NOT NULL, error TEXT
        )""")
    connection.execute("CREATE INDEX decisions_at ON decisions (at)")
    connection.execute("""
        CREATE TABLE attempts (
            decision_id TEXT NOT NULL REFERENCES decisions (id) ON DELETE CASCADE, n INTEGER NOT NULL,
            provider TEXT NOT NULL, model TEXT NOT NULL, billing TEXT NOT NULL, outcome TEXT NOT NULL,
            started_at REAL NOT NULL, ms REAL NOT NULL, first_token_ms REAL,
            status INTEGER, detail TEXT NOT NULL, retry_after_s REAL,
            input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, cache_write_tokens INTEGER,
            reasoning_tokens INTEGER, estimated INTEGER, cost INTEGER,
            PRIMARY KEY (decision_id, n)
        ) WITHOUT ROWID""")


def _budgets(connection: sqlite3.Connection) -> None:
    connection.execute("""
        CREATE TABLE reservations (
            id TEXT PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, amount INTEGER NOT NULL,
            at REAL NOT NULL, expires_at REAL NOT NULL, pid INTEGER NOT NULL, process TEXT NOT NULL
        ) WITHOUT ROWID""")
    connection.execute("""
        CREATE TABLE spend (
            id INTEGER PRIMARY KEY, at REAL NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
            amount INTEGER NOT NULL
        )""")
    connection.execute("CREATE INDEX spend_at ON spend (at, provider, amount)")


def _health(connection: sqlite3.Connection) -> None:
    connection.execute("""
        CREATE TABLE breakers (
            provider TEXT NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0,
            opened_until REAL NOT NULL DEFAULT 0, cooldown_s REAL NOT NULL DEFAULT 0,
            probe_until REAL NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', updated_at REAL NOT NULL,
            credential TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (provider, model)
        ) WITHOUT ROWID""")
    connection.execute("""
        CREATE TABLE probes (
            provider TEXT PRIMARY KEY, ready INTEGER NOT NULL, detail TEXT NOT NULL DEFAULT '',
            fix TEXT NOT NULL DEFAULT '', checked_at REAL NOT NULL
        ) WITHOUT ROWID""")


def _hooks(connection: sqlite3.Connection) -> None:
    connection.execute("""
        CREATE TABLE hook_events (
            id TEXT PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, host TEXT, session TEXT, agent TEXT,
            decision_id TEXT, facts TEXT NOT NULL
        ) WITHOUT ROWID""")
    connection.execute("CREATE INDEX hook_events_session ON hook_events (session)")
    connection.execute("CREATE INDEX hook_events_decision ON hook_events (decision_id)")
    connection.execute("""
        CREATE TABLE uses (
            decision_id TEXT PRIMARY KEY, at REAL NOT NULL, session TEXT, verdict TEXT NOT NULL, how TEXT
        ) WITHOUT ROWID""")


def _chances(connection: sqlite3.Connection) -> None:
    """What classify expected of each tier; null in rows of earlier versions."""
    for column in ("p_small", "p_mid", "p_frontier", "gain"):
        connection.execute(f"ALTER TABLE decisions ADD COLUMN {column} REAL")


def _turns(connection: sqlite3.Connection) -> None:
    """What kind of turn of which conversation it was, and whether the conversation changed its model."""
    for column in ("turn", "conversation", "switch"):
        connection.execute(f"ALTER TABLE decisions ADD COLUMN {column} TEXT")


def _overhead(connection: sqlite3.Connection) -> None:
    """What a tool call and its answer cost the host's own model: NULL where that is not known."""
    connection.execute("ALTER TABLE uses ADD COLUMN overhead INTEGER")


def _verification(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE attempts ADD COLUMN role TEXT NOT NULL DEFAULT 'answer'")
    connection.execute("ALTER TABLE attempts ADD COLUMN verification TEXT")
    connection.execute("CREATE INDEX decisions_session ON decisions (session, at) WHERE session IS NOT NULL")


def _leases(connection: sqlite3.Connection) -> None:
    """Money that a process draws from without asking again: `flushed` is how much of what it spent is in `spend`."""
    connection.execute("ALTER TABLE reservations ADD COLUMN flushed INTEGER")


def _learning(connection: sqlite3.Connection) -> None:
    connection.execute("""
        CREATE TABLE memories (
            decision_id TEXT PRIMARY KEY, at REAL NOT NULL, task TEXT NOT NULL, bits TEXT NOT NULL,
            bucket INTEGER NOT NULL, project TEXT NOT NULL, tier TEXT NOT NULL, model TEXT NOT NULL,
            expected REAL NOT NULL
        ) WITHOUT ROWID""")
    connection.execute("CREATE INDEX memories_at ON memories (at)")
    connection.execute("""
        CREATE TABLE outcomes (
            n INTEGER PRIMARY KEY AUTOINCREMENT, decision_id TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL,
            tier TEXT NOT NULL, model TEXT NOT NULL, good REAL NOT NULL, weight REAL NOT NULL, expected REAL NOT NULL,
            UNIQUE (decision_id, source)
        )""")


def _learned(connection: sqlite3.Connection) -> None:
    """How much of the three chances came from the user's own outcomes, as JSON; null for nothing."""
    connection.execute("ALTER TABLE decisions ADD COLUMN learned TEXT")


MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [
    _ledger,
    _budgets,
    _health,
    _hooks,
    _chances,
    _turns,
    _overhead,
    _verification,
    _leases,
    _learning,
    _learned,
]
