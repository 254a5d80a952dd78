"""A machine of its own for every test: a HOME with a space and an umlaut, a project, no programs on the PATH."""

import json
import sys
from pathlib import Path

import pytest

from llm_router.cli.main import run
from llm_router.hosts import launcher
from llm_router.hosts.host import Machine

sys.path.insert(0, str(Path(__file__).parent))


class Sandboxed:
    """Our command line on that machine."""

    def __init__(self, home, project, router, capsys):
        self.home, self.project, self.router, self._capsys = home, project, router, capsys
        self.err = ""

    @property
    def machine(self):
        return Machine(self.home, self.project, {"PATH": "/nonexistent"}, "linux")

    def run(self, *arguments):
        """Exit code and what was printed."""
        code = run([str(each) for each in arguments])
        said = self._capsys.readouterr()
        self.err = said.err
        return code, said.out

    def json(self, *arguments):
        code, out = self.run(*arguments, "--json")
        return code, json.loads(out)


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    home, project, router = tmp_path / "a höme", tmp_path / "a prøject", tmp_path / "router"
    home.mkdir()
    project.mkdir()
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("LLM_ROUTER_HOME", raising=False)
    monkeypatch.delenv("LLM_ROUTER_CONFIG", raising=False)
    monkeypatch.setattr("llm_router.paths.home", lambda: router)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(
        "llm_router.hosts.host.Machine.here", lambda: Machine(home, Path.cwd(), _environ(), "linux")
    )
    monkeypatch.setattr(launcher, "compile_ahead", lambda: True)
    monkeypatch.chdir(project)
    return Sandboxed(home, project, router, capsys)


def _environ():
    import os

    return os.environ
