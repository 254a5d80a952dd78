"""Calendar windows in local time: the day, the ISO week (from Monday) and the month that budgets and reports speak of."""

from __future__ import annotations

import time
from typing import Literal, NamedTuple

Window = Literal["daily", "weekly", "monthly"]


class Bounds(NamedTuple):
    """Unix seconds: `since` inclusive, `until` exclusive."""

    since: float
    until: float


def bounds(window: Window, at: float) -> Bounds:
    """The window that holds `at`. `mktime` knows the clock changes: a day may last 23 or 25 hours."""
    now = time.localtime(at)
    year, month, day = now.tm_year, now.tm_mon, now.tm_mday
    if window == "monthly":
        return Bounds(_midnight(year, month, 1), _midnight(year, month + 1, 1))
    if window == "weekly":
        monday = day - now.tm_wday
        return Bounds(_midnight(year, month, monday), _midnight(year, month, monday + 7))
    return Bounds(_midnight(year, month, day), _midnight(year, month, day + 1))


def _midnight(year: int, month: int, day: int) -> float:
    """Days and months beyond their range roll over."""
    return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))


def local_text(at: float) -> str:
    """`2026-03-01 00:00`, local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
