"""Locks on files, and what processes that start at the same moment make of them."""

import json
import subprocess
import sys
import time

import pytest

from llm_router import locks
from llm_router.service import state

RACE = """
import sys, time
from pathlib import Path
from llm_router.service import state
root = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
state.remember(root, "http://me")
print(state.running(root).pid, flush=True)
sys.stdin.readline()
"""


def test_a_lock_is_held_by_one_and_given_back(tmp_path):
    path = tmp_path / "lock"
    with locks.held(path, 1) as first:
        assert first
        began = time.monotonic()
        with locks.held(path, 0.1) as second:
            assert not second
        assert time.monotonic() - began >= 0.1
    with locks.held(path, 0) as again:
        assert again


def test_a_lock_ends_with_its_process(tmp_path):
    hold = f"from pathlib import Path; from llm_router import locks\nwith locks.held(Path({str(tmp_path / 'lock')!r}), 1):\n    print(1, flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    process.stdout.readline()
    with locks.held(tmp_path / "lock", 0) as taken:
        assert not taken
    process.kill()
    process.communicate()
    with locks.held(tmp_path / "lock", 5) as taken:
        assert taken


@pytest.mark.parametrize(
    "left", [None, {"pid": 2**22 + 1, "process": "x", "url": "http://old", "since": 1.0, "version": "0"}]
)
def test_of_processes_that_say_at_once_that_they_are_the_service_one_is(tmp_path, left):
    if left is not None:  # by a service that was killed
        (tmp_path / state.FILE).write_text(json.dumps(left))
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    try:
        for each in racing:
            assert each.stdout.readline() == "ready\n"
        for each in racing:
            each.stdin.write("\n")
            each.stdin.flush()
        told = {int(each.stdout.readline()) for each in racing}
        assert len(told) == 1
        assert told <= {each.pid for each in racing}
        assert state.running(tmp_path).pid in told
    finally:
        for each in racing:
            each.kill()
            each.communicate()
    assert state.running(tmp_path) is None
