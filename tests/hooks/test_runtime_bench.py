import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "scripts" / "bench" / "run.py"


def test_every_hook_a_host_waits_for_is_measured_against_a_bare_interpreter():
    done = subprocess.run(
        [sys.executable, str(BENCH), "--json", "--rounds", "1", "--only", "hooks"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["not_measured"] == {}
    rows = {row["name"]: row for row in report["rows"]}
    assert set(rows) == {
        f"hook-{event}" for event in ("UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "SessionStart")
    }
    assert rows.pop("hook-SessionStart")["target"] == "50 ms"
    for row in rows.values():
        assert row["floor"]["median"] > 0
        assert row["target"] == "2.5 x floor"
        assert row["ratio"] == row["median"] / row["floor"]["median"]
        assert isinstance(row["reached"], bool)
