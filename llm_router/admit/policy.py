"""What the caller and the user's own words allow: the one model that must answer, blocks, the cost limit, the profile."""

from __future__ import annotations

from llm_router.errors import NotFoundError
from llm_router.nouns import Assessment, Model, Request, Verdict
from llm_router.plan import strategy_of
from llm_router.plan.catalogue import Catalogue
from llm_router.plan.filter import refuse_if_blocked
from llm_router.settings import RoutingSettings, Settings


def admit(request: Request, assessment: Assessment, settings: Settings) -> Verdict:
    """A model the caller names stands above a pin, a pin above routing. A strategy word (`auto`, `cheap` ...) names no
    model: it stays in the request, and plan reads it.

    Raises PolicyError when the model that must answer is blocked.
    """
    is_strategy = strategy_of(request.model, settings.routing.aliases) is not None
    asked = request.model.strip() if request.model and not is_strategy else None
    pinned = None if asked else _pinned(assessment, settings.routing)
    name = asked or pinned
    verdict = Verdict(
        model=name,
        model_because="asked" if asked else "pinned" if pinned else None,
        blocked=settings.routing.block,
        max_cost=request.max_cost,
        profile=request.profile or settings.router.profile,
    )
    model = _known(name, settings) if name else None
    if model is not None:
        refuse_if_blocked(model, verdict.blocked, "asked for" if asked else "pinned in the settings")
    return verdict


def _pinned(assessment: Assessment, routing: RoutingSettings) -> str | None:
    return routing.pin.get(assessment.task) or routing.pin.get("all")


def _known(name: str, settings: Settings) -> Model | None:
    """A model no catalogue lists may be installed on this machine: plan knows, and checks blocks again."""
    try:
        return Catalogue.load(settings).resolve(name)
    except NotFoundError:
        return None
