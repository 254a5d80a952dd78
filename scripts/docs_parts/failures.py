"""What a failure means, and how long things may take: for docs/architecture.md."""

from __future__ import annotations

from collections.abc import Mapping

from docs_parts.markdown import table

from llm_router import inventory
from llm_router.nouns import FailureKind
from llm_router.plan import breaker
from llm_router.run import actions, attempts, tries
from llm_router.settings import RoutingSettings

_MEANS: Mapping[FailureKind, str] = {
    FailureKind.RATE_LIMITED: "429: too many requests, a quota of the minute or the day",
    FailureKind.OVERLOADED: "503, 529: too busy",
    FailureKind.SERVER_ERROR: "other 5xx, and errors that fit nowhere else",
    FailureKind.TIMEOUT: "no answer, or no first token, within the attempt's limit; 408, 504",
    FailureKind.CONNECTION: "nobody listens, no such host, the connection is refused or reset",
    FailureKind.AUTH: "401, 403, not logged in, no key",
    FailureKind.BILLING: "402: out of credit, a spending limit at the vendor",
    FailureKind.NOT_FOUND: "404: the vendor does not have this model",
    FailureKind.BAD_REQUEST: "400 that names no missing ability",
    FailureKind.CONTEXT_TOO_LONG: "413, or an error that says the prompt does not fit",
    FailureKind.UNSUPPORTED: "a parameter, image, tool or schema this model does not take",
    FailureKind.CONTENT_FILTER: "the vendor's filter refused prompt or answer",
    FailureKind.LOOP: "508: it has come back to an llm-router it had passed; only other providers are kept",
    FailureKind.MALFORMED: "an answer that cannot be read",
    FailureKind.TRUNCATED: "a stream without its end mark, a body cut off",
    FailureKind.EMPTY: "200, and neither text nor a tool call",
    FailureKind.REJECTED: "an answer that did not pass its checks; only stronger models are kept",
    FailureKind.BUDGET: "the reservation does not fit under a cap",
    FailureKind.COOLING: "its breaker opened after the plan was made",
    FailureKind.CANCELLED: "the caller has gone",
}


def failures() -> str:
    rows = (
        (
            f"`{kind}`",
            _MEANS[kind],
            str(actions.ACTIONS[kind]),
            "yes" if kind in actions.TRANSIENT else "no",
            *_opening(kind),
        )
        for kind in FailureKind
    )
    columns = ["failure", "what it stands for", "action", "retried", "opens the breaker", "rests"]
    return table(columns, rows)


def _opening(kind: FailureKind) -> tuple[str, str]:
    """After how many failures in a row, of what, and for how long: found by failing the breaker itself."""
    now, most = 0.0, 10
    for key, scope in ((("p", "m"), "of the model"), (("p", ""), "of the provider")):
        row = breaker.CLOSED
        for count in range(1, most):
            row = breaker.after_failure(row, key, kind, None, now)
            if row.is_open:
                rests = row.until - now
                doubles = breaker.after_failure(row, key, kind, None, row.until).cooldown_s > rests
                after = "at once" if count == 1 else f"after {count}"
                return f"{after}, {scope}", f"{_span(rests)}{', then doubled' if doubles else ''}"
    return "no", ""


def _span(seconds: float) -> str:
    """`30 s`, `10 min`, `0.25 s`."""
    return f"{seconds / 60:g} min" if seconds >= 120 else f"{seconds:g} s"


def limits() -> str:
    by_complexity = ", ".join(f"{name} {_span(limit)}" for name, limit in attempts.LIMITS_S.items())
    patience = tries.PATIENCE
    factors = ", ".join(f"{billing} {factor}" for billing, factor in patience.items())
    rows = [
        (
            "the whole call",
            _span(RoutingSettings().deadline_seconds),
            "`routing.deadline_seconds`, or less by request",
        ),
        ("one attempt's first sign of life", by_complexity, "`routing.attempt_seconds`"),
        ("the same, times", factors, "loading a model takes time; a command-line client answers as a whole"),
        ("the same, when nobody else is left, times", str(tries.LAST_FACTOR), ""),
        ("the same, while others wait", f"at most {tries.SHARE:.0%} of the time left", ""),
        ("a gap after that", _span(tries.GAP_S), "then the attempt has failed"),
        (
            "further tries of the only model left",
            f"{actions.MAX_RETRIES}, each after at most {_span(actions.LONGEST_WAIT_S)}",
            "those marked as retried above",
        ),
        ("a rest the upstream asked for", f"at most {_span(breaker.LONGEST_ASKED_S)}", "Retry-After"),
        ("a rest that doubles", f"at most {_span(breaker.LONGEST_S)}", ""),
        ("failures in a row", f"at most {_span(breaker.FORGOTTEN_S)} apart", "older ones are forgotten"),
        ("the probe of a half-open breaker", _span(breaker.LEASE_S), "then another may probe"),
        (
            "what a local server lists",
            f"kept {_span(inventory.FRESH_S)}",
            "then renewed while the old one serves",
        ),
        (
            "whether a command-line client is logged in",
            f"kept {_span(inventory.READY_FOR_S)}",
            "for all processes",
        ),
    ]
    return table(["limit", "value", ""], rows)
