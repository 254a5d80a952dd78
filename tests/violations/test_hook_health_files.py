"""The health records of hooks: read, summed up, cleaned while hooks go on writing."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from llm_router.hosts import hook_health

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "cleanup-hook-health.py"
NOW = 1_790_000_000.0
WRITE = """
import sys; sys.path.insert(0, sys.argv[1]); import journal
journal._WAIT_S, journal._TRIES = 120, 10_000  # here nobody may give up waiting
for n in range(200): assert journal.health(sys.argv[2], "claude Stop", n)
print("done")
"""


def record(hook="claude Stop", at=NOW, ms=10.0, **more):
    return json.dumps({"at": at, "hook": hook, "ms": ms} | more) + "\n"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "hooks").mkdir()
    return tmp_path


def put(home, *lines, name="health.jsonl"):
    (home / "hooks" / name).write_text("".join(lines))


def test_runs_errors_and_latency_by_hook(home):
    put(home, *(record(ms=ms) for ms in range(1, 101)), name="health.jsonl.1")
    put(home, record(error="OSError at x.py:1", at=NOW + 5), record("codex Stop", ms=3), "half a li")
    stop, other = hook_health.read(home)
    assert (stop.hook, stop.runs, stop.errors, stop.host) == ("claude Stop", 101, 1, "claude")
    assert (stop.ms_p50, stop.ms_p95) == (50, 95)
    assert (stop.last_run, stop.last_error, stop.last_error_at) == (NOW + 5, "OSError at x.py:1", NOW + 5)
    assert other.hook == "codex Stop"


def test_records_of_the_wrong_shape_are_no_records(home):
    put(
        home,
        "[]\n",
        '{"at": "x", "hook": "a", "ms": 1}\n',
        '{"at": 1, "ms": 1}\n',
        '{"at": NaN, "hook": "a", "ms": 1}\n',
    )
    assert hook_health.read(home) == []


def test_a_dry_run_changes_nothing(home):
    put(home, record(at=NOW), record("codex Stop", at=NOW - 40 * 86_400), "broken\n")
    before = (home / "hooks" / "health.jsonl").read_bytes()
    done = hook_health.cleanup(home, dry_run=True, now=NOW)
    assert (done.removed, done.malformed, done.kept) == ({"codex Stop": 1}, 1, 1)
    assert [path.name for path in (home / "hooks").iterdir()] == ["health.jsonl"]
    assert (home / "hooks" / "health.jsonl").read_bytes() == before


def test_hooks_that_have_not_run_for_a_month_go_and_recent_ones_keep_their_old_runs(home):
    old = NOW - 40 * 86_400
    put(home, record(at=old), record("codex Stop", at=old), name="health.jsonl.1")
    put(home, record(at=NOW), "broken\n")
    done = hook_health.cleanup(home, now=NOW)
    assert (done.removed, done.malformed, done.kept) == ({"codex Stop": 1}, 1, 2)
    assert [(one.hook, one.runs) for one in hook_health.read(home)] == [("claude Stop", 2)]
    assert hook_health.cleanup(home, now=NOW) == hook_health.Cleanup({}, 0, 2)


def test_named_hooks_go_however_fresh_and_a_host_names_all_of_its(home):
    put(home, record(), record("claude PreToolUse"), record("codex Stop"))
    hook_health.cleanup(home, ("claude Stop",), now=NOW)
    assert [one.hook for one in hook_health.read(home)] == ["claude PreToolUse", "codex Stop"]
    hook_health.cleanup(home, ("claude",), now=NOW)
    assert [one.hook for one in hook_health.read(home)] == ["codex Stop"]


def test_what_a_killed_cleanup_had_taken_away_comes_back(home):
    put(home, record(), name="health.jsonl.1-ab.taken")
    assert hook_health.read(home)[0].runs == 1
    hook_health.cleanup(home, now=NOW)
    assert [path.name for path in (home / "hooks").iterdir()] == ["health.jsonl"]
    assert hook_health.read(home)[0].runs == 1


def test_runs_written_during_cleanups_are_kept(home):
    started = [
        subprocess.Popen([sys.executable, "-S", "-c", WRITE, ROOT / "hooks", home], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    stop = threading.Event()

    def clean():
        while not stop.wait(0.001):
            hook_health.cleanup(home, ("codex",), now=NOW)

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        assert [process.communicate(timeout=120)[0] for process in started] == [b"done\n"] * 4
    finally:
        stop.set()
        cleaner.join(60)
    found = hook_health.read(home)
    assert [(one.hook, one.runs) for one in found] == [("claude Stop", 800)]


def script(home, *arguments):
    return subprocess.run(
        [sys.executable, "-S", SCRIPT, "--home", home, *arguments],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)},
        timeout=60,
        check=False,
    )


def test_the_script_needs_nothing_installed(home):
    put(home, record(at=time.time()), record("codex Stop", at=time.time()))
    done = script(home, "--dry-run", "--remove", "codex")
    assert done.stdout.splitlines() == ["would remove 1 records of codex Stop", "1 records stay"]
    assert script(home, "--remove", "codex Stop", "nobody").returncode == 0
    assert [one.hook for one in hook_health.read(home)] == ["claude Stop"]
    assert script(home).stdout.splitlines()[0] == "nothing to remove"


def test_without_a_home_there_is_nothing_to_remove(tmp_path):
    assert "nothing to remove" in script(tmp_path / "none").stdout
