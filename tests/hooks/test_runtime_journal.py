import errno
import fcntl
import json
import os
import re
import subprocess
import sys
import time

import journal
import pytest

HOOKS = os.path.dirname(journal.__file__)
LINE = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] VIOLATION session=(\S+) expected=(\S+) got=(\S+)")
MANY = """
import os, sys
sys.path.insert(0, sys.argv[1])
import journal
home, name, lines, limit = sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
journal._BOUNDS = {k: (limit, 1000) for k in journal._BOUNDS}
journal._WAIT_S = 120  # so many at once on a busy machine: here nobody may give up waiting
journal._TRIES = 10_000
sys.stdin.read(1)  # all start together
for n in range(lines):
    assert journal.violation(home, f"{name}-{n}", "llm_query", "Bash" + "x" * (n % 90))
    assert journal.event(home, "routed", session=f"{name}-{n}", prompt='"\\n' * (n % 50))
"""


def _lines(folder, name):
    files = [
        folder / each for each in os.listdir(folder) if each.startswith(name) and not each.endswith(".lock")
    ]
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def _fifty(home, lines, limit):
    return [
        subprocess.Popen(
            [sys.executable, "-S", "-c", MANY, HOOKS, str(home), f"w{n}", str(lines), str(limit)],
            stdin=subprocess.PIPE,
        )
        for n in range(50)
    ]


def _go(children):
    for child in children:
        child.stdin.close()
    return [child.wait(120) for child in children]


def test_a_violation_is_one_line_of_the_promised_form(home):
    assert journal.violation(str(home), "abc-1", "llm_query", "Bash")
    text = (home / "enforcement.log").read_text()
    assert text.endswith("\n")
    assert LINE.fullmatch(text[:-1]).groups() == ("abc-1", "llm_query", "Bash")
    assert os.stat(home / "enforcement.log").st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "evil",
    [
        "a\n[2020-01-01 00:00:00] VIOLATION session=x expected=y got=z",
        "a b",
        "a\tb",
        "a\rb",
        "a\0b",
        "\x1b[31mred",
        "a\u2028b",
        "a\x85b",
        "\ud800",
        "x=y",
        "",
        "é",
        "x" * 5000,
    ],
)
def test_no_value_can_make_a_line_or_a_field_of_its_own(home, evil):
    assert journal.violation(str(home), evil, evil, evil)
    (line,) = (home / "enforcement.log").read_text(encoding="utf-8").splitlines()
    assert LINE.fullmatch(line)
    assert len(line) < 700


