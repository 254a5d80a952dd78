"""What a host is to the installer, and the machine it is looked for on."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llm_router.errors import UsageError
from llm_router.hosts.brought import Brought
from llm_router.hosts.executable import Command
from llm_router.hosts.pieces import Piece

Scope = Literal["user", "project"]
_OURS = ("LLM_ROUTER_HOME", "LLM_ROUTER_CONFIG")


@dataclass(frozen=True)
class Machine:
    """Where this user's programs keep their settings. `platform` is `sys.platform`'s word."""

    home: Path
    project: Path
    environ: Mapping[str, str]
    platform: str = sys.platform

    @classmethod
    def here(cls) -> Machine:
        """Raises UsageError without a home: there would be no settings to change."""
        try:
            return cls(Path.home(), Path.cwd(), os.environ)
        except RuntimeError:
            raise UsageError("there is no home folder", fix="set HOME") from None

    def folder(self, variable: str, otherwise: str) -> Path:
        """The folder a variable names, else one below home."""
        named = self.environ.get(variable)
        return Path(named) if named else self.home / otherwise

    def settings_folder(self) -> Path:
        """Where desktop programs keep theirs: by the rules of the system."""
        if self.platform == "win32":
            return self.folder("APPDATA", "AppData/Roaming")
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support"
        return self.folder("XDG_CONFIG_HOME", ".config")


@dataclass(frozen=True)
class Setup:
    """What is to be put in: the server's command, and hooks if this interpreter stays where it is."""

    machine: Machine
    scope: Scope
    server: Command

    @property
    def environ(self) -> dict[str, str]:
        """What moves our files must hold for a server that is started outside the user's shell as well."""
        if self.scope == "project":
            return {}
        given = self.machine.environ
        return {name: str(Path(given[name]).expanduser().absolute()) for name in _OURS if given.get(name)}

    def entry(self, **more: Any) -> dict[str, Any]:
        """`{"command", "args"[, "env"]}`, as most hosts want it."""
        body: dict[str, Any] = {"command": self.server.program, "args": list(self.server.arguments)}
        return body | ({"env": self.environ} if self.environ else {}) | more


@dataclass(frozen=True)
class File:
    """A settings file and our part of it. `host_lock`: the host rewrites it while it runs."""

    path: Path
    pieces: Sequence[Piece]
    host_lock: bool = False


@dataclass(frozen=True)
class Host:
    """`after`: what the user still has to do, `after_hooks` where hooks are put in. `brought`: our plugin, where it puts us into this host already.
    `comments`: whether the host itself reads comments in its JSON.
    """

    name: str
    title: str
    executables: tuple[str, ...]
    folders: Callable[[Machine], Sequence[Path]]
    files: Callable[[Setup], Sequence[File]]
    after: Callable[[Setup], Sequence[str]] = lambda _: ()
    after_hooks: str = ""
    brought: Callable[[Machine], Brought | None] = lambda _: None
    scopes: tuple[Scope, ...] = ("user", "project")
    comments: bool = True

    def found(self, machine: Machine) -> str:
        """The program or folder that shows the host is on this machine, "" if none does."""
        for name in self.executables:
            if there := shutil.which(name, path=machine.environ.get("PATH", "")):
                return there
        return next((str(folder) for folder in self.folders(machine) if folder.is_dir()), "")
