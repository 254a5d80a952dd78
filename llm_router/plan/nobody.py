"""When no candidate is left: a last try of what only rests, else an error that says exactly what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from llm_router.errors import BudgetError, CredentialsError, PolicyError, RouterError, UsageError
from llm_router.nouns import Candidate, FailureKind
from llm_router.plan.chain import Facts
from llm_router.plan.filter import Cause, Skip

LAST_RESORTS = 3
SHOWN = 4
_OF_THE_KEY = {FailureKind.AUTH, FailureKind.BILLING}
_LASTING = {*_OF_THE_KEY, FailureKind.NOT_FOUND}
_DEMO = "`llm-router demo` shows the whole path without any"


def last_resort(skips: Sequence[Skip], facts: Facts) -> list[Candidate]:
    """Models that only rest for a passing reason, the one that is back soonest first."""
    resting = [
        (skip.until, skip.reason, skip.model)
        for skip in skips
        if skip.cause is Cause.COOLING and skip.model is not None and skip.kind not in _LASTING
    ]
    resting.sort(key=lambda each: each[0])
    return [
        replace(facts.candidate(model, f"last resort, nobody else is left: {why}"), last_resort=True)
        for _, why, model in resting[:LAST_RESORTS]
    ]


def nobody(skips: Sequence[Skip], facts: Facts, entries: Sequence[str]) -> RouterError:
    causes = {skip.cause for skip in skips if skip.model is not None}
    reasons = "; ".join(f"{skip.ref}: {skip.reason}" for skip in skips[:SHOWN])
    more = f"; and {len(skips) - SHOWN} more" if len(skips) > SHOWN else ""
    if causes == {Cause.TOO_DEAR}:
        return BudgetError(
            f"no model fits the maximum cost of this call. {reasons}{more}",
            fix="raise --max-cost, or start Ollama: what runs on this machine is free",
            budget="max_cost",
            cap=facts.max_cost or 0,
        )
    if causes == {Cause.BLOCKED}:
        return PolicyError(
            f"every model that is set up is blocked. {reasons}{more}",
            fix="take a pattern out of routing.block (`llm-router config show` names the file)",
        )
    if Cause.TOO_LONG in causes:  # which the caller can mend, whatever keeps the others
        return UsageError(
            f"this request of about {facts.input_tokens:,} tokens fits no model that is set up. {reasons}{more}",
            fix=f"shorten it, or set up a provider with a larger window: {_missing(facts, entries)}",
        )
    refused = dict.fromkeys(
        skip.model.provider for skip in skips if skip.model is not None and skip.kind in _OF_THE_KEY
    )
    first = (
        f"check the key, login or credit of {', '.join(refused)}, then `llm-router health --reset`; "
        if refused
        else ""
    )
    what = "no model that is set up can answer this" if causes else "no model is ready to answer"
    message = f"{what}. {reasons}{more}" if skips else "no model is set up"
    of_the_request = Cause.UNABLE in causes and Cause.COOLING not in causes  # no login would mend it
    return (UsageError if of_the_request else CredentialsError)(message, fix=first + _missing(facts, entries))


def _missing(facts: Facts, entries: Sequence[str]) -> str:
    """What would make the nearest providers ready: those of the chain first, then the others that could serve."""
    world = facts.world
    named = [_provider_of(entry, facts) for entry in entries]
    able = [m.provider for m in world.catalogue.models if facts.needed <= m.features]
    wanted = [*named, *able] if not facts.needed else [*able, *named]
    lines: list[str] = []
    for name in dict.fromkeys(each for each in wanted if each):
        state = world.readiness(name)
        if state is not None and not state.ready and state.fix and len(lines) < SHOWN:
            lines.append(f"{name}: {state.fix}")
    return "; ".join([*lines, f"`llm-router doctor` lists all providers; {_DEMO}"])


def _provider_of(entry: str, facts: Facts) -> str:
    catalogue = facts.world.catalogue
    target = catalogue.aliases.get(entry, entry)
    provider = target.partition("/")[0].partition(":")[0]
    return provider if provider in catalogue.billing else ""
