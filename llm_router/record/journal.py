"""What was decided, on disk before the caller has its last byte: one append to a file of this process for each decision.

The writer thread puts the same decisions into the database, in batches, and empties the file. What a killed process
leaves in its file is carried over like everything in the spool (see spool), where it lies. The process holds a lock on
its file: who gets that lock knows that the process has ended. An append goes to the page cache: it survives the death of
the process, though not of the machine.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from llm_router import paths

SUFFIX = ".journal"
SEGMENT_BYTES = 4 * 1024 * 1024  # then another file is begun, so that none grows while there is no pause


@dataclass(slots=True, eq=False)
class Segment:
    """One file. `pending` of its decisions are not in the database yet."""

    path: Path
    file: int
    size: int = 0
    pending: int = 0


class Journal:
    """For any number of threads. Not for Windows, which has no such locks."""

    def __init__(self, root: Path) -> None:
        self._folder = paths.spool(root)
        self._lock = threading.Lock()
        self._current: Segment | None = None
        self._pid = os.getpid()

    def append(self, line: bytes) -> Segment:
        """Raises OSError: then the line is not in the journal."""
        with self._lock:
            segment = self._current
            if segment is None or segment.size > SEGMENT_BYTES or self._pid != os.getpid():
                segment = self._current = _begun(self._folder)
                self._pid = os.getpid()
            written = os.write(segment.file, line)
            if written < len(line):  # a full disk: nothing may follow half a line
                self._current = None
                segment.pending += 1
                raise OSError("the journal took half a line only")
            segment.size += written
            segment.pending += 1
            return segment

    def done(self, segments: Iterable[Segment]) -> None:
        """One decision of each is in the database."""
        with self._lock:
            for segment in segments:
                segment.pending -= 1
                if segment.pending == 0:
                    self._empty(segment)

    def leave(self, segment: Segment) -> None:
        """What is in this file shall be carried over from there: nobody has it in memory any more."""
        with self._lock:
            if segment.pending < 0:  # it was left, or closed, before
                return
            if segment is self._current:
                self._current = None
            segment.pending = -1  # never again done
            os.close(segment.file)  # and with it the lock

    def close(self) -> None:
        """Of what is not in the database the file stays."""
        with self._lock:
            segment, self._current = self._current, None
            if segment is None or self._pid != os.getpid():
                return
            if segment.pending == 0:
                segment.path.unlink(missing_ok=True)
            os.close(segment.file)
            segment.pending = -1

    def _empty(self, segment: Segment) -> None:
        if segment is self._current:
            os.ftruncate(segment.file, 0)
            segment.size = 0
        else:
            segment.path.unlink(missing_ok=True)
            os.close(segment.file)


def possible() -> bool:
    return sys.platform != "win32"


def is_held(path: Path) -> bool:
    """Whether the process that writes this file is alive. Raises OSError."""
    file = os.open(path, os.O_RDONLY)
    try:
        return not _locked(file)
    finally:
        os.close(file)


def _begun(folder: Path) -> Segment:
    paths.ensure_home(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{time.time_ns() // 1_000_000}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    _locked(file)
    return Segment(path, file)


def _locked(file: int) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
