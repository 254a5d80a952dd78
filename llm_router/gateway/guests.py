"""A caller's own Anthropic login, passed on to Anthropic and to nobody else: where the user allows it
(`gateway.forward_credentials`) and no key of ours is set up there. What one caller's login is told says nothing of others.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from llm_router.access import Keys
from llm_router.gateway.turns import Turns
from llm_router.nouns import FailureKind
from llm_router.plan import Plans, World
from llm_router.ports import Health, HealthState, Provider, Readiness
from llm_router.route import Router

if TYPE_CHECKING:
    from llm_router.app import App
    from llm_router.gateway.visit import Visit

NAME = "anthropic"
OAUTH = "oauth-"
KEPT = 64  # logins
_OF_THE_LOGIN = frozenset({FailureKind.AUTH, FailureKind.BILLING, FailureKind.RATE_LIMITED})


def path_of(visit: Visit) -> tuple[Router, Turns]:
    """The path of this request: the App's, or one on which Anthropic is ready through the caller's login."""
    guests = visit.generation.guests
    if guests is not None and (shown := _login(visit)):
        return guests.router(shown), guests.turns
    return visit.app.router, visit.generation.turns


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
        # without it no subscription's token is taken
        found["anthropic-beta"] = ",".join(beta.strip() for beta in betas)
    return found


def _is_ours(keys: Keys, name: str, value: str) -> bool:
    return keys.name_of({name.encode(): value.encode("latin-1")}) is not None


class Guests:
    """The paths of callers with a login of their own. All share what knows no login: the world and its plans. A path with
    its login is kept for the caller's next request, as long as it is among the last KEPT in use.
    """

    def __init__(self, app: App, turns: Turns) -> None:
        self.turns = replace(turns, anthropic=lambda: (NAME,))
        self._app, self._plans, self._world = app, Plans(), _welcoming(app.router.world)
        self._salt = os.urandom(16)
        self._kept: dict[bytes, Router] = {}

    def router(self, shown: Mapping[str, str]) -> Router:
        """The path of who shows these headers. They are kept in no key: what can be looked up holds no login."""
        mark = blake2b(repr(sorted(shown.items())).encode(), key=self._salt, digest_size=32).digest()
        path = self._kept.pop(mark, None) or self._made(shown)
        self._kept[mark] = path  # the last in use is the last in line
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return path

    def _made(self, shown: Mapping[str, str]) -> Router:
        router, guest = self._app.router, self._app.providers.guest(NAME, shown)

        def provider(name: str) -> Provider:
            return guest if name == NAME else router.means.provider(name)

        health: Health = _Apart(router.means.health)
        means = replace(router.means, provider=provider, health=health)
        return replace(router, world=self._world, plans=self._plans, means=means)


def _welcoming(world: Callable[[], Awaitable[World]]) -> Callable[[], Awaitable[World]]:
    """The world with Anthropic in it; the same object while nothing has changed, as plans want it."""
    kept: tuple[World, World] | None = None

    async def welcoming() -> World:
        nonlocal kept
        found = await world()
        if kept is None or kept[0] is not found:
            kept = (found, replace(found, ready={**found.ready, NAME: Readiness(ready=True)}))
        return kept[1]

    return welcoming


class _Apart:
    """The breakers, but for what a caller's own login was told."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def calm(self) -> bool:
        return self._health.calm()

    def cooling(self, provider: str, model: str) -> HealthState | None:
        return self._health.cooling(provider, model)

    def enter(self, provider: str, model: str) -> HealthState | None:
        return self._health.enter(provider, model)

    async def aenter(self, provider: str, model: str) -> HealthState | None:
        return await self._health.aenter(provider, model)

    def succeeded(self, provider: str, model: str) -> None:
        self._health.succeeded(provider, model)

    def failed(self, provider: str, model: str, kind: FailureKind, retry_after_s: float | None) -> None:
        if provider == NAME and kind in _OF_THE_LOGIN:
            kind = FailureKind.CANCELLED  # gives a probe back, and says nothing
        self._health.failed(provider, model, kind, retry_after_s)

    def states(self) -> Sequence[HealthState]:
        return self._health.states()
