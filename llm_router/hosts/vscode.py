"""VS Code, its Insiders edition and VSCodium: `mcp.json`, whose servers are under `servers`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import Server

_EDITIONS = ("Code", "Code - Insiders", "VSCodium")


def _folders(machine: Machine) -> Sequence[Path]:
    return [machine.settings_folder() / edition / "User" for edition in _EDITIONS]


def _files(setup: Setup) -> Sequence[File]:
    server = Server(("servers",), {"type": "stdio", **setup.entry()})
    if setup.scope == "project":
        return (File(setup.machine.project / ".vscode" / "mcp.json", [server]),)
    folders = _folders(setup.machine)
    there = [folder for folder in folders if folder.is_dir()] or folders[:1]
    return [File(folder / "mcp.json", [server]) for folder in there]


HOST = Host(
    name="vscode",
    title="VS Code",
    executables=("code", "code-insiders", "codium"),
    folders=_folders,
    files=_files,
    after=lambda _: ("in VS Code: `MCP: List Servers`, start llm-router and trust it",),
)
