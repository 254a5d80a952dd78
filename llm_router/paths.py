"""Where the product keeps its files. One variable, LLM_ROUTER_HOME, moves all of them."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

PROJECT_FILE = ".llm-router.yaml"


def home() -> Path:
    """`$LLM_ROUTER_HOME`, else `~/.llm-router`; without any home (containers, CI), a folder per user in the temp dir."""
    if named := os.environ.get("LLM_ROUTER_HOME"):
        return _expanded(named)
    if os.environ.get("HOME") != "":  # Python takes an empty one for "/"
        with suppress(RuntimeError):
            return Path.home() / ".llm-router"
    with suppress(OSError):
        return _shelter()
    return _of_this_process()


def _shelter() -> Path:
    """A folder of this user among the temporary ones. Raises OSError: anybody may have made one of that name, with a
    configuration in it, and then it is not ours to use.
    """
    folder = _sheltered()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not _is_ours(folder):
        raise PermissionError(errno.EPERM, "others can write it", str(folder))
    return folder


@cache
def _of_this_process() -> Path:
    with suppress(OSError):
        return Path(tempfile.mkdtemp(prefix="llm-router-"))
    return _sheltered()  # nothing can be written anywhere; who tries will say so


def _sheltered() -> Path:
    with suppress(OSError):
        return Path(tempfile.gettempdir()) / f"llm-router-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    return Path(os.sep) / "llm-router"  # no folder for temporary files


def _is_ours(folder: Path) -> bool:
    with suppress(OSError):
        found = folder.lstat()
        owned = not hasattr(os, "getuid") or found.st_uid == os.getuid()
        return stat.S_ISDIR(found.st_mode) and owned and not found.st_mode & 0o022
    return False


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


def spool_elsewhere(root: Path) -> Path:
    """For what a home on a full or read-only disk does not take. Raises OSError."""
    return _shelter() / _spool_name(root)


def spools(root: Path) -> Sequence[Path]:
    """Where something may wait, without making a folder."""
    below = _sheltered()
    return (spool(root), below / _spool_name(root)) if _is_ours(below) else (spool(root),)


def _spool_name(root: Path) -> str:
    return f"spool-{sha256(os.fsencode(root.absolute())).hexdigest()[:12]}"


def here() -> Path:
    """The working folder; the root where it was deleted under us."""
    with suppress(OSError):
        return Path.cwd()
    return Path(os.sep)


def project_file(start: Path) -> Path | None:
    """The nearest `.llm-router.yaml` at or above `start`."""
    for folder in (start, *start.parents):
        if (found := folder / PROJECT_FILE).is_file():
            return found
    return None
