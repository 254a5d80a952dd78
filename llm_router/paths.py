"""Where the product keeps its files. One variable, LLM_ROUTER_HOME, moves all of them."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

PROJECT_FILE = ".llm-router.yaml"


def home() -> Path:
    """`$LLM_ROUTER_HOME`, else `~/.llm-router`; without any home (containers, CI), a folder per user in the temp dir."""
    if named := os.environ.get("LLM_ROUTER_HOME"):
        return _expanded(named)
    if os.environ.get("HOME") != "":  # Python takes an empty one for "/"
        with suppress(RuntimeError):
            return Path.home() / ".llm-router"
    return _shelter()


@cache
def _shelter() -> Path:
    """Anybody may have made the folder of that name, with a configuration in it: then it is not ours to use."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"llm-router-{user}"
    with suppress(OSError):
        folder.mkdir(mode=0o700)
    try:
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == user and not found.st_mode & 0o022:
            return folder
        return Path(tempfile.mkdtemp(prefix="llm-router-"))
    except OSError:  # no temporary folder either: the ledger then says what it could not write
        return folder


def _expanded(name: str) -> Path:
    """`~` is the user's; a `~nobody` that does not exist is a folder of that name."""
    with suppress(RuntimeError):
        return Path(name).expanduser()
    return Path(name)


def ensure_home(root: Path) -> None:
    """Make the home readable by its owner only: it holds a ledger, and may hold keys."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)


def config_file(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    named = environ.get("LLM_ROUTER_CONFIG")
    return _expanded(named) if named else root / "config.yaml"


def database(root: Path) -> Path:
    return root / "router.db"


def spool(root: Path) -> Path:
    return root / "spool"


def project_file(start: Path) -> Path | None:
    """The nearest `.llm-router.yaml` at or above `start`."""
    for folder in (start, *start.parents):
        if (found := folder / PROJECT_FILE).is_file():
            return found
    return None
