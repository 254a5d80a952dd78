from __future__ import annotations

import errno
import json
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing

import pytest
from msgspec.structs import replace

from llm_router import db, paths
from llm_router.learn import rows as learn_rows
from llm_router.nouns import (
    Answer,
    Assessment,
    Attempt,
    Billing,
    Candidate,
    Complexity,
    Decision,
    FailureKind,
    Model,
    Plan,
    Skipped,
    Task,
    Text,
    Usage,
    Verdict,
    ask,
    new_id,
)
from llm_router.record import SqliteLedger
from llm_router.record import ledger as ledger_module
from llm_router.record.repair import repair
from llm_router.record.spool import Spool
from tests.waiting import LIMIT_S, wait_for

KEY = "sk-canary-0123456789abcdefCANARY"
PAID = Model("openai", "gpt-x")


def decided(prompt="what is a monad?", **fields):
    attempts = (
        Attempt(
            "groq",
            "llama",
            FailureKind.RATE_LIMITED,
            1.0,
            12.5,
            status=429,
            detail="slow down",
            retry_after_s=60,
        ),
        Attempt("openai", "gpt-x", "ok", 2.0, 800.0, 90.0, 200, usage=Usage(100, 20, 40, 10, 5), cost=1234),
    )
    facts = {
        "id": new_id("d"),
        "at": time.time(),
        "request": ask(prompt, door="mcp", session="s1", project="shop"),
        "assessment": Assessment(Task.CODE, Complexity.MODERATE, 0.8, 0.4, ("asks for code",)),
        "verdict": Verdict(),
        "plan": Plan((Candidate(PAID, "cheapest", 1000, 5000),), (Skipped("ollama/qwen", "not installed"),)),
        "attempts": attempts,
        "answer": Answer((Text("a burrito"),), "end", Usage(100, 20)),
        "cost": 1234,
        "baseline": "anthropic/opus",
        "baseline_cost": 9000,
    }
    return Decision(**(facts | fields))


@pytest.fixture
def home(tmp_path):
    return tmp_path / "hömé of mine"


@pytest.fixture
def ledger(home):
    made = SqliteLedger(home, store_prompts=False)
    yield made
    made.close()


def stored(home, table="decisions"):
    with closing(db.connect(paths.database(home))) as connection:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]


def spooled(home):
    folder = paths.spool(home)
    return sorted(folder.glob("*.jsonl")) if folder.exists() else []


# ── what is kept ─────────────────────────────────────────────────────────────


def test_a_decision_and_all_its_attempts_are_stored(home, ledger):
    decision = decided()
    ledger.record(decision)
    ledger.close()
    (row,) = stored(home)
    assert row["id"] == decision.id
    assert (row["door"], row["session"], row["project"]) == ("mcp", "s1", "shop")
    assert (row["task"], row["complexity"], row["provider"], row["model"]) == (
        "code",
        "moderate",
        "openai",
        "gpt-x",
    )
    assert (row["cost"], row["baseline_cost"]) == (1234, 9000)
    assert json.loads(row["candidates"])[0]["model"] == "openai/gpt-x"
    assert json.loads(row["skipped"]) == [{"ref": "ollama/qwen", "reason": "not installed"}]
    failed, answered = stored(home, "attempts")
    assert (failed["outcome"], failed["status"], failed["retry_after_s"]) == ("rate_limited", 429, 60)
    assert failed["input_tokens"] is None
    assert (answered["outcome"], answered["cost"], answered["cache_read_tokens"]) == ("ok", 1234, 40)
    assert answered["first_token_ms"] == 90


def test_an_unpriced_answer_is_stored_without_a_cost_and_not_at_zero(home, ledger):
    attempt = Attempt("openai", "new", "ok", 1.0, 5.0, usage=Usage(1, 1), cost=None)
    ledger.record(decided(attempts=(attempt,), cost=None))
    ledger.close()
    assert stored(home)[0]["cost"] is None
    assert stored(home, "attempts")[0]["cost"] is None


def test_a_decision_that_nobody_answered_is_stored_with_its_error(home, ledger):
    ledger.record(replace(decided(), attempts=(), answer=None, error="nobody answered"))
    ledger.close()
    (row,) = stored(home)
    assert row["error"] == "nobody answered"
    assert row["provider"] is None


