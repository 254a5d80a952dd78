"""What hooks wrote down reaches the ledger once, whoever carries it and whenever."""

import json
import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from llm_router import db, paths
from llm_router.hosts import events

ROOT = Path(__file__).resolve().parents[2]
WRITE = """
import sys; sys.path.insert(0, sys.argv[1]); import journal
journal._WAIT_S, journal._TRIES = 120, 10_000  # here nobody may give up waiting
for n in range(100): assert journal.event(sys.argv[2], "routed", session=sys.argv[3], n=n, decision=f"d_{sys.argv[3]}_{n}")
print("done")
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "hooks").mkdir()
    return tmp_path


def put(home, *found, name="events.jsonl"):
    lines = [each if isinstance(each, str) else json.dumps(each) + "\n" for each in found]
    (home / "hooks" / name).write_text("".join(lines))


def rows(home, table="hook_events"):
    with closing(db.connect(paths.database(home))) as connection:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY at")]


def test_nothing_is_opened_where_nothing_waits(home):
    assert events.drain(home) == 0
    assert not paths.database(home).exists()


def test_an_event_is_a_row_with_its_facts(home):
    put(
        home,
        {
            "at": 5.5,
            "kind": "routed",
            "session": "s",
            "agent": "a",
            "host": "claude",
            "decision": "d_1",
            "tool": "llm_query",
        },
    )
    assert events.drain(home) == 1
    (row,) = rows(home)
    assert {key: row[key] for key in ("at", "kind", "session", "agent", "host", "decision_id")} == {
        "at": 5.5, "kind": "routed", "session": "s", "agent": "a", "host": "claude", "decision_id": "d_1",
    }  # fmt: skip
    assert json.loads(row["facts"]) == {"tool": "llm_query"}
    assert list((home / "hooks").iterdir()) == []
    assert events.drain(home) == 0


def test_the_last_word_about_an_answer_counts(home):
    put(
        home,
        {"at": 9, "kind": "used", "decision": "d", "verdict": "used"},
        {"at": 4, "kind": "used", "decision": "d", "verdict": "ignored"},
    )
    events.drain(home)
    put(
        home,
        {"at": 3, "kind": "used", "decision": "d", "verdict": "reworked"},
        {"at": 1, "kind": "used", "decision": "e", "verdict": "maybe"},
    )
    events.drain(home)
    assert [(row["decision_id"], row["verdict"]) for row in rows(home, "uses")] == [("d", "used")]


def test_full_files_are_carried_too(home):
    put(home, {"at": 1, "kind": "old"}, name="events.jsonl.2")
    put(home, {"at": 2, "kind": "older"}, name="events.jsonl.1")
    put(home, {"at": 3, "kind": "new"})
    (home / "hooks" / "events.jsonl.lock").write_text("")
    assert events.drain(home) == 3
    assert [path.name for path in (home / "hooks").iterdir()] == ["events.jsonl.lock"]


def test_lines_that_are_none_do_not_cost_the_others(home):
    put(
        home,
        "half a li\n",
        "[1]\n",
        '{"at": "x", "kind": 7, "session": ["s"]}\n',
        {"at": 1e400, "kind": "k" * 9000},
        {"at": 2, "kind": "good"},
    )
    assert events.drain(home) == 3
    kinds = [row["kind"] for row in rows(home)]
    assert kinds.count("good") == 1
    assert kinds.count("?") == 1
    assert max(map(len, kinds)) == 500


def test_a_file_read_twice_counts_once(home):
    put(home, {"at": 1, "kind": "a"}, {"at": 1, "kind": "a"}, name="events-1-1-ab.taken")
    kept = (home / "hooks" / "events-1-1-ab.taken").read_bytes()
    assert events.drain(home) == 2  # equal lines are two events
    # as if its remover had died before the removal
    (home / "hooks" / "events-1-1-ab.taken").write_bytes(kept)
    assert events.drain(home) == 0
    assert len(rows(home)) == 2


def test_what_the_database_does_not_take_waits(home):
    put(home, {"at": 1, "kind": "a"})
    paths.database(home).mkdir()
    assert events.drain(home) == 0
    paths.database(home).rmdir()
    assert events.drain(home) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be renamed there")
def test_a_hook_that_is_still_writing_is_waited_for(home, monkeypatch):
    import fcntl

    monkeypatch.setattr(events, "PATIENCE_S", 60)
    put(home, {"at": 1, "kind": "first"})
    with (home / "hooks" / "events.jsonl").open("ab") as late:
        fcntl.flock(late, fcntl.LOCK_SH)
        drained = []
        carrier = threading.Thread(target=lambda: drained.append(events.drain(home)))
        carrier.start()
        late.write(b'{"at": 2, "kind": "late"}\n')
        late.flush()
        fcntl.flock(late, fcntl.LOCK_UN)
    carrier.join(60)
    assert drained == [2]


def test_no_event_is_lost_or_doubled_while_many_write_and_several_carry(home):
    writers = [
        subprocess.Popen(
            [sys.executable, "-S", "-c", WRITE, ROOT / "hooks", home, str(n)], stdout=subprocess.PIPE
        )
        for n in range(8)
    ]
    stop, counts = threading.Event(), []

    def carry():
        while not stop.wait(0.001):
            counts.append(events.drain(home))

    carriers = [threading.Thread(target=carry) for _ in range(2)]
    for each in carriers:
        each.start()
    try:
        assert [writer.communicate(timeout=120)[0] for writer in writers] == [b"done\n"] * 8
    finally:
        stop.set()
        for each in carriers:
            each.join(60)
    counts.append(events.drain(home))
    found = {row["decision_id"] for row in rows(home)}
    assert len(found) == 800
    assert len(rows(home)) == 800
    assert sum(counts) == 800


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_left_alone(home):
    put(home, {"at": 1, "kind": "a"})
    (home / "hooks").chmod(0o500)
    try:
        assert events.drain(home) == 0
    finally:
        (home / "hooks").chmod(0o700)
    assert events.drain(home) == 1
