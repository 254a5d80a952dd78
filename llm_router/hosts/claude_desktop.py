"""Claude Desktop: one file in its folder. It has neither the shell's PATH nor its variables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import Server


def _folders(machine: Machine) -> Sequence[Path]:
    return (machine.settings_folder() / "Claude",)


def _files(setup: Setup) -> Sequence[File]:
    folder = _folders(setup.machine)[0]
    return (File(folder / "claude_desktop_config.json", [Server(("mcpServers",), setup.entry())]),)


HOST = Host(
    name="claude-desktop",
    title="Claude Desktop",
    executables=(),
    folders=_folders,
    files=_files,
    after=lambda _: (
        "restart Claude Desktop; it does not see your shell's variables: keys go into config.yaml",
    ),
    scopes=("user",),
    comments=False,
)
