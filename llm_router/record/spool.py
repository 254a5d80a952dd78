"""Where the ledger writes when the database does not take it: one small file per batch, later carried over.

A file gets its final name only when it is complete, and is never changed after: writers and any number of processes
that carry it over need no lock. `<milliseconds>-<pid>-<random>-<entries>.jsonl`, mode 0600. Beside them lie the journals
of processes that relay (see journal); one whose process has ended is carried over in the same way.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from llm_router import paths
from llm_router.record import journal
from llm_router.record.rows import Entry

# how a database says that it is the row which is wrong, not itself
REFUSALS = (
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    ValueError,
    OverflowError,
)
ABANDONED_S = 60  # an incomplete file this old is of a process that died while writing


class Spool:
    """In the home; where that takes nothing (a full or read-only disk), among the temporary files."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, entries: Sequence[Entry]) -> None:
        """Raises OSError."""
        if not entries:
            return
        try:
            self._add(paths.spool(self._root), entries)
        except OSError:
            self._add(paths.spool_elsewhere(self._root), entries)

    def _add(self, folder: Path, entries: Sequence[Entry]) -> None:
        paths.ensure_home(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{time.time_ns() // 1_000_000}-{os.getpid()}-{secrets.token_hex(4)}-{len(entries)}"
        part, whole = folder / f"{name}.part", folder / f"{name}.jsonl"
        lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in entries)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(lines.encode())
            part.replace(whole)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def count(self) -> int:
        """How many decisions wait, by the names of the files."""
        return sum(_promised(path) for path in self._files())

    def drain(self, write: Callable[[list[Entry]], None], *, at_most: int = 100_000) -> int:
        """Give waiting files, oldest first, to `write`, and remove each that it took. Returns the entries taken.

        A file with a line that is no entry, or that `write` refuses with one of REFUSALS, is set aside when the others
        of it are taken. Whatever else `write` raises passes through, and the file waits.
        """
        taken = 0
        for path in self._files()[:at_most]:
            try:
                entries, damaged = _read(path)
            except OSError:
                continue  # another process was quicker
            try:
                write(entries)
            except REFUSALS:
                entries, damaged = _one_by_one(write, entries), True
            taken += len(entries)
            with suppress(OSError):
                path.replace(path.with_suffix(".rejected")) if damaged else path.unlink()
        return taken

    def rejected(self) -> int:
        """Files set aside: damaged, or of another make."""
        return sum(path.suffix == ".rejected" for path in self._all())

    def _files(self) -> list[Path]:
        waiting = (path for path in self._all() if path.suffix == ".jsonl" or _abandoned(path) or _left(path))
        return sorted(waiting, key=lambda path: path.name)

    def _all(self) -> list[Path]:
        found: list[Path] = []
        for folder in paths.spools(self._root):
            with suppress(OSError):
                found += folder.iterdir()
        return found


def _one_by_one(write: Callable[[list[Entry]], None], entries: list[Entry]) -> list[Entry]:
    """Those that are not refused."""
    taken: list[Entry] = []
    for each in entries:
        with suppress(*REFUSALS):
            write([each])
            taken.append(each)
    return taken


def _abandoned(path: Path) -> bool:
    with suppress(OSError):
        return path.suffix == ".part" and time.time() - path.stat().st_mtime > ABANDONED_S
    return False


def _left(path: Path) -> bool:
    """The journal of a process that has ended."""
    with suppress(OSError):
        return path.suffix == journal.SUFFIX and not journal.is_held(path)
    return False


def _promised(path: Path) -> int:
    if path.suffix == journal.SUFFIX:
        with suppress(OSError):
            return path.read_bytes().count(b"\n")
        return 0
    count = path.stem.rpartition("-")[2]
    return int(count) if count.isdecimal() else 1


def _read(path: Path) -> tuple[list[Entry], bool]:
    """The entries of the file, and whether lines of it are not: expected only where its writer died."""
    entries: list[Entry] = []
    damaged = False
    for line in path.read_bytes().rstrip(b"\n").split(b"\n"):
        try:
            entries.append(_entry(json.loads(line)))
        except (ValueError, TypeError, KeyError):
            damaged = path.suffix == ".jsonl"
    return entries, damaged


def _entry(value: Any) -> Entry:
    entry: Entry = {"decision": dict(value["decision"]), "attempts": [dict(row) for row in value["attempts"]]}
    if learned := value.get("learned"):
        entry["learned"] = dict(learned)
    return entry
