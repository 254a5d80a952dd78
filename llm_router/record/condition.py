"""How the ledger is, for `doctor`: whether it takes decisions, what waits, and the one thing that helps."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llm_router.db import FAILURES, Database, schema_version
from llm_router.errors import RouterError
from llm_router.record.spool import Spool

REPAIR = "llm-router doctor --repair"

_FIXES = {
    "locked": "another program holds it: end that (`fuser {path}` names it); nothing is lost meanwhile",
    "not a database": REPAIR + " (the old file is kept)",
    "malformed": REPAIR + " (the old file is kept)",
    "readonly": "make it writable: chmod -R u+rwX {folder}",
    "full": "free some space on the disk of {folder}",
}
_FIXES_BY_ERRNO = {
    errno.ENOSPC: _FIXES["full"],
    errno.EDQUOT: _FIXES["full"],
    errno.EACCES: _FIXES["readonly"],
    errno.EPERM: _FIXES["readonly"],
    errno.EROFS: "the file system is read-only: set LLM_ROUTER_HOME to a folder elsewhere",
    errno.EEXIST: "a file is in the way of the folder {folder}: move it, or set LLM_ROUTER_HOME",
    errno.ENOTDIR: "a file is in the way of the folder {folder}: move it, or set LLM_ROUTER_HOME",
}


@dataclass(frozen=True, slots=True)
class LedgerStatus:
    """`spooled` decisions wait in files, `unsaved` in the memory of this process; `lost` are gone.

    `error` is why the database does not take decisions now, else the last failure of this process.
    """

    path: Path
    writable: bool
    decisions: int = 0
    spooled: int = 0
    unsaved: int = 0
    lost: int = 0
    rejected_files: int = 0
    error: str = ""
    fix: str = ""


def examine(
    database: Database, spool: Spool, *, unsaved: int, lost: int, earlier: Exception | None, thorough: bool
) -> LedgerStatus:
    decisions, error = 0, None
    try:
        decisions = _try(database, thorough=thorough)
    except FAILURES as failure:
        error = failure
    shown = error or earlier
    return LedgerStatus(
        path=database.path,
        writable=error is None,
        decisions=decisions,
        spooled=spool.count(),
        unsaved=unsaved,
        lost=lost,
        rejected_files=spool.rejected(),
        error=str(shown) if shown else "",
        fix=fix_of(error, database.path) if error else "",
    )


def _try(database: Database, *, thorough: bool) -> int:
    with database.transaction() as connection:
        # a real write, of what is there already: only that finds a full disk
        connection.execute(f"PRAGMA user_version = {schema_version(connection)}")
        if thorough:
            check_whole(connection)
        return int(connection.execute("SELECT count(*) FROM decisions").fetchone()[0])


def check_whole(connection: sqlite3.Connection) -> None:
    """Read every page. Raises sqlite3.DatabaseError for the first damage."""
    found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if found != "ok":
        raise sqlite3.DatabaseError(f"database disk image is malformed: {found}")


def is_corrupt(error: Exception) -> bool:
    return isinstance(error, sqlite3.DatabaseError) and any(
        w in str(error) for w in ("not a database", "malformed")
    )


def fix_of(error: Exception, path: Path) -> str:
    places = {"path": path, "folder": path.parent}
    if isinstance(error, RouterError):
        return error.fix
    if isinstance(error, OSError) and error.errno in _FIXES_BY_ERRNO:
        return _FIXES_BY_ERRNO[error.errno].format(**places)
    said = "full" if _is_full(path.parent) else str(error).lower()
    found = next(
        (fix for word, fix in _FIXES.items() if word in said), "set LLM_ROUTER_HOME to a folder you can write"
    )
    return found.format(**places)


def _is_full(folder: Path) -> bool:
    """SQLite calls a full disk an I/O error where it cannot even make its journal."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free < 65_536
    return False
