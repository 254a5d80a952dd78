"""Cursor: `.cursor/mcp.json`, at home or in the project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import Server


def _folders(machine: Machine) -> Sequence[Path]:
    return (machine.home / ".cursor",)


def _files(setup: Setup) -> Sequence[File]:
    folder = setup.machine.project / ".cursor" if setup.scope == "project" else _folders(setup.machine)[0]
    return (File(folder / "mcp.json", [Server(("mcpServers",), setup.entry())]),)


HOST = Host(
    name="cursor",
    title="Cursor",
    executables=("cursor", "cursor-agent"),
    folders=_folders,
    files=_files,
    after=lambda _: ("in Cursor: Settings, Tools & MCP, switch llm-router on",),
)
