"""The hooks as modules, as the host's process sees them, and a home that is nobody's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOOKS = Path(__file__).resolve().parents[2] / "hooks"
PAYLOADS = Path(__file__).parent / "payloads"
sys.path.insert(0, str(HOOKS))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder the hooks write to; HOME itself is an empty one beside it."""
    folder = tmp_path / "router home"
    (tmp_path / "user").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("LLM_ROUTER_HOME", str(folder))
    for name in (
        "LLM_ROUTER_ENFORCE", "LLM_ROUTER_PROFILE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SESSION_ATTENDED",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def recorded():
    """recorded("claude", "Stop"): what that client really sent, as a dict."""
    return lambda host, name: json.loads((PAYLOADS / host / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def start(home, tmp_path):
    """start("claude", "Stop", payload): the hook as the host starts it; the finished process."""
    from llm_router.hosts import launcher

    def run(host, event, payload, *, folder=None, environ=None, cwd=None, flags=(), shell=False):
        program, *rest = launcher.arguments(host, event)
        if folder is not None:
            rest[rest.index(launcher.CODE) + 1] = str(folder)
        command = launcher.command_line(host, event) if shell else [program, *flags, *rest]
        sent = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        clean = {"PATH": os.defpath, "HOME": os.environ["HOME"], "LLM_ROUTER_HOME": str(home)}
        return subprocess.run(
            command,
            input=sent,
            capture_output=True,
            env=clean if environ is None else environ,
            cwd=cwd or tmp_path,
            timeout=30,
            check=False,
            shell=shell,
        )

    return run
