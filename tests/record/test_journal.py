"""What was decided is on disk when `record` returns, and reaches the database once, whatever becomes of the process."""

import subprocess
import sys

import pytest
from test_ledger import decided

from llm_router import db, paths
from llm_router.record import SqliteLedger, journal, rows
from llm_router.record.journal import Journal
from llm_router.record.spool import Spool
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(not journal.possible(), reason="no file locks here")


def journals(root):
    return sorted(paths.spool(root).glob("*.journal"))


def ids(root):
    connection = db.connect(paths.database(root))
    try:
        return {row["id"] for row in connection.execute("SELECT id FROM decisions")}
    finally:
        connection.close()


def test_a_journal_is_emptied_when_all_of_it_is_in_the_database(tmp_path):
    book = Journal(tmp_path)
    segments = [book.append(b'{"a":1}\n'), book.append(b'{"b":2}\n')]
    (path,) = journals(tmp_path)
    assert path.read_bytes() == b'{"a":1}\n{"b":2}\n'
    assert path.stat().st_mode & 0o077 == 0
    book.done(segments[:1])
    assert path.read_bytes()
    book.done(segments[1:])
    assert path.read_bytes() == b""
    book.append(b'{"c":3}\n')
    assert path.read_bytes() == b'{"c":3}\n'
    book.close()
    assert journals(tmp_path) == [path]  # c is not in the database


def test_a_large_journal_is_continued_in_another_file_and_removed_when_it_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 10)
    book = Journal(tmp_path)
    segments = [book.append(b"0123456789ab\n") for _ in range(3)]
    assert len(journals(tmp_path)) == 3
    book.done(segments)
    assert len(journals(tmp_path)) == 1
    book.close()
    assert journals(tmp_path) == []


def test_the_journal_of_a_living_process_is_left_alone(tmp_path):
    book = Journal(tmp_path)
    book.append(b'{"decision":{"id":"d1"},"attempts":[]}\n')
    taken = []
    assert Spool(tmp_path).drain(taken.extend) == 0
    book.close()
    assert Spool(tmp_path).count() == 1
    assert Spool(tmp_path).drain(taken.extend) == 1
    assert [entry["decision"]["id"] for entry in taken] == ["d1"]
    assert journals(tmp_path) == []


def test_half_a_line_at_the_end_costs_only_itself(tmp_path):
    folder = paths.spool(tmp_path)
    folder.mkdir()
    (folder / "1-1-a.journal").write_bytes(b'{"decision":{"id":"d1"},"attempts":[]}\n{"decision":{"id":"d2"')
    taken = []
    assert Spool(tmp_path).drain(taken.extend) == 1
    assert Spool(tmp_path).rejected() == 0


RECORDER = """
import sys
from pathlib import Path
from llm_router.record import SqliteLedger
from llm_router.nouns import Assessment, Attempt, Complexity, Decision, Plan, Task, Verdict, ask, new_id

ledger = SqliteLedger(Path(sys.argv[1]), store_prompts=False, journaled=True)
sure = Assessment(Task.QUERY, Complexity.SIMPLE, 1, 0)
while True:
    tried = (Attempt("p", "m", "ok", 1.0, 1.0),)
    made = Decision(new_id("d"), 1.0, ask("hello"), sure, Verdict(), Plan(()), attempts=tried)
    ledger.record(made)
    sys.stdout.write(made.id + "\\n")
    sys.stdout.flush()
"""


def test_no_record_that_was_acknowledged_is_lost_when_the_process_is_killed(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", RECORDER, str(tmp_path)], stdout=subprocess.PIPE, bufsize=0
    )
    told = b""
    with process.stdout as out:
        while told.count(b"\n") < 300:
            told += out.read(1000)
        process.kill()
        while rest := out.read(1000):
            told += rest
    process.wait(timeout=60)
    acknowledged = set(told.decode().split("\n")[:-1])
    ledger = SqliteLedger(tmp_path, store_prompts=False, journaled=True)
    ledger.drain()
    ledger.close()
    assert acknowledged <= ids(tmp_path)
    assert journals(tmp_path) == []


def test_what_the_spool_took_is_not_kept_in_the_journal_too(tmp_path):
    ledger = SqliteLedger(tmp_path, store_prompts=False, journaled=True)
    db.connect(paths.database(tmp_path)).close()
    locked = db.connect(paths.database(tmp_path))
    locked.execute("BEGIN IMMEDIATE")
    ledger.record(decided())
    wait_for(lambda: ledger.status().spooled == 1)
    locked.execute("ROLLBACK")
    locked.close()
    wait_for(lambda: all(not path.stat().st_size for path in journals(tmp_path)))
    wait_for(lambda: len(ids(tmp_path)) == 1)
    ledger.close()
    assert journals(tmp_path) == []


def test_one_decision_that_is_refused_costs_no_other_of_the_same_journal(tmp_path):
    folder = paths.spool(tmp_path)
    folder.mkdir()
    good = rows.entry(decided(), store_prompts=False)
    bad = rows.entry(decided(), store_prompts=False)
    bad["decision"]["task"] = None
    (folder / "1-1-a.journal").write_bytes(rows.line(good) + rows.line(bad))
    ledger = SqliteLedger(tmp_path, store_prompts=False)
    assert ledger.drain() == 1
    assert ids(tmp_path) == {good["decision"]["id"]}
    assert ledger.status().rejected_files == 1
    ledger.close()


def test_a_file_that_is_left_twice_closes_nobody_elses(tmp_path):
    book = Journal(tmp_path)
    segment = book.append(b'{"a":1}\n')
    assert book.append(b'{"b":2}\n') is segment
    book.leave(segment)
    with (tmp_path / "another").open("wb") as another:  # gets the number that has become free
        book.leave(segment)
        another.write(b"x")
        another.flush()
