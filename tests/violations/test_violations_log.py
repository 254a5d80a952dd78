"""Reading the enforcement log as the hooks write it, and telling what is in it."""

import json
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from llm_router.hosts import violation_report, violations

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "analyze-violations.py"
NOW = datetime.fromisoformat("2026-03-18 12:00:00")


def line(stamp, session="s1", expected="llm_query", got="Bash"):
    return f"[2026-03-{stamp}] VIOLATION session={session} expected={expected} got={got}\n"


SEVERAL = [
    line("17 09:00:00"),
    line("17 09:00:20", got="Read"),
    line("17 09:00:25", session="s2", expected="llm_research", got="WebSearch"),
    line("17 09:00:30"),
    line("17 09:00:31"),
    line("18 10:00:00", got="Agent"),
]


def script(*arguments, home):
    """As a user without the package would run it: another folder, an interpreter without site-packages."""
    return subprocess.run(
        [sys.executable, "-S", SCRIPT, "--home", home, *arguments],
        cwd=home,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "a höme"
    folder.mkdir()
    return folder


def test_summary_pairs_and_sequences():
    found = violations.analyze(SEVERAL)
    assert (found.violations, found.sessions, found.malformed) == (6, 2, 0)
    assert (found.first, found.last) == ("2026-03-17 09:00:00", "2026-03-18 10:00:00")
    assert found.by_session == [("s1", 5), ("s2", 1)]
    assert found.by_day == [("2026-03-17", 5), ("2026-03-18", 1)]
    assert found.pairs[0] == ("llm_query", "Bash", 3)
    assert ("llm_query", "Bash > Read > Bash", 1) in found.sequences


def test_a_sequence_ends_with_the_time_a_route_is_pending_and_with_another_route():
    found = violations.analyze(
        [
            line("17 09:00:00"),
            line("17 09:10:00", got="Read"),
            line("17 09:10:05", expected="llm_code", got="Edit"),
        ]
    )
    assert {used for _, used, _ in found.sequences} == {"Bash", "Read", "Edit"}


def test_every_violation_has_one_habit_and_each_habit_a_fix():
    found = violations.analyze(SEVERAL)
    by_name = {pattern.name: pattern.count for pattern in found.patterns}
    assert by_name.pop("stubborn sessions") == 5
    assert by_name == {"shell first": 3, "reads first": 1, "searches itself": 1, "delegates": 1}
    assert all(pattern.fix and pattern.what for pattern in found.patterns)


def test_lines_that_are_none_are_counted_and_change_nothing():
    broken = [
        "garbage\n",
        "\x00\x01\n",
        line("17 09:00:00")[:40] + "\n",
        "[2026-13-45 09:00:00] VIOLATION session=a expected=b got=c\n",
        "\n",
    ]
    found = violations.analyze([broken[0], *SEVERAL, *broken[1:]])
    assert found.malformed == 4  # the empty one is nobody's
    assert found.violations == 6


def test_since_leaves_out_what_is_older():
    start = violations.since("24h", NOW)
    assert violations.analyze(SEVERAL, start).violations == 1
    assert violations.analyze(SEVERAL, violations.since("2026-03-17", NOW)).violations == 6
    with pytest.raises(ValueError):
        violations.since("yesterday", NOW)


def test_rotated_logs_are_read_oldest_first(home):
    for name, at in (("enforcement.log.2", "15"), ("enforcement.log.10", "14"), ("enforcement.log", "17")):
        (home / name).write_text(line(f"{at} 09:00:00"))
    (home / "enforcement.log.lock").write_text("")
    paths = violations.logs(home)
    assert [path.name for path in paths] == ["enforcement.log.10", "enforcement.log.2", "enforcement.log"]
    assert violations.analyze(violations.lines(paths)).first == "2026-03-14 09:00:00"


def test_the_lines_the_hooks_write_are_the_lines_that_are_read(home):
    hooks = ROOT / "hooks"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import journal\n"
        "journal.violation(sys.argv[2], 'a session\\nwith [brackets]', 'llm_query', 'mcp__x__y z')\n"
        "journal.violation(sys.argv[2], '', 'llm_code', 'Bash')\n"
    )
    subprocess.run([sys.executable, "-S", "-c", code, hooks, home], check=True, timeout=60)
    found = violations.analyze(violations.lines(violations.logs(home)))
    assert (found.violations, found.malformed) == (2, 0)
    assert ("llm_code", "Bash", 1) in found.pairs


def test_a_report_is_a_page_of_markdown_whatever_tools_are_called(home):
    found = violations.analyze([*SEVERAL, line("18 11:00:00", got="a|b`c\x1b[31m")])
    path = violation_report.write(home, found, NOW)
    assert path == home / "retrospectives" / "violation-report-2026-03-18.md"
    text = path.read_text(encoding="utf-8")
    for heading in ("Expected against used", "Tool sequences", "Patterns and fixes", "Sessions", "Days"):
        assert f"## {heading}" in text
    rows = [each for each in text.splitlines() if each.startswith("|")]
    assert all("\x1b" not in row for row in rows)
    assert {row.count("|") for row in rows if "llm_query" in row and "Bash" in row} == {4}
    assert violation_report.write(home, found, NOW) == path
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_without_violations_the_report_says_so(home):
    assert "No violations." in violation_report.render(violations.analyze([]), NOW)


def test_the_script_needs_nothing_installed(home):
    (home / "enforcement.log").write_text("".join(SEVERAL))
    done = script(home=home)
    assert done.returncode == 0, done.stderr
    assert "6 violations in 2 sessions" in done.stdout
    assert len(list((home / "retrospectives").glob("violation-report-*.md"))) == 1


def test_the_script_prints_json_and_then_writes_nothing(home):
    (home / "enforcement.log").write_text("".join(SEVERAL))
    done = script("--json", "--since", "2026-03-18", home=home)
    told = json.loads(done.stdout)
    assert told["violations"] == 1
    assert told["top"] == [{"expected": "llm_query", "got": "Agent", "count": 1}]
    assert told["sequences"][0]["used"] == ["Agent"]
    assert not (home / "retrospectives").exists()


def test_the_script_says_what_is_wrong(home):
    assert script("--since", "soon", home=home).returncode == 2
    done = script(home / "no.log", home=home)
    assert done.returncode == 1
    assert "no.log" in done.stderr


def test_without_a_log_there_are_no_violations(home):
    done = script("--json", home=home)
    assert json.loads(done.stdout)["violations"] == 0


def test_a_hundred_thousand_lines_are_read_in_little_processor_time(home):
    tools = ("Bash", "Read", "Edit", "WebSearch", "Agent", "Write")
    start = datetime.fromisoformat("2026-01-01")
    with (home / "enforcement.log").open("w") as log:
        for n in range(100_000):
            stamp = start + timedelta(seconds=20 * n)
            log.write(f"[{stamp}] VIOLATION session=s{n % 977} expected=llm_query got={tools[n % 5]}\n")
        log.write("half a li")
    begun = time.process_time()
    found = violations.analyze(violations.lines(violations.logs(home)))
    spent = time.process_time() - begun
    assert (found.violations, found.malformed, found.sessions) == (100_000, 1, 977)
    assert spent < 6  # half a second on an idle machine; this holds on a slow and busy one too
