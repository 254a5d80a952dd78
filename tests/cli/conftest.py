"""The command line in this process, with a home, a folder and an environment of its own."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from llm_router.cli.main import run
from llm_router.sandbox import Sandbox

KEPT = {"SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "PYTEST_CURRENT_TEST"}


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self):
        body = json.loads(self.out)
        assert body["schema_version"] == 1
        return body

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Cli:
    def __init__(self, root: Path, project: Path, monkeypatch, capsys) -> None:
        self.root, self.project = root, project
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> Result:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin or b"")))
        self._capsys.readouterr()
        code = run(list(arguments))
        said = self._capsys.readouterr()
        return Result(code, said.out, said.err)

    def configure(self, text: str) -> None:
        self.root.mkdir(exist_ok=True)
        (self.root / "config.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    for name in set(os.environ) - KEPT:
        monkeypatch.delenv(name)
    root, project = tmp_path / "home", tmp_path / "project"
    project.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LLM_ROUTER_HOME", str(root))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(project)
    return Cli(root, project, monkeypatch, capsys)


@pytest.fixture
def box(cli, monkeypatch):
    """Ollama, Groq, OpenAI, Anthropic and Gemini, all simulated."""
    with Sandbox() as sandbox:
        for name, value in sandbox.environ(["ollama", "groq", "openai", "anthropic", "gemini"]).items():
            monkeypatch.setenv(name, value)
        yield sandbox
