"""When to come back: every way in which a vendor says it. Seconds from now, or None."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from llm_router.dialects.reading import record, records, string

LONGEST = 7 * 86_400.0  # a nonsense figure must not lock a provider out for ever

_PIECE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s?(ms|s|m|h|d)(?![a-z])", re.IGNORECASE)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_IN_WORDS = re.compile(
    r"(?:try again|retry|reset|available again)[a-z ]{0,20}?\b(?:in|after)\s+(?:about\s+|~)?([\d.]{1,12}[^.,;!\n]{0,40}(?:\.\d{1,9}m?s)?)",
    re.IGNORECASE,
)
_LONG_UNITS = (
    (r"milliseconds?", "ms"),
    (r"seconds?|secs?", "s"),
    (r"minutes?|mins?", "m"),
    (r"hours?", "h"),
    (r"days?", "d"),
)
# Codex: "try again at 3:05 PM", "try again at Nov 21st, 2026 3:05 PM", in local time
_AT = re.compile(
    r"try again at (?:([A-Z][a-z]{2}) (\d{1,2})(?:st|nd|rd|th), (\d{4}) )?(\d{1,2}:\d{2} [AP]M)",
    re.IGNORECASE,
)
_DIMENSIONS = ("", "-requests", "-tokens", "-input-tokens", "-output-tokens")


def retry_after(headers: Mapping[str, str], details: object, words: str, *, limited: bool) -> float | None:
    """`details` are Google's error details, `words` the vendor's message; `limited`: a limit of the user's is the cause,
    and not the vendor's own load, for which the headers that tell how the limits stand mean nothing.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    found: Iterable[Callable[[], float | None]] = (
        lambda: _scaled(lower.get("retry-after-ms"), 0.001),
        lambda: _moment(lower.get("retry-after")),
        lambda: _retry_info(details),
        lambda: _in_words(words),
        lambda: _resets(lower) if limited else None,
    )
    seconds = next((value for find in found if (value := find()) is not None), None)
    return None if seconds is None else min(max(seconds, 0.0), LONGEST)


def _scaled(text: str | None, unit: float) -> float | None:
    try:
        return float(text or "") * unit
    except ValueError:
        return None


def _moment(text: str | None) -> float | None:
    """Seconds, a duration (`6m0s`), an HTTP date, an RFC 3339 time, or a Unix time in s or ms."""
    if not text:
        return None
    seconds = _scaled(text, 1.0)
    if seconds is not None:
        if seconds > 1e11:
            return seconds / 1000 - time.time()
        return seconds - time.time() if seconds > 1e9 else seconds
    return duration(text) if _PIECE.match(text) else _date(text)


def _date(text: str) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return read(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def duration(text: str) -> float | None:
    """`60s`, `1m30.5s`, `250ms`, `1 hour 5 minutes`; a bare number is seconds."""
    for long, short in _LONG_UNITS:
        text = re.sub(rf"(?<=[\d ])(?:{long})\b", short, text, flags=re.IGNORECASE)
    pieces = _PIECE.findall(text)
    if pieces:
        return sum(float(number) * _UNITS[unit.lower()] for number, unit in pieces)
    return _scaled(text.strip(), 1.0)


def _retry_info(details: object) -> float | None:
    for detail in records(details):
        if string(detail.get("@type")).endswith("RetryInfo"):
            return duration(string(detail.get("retryDelay")))
        if (after := record(detail.get("metadata")).get("retryDelay")) is not None:
            return duration(string(after))
    return None


def _in_words(words: str) -> float | None:
    words = words[:4_000]
    if match := _IN_WORDS.search(words):
        return duration(match[1])
    return _clock(match) if (match := _AT.search(words)) else None


def _clock(match: re.Match[str]) -> float | None:
    now = datetime.now().astimezone()
    month, day, year, clock = match.groups()
    date = f"{month} {day} {year}" if month else now.strftime("%b %d %Y")
    try:
        moment = datetime.strptime(f"{date} {clock}", "%b %d %Y %I:%M %p").replace(tzinfo=now.tzinfo)
    except ValueError:
        return None
    if not month and moment < now:
        moment += timedelta(days=1)
    return (moment - now).total_seconds()


def _resets(headers: Mapping[str, str]) -> float | None:
    """The limits that are used up say when they fill again; if none says so, the latest of all of them."""
    spent: list[float] = []
    known: list[float] = []
    for prefix, suffix in (("x-ratelimit-reset", True), ("anthropic-ratelimit", False)):
        for kind in _DIMENSIONS:
            stem = prefix.removesuffix("-reset")
            name = f"{stem}-reset{kind}" if suffix else f"{stem}{kind}-reset"
            left = f"{stem}-remaining{kind}" if suffix else f"{stem}{kind}-remaining"
            if (seconds := _moment(headers.get(name))) is not None:
                known.append(seconds)
                if headers.get(left) == "0":
                    spent.append(seconds)
    return max(spent or known, default=None)
