"""What went wrong, in terms that every caller's dialect has a word for: one reading of our errors for all of them."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from llm_router.errors import (
    AllFailedError,
    BudgetError,
    ConfigError,
    CredentialsError,
    NotFoundError,
    PolicyError,
    RefusedError,
    RouterError,
    UpstreamError,
    UsageError,
)
from llm_router.nouns import Attempt, FailureKind

What = Literal[
    "invalid",
    "authentication",
    "billing",
    "permission",
    "not_found",
    "too_large",
    "too_long",
    "rate_limit",
    "budget",
    "server",
    "timeout",
    "overloaded",
]


class Fault(Struct, frozen=True):
    """`status` is HTTP's. `retry` False: the client shall not try again by itself. `resets_at` are Unix seconds."""

    what: What
    status: int
    message: str
    retry: bool = True
    retry_after_s: float | None = None
    resets_at: float = 0.0


_UPSTREAM: Mapping[FailureKind, tuple[What, int]] = {
    FailureKind.RATE_LIMITED: ("rate_limit", 429),
    FailureKind.OVERLOADED: ("overloaded", 529),
    FailureKind.COOLING: ("overloaded", 529),
    FailureKind.SERVER_ERROR: ("server", 500),
    FailureKind.TIMEOUT: ("timeout", 504),
    FailureKind.CONNECTION: ("server", 502),
    FailureKind.MALFORMED: ("server", 502),
    FailureKind.TRUNCATED: ("server", 502),
    FailureKind.EMPTY: ("server", 502),
    FailureKind.AUTH: ("authentication", 401),
    FailureKind.BILLING: ("billing", 402),
    FailureKind.NOT_FOUND: ("not_found", 404),
    FailureKind.BAD_REQUEST: ("invalid", 400),
    FailureKind.UNSUPPORTED: ("invalid", 400),
    FailureKind.CONTENT_FILTER: ("invalid", 400),
    FailureKind.LOOP: ("server", 508),
    FailureKind.CONTEXT_TOO_LONG: ("too_long", 400),
    FailureKind.BUDGET: ("budget", 429),
    FailureKind.CANCELLED: ("server", 499),
}
_OWN: Mapping[type[RouterError], tuple[What, int]] = {
    CredentialsError: ("authentication", 401),
    NotFoundError: ("not_found", 404),
    PolicyError: ("permission", 403),
}
# Of several failures the client is told the one it can do most about: the request's own, then what passes by itself.
_TELLING = (
    FailureKind.CONTEXT_TOO_LONG,
    FailureKind.BAD_REQUEST,
    FailureKind.CONTENT_FILTER,
    FailureKind.RATE_LIMITED,
    FailureKind.OVERLOADED,
    FailureKind.SERVER_ERROR,
    FailureKind.TIMEOUT,
    FailureKind.CONNECTION,
    FailureKind.MALFORMED,
    FailureKind.TRUNCATED,
    FailureKind.EMPTY,
    FailureKind.UNSUPPORTED,
    FailureKind.LOOP,
    FailureKind.BUDGET,
    FailureKind.BILLING,
    FailureKind.AUTH,
    FailureKind.NOT_FOUND,
    FailureKind.COOLING,
    FailureKind.CANCELLED,
)
# These statuses of an upstream are told as they are; of any other only what it means.
_KEPT: Mapping[What, range | tuple[int, ...]] = {
    "server": range(500, 512),
    "overloaded": (503, 529),
    "authentication": (401, 403),
    "invalid": (400, 409, 422),
    "too_long": (400, 413),
}
# What a user has to mend first: trying again costs time and changes nothing.
_FINAL = frozenset({"authentication", "billing", "budget", "permission"})


def fault(error: RouterError) -> Fault:
    match error:
        case AllFailedError():
            return _of_all(error)
        case UpstreamError():
            return _upstream(error.kind, error.status, _told(error), error.retry_after_s)
        case BudgetError():
            wait = max(0.0, error.resets_at - time.time()) if error.resets_at else None
            return Fault(
                "budget", 429, _with_fix(error), retry=False, retry_after_s=wait, resets_at=error.resets_at
            )
        case UsageError() if not isinstance(error, ConfigError):
            return _usage(error)
        case _:
            what, status = next(
                (told for kind, told in _OWN.items() if isinstance(error, kind)), ("server", 500)
            )
            return Fault(what, status, _with_fix(error), retry=what not in _FINAL)


def common_headers(fault: Fault) -> dict[str, str]:
    """What the SDKs of all vendors act on."""
    headers: dict[str, str] = {}
    if fault.retry_after_s is not None:
        headers["retry-after"] = str(max(0, math.ceil(fault.retry_after_s)))
    if not fault.retry:
        headers["x-should-retry"] = "false"
    return headers


