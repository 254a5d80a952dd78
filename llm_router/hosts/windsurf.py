"""Windsurf: one file at home. A server that it starts has a `command`; `serverUrl` is for remote ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import Server


def _folders(machine: Machine) -> Sequence[Path]:
    return (machine.home / ".codeium" / "windsurf",)


def _files(setup: Setup) -> Sequence[File]:
    folder = _folders(setup.machine)[0]
    return (File(folder / "mcp_config.json", [Server(("mcpServers",), setup.entry())]),)


HOST = Host(
    name="windsurf",
    title="Windsurf",
    executables=("windsurf",),
    folders=_folders,
    files=_files,
    after=lambda _: ("in Windsurf: Cascade, MCP servers, Refresh",),
    scopes=("user",),
)
