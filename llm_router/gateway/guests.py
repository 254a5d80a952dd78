"""A caller's own Anthropic login, passed on to Anthropic and to nobody else: where the user allows it
(`gateway.forward_credentials`) and no key of ours is set up there. What one caller's login is told says nothing of others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llm_router.access import Keys
from llm_router.gateway.turns import Turns
from llm_router.gateway.visit import Visit
from llm_router.nouns import FailureKind
from llm_router.plan import World
from llm_router.ports import Health, HealthState, Provider, Readiness
from llm_router.providers.registry import Registry
from llm_router.route import Router

NAME = "anthropic"
OAUTH = "oauth-"
_OF_THE_LOGIN = frozenset({FailureKind.AUTH, FailureKind.BILLING, FailureKind.RATE_LIMITED})


def path_of(visit: Visit) -> tuple[Router, Turns]:
    """The path of this request: the App's, or one on which Anthropic is ready through the caller's login."""
    router, turns = visit.app.router, visit.generation.turns
    if visit.generation.settings.forward_credentials and (shown := _login(visit)):
        return _welcoming(router, turns, visit.app.providers, shown)
    return router, turns


def _login(visit: Visit) -> Mapping[str, str]:
    """The headers of the caller's own login; none where it may not be used."""
    if visit.dialect != NAME or visit.app.providers.configured(NAME).ready:
        return {}
    found: dict[str, str] = {}
    for name in ("authorization", "x-api-key"):
        value = visit.call.text(name)
        if value and not _is_ours(visit.generation.keys, name, value):
            found[name] = value
    if found and (betas := [beta for beta in visit.call.text("anthropic-beta").split(",") if OAUTH in beta]):
        found["anthropic-beta"] = ",".join(
            beta.strip() for beta in betas
        )  # without it no subscription's token is taken
    return found


def _is_ours(keys: Keys, name: str, value: str) -> bool:
    return keys.name_of({name.encode(): value.encode("latin-1")}) is not None


def _welcoming(
    router: Router, turns: Turns, providers: Registry, shown: Mapping[str, str]
) -> tuple[Router, Turns]:
    guest = providers.guest(NAME, shown)

    async def world() -> World:
        found = await router.world()
        return replace(found, ready={**found.ready, NAME: Readiness(ready=True)})

    def provider(name: str) -> Provider:
        return guest if name == NAME else router.means.provider(name)

    means = replace(router.means, provider=provider, health=_Apart(router.means.health))
    return replace(router, world=world, means=means), replace(turns, anthropic=lambda: (NAME,))


class _Apart:
    """The breakers, but for what a caller's own login was told."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def cooling(self, provider: str, model: str) -> HealthState | None:
        return self._health.cooling(provider, model)

    def enter(self, provider: str, model: str) -> HealthState | None:
        return self._health.enter(provider, model)

    def succeeded(self, provider: str, model: str) -> None:
        self._health.succeeded(provider, model)

    def failed(self, provider: str, model: str, kind: FailureKind, retry_after_s: float | None) -> None:
        if provider == NAME and kind in _OF_THE_LOGIN:
            kind = FailureKind.CANCELLED  # gives a probe back, and says nothing
        self._health.failed(provider, model, kind, retry_after_s)

    def states(self) -> Sequence[HealthState]:
        return self._health.states()
