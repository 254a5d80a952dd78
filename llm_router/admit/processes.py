"""Which process holds something, and whether it still lives: a pid alone is reused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PROC = Path("/proc")
_WINDOWS = sys.platform == "win32"


def marker(pid: int) -> str:
    """What tells this process from another that gets its pid later; "" where the system does not say."""
    try:
        return _started_on_windows(pid) if _WINDOWS else f"{_here()} {_started(pid)}"
    except OSError:
        return ""


def alive(pid: int, marked: str) -> bool:
    """Whether the process that had `marked` still runs. True when in doubt: reservations also expire."""
    if pid == os.getpid():
        return not marked or marked == marker(pid)
    if _WINDOWS:
        return _same_on_windows(pid, marked)
    if marked:
        return _same_on_linux(pid, marked)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _same_on_windows(pid: int, marked: str) -> bool:
    try:
        return _started_on_windows(pid) == marked or not marked
    except ProcessLookupError:
        return False
    except OSError:
        return True


def _same_on_linux(pid: int, marked: str) -> bool:
    if marked.count(" ") < 2:
        return False  # no mark of ours
    boot, namespace, started = marked.split(" ", 2)
    try:
        here_boot, here_namespace = _here().split(" ", 1)
        if boot != here_boot:
            return False
        if namespace != here_namespace:
            return True  # another container: its pids are not visible here
        return started == _started(pid)
    except (FileNotFoundError, ProcessLookupError):
        return not (_PROC / "self").exists()
    except OSError:
        return True


def _here() -> str:
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"


def _started(pid: int) -> str:
    """Start time in clock ticks since boot. OSError when there is no such process, or only its zombie."""
    # the name in parentheses may itself hold spaces and parentheses
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:
        raise ProcessLookupError(pid)
    return fields[19]


def _started_on_windows(pid: int) -> str:
    from llm_router.admit import processes_windows  # ctypes: only where it is needed

    return processes_windows.started(pid)