_REFUSED: Mapping[int, What] = {
    401: "authentication",
    403: "permission",
    404: "not_found",
    408: "timeout",
    413: "too_large",
    503: "overloaded",
}


def _usage(error: UsageError) -> Fault:
    """Also what a server of ours refuses before it reads a body, which says its status."""
    status = error.status if isinstance(error, RefusedError) else 400
    what = _REFUSED.get(status, "too_long" if "fits no model" in error.message else "invalid")
    return Fault(what, status, _with_fix(error), retry=what not in _FINAL)


def _upstream(kind: FailureKind, status: int | None, message: str, wait: float | None) -> Fault:
    what, usual = _UPSTREAM[kind]
    if status == 413:
        what = "too_large" if kind is not FailureKind.CONTEXT_TOO_LONG or not _LONG.search(message) else what
        usual = 413 if what == "too_large" else usual
    kept = status if status is not None and status in _KEPT.get(what, ()) else usual
    if kept == 403:
        what = "permission"
    final = what in _FINAL or kind in (FailureKind.CONTENT_FILTER, FailureKind.LOOP)
    return Fault(what, kept, message, retry=not final, retry_after_s=wait)


def _of_all(error: AllFailedError) -> Fault:
    """A chain of one failed: its own error. Several: the most telling, with the story of all as the message."""
    told = _most_telling(error.attempts)
    if told is None:
        return _upstream(error.kind, error.status, _with_fix(error), error.retry_after_s)
    kind = told.outcome if isinstance(told.outcome, FailureKind) else FailureKind.SERVER_ERROR
    alone = len({(a.provider, a.model) for a in error.attempts}) == 1 or kind in _OF_THE_REQUEST
    message = told.detail if alone and told.detail else _with_fix(error)
    waits = [a.retry_after_s for a in error.attempts if a.retry_after_s is not None]
    wait = min(waits) if waits and kind in _PASSING else None
    return _upstream(kind, told.status, message, wait)


def _most_telling(attempts: Sequence[Attempt]) -> Attempt | None:
    failed = [a for a in attempts if isinstance(a.outcome, FailureKind)]
    return min(failed, key=lambda a: _TELLING.index(FailureKind(a.outcome)), default=None)


_OF_THE_REQUEST = frozenset(
    {FailureKind.CONTEXT_TOO_LONG, FailureKind.BAD_REQUEST, FailureKind.CONTENT_FILTER}
)
_PASSING = frozenset({FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.COOLING})
# A client reads a vendor's own words about its request; ours about keys and money need the way out.
_NEEDS_FIX = frozenset(
    {FailureKind.AUTH, FailureKind.BILLING, FailureKind.NOT_FOUND, FailureKind.UNSUPPORTED}
)


def _told(error: UpstreamError) -> str:
    return _with_fix(error) if error.kind in _NEEDS_FIX else error.message


def _with_fix(error: RouterError) -> str:
    if not error.fix:
        return error.message
    return f"{error.message.rstrip('.')}. {error.fix}" if error.message else error.fix


# ── too long ─────────────────────────────────────────────────────────────────

_LONG = re.compile(r"prompt is too long: \d+ tokens > \d+ maximum")
_NUMBER = re.compile(r"\d[\d,_]*\d|\d")
_MAXIMUM = re.compile(
    r"(?:maximum|limit|context (?:length|window|size)|allowed|up to|window)\D{0,60}?(\d[\d,_]*)",
    re.IGNORECASE,
)


def too_long(fault: Fault, error: RouterError) -> Fault:
    """The fault with the message that Claude Code reads to learn how much it must shorten: `prompt is too long: A tokens
    > B maximum`. The figures are the vendor's where it tells them, else what the plan knew.
    """
    if found := _LONG.search(fault.message):
        return replace(fault, status=400, message=found[0])
    asked, most = _figures(fault.message)
    if error.decision is not None:
        windows = [c.model.context for c in error.decision.plan.candidates if c.model.context]
        most = most or max(windows, default=0)
        asked = asked or error.decision.plan.input_tokens
    most = most or max(1, asked - 1)
    return replace(
        fault, status=400, message=f"prompt is too long: {max(asked, most + 1)} tokens > {most} maximum"
    )


def _figures(message: str) -> tuple[int, int]:
    """How many tokens there were and how many there may be; 0 where it does not say."""
    numbers = [int(re.sub(r"\D", "", found)) for found in _NUMBER.findall(message)]
    numbers = [number for number in numbers if 256 <= number < 10**9]
    said = _MAXIMUM.search(message)
    most = int(re.sub(r"\D", "", said[1])) if said else 0
    if most < 256:
        most = min(numbers, default=0) if len(numbers) > 1 else 0
    return max((number for number in numbers if number > most), default=0) if most else 0, most
