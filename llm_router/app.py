"""The composition root: the one place that knows who stands behind every seam."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

from msgspec import structs

from llm_router import config, hops, paths
from llm_router.admit.budgets import SqliteBudgets
from llm_router.admit.leases import LeasedBudgets
from llm_router.admit.sessions import Sessions
from llm_router.db import Database
from llm_router.errors import NotFoundError
from llm_router.hosts.snapshot import Keeper, KeptLedger, Snapshot
from llm_router.inventory import Inventory
from llm_router.learn import Learner
from llm_router.nouns import Billing, Decision, Event, Model, Reply, Request
from llm_router.plan import Catalogue, World
from llm_router.plan.health import HealthBook
from llm_router.ports import Readiness
from llm_router.prices import PriceBook
from llm_router.providers.registry import Registry
from llm_router.record import SqliteLedger
from llm_router.route import Router
from llm_router.run import Hedging, Means, TieBreak
from llm_router.settings import Settings


@dataclass(frozen=True, slots=True)
class App:
    """Everything a door needs. Building it reads the configuration and nothing else: no SDK, no network, no database."""

    root: Path
    loaded: config.Loaded
    providers: Registry
    catalogue: Catalogue
    prices: PriceBook
    health: HealthBook
    budgets: SqliteBudgets | LeasedBudgets
    ledger: SqliteLedger
    inventory: Inventory
    router: Router
    keeper: Keeper

    @classmethod
    def build(
        cls,
        *,
        root: Path | None = None,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, object] | None = None,
        serves: bool = False,
        relays: bool = False,
        patience: float = 1.0,
    ) -> Self:
        """Raises ConfigError. `flags` are dotted settings of the command line, above every other layer. `serves`: for a
        door with many calls at once, none of which makes the others wait for the database. `relays`: for one that
        relays bytes too: over our own wire where there is a choice, budgets leased in blocks. `patience`: how many times
        as long as usual it may take to find out who is there.
        """
        root = root or paths.home()
        environ = os.environ if environ is None else environ
        loaded = config.load(root=root, cwd=cwd or paths.here(), environ=environ, flags=flags or {})
        settings = loaded.settings
        providers = Registry(settings, environ, partial(hops.mark, root), patience=patience)
        catalogue = Catalogue.load(settings)
        vendors = [providers.vendor(name) for name in providers.names()]
        prices = PriceBook(settings.prices, {each.name: each.prices for each in vendors if each.prices})
        database = Database(paths.database(root))
        health = HealthBook(paths.database(root), credential=providers.fingerprint, aside=serves or relays)
        budgets = _budgets(root, settings, serves=serves, relays=relays)
        ledger = SqliteLedger(root, store_prompts=settings.router.store_prompts, journaled=relays)
        inventory = Inventory(providers, database, patience=patience)

        carrier = providers.carrier if relays else providers.get
        routing = settings.routing
        hedging = None if routing.hedge_seconds is None else Hedging(routing.hedge_seconds)
        router = Router(
            settings=settings,
            world=_world(inventory, providers, catalogue, health, prices, settings),
            means=Means(carrier, health, budgets, prices, routing.deadline_seconds, hedging),
            ledger=ledger,
            prices=prices,
            baseline=_baseline(catalogue, settings),
            sessions=Sessions(paths.database(root)),
            learner=Learner(paths.database(root), enabled=routing.learn),
            tie_break=TieBreak(paths.database(root), enabled=routing.tie_break),
        )
        keeper = Keeper(Snapshot(root, environ, router, providers, prices, budgets))
        router = replace(router, ledger=KeptLedger(ledger, keeper))
        return cls(
            root, loaded, providers, catalogue, prices, health, budgets, ledger, inventory, router, keeper
        )

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    async def ask(self, request: Request) -> Reply:
        return await self.router.ask(request)

    def stream(self, request: Request) -> AsyncGenerator[Event]:
        return self.router.stream(request)

    async def dry_run(self, request: Request) -> Decision:
        """What would be done, without doing it; not recorded."""
        return await self.router.decide(request)

    async def readiness(self, name: str) -> Readiness:
        return await self.inventory.readiness(name)

    async def installed(self) -> Mapping[str, Sequence[Model]]:
        found = await self.inventory.look()
        return {name: each.models for name, each in found.items() if each.models is not None}

    async def aclose(self) -> None:
        """Close upstream connections, wait for the ledger's writer, and tell the hooks what has changed. What may wait for
        the database waits in a thread: behind the gateway a newer App is answering.
        """
        await asyncio.to_thread(self.ledger.close)
        await self.keeper.aclose()
        await self.inventory.aclose()
        await self.providers.aclose()
        for each in (self.budgets, self.health, self.inventory):
            await asyncio.to_thread(each.close)


def _budgets(root: Path, settings: Settings, *, serves: bool, relays: bool) -> SqliteBudgets | LeasedBudgets:
    budgets = SqliteBudgets(paths.database(root), settings.budget)
    if relays:
        return LeasedBudgets(budgets)
    return LeasedBudgets(budgets, calls=1) if serves else budgets


def _world(
    inventory: Inventory,
    providers: Registry,
    catalogue: Catalogue,
    health: HealthBook,
    prices: PriceBook,
    settings: Settings,
) -> Callable[[], Awaitable[World]]:
    kept: tuple[object, World] | None = None

    async def world() -> World:
        """The same object while nothing has changed."""
        nonlocal kept
        if not health.is_fresh():
            await health.refresh()
        found = await inventory.look()
        if kept is not None and kept[0] is found:
            return kept[1]
        made = World(
            catalogue=catalogue,
            ready={name: each.readiness for name, each in found.items()},
            installed={name: each.models for name, each in found.items() if each.models is not None},
            health=health,
            prices=prices,
            routing=settings.routing,
            configured=providers.configured,
        )
        kept = (found, made)
        return made

    return world


def _baseline(catalogue: Catalogue, settings: Settings) -> Model | None:
    """Priced by the token even where the user happens to have it in a subscription. An unknown one means that savings
    are not measured; `config check` tells the user.
    """
    with suppress(NotFoundError):
        return structs.replace(catalogue.resolve(settings.router.baseline), billing=Billing.METERED)
    return None