def test_prompts_and_answers_are_not_stored_unless_asked_for(home, ledger):
    ledger.record(decided(prompt="a very particular prompt"))
    ledger.close()
    (row,) = stored(home)
    assert (row["prompt"], row["answer"]) == (None, None)
    assert row["prompt_chars"] == 24
    assert len(row["prompt_sha256"]) == 16
    assert b"particular" not in everything(home)


def test_prompts_and_answers_are_stored_where_asked_for(home):
    ledger = SqliteLedger(home, store_prompts=True)
    ledger.record(decided(prompt="a very particular prompt"))
    ledger.close()
    (row,) = stored(home)
    assert "a very particular prompt" in row["prompt"]
    assert row["answer"] == "a burrito"


def test_a_prompt_of_ten_megabytes_is_cut_and_says_so(home):
    ledger = SqliteLedger(home, store_prompts=True)
    ledger.record(decided(prompt="é" * 10_000_000))
    ledger.close()
    (row,) = stored(home)
    assert row["prompt_chars"] == 10_000_000
    assert len(row["prompt"]) < 110_000
    assert "cut: 10000" in row["prompt"]


def test_binary_text_and_absurd_counts_are_stored_all_the_same(home):
    ledger = SqliteLedger(home, store_prompts=True)
    odd = Attempt("openai", "x\udcff", "ok", 1.0, 1.0, usage=Usage(2**70, 1), cost=2**80, detail="\x00\udc80")
    ledger.record(decided(prompt="half \ud800 of a pair \x00", attempts=(odd,)))
    ledger.close()
    assert len(stored(home)) == 1
    assert stored(home, "attempts")[0]["input_tokens"] == 2**63 - 1


def everything(home):
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.parametrize("broken", [False, True])
def test_a_key_in_any_text_reaches_no_stored_byte(home, broken):
    if broken:
        home.mkdir()
        paths.database(home).write_bytes(b"no database" * 500)
    ledger = SqliteLedger(home, store_prompts=True)
    attempt = Attempt(
        "openai", "gpt-x", FailureKind.AUTH, 1.0, 1.0, status=401, detail=f"Incorrect API key: {KEY}"
    )
    ledger.record(
        decided(
            prompt=f"my key is {KEY}",
            attempts=(attempt,),
            error=f"401: {KEY}",
            request=ask(f"my key is {KEY}", model=KEY, system=f"use {KEY}"),
            assessment=Assessment(Task.CODE, Complexity.SIMPLE, 1, 0, (f"saw {KEY}",)),
            verdict=Verdict(model=KEY),
            plan=Plan((Candidate(PAID, f"because {KEY}"),), (Skipped("a/b", f"refused {KEY}"),)),
            answer=Answer((Text(f"your key {KEY}"),), "end", Usage()),
        )
    )
    ledger.close()
    assert bool(spooled(home)) == broken
    written = everything(home)
    assert b"redacted" in written
    assert b"CANARY" not in written


def test_the_files_are_readable_by_their_owner_only(home, ledger):
    ledger.record(decided())
    ledger.close()
    ledger._to_spool(ledger._entries([decided()]))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*") if path.is_file()}
    assert len(modes) >= 2
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


# ── when the database does not take it ───────────────────────────────────────


def test_a_locked_database_delays_no_call_and_gets_the_decisions_later(home, ledger, monkeypatch):
    monkeypatch.setattr(ledger_module, "RETRY_S", 0.05)
    first, second = decided(), decided()
    with closing(db.connect(paths.database(home))) as other:
        other.execute("BEGIN EXCLUSIVE")
        ledger.record(first)
        wait_for(lambda: spooled(home))  # the writer gave up waiting; the caller never did
        ledger.record(second)
        wait_for(lambda: len(spooled(home)) == 2)
        assert not ledger.status().writable
        other.execute("ROLLBACK")
    wait_for(lambda: not spooled(home))
    assert {row["id"] for row in stored(home)} == {first.id, second.id}


