"""From the entries of a chain to candidates: each entry opened, each model checked, each refusal remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from llm_router.errors import NotFoundError
from llm_router.nouns import Billing, Candidate, Complexity, Feature, Model, Request, Task
from llm_router.plan import filter as filters
from llm_router.plan import local, quote, size
from llm_router.plan.catalogue import Catalogue
from llm_router.plan.filter import Cause, Skip
from llm_router.plan.world import World

INSTALLED_TRIED = 2  # a second local model may do what the first could not; a third only costs time
CHEAPEST_TRIED = 2
_TIERS: Mapping[str, tuple[str, ...]] = {
    "small": ("small", "mid", "frontier"),
    "mid": ("mid", "frontier", "small"),
    "frontier": ("frontier", "mid", "small"),
}
_STRENGTH = ("small", "mid", "frontier")
_AS_IF = {"small": Complexity.SIMPLE, "mid": Complexity.MODERATE, "frontier": Complexity.COMPLEX}
_FREE = {Billing.LOCAL: "free, local", Billing.SUBSCRIPTION: "covered by a subscription"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What one request asks of a model, and what this model would cost for it."""

    world: World
    request: Request
    task: Task
    complexity: Complexity
    tier: str
    needed: frozenset[Feature]
    input_tokens: int
    blocked: Sequence[str] = ()
    max_cost: int | None = None

    def expected_cost(self, model: Model) -> int | None:
        output = size.expected_output(self.request, self.complexity)
        return quote.expected(self.world.prices, model, self.input_tokens, output)

    def largest_output(self, model: Model) -> int:
        tools = "tools" in self.needed
        return size.largest_output(self.request, self.complexity, model.max_output, has_tools=tools)

    def cost_at_most(self, model: Model) -> int | None:
        return quote.at_most(self.world.prices, model, self.input_tokens, self.largest_output(model))

    def candidate(self, model: Model, reason: str) -> Candidate:
        costs = self.expected_cost(model), self.cost_at_most(model)
        return Candidate(model, reason, *costs, self.largest_output(model))

    def wanted_output(self, model: Model) -> int:
        """Room the answer should have. What a caller allows is a ceiling: coding agents always allow 32,000 or more."""
        asked = self.request.max_output_tokens
        wanted = (
            min(asked, size.LARGEST_OUTPUT[self.complexity])
            if asked
            else size.expected_output(self.request, self.complexity)
        )
        return min(wanted, model.max_output) if model.max_output else wanted

    def objection(self, model: Model) -> Skip | None:
        """Why this model is not asked, or None."""
        if pattern := filters.blocked_by(model, self.blocked):
            return Skip(model.ref, Cause.BLOCKED, f"blocked by `{pattern}`", model=model)
        if reason := filters.unable(model, self.needed):
            return Skip(model.ref, Cause.UNABLE, reason, model=model)
        if reason := filters.too_long(model, self.input_tokens, self.wanted_output(model)):
            return Skip(model.ref, Cause.TOO_LONG, reason, model=model)
        if reason := self.too_dear(model):
            return Skip(model.ref, Cause.TOO_DEAR, reason, model=model)
        if state := self.world.health.cooling(model.provider, model.id):
            reason = filters.cooling(state)
            return Skip(model.ref, Cause.COOLING, reason, model, state.until, state.reason)
        return None

    def too_dear(self, model: Model) -> str:
        if self.max_cost is None:
            return ""
        most = self.cost_at_most(model)
        if most is None:
            return "its price is unknown, and the call has a maximum cost"
        over = most > self.max_cost
        return (
            f"it can cost up to ${most / 1e6:.4f}, the maximum is ${self.max_cost / 1e6:.4f}" if over else ""
        )

    def ranked(self, provider: str, tier: str | None = None) -> list[Model]:
        """The provider's models, best for this request first."""
        models = self.world.models(provider)
        if self.world.billing(provider) is Billing.LOCAL:
            return local.ranked(models, self.task, _AS_IF[tier] if tier else self.complexity)
        order = _TIERS[tier or self.tier]
        catalogue, deep = self.world.catalogue, self.complexity is Complexity.DEEP_REASONING

        def place(model: Model) -> tuple[bool, int, bool]:
            by_default = tier is None and model.ref in catalogue.defaults
            return (not by_default, order.index(model.tier), deep and "thinking" not in model.features)

        return sorted((m for m in models if m.ref not in catalogue.deprecated), key=place)


