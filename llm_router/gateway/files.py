"""How many files the service may have open: every connection is one, and another to an upstream.

Shells give a process 1,024 (256 on macOS) and let it ask for more.
"""

from __future__ import annotations

import logging
import sys

OWN = 100  # the database, the logs, what libraries open

log = logging.getLogger(__name__)


def connections(wanted: int) -> int:
    """How many connections there can be: as many as wanted, where the system gives this process files enough."""
    if sys.platform == "win32":
        return wanted
    files = _files(2 * wanted + OWN)
    possible = max(1, min(wanted, (files - OWN) // 2))
    if possible < wanted:
        log.warning(
            "at most %d connections at a time, not %d: the system allows this process %d open files (ulimit -Hn)",
            possible,
            wanted,
            files,
        )
    return possible


def _files(needed: int) -> int:
    """What this process may open, once it has asked for so many."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    asked = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (asked, hard))
    except (ValueError, OSError):  # macOS says "unlimited" and does not mean it
        return soft
    return asked
