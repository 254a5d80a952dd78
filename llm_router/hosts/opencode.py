"""OpenCode: `mcp` in opencode.json or opencode.jsonc; a command is one list, the environment is spelled out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import NAME, Server


def _folders(machine: Machine) -> Sequence[Path]:
    return (machine.folder("XDG_CONFIG_HOME", ".config") / "opencode",)


def _files(setup: Setup) -> Sequence[File]:
    """In the file that holds us already, else in the one that is there; OpenCode reads both."""
    folder = setup.machine.project if setup.scope == "project" else _folders(setup.machine)[0]
    there = [each for each in ("opencode.jsonc", "opencode.json") if (folder / each).is_file()]
    holding = [each for each in there if f'"{NAME}"'.encode() in (folder / each).read_bytes()]
    name = next(iter([*holding, *there]), "opencode.json")
    command = [setup.server.program, *setup.server.arguments]
    entry: dict[str, Any] = {"type": "local", "command": command}
    if setup.environ:
        entry["environment"] = setup.environ
    return (File(folder / name, [Server(("mcp",), entry)]),)


HOST = Host(name="opencode", title="OpenCode", executables=("opencode",), folders=_folders, files=_files)
