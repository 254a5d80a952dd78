import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import llm_router
from llm_router.hosts import launcher

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package somewhere else; package("_hooks") puts hooks inside it."""
    (tmp_path / "llm_router").mkdir()
    monkeypatch.setattr(llm_router, "__file__", str(tmp_path / "llm_router" / "__init__.py"))

    def hooks(where):
        (tmp_path / where).mkdir()
        (tmp_path / where / "llm_router_hook.py").write_text("def main(*_): pass\n")
        return tmp_path / where

    return hooks


def test_the_hooks_are_found_in_a_checkout():
    assert launcher.hooks_folder() == ROOT / "hooks"


def test_the_hooks_are_found_inside_an_installed_wheel(package):
    inside = package("llm_router/_hooks")
    assert launcher.hooks_folder() == inside
    package("hooks")  # something else of that name in site-packages
    assert launcher.hooks_folder() == inside


def test_hooks_that_are_nowhere_are_said(package):
    with pytest.raises(FileNotFoundError, match="install llm-router again"):
        launcher.hooks_folder()


def test_the_wheel_carries_the_hooks_where_they_are_looked_for():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"]["force-include"] == {"hooks": "llm_router/_hooks"}
    assert "hooks" in build["sdist"]["include"]


def test_the_command_names_an_interpreter_by_its_whole_path_and_leaves_its_environment_out():
    command = launcher.command("claude", "Stop")
    assert command["command"] == sys.executable
    assert Path(command["command"]).is_absolute()
    assert command["args"][:3] == ["-S", "-E", "-I"]
    assert command["args"][-3:] == [str(ROOT / "hooks"), "claude", "Stop"]


def test_the_line_for_a_shell_is_the_same_command():
    line = launcher.command_line("codex", "PreToolUse")
    assert "\n" not in line
    assert shlex.split(line.removesuffix("; exit 0")) == launcher.arguments("codex", "PreToolUse")


def test_the_line_ends_well_even_when_the_interpreter_is_gone(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/gone/my python")
    done = subprocess.run(
        launcher.command_line("gemini-cli", "BeforeAgent"), shell=True, check=False, capture_output=True
    )
    assert done.returncode == 0


def test_the_code_holds_nothing_a_windows_shell_would_change():
    assert not set(launcher.CODE) & set("%^&|<>'\n")


def test_compiling_ahead_leaves_nothing_to_compile(package, tmp_path):
    folder = package("hooks")
    (tmp_path / "llm_router" / "classify").mkdir()
    (tmp_path / "llm_router" / "classify" / "rules.py").write_text("")
    assert launcher.compile_ahead() is True
    for each in (folder, tmp_path / "llm_router" / "classify"):
        assert list((each / "__pycache__").glob(f"*.{sys.implementation.cache_tag}.pyc"))


def test_a_folder_that_cannot_be_written_is_a_false_and_the_hook_runs_all_the_same(package, tmp_path):
    folder = package("hooks")
    (folder / "__pycache__").write_text("no folder")
    (tmp_path / "llm_router" / "classify").mkdir()
    assert launcher.compile_ahead() is False
    done = subprocess.run(launcher.arguments("claude", "Stop"), capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
