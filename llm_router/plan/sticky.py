"""A running conversation keeps its model unless moving pays: what is cached there would be paid for anew elsewhere.

    moving pays = stay_cost - move_cost + WORTH * (chance of the other model - chance of this one) > a margin

Both costs are of the calls expected until somebody speaks again, the first of them finding what is cached now.
Pure, given the world.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from llm_router.errors import NotFoundError
from llm_router.nouns import Assessment, Candidate, Model, Plan, Request, Skipped, Switch, Verdict
from llm_router.plan import quote, size
from llm_router.plan.chain import Facts, provider_entry
from llm_router.plan.filter import needs
from llm_router.plan.world import World
from llm_router.plan.worth import WORTH

MARGIN = 0.1  # of the cost of staying: estimates are no reason to change a model
SHRUNK = 0.6  # of what a conversation was: a client has compacted or cleared it
CALLS = 20  # expected of one prompt, at most


class Cached(Struct, frozen=True):
    """How much of a conversation a model has in its cache, and until when (Unix seconds)."""

    tokens: int = 0
    until: float = 0.0


class Standing(Struct, frozen=True):
    """Where a conversation stands: the model that answered it last (`provider/model`), how long it was, what is cached
    with whom. `requests` per `prompts` is how many calls one prompt has taken so far.
    """

    model: str
    input_tokens: int = 0
    opening: str = ""
    requests: int = 1
    prompts: int = 1
    cached: Mapping[str, Cached] = field(default_factory=dict[str, Cached])

    def cached_tokens(self, ref: str, now: float) -> int:
        found = self.cached.get(ref)
        return found.tokens if found is not None and now < found.until else 0

    @property
    def calls(self) -> int:
        return max(1, min(CALLS, round(self.requests / max(1, self.prompts))))


def settle(
    made: Plan,
    request: Request,
    assessment: Assessment,
    verdict: Verdict,
    standing: Standing | None,
    *,
    world: World,
    now: float,
) -> tuple[Plan, Switch | None]:
    """The plan with the models a door prefers in front, and before them the conversation's own where it stays.

    A model that was named or pinned is left alone.
    """
    if verdict.model is not None or not (request.prefer or standing):
        return made, None
    settling = _Settling(made, request, assessment, verdict, world, now)
    settling.prefer()
    switch = settling.stay(standing) if standing is not None else None
    return settling.plan, switch


class _Settling(Struct):
    plan: Plan
    request: Request
    assessment: Assessment
    verdict: Verdict
    world: World
    now: float

    def prefer(self) -> None:
        """What the user's rule for this kind of turn names; who cannot serve is skipped with the reason."""
        rule = f"routing.turns.{self.request.turn}" if self.request.turn else "routing.turns"
        for name in reversed(self.request.prefer):
            found = self._candidate(name, f"by {rule}")
            if isinstance(found, Candidate):
                self._put_first(found)
            else:
                self.plan = replace(self.plan, skipped=(Skipped(name, found), *self.plan.skipped))

    def stay(self, standing: Standing) -> Switch | None:
        first = self.plan.candidates[0].model
        if first.ref == standing.model:
            return Switch(standing.model, first.ref, kept=True, because="the plan's first choice again")
        own = self._candidate(standing.model, "")
        if isinstance(own, str):
            return Switch(standing.model, first.ref, kept=False, because=own)
        switch = self._weighed(standing, own, first)
        if switch.kept:
            self._put_first(replace(own, reason=f"the conversation stays: {switch.because}"))
        return switch

    def _weighed(self, standing: Standing, own: Candidate, first: Model) -> Switch:
        def switch(because: str, *costs: int | None, kept: bool = False) -> Switch:
            return Switch(standing.model, first.ref, kept, because, *costs)

        if self._begins_anew(standing):
            return switch("compacted or cleared")
        told, compacts = self.request.conversation, self.request.turn == "compaction"
        if told is not None and told.goes_on and not compacts:
            return switch("an agent's loop goes on", kept=True)
        stay, move = self._cost(own.model, standing), self._cost(first, standing)
        if self.request.prefer:
            return switch(f"by routing.turns.{self.request.turn}", stay, move)
        if stay is None or move is None:
            return switch("a price is unknown", stay, move, kept=True)
        chance = self.assessment.p_success(first.tier) - self.assessment.p_success(own.model.tier)
        pays = stay - move + WORTH[self.verdict.profile] * chance
        if pays > MARGIN * stay:
            return switch("moving pays", stay, move)
        return switch("moving does not pay", stay, move, kept=True)

    def _begins_anew(self, standing: Standing) -> bool:
        told = self.request.conversation
        other = (
            told is not None and bool(told.opening and standing.opening) and told.opening != standing.opening
        )
        return other or self.plan.input_tokens < SHRUNK * standing.input_tokens

    def _cost(self, model: Model, standing: Standing) -> int | None:
        """Of the calls this prompt is expected to take, on this model."""
        tokens, calls = self.plan.input_tokens, standing.calls
        rates = quote.rates(self.world.prices, model, tokens)
        caches = quote.cache_rates(self.world.prices, model, tokens)
        if rates is None or caches is None:
            return None
        cached = min(tokens, standing.cached_tokens(model.ref, self.now))
        once = cached * caches.read + (tokens - cached) * max(rates.input, caches.write)
        again = (calls - 1) * tokens * caches.read
        said = size.expected_output(self.request, self.assessment.complexity) * rates.output
        return round(once + again + said + calls * rates.call)

    def _candidate(self, name: str, reason: str) -> Candidate | str:
        """The model of this name, or why it cannot be asked."""
        planned = next((each for each in self.plan.candidates if each.model.ref == name), None)
        if planned is not None:
            return replace(planned, reason=reason)
        if place := provider_entry(name, self.world.catalogue):
            return self._of_provider(*place, reason)
        try:
            model = self.world.catalogue.resolve(name, self.world.found())
        except NotFoundError as error:
            return error.message
        state = self.world.ready.get(model.provider)
        if state is None or not state.ready:
            return (state.detail if state else "") or f"{model.provider} is not set up"
        facts = self._facts()
        objection = facts.objection(model)
        return objection.reason if objection else facts.candidate(model, reason)

    def _of_provider(self, provider: str, tier: str | None, reason: str) -> Candidate | str:
        """The first of its models that can serve; of a search of the web, that can search."""
        state = self.world.ready.get(provider)
        if state is None or not state.ready:
            return (state.detail if state else "") or f"{provider} is not set up"
        facts, why = self._facts(), f"no model of {provider} searches the web"
        for model in facts.ranked(provider, tier):
            if self.request.web_search is not None and model.features and "web" not in model.features:
                continue
            objection = facts.objection(model)
            if objection is None:
                return facts.candidate(model, reason)
            why = objection.reason
        return why

    def _facts(self) -> Facts:
        return Facts(
            world=self.world,
            request=self.request,
            task=self.assessment.task,
            complexity=self.assessment.complexity,
            tier="mid",
            needed=needs(self.request),
            input_tokens=self.plan.input_tokens,
            blocked=self.verdict.blocked,
            max_cost=self.verdict.max_cost,
        )

    def _put_first(self, candidate: Candidate) -> None:
        others = (each for each in self.plan.candidates if each.model.ref != candidate.model.ref)
        self.plan = replace(self.plan, candidates=(candidate, *others))
