"""A machine of its own for every test: a HOME with a space and an umlaut, a project, no programs on the PATH."""

import json
import sys
from pathlib import Path

import pytest

from llm_router.cli.main import run
from llm_router.hosts import jsonc, launcher
from llm_router.hosts.host import Machine

sys.path.insert(0, str(Path(__file__).parent))


def tree(folder):
    """Every file with its bytes and mode, every link with its target, every folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_file():
            found[name] = (oct(path.stat().st_mode & 0o777), path.read_bytes())
        else:
            found[name] = "folder"
    return found


def write(folder, files, style=str.encode):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(style(text))


def read_json(path):
    return jsonc.parse(path.read_bytes().decode("utf-8-sig"), str(path)).value


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
