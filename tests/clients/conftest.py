"""The real clients, installed from npm into the folder LLM_ROUTER_CLIENTS names; without it these tests do not run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llm_router.sandbox import Sandbox

BIN = Path(os.environ.get("LLM_ROUTER_CLIENTS") or "/nonexistent") / "node_modules" / ".bin"


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(
                pytest.mark.skipif(
                    not BIN.is_dir(), reason="set LLM_ROUTER_CLIENTS to an npm prefix with the clients"
                )
            )
            item.add_marker(pytest.mark.xdist_group("clients"))


@pytest.fixture
def executable():
    def find(name):
        if not (BIN / name).exists():
            pytest.skip(f"{name} is not installed in {BIN}")
        return str(BIN / name)

    return find


@pytest.fixture
def box():
    with Sandbox() as box:
        yield box


@pytest.fixture
def home(tmp_path):
    """A new HOME, with the space and the letters that break other products."""
    folder = tmp_path / "a höme"
    folder.mkdir()
    return folder


@pytest.fixture
def work(home):
    """A folder for an agent to work in."""
    folder = home / "work"
    folder.mkdir()
    (folder / "a.txt").write_text("one\ntwo\n")
    (folder / "b.txt").write_text("three\n")
    return folder


@pytest.fixture
def server(box, home):
    """Command, arguments and environment of `llm-router mcp`, with one vendor set up: the sandbox's openai."""
    environ = {
        "LLM_ROUTER_HOME": str(home / ".llm-router"),
        "OPENAI_API_KEY": "sk-fake",
        "LLM_ROUTER_OPENAI_BASE_URL": box.base_url("openai"),
        "OLLAMA_BASE_URL": "http://127.0.0.1:1",
    }
    return sys.executable, ["-m", "llm_router", "mcp"], environ


@pytest.fixture
def run(home):
    """Run a client in a clean environment; its output, bounded in time."""

    def start(*command, stdin="", cwd=home, **environ):
        node = (BIN / "node") if (BIN / "node").exists() else Path(shutil.which("node") or "/usr/bin/node")
        clean = {"HOME": str(home), "PATH": f"{node.parent}:/usr/bin:/bin", "TERM": "dumb", **environ}
        done = subprocess.run(
            command,
            env=clean,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        return done.stdout + done.stderr

    return start
