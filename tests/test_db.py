from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from llm_router import db
from llm_router.errors import RouterError

WRITE = """
import sys
from pathlib import Path
from llm_router import db
database = db.Database(Path(sys.argv[1]), timeout_s=30)
with database.transaction() as connection:
    connection.execute("INSERT INTO spend (at, provider, model, amount) VALUES (1, 'a', 'b', 1)")
database.close()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hömé of mine" / "router.db"


@pytest.fixture
def database(path):
    made = db.Database(path, timeout_s=0.2)
    yield made
    made.close()


def spend(connection, amount=1):
    connection.execute("INSERT INTO spend (at, provider, model, amount) VALUES (1, 'a', 'b', ?)", (amount,))


def total(connection):
    return connection.execute("SELECT coalesce(sum(amount), 0) FROM spend").fetchone()[0]


def test_fifty_processes_that_start_at_once_make_one_schema_and_lose_no_row(path):
    started = [subprocess.Popen([sys.executable, "-c", WRITE, str(path)]) for _ in range(50)]
    assert [process.wait(timeout=120) for process in started] == [0] * 50
    with closing(db.connect(path)) as connection:
        assert total(connection) == 50
        assert db.schema_version(connection) == len(db.MIGRATIONS)


def test_the_database_and_its_journal_are_for_their_owner_only(path):
    with closing(db.connect(path)) as connection:
        spend(connection)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == {"router.db": 0o600, "router.db-wal": 0o600, "router.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_database_that_others_could_read_is_closed_to_them(path):
    db.connect(path).close()
    path.chmod(0o644)
    db.connect(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_database_of_a_newer_version_is_refused_and_not_touched(path):
    with closing(db.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9999")
    before = path.read_bytes()
    with pytest.raises(RouterError, match="schema 9999") as caught:
        db.connect(path)
    assert "upgrade" in caught.value.fix
    assert path.read_bytes() == before


@pytest.mark.parametrize("known", range(len(db.MIGRATIONS)))
def test_a_database_of_any_earlier_version_is_brought_up_to_date_with_its_rows(path, monkeypatch, known):
    whole = list(db.MIGRATIONS)
    with monkeypatch.context() as earlier:
        earlier.setattr(db, "MIGRATIONS", whole[:known])
        with closing(db.connect(path)) as connection:
            assert db.schema_version(connection) == known
            connection.execute("CREATE TABLE mine (x)")
            connection.execute("INSERT INTO mine VALUES (7)")
    with closing(db.connect(path)) as connection:
        assert db.schema_version(connection) == len(whole)
        assert connection.execute("SELECT x FROM mine").fetchone()[0] == 7
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names >= {"decisions", "attempts", "reservations", "spend", "breakers", "probes"}


def test_a_migration_that_fails_leaves_the_database_as_it_was(path, monkeypatch):
    db.connect(path).close()

    def broken(connection):
        connection.execute("CREATE TABLE half (x)")
        connection.execute("this is no SQL")

    with monkeypatch.context() as patched:
        patched.setattr(db, "MIGRATIONS", [*db.MIGRATIONS, broken])
        with pytest.raises(sqlite3.OperationalError):
            db.connect(path)
    with closing(db.connect(path)) as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchone()


def test_a_transaction_that_fails_writes_nothing(database):
    with pytest.raises(ValueError, match="no"), database.transaction() as connection:
        spend(connection)
        raise ValueError("no")
    with database.reading() as connection:
        assert total(connection) == 0


def test_waiting_for_another_writer_is_bounded(path, database):
    with closing(db.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"), database.transaction(timeout_s=0.01):
            pass
        other.execute("ROLLBACK")
    with database.transaction() as connection:
        spend(connection)


def test_waiting_for_another_thread_is_bounded(database):
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with database.transaction():
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(60)
    with pytest.raises(sqlite3.OperationalError, match="locked"), database.transaction(timeout_s=0.01):
        pass
    leave.set()
    thread.join(60)
    with database.transaction() as connection:
        spend(connection)


def test_a_process_that_ends_waits_no_longer_for_what_it_waits_for_already(path, database, monkeypatch):
    monkeypatch.setattr(db._ending, "at", db._ending.at)  # it is the process's
    refused = []

    def wait():
        with pytest.raises(sqlite3.OperationalError, match="locked"), database.transaction(timeout_s=600):
            pass
        refused.append(True)

    with closing(db.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.3)
        db.end_within(0.1)
        thread.join(60)
        assert refused
        with pytest.raises(sqlite3.OperationalError, match="locked"), database.transaction(timeout_s=600):
            pass
        other.execute("ROLLBACK")
    with database.transaction() as connection:  # what nobody holds is written to the end
        spend(connection)


def test_a_database_replaced_under_a_running_process_is_opened_anew(path, database):
    with database.transaction() as connection:
        spend(connection)
    path.rename(path.with_name("aside.db"))
    with database.transaction() as connection:
        assert total(connection) == 0
        spend(connection, 5)
    with closing(db.connect(path)) as connection:
        assert total(connection) == 5


def test_opening_a_second_connection_leaves_the_locks_of_the_first_alone(path):
    """Else another process takes itself for the last one, and deletes the journal that this one writes to."""
    with closing(db.connect(path)) as first:
        spend(first)
        with closing(db.connect(path)):
            subprocess.run([sys.executable, "-c", WRITE, str(path)], timeout=60, check=True)
            spend(first)
        assert path.with_name("router.db-wal").exists()
        with closing(db.connect(path)) as another:
            assert total(another) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_uses_a_connection_of_its_own(path, database):
    with database.transaction() as connection:
        spend(connection)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with database.transaction() as connection:
                spend(connection)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with database.transaction() as connection:
        assert total(connection) == 2


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_is_no_database_raises_what_callers_expect(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(sqlite3.DatabaseError):
        db.connect(path)


def test_a_folder_that_cannot_be_made_raises_what_callers_expect(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(db.FAILURES):
        db.connect(tmp_path / "file" / "home" / "router.db")
