"""`scripts/dev.py`, the first thing a newcomer runs."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts/dev.py"


def test_a_set_up_that_fails_is_one_message_and_not_a_traceback(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    done = subprocess.run(
        [sys.executable, SCRIPT, "demo"],
        env={**os.environ, "LLM_ROUTER_VENV": str(in_the_way / "venv")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "could not be set up" in done.stderr
    assert "Traceback" not in done.stderr


def test_types_are_checked_against_what_was_installed_and_not_the_first_python_on_path(monkeypatch, tmp_path):
    monkeypatch.setenv("LLM_ROUTER_VENV", str(tmp_path))
    script = runpy.run_path(str(SCRIPT), run_name="dev")
    pyright = next(step for step in script["DEV_COMMANDS"]["check"] if "pyright" in step)
    assert pyright[-2:] == ["--pythonpath", str(script["PYTHON"])]
    assert script["PYTHON"].is_relative_to(tmp_path)


def test_the_package_says_that_it_is_typed():
    assert (SCRIPT.parents[1] / "llm_router/py.typed").is_file()
