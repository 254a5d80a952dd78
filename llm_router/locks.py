"""One process at a time: a lock on a file, which ends with the process that holds it, however that ends."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_LOOK_EVERY_S = 0.02


@contextmanager
def held(path: Path, wait_s: float) -> Generator[bool]:
    """Whether the lock is held: False where another process kept it for all of `wait_s`. Raises OSError where the file
    cannot be made.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        until = time.monotonic() + wait_s
        while not (taken := _try(handle)) and time.monotonic() < until:
            time.sleep(_LOOK_EVERY_S)
        yield taken
    finally:
        os.close(handle)


def _try(handle: int) -> bool:
    try:
        try:
            import fcntl
        except ImportError:  # Windows
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[reportAttributeAccessIssue,reportUnknownMemberType]
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
