"""The rules of one breaker: pure steps from what is known and what happened to what is known next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from llm_router.nouns import FailureKind as Kind
from llm_router.ports import HealthState

Key = tuple[str, str]  # provider, model; model "" = the whole provider

FIRST_S, LONGEST_S, LONGEST_ASKED_S = 30.0, 1_800.0, 3_600.0
LEASE_S = 60.0  # a prober that died frees the probe after this
FORGOTTEN_S = 600.0  # failures further apart are not "in a row"
_FIXED_S = {Kind.AUTH: 600.0, Kind.BILLING: 600.0, Kind.NOT_FOUND: 3_600.0}
# How many failures in a row open the breaker; a kind that is not here says nothing about the upstream's health.
OPENS_AFTER: Mapping[Kind, int] = {
    Kind.RATE_LIMITED: 1,
    Kind.OVERLOADED: 1,
    Kind.AUTH: 1,
    Kind.BILLING: 1,
    Kind.NOT_FOUND: 1,
    Kind.CONNECTION: 2,
    Kind.SERVER_ERROR: 3,
    Kind.TIMEOUT: 3,
    Kind.MALFORMED: 3,
    Kind.TRUNCATED: 3,
    Kind.EMPTY: 3,
}
_OF_THE_PROVIDER = {Kind.AUTH, Kind.BILLING, Kind.CONNECTION}
_ASKED_TO_WAIT = {Kind.RATE_LIMITED, Kind.OVERLOADED}
# The upstream was reached and knew the key, whatever it then said.
_NOT_REACHED = _OF_THE_PROVIDER | {Kind.TIMEOUT, Kind.BUDGET, Kind.COOLING, Kind.CANCELLED}


@dataclass(frozen=True, slots=True)
class Breaker:
    """A row of `breakers`. `until` and `probe_until` are Unix seconds; `reason` is the FailureKind that opened it;
    `credential` tells which key was refused, so that another key starts anew.
    """

    state: Literal["closed", "open", "half_open"] = "closed"
    failures: int = 0
    until: float = 0.0
    cooldown_s: float = 0.0
    probe_until: float = 0.0
    reason: str = ""
    updated_at: float = 0.0
    credential: str = ""

    @property
    def is_open(self) -> bool:
        return self.state != "closed"

    @property
    def is_idle(self) -> bool:
        return not self.is_open and not self.failures

    def as_state(self, key: Key, now: float) -> HealthState:
        waits_for_probe = self.state == "open" and self.until <= now
        until = self.probe_until if self.state == "half_open" else self.until
        return HealthState(
            key[0], key[1], "half_open" if waits_for_probe else self.state, self.failures, until, self.reason
        )


CLOSED = Breaker()


def forbids(row: Breaker, key: Key, now: float) -> HealthState | None:
    """The state that forbids a call now: cooling down, or another call holds the one probe."""
    until = row.probe_until if row.state == "half_open" else row.until
    return row.as_state(key, now) if row.is_open and now < until else None


def claimed(row: Breaker, now: float) -> Breaker:
    """The probe is ours for a while."""
    return replace(row, state="half_open", probe_until=now + LEASE_S, updated_at=now) if row.is_open else row


def after_success(row: Breaker, now: float) -> Breaker:
    """Closed; but a vendor's "come back at" stands: the success may be of a call that began before it."""
    asked_to_wait = row.state == "open" and now < row.until and row.reason in _ASKED_TO_WAIT
    return row if asked_to_wait else replace(CLOSED, updated_at=now)


def after_failure(row: Breaker, key: Key, kind: Kind, retry_after_s: float | None, now: float) -> Breaker:
    is_provider = key[1] == ""
    if kind not in OPENS_AFTER or (kind in _OF_THE_PROVIDER) != is_provider:
        return _seen_aside(row, kind, now, is_provider=is_provider)
    failures = 1 if now - row.updated_at > FORGOTTEN_S and not row.is_open else row.failures + 1
    row = replace(row, failures=failures, updated_at=now)
    if row.state == "open" and now < row.until:  # a call that began earlier: no reopening, so no doubling
        return replace(row, until=max(row.until, now + _asked(retry_after_s)))
    if not row.is_open and failures < OPENS_AFTER[kind]:
        return row
    cooldown = _cooldown(row, kind, retry_after_s)
    return replace(
        row, state="open", until=now + cooldown, cooldown_s=cooldown, probe_until=0.0, reason=str(kind)
    )


def _seen_aside(row: Breaker, kind: Kind, now: float, *, is_provider: bool) -> Breaker:
    """A failure that is not this breaker's: it may still show that the provider is back, or end a probe undecided."""
    if is_provider and kind not in _NOT_REACHED and row.state != "open":
        return replace(CLOSED, updated_at=now)
    if row.state != "half_open":
        return row
    if is_provider and kind is Kind.TIMEOUT:
        cooldown = _cooldown(row, kind, None)
        return replace(
            row, state="open", until=now + cooldown, cooldown_s=cooldown, probe_until=0.0, updated_at=now
        )
    return replace(row, state="open", until=now, probe_until=0.0, updated_at=now)


def _cooldown(row: Breaker, kind: Kind, retry_after_s: float | None) -> float:
    """Seconds. What the upstream asked for, else what the kind deserves, doubled at each reopening."""
    if kind in _FIXED_S:
        return _FIXED_S[kind]
    if asked := _asked(retry_after_s):
        return asked
    return min(max(FIRST_S, row.cooldown_s * 2), LONGEST_S) if row.is_open else FIRST_S


def _asked(retry_after_s: float | None) -> float:
    """Between a second and an hour; 0 when nothing sensible was asked for."""
    if retry_after_s is None or not retry_after_s >= 0:  # also false for NaN
        return 0.0
    return min(max(retry_after_s, 1.0), LONGEST_ASKED_S)
