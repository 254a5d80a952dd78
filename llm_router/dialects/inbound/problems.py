"""What an error means over HTTP, whichever dialect tells it: its kind, its status, when to come back."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llm_router.errors import (
    AllFailedError,
    BudgetError,
    CredentialsError,
    NotFoundError,
    PolicyError,
    RefusedError,
    RouterError,
    UpstreamError,
    UsageError,
)
from llm_router.nouns import FailureKind as Kind

What = Literal[
    "bad_request",
    "too_long",
    "unsupported",
    "filtered",
    "auth",
    "billing",
    "forbidden",
    "not_found",
    "too_large",
    "rate_limited",
    "budget",
    "overloaded",
    "timeout",
    "server",
    "cancelled",
]

_KINDS: Mapping[Kind, tuple[What, int]] = {
    Kind.RATE_LIMITED: ("rate_limited", 429),
    Kind.OVERLOADED: ("overloaded", 503),
    Kind.COOLING: ("overloaded", 503),
    Kind.SERVER_ERROR: ("server", 502),
    Kind.TIMEOUT: ("timeout", 504),
    Kind.CONNECTION: ("server", 502),
    Kind.AUTH: ("auth", 401),
    Kind.BILLING: ("billing", 402),
    Kind.NOT_FOUND: ("not_found", 404),
    Kind.BAD_REQUEST: ("bad_request", 400),
    Kind.CONTEXT_TOO_LONG: ("too_long", 400),
    Kind.UNSUPPORTED: ("unsupported", 400),
    Kind.CONTENT_FILTER: ("filtered", 400),
    Kind.MALFORMED: ("server", 502),
    Kind.TRUNCATED: ("server", 502),
    Kind.EMPTY: ("server", 502),
    Kind.BUDGET: ("budget", 429),
    Kind.CANCELLED: ("cancelled", 499),
}
_STATUS: Mapping[int, What] = {
    400: "bad_request",
    401: "auth",
    402: "billing",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    413: "too_large",
    429: "rate_limited",
    499: "cancelled",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
# the upstream's own status says the same as ours, only more exactly
_KEPT: Mapping[What, range] = {
    "overloaded": range(500, 600),
    "server": range(500, 600),
    "auth": range(401, 404),
    "forbidden": range(403, 404),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """`retry_after_s` is in seconds; None where nobody knows, or where to come back would not help."""

    what: What
    status: int
    message: str
    retry_after_s: float | None = None
    resets_at: float | None = None  # of a budget, Unix seconds

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later."""
        return self.what in ("rate_limited", "overloaded", "timeout", "server")

    @property
    def retry_after(self) -> str | None:
        return None if self.retry_after_s is None else str(max(1, math.ceil(self.retry_after_s)))


def trouble(error: RouterError) -> Trouble:
    """What this error is to a caller. The message holds what to do about it, where we know."""
    what, status = _meaning(error)
    return Trouble(
        what, status, _words(error, what), _wait(error, what), getattr(error, "resets_at", 0) or None
    )


def _meaning(error: RouterError) -> tuple[What, int]:
    match error:
        case RefusedError():
            return _STATUS.get(error.status, "bad_request"), error.status
        case UsageError():
            return "bad_request", 400
        case PolicyError():
            return "forbidden", 403
        case CredentialsError():
            return "auth", 401
        case NotFoundError():
            return "not_found", 404
        case BudgetError():
            return "budget", 429
        case UpstreamError():
            what, status = _KINDS[error.kind]
            told = _told_status(error)
            return what, told if told is not None and told in _KEPT.get(what, ()) else status
        case _:
            return "server", 500


def _told_status(error: UpstreamError) -> int | None:
    if isinstance(error, AllFailedError) and error.attempts:
        return error.attempts[-1].status
    return error.status


def _words(error: RouterError, what: What) -> str:
    """A refusal of the request itself stays in the words of who refused it: clients look for some of them."""
    message = error.message
    if isinstance(error, AllFailedError) and len(error.attempts) == 1 and error.attempts[0].detail:
        message = error.attempts[0].detail
    if what in ("too_long", "bad_request") and isinstance(error, UpstreamError):
        return message
    return f"{message.rstrip('.')}. {error.fix}" if error.fix else message


def _wait(error: RouterError, what: What) -> float | None:
    match error:
        case BudgetError() if error.resets_at:
            return max(1.0, error.resets_at - time.time())
        case AllFailedError():
            waits = [a.retry_after_s for a in error.attempts if a.retry_after_s is not None]
            return min(waits) if waits and what in ("rate_limited", "overloaded") else None
        case UpstreamError():
            return error.retry_after_s
        case _:
            return None