def test_recording_does_not_wait_for_the_database(home, ledger, monkeypatch):
    entered, leave = threading.Event(), threading.Event()

    def stuck(_entries):
        entered.set()
        assert leave.wait(LIMIT_S)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(ledger, "_insert", stuck)
    decisions = [decided() for _ in range(ledger_module.WAITING + 5)]
    ledger.record(decisions[0])
    assert entered.wait(LIMIT_S)
    for decision in decisions[1:]:
        ledger.record(decision)  # returns although the writer is stuck; what memory does not hold is spooled
    assert len(spooled(home)) == 4
    leave.set()
    ledger.close()
    assert sum(len(path.read_text().splitlines()) for path in spooled(home)) == len(decisions)


def test_closing_while_the_database_is_stuck_spools_what_it_holds(home, ledger, monkeypatch, own_limits):
    entered, leave = threading.Event(), threading.Event()
    monkeypatch.setattr(ledger, "_insert", lambda _entries: (entered.set(), leave.wait(LIMIT_S)))
    ledger.record(decided())
    assert entered.wait(LIMIT_S)
    ledger.record(decided())
    began = time.monotonic()
    ledger.close()
    assert time.monotonic() - began < 30
    lines = "".join(path.read_text() for path in spooled(home)).splitlines()
    leave.set()
    assert len(lines) == 2


def test_closing_a_ledger_whose_database_is_locked_spools_within_a_second_or_so(home, ledger):
    with closing(db.connect(paths.database(home))) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger.record(decided())
        ledger.close()
        assert len(spooled(home)) == 1
        other.execute("ROLLBACK")
    assert ledger.drain() == 1
    assert len(stored(home)) == 1
    ledger.close()