def provider_entry(entry: str, catalogue: Catalogue) -> tuple[str, str | None] | None:
    """`provider` or `provider:tier`, taken apart; None for what names a model."""
    provider, _, tier = entry.partition(":")
    known = entry not in catalogue.aliases and provider in catalogue.billing
    return (provider, tier or None) if known and (not tier or tier in _TIERS) else None


class Chain:
    """Grows entry by entry. `candidates` are in the order asked for, `skipped` say who is not among them and why."""

    def __init__(self, facts: Facts, name: str) -> None:
        self.facts, self.name = facts, name
        self.candidates: list[Candidate] = []
        self.skipped: dict[str, Skip] = {}
        self._asked: set[str] = set()  # providers that have had their turn

    def extend(self, entries: Iterable[str]) -> None:
        for entry in entries:
            self._open(entry.strip())

    def _open(self, entry: str) -> None:
        world = self.facts.world
        match entry:
            case "@free":
                self._providers(world.free())
            case "@cheapest":
                self._by_cost(CHEAPEST_TRIED, f"cheapest of the {self.facts.tier} tier")
            case "@rest":
                self._providers(world.free())
                self._by_cost(None, "also set up, by expected cost")
            case _ if place := provider_entry(entry, world.catalogue):
                self._provider(*place)
            case _:
                self._named(entry)

    def _providers(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._asked:
                self._provider(name, None)

    def _provider(self, name: str, tier: str | None) -> None:
        if not self._is_set_up(name):
            return
        self._asked.add(name)
        limit = INSTALLED_TRIED if self.facts.world.billing(name) is Billing.LOCAL else 1
        found = self._fitting(self.facts.ranked(name, tier))
        for _, model in zip(range(limit), found, strict=False):
            self._append(model, f"{model.tier} tier, in the {self.name} chain")
        if not self.facts.world.models(name):
            self.skipped.setdefault(name, Skip(name, Cause.NOT_READY, "no model is installed there"))

    def _named(self, name: str) -> None:
        try:
            model = self.facts.world.catalogue.resolve(name, self.facts.world.found())
        except NotFoundError as error:
            self.skipped[name] = Skip(name, Cause.UNKNOWN, f"{error.message}: {error.fix}")
            return
        if not self._is_set_up(model.provider):
            return
        self._asked.add(model.provider)
        for each in self._fitting([model]):
            self._append(each, f"{each.tier} tier, in the {self.name} chain")

    def _by_cost(self, limit: int | None, reason: str) -> None:
        """The fitting model of every metered provider not asked yet, cheapest first."""
        facts = self.facts
        picks: list[Candidate] = []
        for name in facts.world.metered():
            if name not in self._asked:
                found = next(self._fitting(facts.ranked(name)), None)
                if found is not None:
                    picks.append(facts.candidate(found, reason))
        picks.sort(key=self._place)
        for pick in picks[:limit]:
            self._asked.add(pick.model.provider)
            self.candidates.append(pick)

    def _place(self, pick: Candidate) -> tuple[bool, bool, int]:
        """By cost, those without a price last; but a provider without a model of the fitting tier after all that have."""
        too_weak = _STRENGTH.index(pick.model.tier) < _STRENGTH.index(self.facts.tier)
        return (too_weak, pick.expected_cost is None, pick.expected_cost or 0)

    def _fitting(self, models: Iterable[Model]) -> Iterator[Model]:
        taken = {candidate.model.ref for candidate in self.candidates}
        for model in models:
            if model.ref in taken:
                continue
            skip = self.facts.objection(model)
            if skip is None:
                yield model
            else:
                self.skipped[model.ref] = skip

    def _append(self, model: Model, reason: str) -> None:
        self.candidates.append(self.facts.candidate(model, _FREE.get(model.billing, reason)))

    def _is_set_up(self, provider: str) -> bool:
        """What the user has not set up is not worth a line; what is set up and does not answer is."""
        state = self.facts.world.ready.get(provider)
        if state is not None and not state.ready:
            reason = state.detail or "it is not ready"
            self.skipped.setdefault(provider, Skip(provider, Cause.NOT_READY, reason))
        return state is not None and state.ready
