"""The command that a host will start, for every way to install a Python program."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from llm_router.errors import UsageError
from llm_router.hosts import executable
from llm_router.hosts.pieces import is_our_server


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An interpreter in a folder of its own, with a PATH that holds only ours."""

    def at(prefix, *, script=True):
        python = program(tmp_path / prefix / "bin" / "python")
        monkeypatch.setattr(sys, "executable", str(python))
        monkeypatch.setattr(sys, "prefix", str(tmp_path / prefix))
        if script:
            program(tmp_path / prefix / "bin" / "llm-router")
        return {"PATH": str(tmp_path / "bin")}

    return at


def test_a_virtual_environment_is_named_by_its_script(installed, tmp_path):
    environ = installed("my project/.venv")
    found = executable.find(environ)
    assert found == executable.Command(str(tmp_path / "my project/.venv/bin/llm-router"), ("mcp",))


@pytest.mark.parametrize("prefix", [".local/share/uv/tools/llm-router", ".local/pipx/venvs/llm-router"])
def test_a_tool_is_named_by_the_link_that_outlives_its_upgrade(installed, tmp_path, prefix):
    environ = installed(prefix)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/llm-router").symlink_to(tmp_path / prefix / "bin/llm-router")
    assert executable.find(environ) == executable.Command(str(tmp_path / "bin/llm-router"), ("mcp",))


def test_another_llm_router_on_the_path_is_not_taken_for_this_one(installed, tmp_path):
    environ = installed(".venv")
    program(tmp_path / "bin/llm-router")
    assert executable.find(environ).program == str(tmp_path / ".venv/bin/llm-router")


@pytest.mark.parametrize("prefix", [".cache/uv/archive-v0/Xy_1", ".cache/uv/environments-v2/llm-1f"])
def test_a_cache_of_uvx_is_never_named(installed, tmp_path, prefix, monkeypatch):
    environ = installed(prefix)
    monkeypatch.setattr(executable, "_source", lambda: ())
    program(tmp_path / "bin/uvx")
    found = executable.find(environ)
    assert found == executable.Command(str(tmp_path / "bin/uvx"), ("llm-router", "mcp"), lasting=False)
    (tmp_path / "bin/uvx").unlink()
    program(tmp_path / "bin/uv")
    assert executable.find(environ).arguments == ("tool", "run", "llm-router", "mcp")


def test_a_cache_of_uv_that_was_moved_is_known(installed, tmp_path, monkeypatch):
    environ = installed("elsewhere/x") | {"UV_CACHE_DIR": str(tmp_path / "elsewhere")}
    program(tmp_path / "bin/uvx")
    assert not executable.find(environ).lasting


def test_a_cache_of_pipx_is_never_named(installed, tmp_path):
    environ = installed(".local/pipx/.cache/1a2b")
    program(tmp_path / "bin/pipx")
    found = executable.find(environ)
    assert (found.program, found.arguments) == (str(tmp_path / "bin/pipx"), ("run", "llm-router", "mcp"))
    assert not found.lasting


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ("{}", ()),
        ('{"url": "file:///home/me/llm-router", "dir_info": {}}', ("--from", "file:///home/me/llm-router")),
        (
            '{"url": "https://example.org/r.git", "vcs_info": {"vcs": "git", "requested_revision": "main"}}',
            ("--from", "git+https://example.org/r.git@main"),
        ),
        ("not JSON", ()),
    ],
)
def test_uvx_fetches_the_package_from_where_it_came(monkeypatch, told, source):
    class Distribution:
        def read_text(self, name):
            return told

    monkeypatch.setattr(metadata, "distribution", lambda name: Distribution())
    assert executable._source() == source


def test_without_a_script_the_interpreter_starts_the_module(installed, tmp_path):
    environ = installed("odd", script=False)
    found = executable.find(environ)
    assert found == executable.Command(str(tmp_path / "odd/bin/python"), ("-P", "-m", "llm_router", "mcp"))


def test_a_checkout_that_is_not_installed_says_how_to(installed, monkeypatch):
    environ = installed("odd", script=False)

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(UsageError, match="not installed") as caught:
        executable.find(environ)
    assert "install" in caught.value.fix


def test_the_command_of_this_environment_works_from_any_folder(tmp_path):
    found = executable.find({"PATH": os.defpath})
    (tmp_path / "llm_router").mkdir()  # a folder of that name must not be taken for the package
    (tmp_path / "llm_router/__init__.py").write_text("raise SystemExit(9)")
    done = subprocess.run(
        [found.program, *found.arguments, "--help"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("entry", "ours"),
    [
        ({"command": "llm-router", "args": ["mcp"]}, True),
        ({"command": "/a b/bin/llm-router", "args": ["mcp"]}, True),
        ({"command": "C:\\x\\llm-router.exe", "args": ["mcp"]}, True),
        ({"command": "/usr/bin/python3.12", "args": ["-m", "llm_router", "mcp"]}, True),
        ({"command": "uvx", "args": ["llm-router", "mcp"]}, True),
        ({"type": "local", "command": ["/x/llm-router", "mcp"]}, True),
        ({"command": "npx", "args": ["llm-router"]}, False),
        ({"command": "/home/llm-router/bin/python", "args": ["-m", "other"]}, False),
        ({"url": "http://127.0.0.1/mcp"}, False),
        ({"command": 7, "args": "x"}, False),
        (None, False),
        ([], False),
    ],
)
def test_our_entries_are_told_from_others(entry, ours):
    assert is_our_server(entry) is ours


def test_a_program_is_named_by_an_absolute_path():
    assert Path(executable.find().program).is_absolute()