@pytest.mark.parametrize("rubbish", [b"this is no database" * 400, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_corrupt_database_loses_nothing_and_repair_keeps_the_old_file(home, rubbish):
    home.mkdir()
    paths.database(home).write_bytes(rubbish)
    ledger = SqliteLedger(home, store_prompts=False)
    decision = decided()
    ledger.record(decision)
    ledger.close()
    status = ledger.status()
    assert not status.writable
    assert status.spooled == 1
    assert "doctor --repair" in status.fix

    done = repair(home)
    assert done.moved_to.read_bytes() == rubbish
    assert done.drained == 1
    assert stored(home)[0]["id"] == decision.id
    assert ledger.status(thorough=True).writable
    assert not spooled(home)
    ledger.close()


def test_repair_salvages_what_can_be_read_and_keeps_what_was_spent(home, ledger):
    for _ in range(300):
        ledger.record(decided())
    ledger.close()
    path = paths.database(home)
    with closing(db.connect(path)) as connection:
        connection.execute("INSERT INTO spend (at, provider, model, amount) VALUES (1, 'a', 'b', 7)")
        assert learn_rows.rate(connection, stored(home)[0]["id"], "user", 1.0, 1.0)
        connection.execute("DELETE FROM breakers")
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'attempts'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    assert not ledger.status(thorough=True).writable
    ledger.close()
    done = repair(home)
    assert done.moved_to.exists()
    assert len(stored(home)) == 300
    assert [row["amount"] for row in stored(home, "spend")] == [7]
    assert len(stored(home, "memories")) == 300
    assert [row["source"] for row in stored(home, "outcomes")] == ["user"]


def test_repair_leaves_a_whole_database_alone_and_drains_the_spool(home, ledger):
    ledger.record(decided())
    ledger.close()
    ledger._to_spool(ledger._entries([decided()]))
    done = repair(home)
    assert (done.moved_to, done.drained) == (None, 1)
    assert len(stored(home)) == 2


@pytest.mark.skipif("os.name != 'posix'")
def test_a_home_that_takes_nothing_loses_nothing_its_spool_is_elsewhere(tmp_path, capsys, monkeypatch):
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    home, in_the_way = tmp_path / "file" / "home", tmp_path / "file"
    in_the_way.write_text("in the way")
    ledger = SqliteLedger(home, store_prompts=False)
    ledger.record(decided())
    ledger.close()
    status = ledger.status()
    assert (status.writable, status.spooled, status.lost) == (False, 1, 0)
    assert capsys.readouterr().err == ""
    assert {path.stat().st_mode & 0o077 for path in elsewhere.rglob("*")} == {0}
    assert Spool(tmp_path / "another").count() == 0

    in_the_way.unlink()
    later = SqliteLedger(home, store_prompts=False)
    assert later.drain() == 1
    later.close()
    assert len(stored(home)) == 1
    assert list(elsewhere.rglob("*.jsonl")) == []


@pytest.mark.skipif("os.name != 'posix'")
def test_a_spool_elsewhere_that_others_can_write_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    home = tmp_path / "home"
    planted = paths.spool_elsewhere(home)
    planted.mkdir()
    (planted / "1-1-x-1.jsonl").write_text("{}")
    assert Spool(home).count() == 1
    planted.parent.chmod(0o777)
    assert Spool(home).count() == 0
    with pytest.raises(PermissionError):
        paths.spool_elsewhere(home)


def test_a_home_that_cannot_be_made_warns_once_and_keeps_what_it_can_in_memory(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    home = tmp_path / "file" / "home"
    (tmp_path / "file").write_text("in the way")
    ledger = SqliteLedger(home, store_prompts=False)
    for _ in range(3):
        ledger.record(decided())
    ledger.close()
    status = ledger.status()
    assert (status.writable, status.unsaved, status.lost) == (False, 3, 0)
    assert "in the way" in status.fix
    said = capsys.readouterr()
    assert said.err.count("the ledger cannot be written") == 1
    assert said.out == ""

    (tmp_path / "file").unlink()
    ledger.record(decided())
    ledger.close()
    assert len(stored(home)) == 4


def test_a_full_disk_fails_no_call_and_what_was_kept_is_written_once_there_is_room(
    home, ledger, monkeypatch, capsys
):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    def full_database(_entries):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(ledger._spool, "add", full)
        patched.setattr(ledger, "_insert", full_database)
        ledger.record(decided())
        ledger.close()
    assert ledger.status().unsaved == 1
    assert "No space left" in capsys.readouterr().err
    ledger.record(decided())
    ledger.close()
    assert len(stored(home)) == 2
    assert ledger.status().unsaved == 0
    ledger.close()


def test_memory_is_bounded_when_nothing_can_be_written_and_the_loss_is_counted(
    home, ledger, monkeypatch, capsys
):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ledger._spool, "add", full)
    monkeypatch.setattr(ledger_module, "UNSAVED", 2)
    ledger._to_spool(ledger._entries([decided() for _ in range(5)]))
    status = ledger.status()
    assert (status.unsaved, status.lost) == (2, 3)


def test_a_read_only_database_is_spooled_and_named(home, ledger, monkeypatch):
    def read_only(*_args, **_kwargs):
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(ledger._database, "transaction", read_only)
    ledger.record(decided())
    ledger.close()
    status = ledger.status()
    assert (status.writable, status.spooled) == (False, 1)
    assert "readonly" in status.error
    assert "chmod" in status.fix


def test_a_database_of_a_newer_version_is_left_alone_and_its_decisions_wait(home, ledger):
    with closing(db.connect(paths.database(home))) as connection:
        connection.execute("PRAGMA user_version = 9999")
    ledger.record(decided())
    ledger.close()
    status = ledger.status()
    assert "newer" in status.error
    assert "upgrade" in status.fix
    assert status.spooled == 1


# ── the spool ────────────────────────────────────────────────────────────────


def test_carrying_over_twice_changes_nothing(home, ledger):
    entries = ledger._entries([decided(), decided()])
    ledger._spool.add(entries)
    ledger._spool.add(entries)
    assert ledger.drain() == 4
    assert len(stored(home)) == 2
    assert len(stored(home, "attempts")) == 4
    assert ledger.drain() == 0


def test_a_new_process_carries_over_what_an_earlier_one_spooled(home, ledger):
    ledger._spool.add(ledger._entries([decided()]))
    later = SqliteLedger(home, store_prompts=False)
    later.record(decided())
    wait_for(lambda: not spooled(home))
    later.close()
    assert len(stored(home)) == 2


def test_a_damaged_file_gives_what_it_holds_is_set_aside_and_blocks_nothing(home, ledger):
    ledger._spool.add(ledger._entries([decided()]))
    (good,) = spooled(home)
    good.write_text(good.read_text() + '{"decision": \n[1]\n')
    (paths.spool(home) / "1-1-aa-1.jsonl").write_text('{"decision": {"id": "d_x"}, "attempts": []}\n')
    ledger._spool.add(ledger._entries([decided()]))
    ledger.drain()
    assert len(stored(home)) == 2
    assert not spooled(home)
    assert ledger.status().rejected_files == 2


def test_a_column_of_a_newer_version_does_not_stop_its_decision(home, ledger):
    (entry,) = ledger._entries([decided()])
    entry["decision"]["mood"] = "sunny"
    ledger._spool.add([entry])
    assert ledger.drain() == 1
    assert len(stored(home)) == 1


def test_the_complete_lines_of_a_writer_that_died_are_carried_over(home, ledger):
    import os

    ledger._spool.add(ledger._entries([decided()]))
    (path,) = spooled(home)
    dead = path.with_suffix(".part")
    path.replace(dead)
    dead.write_text(dead.read_text() + '{"decision": {"id"')
    assert ledger.drain() == 0  # it may still be written
    os.utime(dead, (1, 1))
    assert ledger.drain() == 1
    assert not list(paths.spool(home).iterdir())


# ── many threads and processes ───────────────────────────────────────────────


def test_threads_recording_at_once_lose_nothing(home, ledger):
    def work():
        for _ in range(50):
            ledger.record(decided())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    ledger.close()
    assert len(stored(home)) + sum(len(p.read_text().splitlines()) for p in spooled(home)) == 400


RECORD = """
import sys
from pathlib import Path
from llm_router.nouns import *
from llm_router.record import SqliteLedger
ledger = SqliteLedger(Path(sys.argv[1]), store_prompts=False)
for _ in range(10):
    attempts = tuple(Attempt("p", "m", outcome, 1.0, 1.0) for outcome in (FailureKind.OVERLOADED, "ok"))
    ledger.record(Decision(new_id("d"), 1.0, ask("hello"), Assessment(Task.QUERY, Complexity.SIMPLE, 1, 0), Verdict(),
                           Plan(()), attempts=attempts))
if sys.argv[2] == "closes":
    ledger.close()
"""


@pytest.mark.parametrize("ends", ["closes", "just exits"])
def test_fifty_processes_recording_at_once_on_one_ledger_lose_nothing(home, ledger, ends):
    started = [subprocess.Popen([sys.executable, "-c", RECORD, str(home), ends]) for _ in range(50)]
    assert [process.wait(LIMIT_S) for process in started] == [0] * 50
    ledger.drain()
    assert len(stored(home)) == 500
    assert len(stored(home, "attempts")) == 1000


def test_processes_that_carry_over_the_same_spool_do_not_disturb_each_other(home, ledger):
    for _ in range(40):
        ledger._spool.add(ledger._entries([decided()]))
    code = (
        "import sys; from pathlib import Path; from llm_router.record import SqliteLedger;"
        "ledger = SqliteLedger(Path(sys.argv[1]), store_prompts=False)\n"
        "while ledger.drain(): pass\n"
        "ledger.close(); assert ledger._error is None or 'locked' in str(ledger._error), ledger._error"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(home)]) for _ in range(8)]
    assert [process.wait(LIMIT_S) for process in started] == [0] * 8
    ledger.drain()
    assert len(stored(home)) == 40
    assert not list(paths.spool(home).iterdir())


def test_recording_after_closing_works(home, ledger):
    ledger.record(decided())
    ledger.close()
    ledger.record(decided())
    ledger.close()
    assert len(stored(home)) == 2


def test_free_answers_are_stored_with_how_they_were_paid(home, ledger):
    attempt = Attempt("ollama", "qwen", "ok", 1.0, 5.0, usage=Usage(1, 1), cost=0, billing=Billing.LOCAL)
    ledger.record(decided(attempts=(attempt,), cost=0))
    ledger.close()
    assert stored(home)[0]["billing"] == "local"
    assert stored(home)[0]["cost"] == 0
