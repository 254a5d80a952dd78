"""The one model somebody named or pinned: never replaced, and refused only with a clear error."""

from __future__ import annotations

from llm_router.dialects.encoding import SIGHTS
from llm_router.errors import BudgetError, CredentialsError, NotFoundError, UsageError
from llm_router.nouns import Billing, Candidate, Model
from llm_router.plan import filter as filters
from llm_router.plan.chain import Facts
from llm_router.plan.world import World

SURELY = 1.25  # token counts are estimates: refuse only what is too long by more than their error
_BECAUSE = {"asked": "asked for", "pinned": "pinned in the settings"}


def the_one(name: str, because: str, facts: Facts) -> Candidate:
    """Its candidate, even while it cools down or is in no catalogue."""
    model = _model(name, facts)
    reason = _BECAUSE.get(because, because)
    filters.refuse_if_blocked(model, facts.blocked, reason)
    _check_set_up(model, facts.world)
    _check_ability(model, facts)
    if objection := facts.too_dear(model):
        raise BudgetError(
            f"{model.ref} was {reason}, but {objection}",
            fix="raise --max-cost, or let the router choose: leave out --model",
            budget="max_cost",
            cap=facts.max_cost or 0,
        )
    state = facts.world.health.cooling(model.provider, model.id)
    return facts.candidate(model, f"{reason}; {filters.cooling(state)}" if state else reason)


def _model(name: str, facts: Facts) -> Model:
    world = facts.world
    provider = name.strip().lower()
    if provider in world.catalogue.billing and provider not in world.catalogue.aliases:
        return _of_provider(provider, facts)
    return world.catalogue.resolve(name, world.found())


def _of_provider(provider: str, facts: Facts) -> Model:
    """Who names only a provider wants its model that suits the request best."""
    ranked = facts.ranked(provider)
    if not ranked:
        is_local = facts.world.billing(provider) is Billing.LOCAL
        raise NotFoundError(
            f"{provider} offers no model now" if is_local else f"no model of {provider} is known",
            fix="start it and install a model (`llm-router doctor`)"
            if is_local
            else f"name one as {provider}/MODEL, or list it under providers.{provider}.models",
        )
    return next((model for model in ranked if facts.objection(model) is None), ranked[0])


def _check_set_up(model: Model, world: World) -> None:
    """A provider that is set up but does not answer is tried all the same: the attempt tells more than a guess.

    Not so a client of a subscription that is not logged in: it would wait for a login until its deadline.
    """
    state = world.ready.get(model.provider)
    if state is None:
        state = world.configured(model.provider) if world.configured else None
    elif model.billing is not Billing.SUBSCRIPTION:
        return
    if state is not None and not state.ready:
        raise CredentialsError(f"{model.ref}: {state.detail or 'the provider is not set up'}", fix=state.fix)


def _check_ability(model: Model, facts: Facts) -> None:
    needed = facts.needed - SIGHTS.keys() if "tools" in facts.needed else facts.needed  # agents go on without
    if reason := filters.unable(model, needed):
        able = [m for m in facts.world.catalogue.models if facts.needed <= m.features]
        here = [m.ref for m in able if facts.world.is_ready(m.provider)]
        example = next(iter([*here, *(m.ref for m in able)]), "")
        raise UsageError(
            f"{model.ref} cannot serve this request: {reason}",
            fix=f"name one that can, such as {example}, or leave out --model"
            if example
            else "leave out --model",
        )
    if model.context is not None and facts.input_tokens > model.context * SURELY:
        reason = filters.too_long(model, facts.input_tokens, facts.wanted_output(model))
        raise UsageError(
            f"{model.ref} cannot serve this request: {reason}",
            fix="shorten it, or leave out --model: the router takes a model whose window is large enough",
        )
