"""What a failure means for the rest of the chain: one table, read top to bottom.

NEXT    the next candidate may do better; the health book decides how long this one rests
REPLAN  this model cannot do this request; only candidates that can are kept
STOP    nobody will do better: the request itself is wrong, or the caller has gone
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from llm_router.nouns import Attempt
from llm_router.nouns import FailureKind as Kind


class Action(StrEnum):
    NEXT = "next"
    REPLAN = "replan"
    STOP = "stop"


ACTIONS: Mapping[Kind, Action] = {
    Kind.RATE_LIMITED: Action.NEXT,
    Kind.OVERLOADED: Action.NEXT,
    Kind.SERVER_ERROR: Action.NEXT,
    Kind.TIMEOUT: Action.NEXT,
    Kind.CONNECTION: Action.NEXT,
    Kind.AUTH: Action.NEXT,
    Kind.BILLING: Action.NEXT,
    Kind.NOT_FOUND: Action.NEXT,
    Kind.CONTENT_FILTER: Action.NEXT,
    Kind.MALFORMED: Action.NEXT,
    Kind.TRUNCATED: Action.NEXT,
    Kind.EMPTY: Action.NEXT,
    Kind.REJECTED: Action.NEXT,
    Kind.BUDGET: Action.NEXT,
    Kind.COOLING: Action.NEXT,
    Kind.CONTEXT_TOO_LONG: Action.REPLAN,
    Kind.UNSUPPORTED: Action.REPLAN,
    Kind.LOOP: Action.REPLAN,
    Kind.BAD_REQUEST: Action.STOP,
    Kind.CANCELLED: Action.STOP,
}

# Worth a second try of the same model, once nobody else is left.
TRANSIENT = frozenset(
    {
        Kind.RATE_LIMITED,
        Kind.OVERLOADED,
        Kind.SERVER_ERROR,
        Kind.CONNECTION,
        Kind.MALFORMED,
        Kind.TRUNCATED,
        Kind.EMPTY,
    }
)
MAX_RETRIES = 2
LONGEST_WAIT_S = 8.0


def wait_before_retry(kind: Kind, retries: int, retry_after_s: float | None) -> float | None:
    """Seconds to wait before trying the only candidate again; None = do not."""
    if kind not in TRANSIENT or retries >= MAX_RETRIES:
        return None
    wait = 0.5 * 2**retries if retry_after_s is None else retry_after_s
    return wait if wait <= LONGEST_WAIT_S else None


def way_out(attempts: Sequence[Attempt], *, explicit: bool) -> str:
    """What a person can do when all of these failed. `explicit`: the model was theirs."""

    def names(kind: Kind) -> str:
        return ", ".join(dict.fromkeys(a.provider for a in attempts if a.outcome == kind))

    ways: list[str] = []
    if refused := names(Kind.AUTH):
        ways.append(f"check the key or login of {refused}")
    if unpaid := names(Kind.BILLING):
        ways.append(f"add credit at {unpaid} (then `llm-router health --reset`)")
    if lacking := names(Kind.NOT_FOUND):
        ways.append(f"see what there is: `llm-router models --provider {lacking.partition(',')[0]}`")
    if leading := names(Kind.LOOP):
        ways.append(f"correct the base_url of {leading}, which leads back here")
    if waits := [a.retry_after_s for a in attempts if a.retry_after_s]:
        ways.append(f"try again in {min(waits):.0f} s")
    ways.append("name another with --model" if explicit else "add a provider")
    return f"{', or '.join(ways)}; `llm-router doctor` shows what each provider lacks"
