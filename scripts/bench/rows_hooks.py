"""What a hook costs its host: from spawn to exit, against a bare interpreter that does nothing."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from figures import Measure, Row, Target, in_turns, say, timed
from processes import LIMIT_S

from llm_router.hosts import launcher

AT_MOST = 2.5
START_MS = 50
PAUSE_S = 0.25
_WHAT = "{} hook, spawn to exit"
_BARE = [sys.executable, "-S", "-c", "pass"]
_PROMPT = "What is the difference between a mutex and a semaphore?"
# what the host sends for each event; all of them of one session
_SAID = {
    "UserPromptSubmit": {"prompt": _PROMPT},
    "PreToolUse": {"tool_name": "Bash", "tool_input": {"command": "ls -l"}, "tool_use_id": "t"},
    "PostToolUse": {
        "tool_name": "Bash",
        "tool_input": {"command": "ls -l"},
        "tool_response": {"stdout": "x"},
    },
    "Stop": {"last_assistant_message": "A mutex is owned, a semaphore counts."},
    "SessionStart": {"source": "startup"},
}


def rows(rounds: int | None) -> Iterator[Row]:
    rounds = rounds or 40
    say(f"hooks: {rounds} runs of each")
    prepare()
    against = "`python -S -c pass`, with the same pipes"
    waited_for = [event for event in _SAID if event != "SessionStart"]
    measures = {"floor": _measure(_BARE, "")} | {event: _hook(event) for event in waited_for}
    samples = in_turns(rounds, measures, warm_up=3)
    floor = samples["floor"]
    for event in waited_for:
        ratio = statistics.median(samples[event]) / statistics.median(floor)
        held = (f"{AT_MOST} x floor", ratio <= AT_MOST)
        yield Row(f"hook-{event}", _WHAT.format(event), "ms", samples[event], against, floor, held=held)
    # on its own, and with pauses: the process it leaves behind would slow whatever is measured next
    turns = {"ours": _hook("SessionStart"), "pause": lambda: timed(lambda: time.sleep(PAUSE_S))}
    started = in_turns(rounds, turns)["ours"]
    note = "with two local models to warm up, which is left to a process of its own"
    name, what = "hook-SessionStart", _WHAT.format("SessionStart")
    yield Row(name, what, "ms", started, target=Target(START_MS, "median"), note=note)


def _hook(event: str) -> Measure:
    return _measure(launcher.arguments("claude", event), event)


def _measure(command: Sequence[str], event: str) -> Measure:
    said = {"session_id": "bench", "hook_event_name": event, "cwd": str(Path.cwd()), **_SAID.get(event, {})}
    payload = json.dumps(said).encode()

    def run() -> None:
        done = subprocess.run(command, input=payload, capture_output=True, check=True, timeout=LIMIT_S)
        if event == "UserPromptSubmit" and b"ROUTE" not in done.stdout:
            raise OSError(f"the prompt was not hinted, so the figure would mean nothing: {done.stdout!r}")

    def timed_run() -> float:
        _forget()
        return timed(run)

    return timed_run


def prepare() -> None:
    """A user whose router has run: a snapshot, and hooks that are compiled."""
    launcher.compile_ahead()
    home = _home()
    home.mkdir(parents=True, exist_ok=True)
    told = {
        "version": 1,
        "written_at": time.time(),
        "enforce": "smart",
        "profile": "balanced",
        "baseline": {"model": "some/model", "input_per_million": 5, "output_per_million": 25},
        "routes": dict.fromkeys(("simple", "moderate", "complex", "deep_reasoning"), "ollama/some-model"),
        "warm": ["some-model", "another"],
        "ollama_url": os.environ.get("OLLAMA_HOST", ""),  # a closed port here
    }
    (home / "snapshot.json").write_text(json.dumps(told))


def _forget() -> None:
    """The same prompt again at once is taken for a hook that is installed twice, and a warm-up waits for a while."""
    for kept in (*(_home() / "sessions").glob("*.json"), _home() / "hooks" / "warming"):
        kept.unlink(missing_ok=True)


def _home() -> Path:
    return Path(os.environ["LLM_ROUTER_HOME"])
