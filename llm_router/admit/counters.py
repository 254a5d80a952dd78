"""What a process has spent of a lease, in eight bytes on disk: written at every settlement, read when it has died.

The write goes to the page cache: it survives the death of the process, though not of the machine.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LENGTH = 8


class Counter:
    """`add` raises OSError. Micro-dollars."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self.total = 0

    def add(self, amount: int) -> None:
        self.total += amount
        os.pwrite(self._file, self.total.to_bytes(_LENGTH, "little"), 0)

    def close(self) -> None:
        os.close(self._file)
        remove(self._path)


def read(path: Path) -> tuple[int, float] | None:
    """The total and when it was last written (Unix seconds); None without such a file."""
    with suppress(OSError):
        return int.from_bytes(path.read_bytes()[:_LENGTH], "little"), path.stat().st_mtime
    return None


def remove(*paths: Path) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()
