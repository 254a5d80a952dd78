"""Which models, in which order, and why: `plan`, pure given the world, and `replan` after a model could not do it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from llm_router.dialects.encoding import SIGHTS
from llm_router.errors import UsageError
from llm_router.nouns import (
    Assessment,
    Billing,
    Candidate,
    Complexity,
    FailureKind,
    Plan,
    Profile,
    Request,
    Skipped,
    Task,
    Verdict,
)
from llm_router.plan import size, value
from llm_router.plan.catalogue import data
from llm_router.plan.chain import Chain, Facts
from llm_router.plan.explicit import the_one
from llm_router.plan.filter import needs, unable
from llm_router.plan.nobody import last_resort, nobody
from llm_router.plan.world import World

FREE_FIRST = "free_first"
_MEDIA = {Task.IMAGE: "images", Task.VIDEO: "videos", Task.AUDIO: "audio"}


@dataclass(frozen=True, slots=True)
class Route:
    """A chain and how to read it. `as_it_stands`: the user wrote it, and no other order is ours to prefer."""

    name: str
    entries: Sequence[str]
    tier: str
    free_first: bool
    as_it_stands: bool = False


@lru_cache(maxsize=1)
def _chains() -> dict[str, Any]:
    return data("chains.toml")


def strategy_of(name: str | None, aliases: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """The strategy a word like `auto`, `cheap` or `auto:best` asks for; None where the name means a model.

    The user's own `aliases` stand above our words, and may mean one of them.
    """
    word = (name or "").strip().lower()
    own = next((target for alias, target in aliases.items() if alias.lower() == word), word)
    words: Mapping[str, str] = _chains()["words"]
    return words.get(own.strip().lower()) if word else FREE_FIRST


def words() -> Sequence[str]:
    """Every word that asks for a strategy."""
    return tuple(_chains()["words"])


def _weighed(strategy: str, assessment: Assessment, world: World) -> str:
    """Whoever turned the dial wants `auto` to weigh chance against price; not where the classifier is unsure, nor
    against an order the user wrote.
    """
    if strategy == FREE_FIRST:
        own = assessment.complexity in world.routing.chains
        return (
            strategy
            if own or world.routing.quality is None
            else _weighed(value.BEST_FOR_TASK, assessment, world)
        )
    unsure = strategy == value.BEST_FOR_TASK and assessment.confidence < value.UNSURE
    return FREE_FIRST if unsure else strategy


def _route(strategy: str, profile: Profile, complexity: Complexity, world: World) -> Route:
    row: Mapping[str, Any] = _chains()["profiles"][profile]
    if strategy == value.BEST_FOR_TASK:
        tiers: Mapping[str, str] = row["tiers"]
        everyone = [f"{name}:{tier}" for name in world.ready for tier in value.TIERS]
        return Route(strategy, everyone, tiers[complexity], free_first=False, as_it_stands=True)
    if strategy != FREE_FIRST:
        row = _chains()["strategies"][strategy]
        return Route(strategy, row["any"], row["tiers"][complexity], row["free_first"])
    own = world.routing.chains.get(complexity)
    if own is not None:
        return Route("your", own, row["tiers"][complexity], free_first=False, as_it_stands=True)
    return Route(profile, row[complexity], row["tiers"][complexity], row["free_first"])


def plan(request: Request, assessment: Assessment, verdict: Verdict, *, world: World) -> Plan:
    """The candidates for a request, best first. A model that was named or pinned is the only one.

    `max_cost` of a candidate prices the estimated input with a margin, and as output what the request allows, else
    32k tokens for agents, and 4k, 8k, 16k or 32k by complexity, never more than the model can say. The run holds a call
    to that bound where a budget or the caller's own maximum stands behind it.
    Raises UsageError, NotFoundError, PolicyError, BudgetError or CredentialsError where nothing may or can answer.
    """
    strategy = (None if verdict.model else strategy_of(request.model, world.routing.aliases)) or FREE_FIRST
    strategy = _weighed(strategy, assessment, world)
    route = _route(strategy, verdict.profile, assessment.complexity, world)
    facts = Facts(
        world=world,
        request=request,
        task=assessment.task,
        complexity=assessment.complexity,
        tier=route.tier,
        needed=needs(request),
        input_tokens=size.input_tokens(request),
        blocked=verdict.blocked,
        max_cost=verdict.max_cost,
    )
    skipped: Sequence[Skipped] = ()
    if verdict.model is not None:
        candidates: Sequence[Candidate] = (the_one(verdict.model, verdict.model_because or "asked", facts),)
    else:
        candidates, skipped = _chosen(route, facts)
        if strategy == value.BEST_FOR_TASK and not any(each.last_resort for each in candidates):
            quality = value.quality_of(verdict.profile, world.routing.quality)
            expected = size.expected_output(request, assessment.complexity)
            ordered = value.by_value(candidates, assessment, quality, expected)
            candidates = _searching_first(ordered) if assessment.task is Task.RESEARCH else ordered
    return Plan(
        candidates=tuple(candidates),
        skipped=tuple(skipped),
        strategy=strategy,
        profile=verdict.profile,
        input_tokens=facts.input_tokens,
    )


def _chosen(route: Route, facts: Facts) -> tuple[Sequence[Candidate], Sequence[Skipped]]:
    if facts.task in _MEDIA:
        made = _MEDIA[facts.task]
        raise UsageError(
            f"this asks for {made}, and no model in the catalogue makes {made}",
            fix="for text about it add `--task generate`; to try a model that can, name it with --model provider/model",
        )
    chain = Chain(facts, route.name)
    chain.extend(route.entries)
    candidates = _ordered(chain.candidates, route, facts.task)
    skips = list(chain.skipped.values())
    if not candidates:
        candidates = last_resort(skips, facts) or _without_sight(route, facts)
        if not candidates:
            raise nobody(skips, facts, route.entries)
    tried = {candidate.model.ref for candidate in candidates}
    return candidates, [Skipped(skip.ref, skip.reason) for skip in skips if skip.ref not in tried]


def _without_sight(route: Route, facts: Facts) -> Sequence[Candidate]:
    """Who can go on with an agent's conversation but for the pictures and documents in it, which are left out: without them
    one picture would end it.
    """
    rest = facts.needed - SIGHTS.keys()
    if rest == facts.needed or "tools" not in rest:
        return ()
    chain = Chain(dataclasses.replace(facts, needed=rest), route.name)
    chain.extend(route.entries)
    why = "nobody that is set up can see the pictures or documents in it: they are left out"
    return [replace(each, reason=why) for each in _ordered(chain.candidates, route, facts.task)]


def _ordered(candidates: Sequence[Candidate], route: Route, task: Task) -> Sequence[Candidate]:
    """Free before paid where the profile promises it; for research the paid ones that search the web come first."""
    if route.as_it_stands:
        return candidates

    def place(candidate: Candidate) -> tuple[bool, bool]:
        paid = candidate.model.billing is Billing.METERED
        searches = "web" in candidate.model.features
        return (route.free_first and paid, paid and task is Task.RESEARCH and not searches)

    found = sorted(candidates, key=place)
    return [_for_research(c) for c in found] if task is Task.RESEARCH else found


def _searching_first(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    return sorted(candidates, key=lambda candidate: "web" not in candidate.model.features)


def _for_research(candidate: Candidate) -> Candidate:
    return replace(candidate, reason="searches the web") if "web" in candidate.model.features else candidate


def replan(plan: Plan, request: Request, failed: Candidate, kind: FailureKind) -> tuple[Candidate, ...]:
    """Those after `failed` that can still serve: a larger window after CONTEXT_TOO_LONG, and after UNSUPPORTED a model
    that is known to do what the request needs, or at least one of another provider, and after LOOP only those of others.
    """
    refs = [candidate.model.ref for candidate in plan.candidates]
    after = refs.index(failed.model.ref) + 1 if failed.model.ref in refs else 0
    rest = plan.candidates[after:]
    if kind is FailureKind.CONTEXT_TOO_LONG:
        too_small = failed.model.context or plan.input_tokens
        return tuple(c for c in rest if c.model.context is None or c.model.context > too_small)
    if kind is FailureKind.UNSUPPORTED:
        needed = needs(request)
        return tuple(c for c in rest if _may_support(c, failed, unable(c.model, needed)))
    if kind is FailureKind.LOOP:
        return tuple(c for c in rest if c.model.provider != failed.model.provider)
    return rest


def _may_support(candidate: Candidate, failed: Candidate, objection: str) -> bool:
    declared = bool(candidate.model.features)
    return not objection and (declared or candidate.model.provider != failed.model.provider)
