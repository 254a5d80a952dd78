"""Zed: `context_servers` in settings.json, which is JSON with comments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import Server


def _folders(machine: Machine) -> Sequence[Path]:
    if machine.platform == "win32":
        return (machine.settings_folder() / "Zed",)
    return (machine.folder("XDG_CONFIG_HOME", ".config") / "zed",)


def _files(setup: Setup) -> Sequence[File]:
    folder = setup.machine.project / ".zed" if setup.scope == "project" else _folders(setup.machine)[0]
    entry: dict[str, Any] = {"env": {}, **setup.entry()}
    return (File(folder / "settings.json", [Server(("context_servers",), entry)]),)


HOST = Host(name="zed", title="Zed", executables=("zed", "zeditor"), folders=_folders, files=_files)