def test_an_event_keeps_its_facts(home):
    assert journal.event(str(home), "used", session="s", saved=12, counts={"routed": 3}, note=None)
    (line,) = (home / "hooks" / "events.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert found.pop("at") > 1e9
    assert found == {"kind": "used", "session": "s", "saved": 12, "counts": {"routed": 3}, "note": None}


@pytest.mark.parametrize("fact", [["x" * 100_000], {"a": object()}, "y" * 100_000, {1, 2}])
def test_a_fact_that_is_too_long_or_no_json_does_not_lose_the_event(home, fact):
    assert journal.event(str(home), "used", session="s", fact=fact)
    (line,) = (home / "hooks" / "events.jsonl").read_text().splitlines()
    assert len(line) < 8200
    assert json.loads(line)["session"] == "s"


def test_fifty_writers_at_once_lose_and_mix_no_line(home):
    assert _go(_fifty(home, 40, 1 << 30)) == [0] * 50
    names = [LINE.fullmatch(line).group(1) for line in _lines(home, "enforcement.log")]
    expected = sorted(f"w{n}-{k}" for n in range(50) for k in range(40))
    assert sorted(names) == expected
    assert sorted(json.loads(line)["session"] for line in _lines(home / "hooks", "events.jsonl")) == expected


def test_rotation_under_fifty_writers_loses_no_line(home):
    assert _go(_fifty(home, 20, 4000)) == [0] * 50
    names = [LINE.fullmatch(line).group(1) for line in _lines(home, "enforcement.log")]
    assert sorted(names) == sorted(f"w{n}-{k}" for n in range(50) for k in range(20))
    assert len([n for n in os.listdir(home) if n.startswith("enforcement.log.")]) > 2


def test_a_reader_that_takes_the_file_away_while_fifty_write_loses_no_line(home):
    """The recipe of the module: rename, lock the renamed file, read it."""
    source, taken, got = home / "hooks" / "events.jsonl", home / "hooks" / "taken", []
    children = _fifty(home, 20, 1 << 30)

    def take():
        try:
            os.rename(source, taken)
        except FileNotFoundError:
            return
        with open(taken) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            got.extend(json.loads(line)["session"] for line in file)
        os.unlink(taken)

    for child in children:
        child.stdin.close()
    while any(child.poll() is None for child in children):
        take()
        time.sleep(0.001)
    take()
    assert [child.returncode for child in children] == [0] * 50
    assert sorted(got) == sorted(f"w{n}-{k}" for n in range(50) for k in range(20))


def test_half_a_line_left_by_a_full_disk_does_not_spoil_the_next(home):
    home.mkdir()
    (home / "enforcement.log").write_bytes(b"[2026-01-01 00:00:00] VIOLATION sess")
    assert journal.violation(str(home), "s", "llm_query", "Bash")
    assert journal.violation(str(home), "t", "llm_query", "Bash")
    lines = (home / "enforcement.log").read_text().splitlines()
    assert [bool(LINE.fullmatch(line)) for line in lines] == [False, True, True]


@pytest.mark.parametrize("call", ["open", "write", "makedirs"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_nothing_is_a_false_and_no_exception(home, monkeypatch, call, number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        assert journal.violation(str(home), "s", "a", "b") is False
        assert journal.event(str(home), "used") is False
        assert journal.health(str(home), "claude Stop", 1.0) is False
    assert journal.violation(str(home), "s", "a", "b") is True


def test_a_short_write_is_a_false_and_the_next_line_is_whole(home, monkeypatch):
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:9]))
        assert journal.violation(str(home), "s", "a", "b") is False
    assert journal.violation(str(home), "s", "a", "b") is True
    assert LINE.fullmatch((home / "enforcement.log").read_text().splitlines()[-1])


def test_a_rotation_that_fails_loses_no_line(home, monkeypatch):
    monkeypatch.setattr(journal, "_BOUNDS", {"enforcement.log": (100, 2)})

    def fail(*_):
        raise OSError(errno.EACCES, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        for n in range(10):
            journal.violation(str(home), f"s{n}", "a", "b")
    assert len(_lines(home, "enforcement.log")) == 10


def test_files_stay_bounded_over_ten_thousand_prompts(home, monkeypatch):
    small = {"enforcement.log": (64 << 10, 2), "events.jsonl": (64 << 10, 2), "health.jsonl": (64 << 10, 1)}
    monkeypatch.setattr(journal, "_BOUNDS", small)
    for n in range(10_000):
        journal.violation(str(home), f"session-{n}", "llm_query", "Bash")
        journal.event(str(home), "routed", session=f"session-{n}")
        journal.health(str(home), "claude UserPromptSubmit", 8.25)
    sizes = {n: os.path.getsize(home / f / n) for f in (".", "hooks") for n in os.listdir(home / f)}
    assert max(sizes.values()) < 66 << 10
    assert sorted(name for name in sizes if name.startswith("enforcement")) == [
        "enforcement.log",
        "enforcement.log.1",
        "enforcement.log.2",
        "enforcement.log.lock",
    ]
    assert LINE.fullmatch(_lines(home, "enforcement.log")[-1])


def test_health_is_a_line_for_each_run(home):
    journal.health(str(home), "claude Stop", 8.123)
    journal.health(str(home), "claude Stop", 9.0, "OSError at state.py:1")
    runs = [json.loads(line) for line in (home / "hooks" / "health.jsonl").read_text().splitlines()]
    assert [(r["hook"], r["ms"], r.get("error")) for r in runs] == [
        ("claude Stop", 8.12, None),
        ("claude Stop", 9.0, "OSError at state.py:1"),
    ]
