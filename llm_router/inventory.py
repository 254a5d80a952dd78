"""What could answer at this moment: local models that are installed, command-line clients that are logged in.

Asking costs milliseconds (a listing) to hundreds of them (a child process), so answers are kept: in memory for this
process, and login checks in the database for all of them. A stale answer serves while a fresh one is fetched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from llm_router.db import FAILURES, Database
from llm_router.errors import RouterError
from llm_router.nouns import Model
from llm_router.ports import Readiness
from llm_router.providers.registry import Registry

FRESH_S = 15.0  # a listing younger than this is used as it is
STALE_S = 300.0  # an older one is used once more while it is renewed
SEEN_S = 0.25  # a busy door looks thousands of times a second
READY_FOR_S, UNREADY_FOR_S = 600.0, 30.0  # how long a login check is believed
LISTING_LIMIT_S = 1.0
CHECK_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class _Found:
    at: float
    readiness: Readiness
    models: Sequence[Model] | None


class Inventory:
    def __init__(self, providers: Registry, database: Database, *, patience: float = 1.0) -> None:
        """`patience`: how many times as long as usual somebody may take to answer."""
        self._providers, self._database, self._patience = providers, database, patience
        self._found: dict[str, _Found] = {}
        self._renewing: dict[str, asyncio.Task[_Found]] = {}
        self._seen: Mapping[str, _Found] = {}
        self._seen_until = float("-inf")

    async def look(self) -> Mapping[str, _Found]:
        """Readiness and installed models of every provider that has a key, an address or an executable."""
        if time.monotonic() < self._seen_until:
            return self._seen
        names = [n for n in self._providers.names() if self._providers.configured(n).ready]
        asked = [name for name in names if self._must_ask(name)]
        found = await asyncio.gather(*(self._cached(name) for name in asked))
        known = _Found(0.0, Readiness(ready=True), None)
        seen = dict.fromkeys(names, known) | dict(zip(asked, found, strict=True))
        if seen != self._seen:  # who keeps what he made of it knows by the object that it still holds
            self._seen = seen
        self._seen_until = time.monotonic() + SEEN_S
        return self._seen

    async def readiness(self, name: str) -> Readiness:
        """Whether this provider could be called now, asked afresh where asking is cheap. Never raises RouterError."""
        configured = self._providers.configured(name)
        return (await self._ask(name)).readiness if configured.ready else configured

    async def aclose(self) -> None:
        tasks = list(self._renewing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        self._database.close()

    def _must_ask(self, name: str) -> bool:
        vendor = self._providers.vendor(name)
        return vendor.discover or vendor.is_cli

    async def _cached(self, name: str) -> _Found:
        found = self._found.get(name)
        age = time.time() - found.at if found else STALE_S
        if found is not None and age < FRESH_S:
            return found
        task = self._renewing.get(name)
        if task is None:
            task = self._renewing[name] = asyncio.create_task(self._renew(name))
        # a waiter that is cancelled must not cancel the answer for the others
        return found if found is not None and age < STALE_S else await asyncio.shield(task)

    async def _renew(self, name: str) -> _Found:
        try:
            is_cli = self._providers.vendor(name).is_cli
            found = await asyncio.to_thread(self._remembered, name) if is_cli else None
            found = found or await self._ask(name)
            self._found[name] = found
            return found
        finally:
            self._renewing.pop(name, None)

    async def _ask(self, name: str) -> _Found:
        now, vendor = time.time(), self._providers.vendor(name)
        models: Sequence[Model] | None = None
        try:
            await self._knock(name)
            if vendor.is_cli:
                async with asyncio.timeout(CHECK_LIMIT_S * self._patience):
                    readiness = await self._providers.login(name)
            elif vendor.discover:
                models = await self._models(name)
                readiness = self._listed(name, models)
            else:
                await asyncio.to_thread(self._providers.get, name)  # can its SDK be loaded?
                readiness = self._providers.configured(name)
        except Exception as error:  # whatever is wrong with one provider, the others can still answer
            readiness, models = self._unready(name, error), ()
        if vendor.is_cli:  # a check that hangs is remembered too: the next process need not wait for it
            await asyncio.to_thread(self._remember, name, readiness, now)
        return _Found(now, readiness, models)

    async def _models(self, name: str) -> Sequence[Model]:
        listing = await asyncio.to_thread(self._providers.listing, name)  # it may import an HTTP client
        async with asyncio.timeout(LISTING_LIMIT_S * self._patience):
            return await listing.models()

    def _listed(self, name: str, models: Sequence[Model]) -> Readiness:
        count = f"{len(models)} {'model' if len(models) == 1 else 'models'}"
        return Readiness(ready=True, detail=f"{count} at {self._providers.configured(name).detail}")

    async def _knock(self, name: str) -> None:
        """Whether anybody listens, before a client is loaded to ask: most machines run no local model. Raises OSError."""
        if (address := self._providers.local_address(name)) is None:
            return
        async with asyncio.timeout(LISTING_LIMIT_S * self._patience):
            _, writer = await asyncio.open_connection(*address)
        writer.close()

    def _unready(self, name: str, error: Exception) -> Readiness:
        if isinstance(error, RouterError):
            return Readiness(ready=False, detail=error.message, fix=error.fix)
        vendor, where = self._providers.vendor(name), self._providers.configured(name).detail
        if not isinstance(error, OSError):
            return Readiness(ready=False, detail=f"cannot be used here ({type(error).__name__}: {error})")
        what = "did not answer in time" if isinstance(error, TimeoutError) else "nobody listens"
        return Readiness(
            ready=False, detail=f"{what} at {where}", fix=vendor.install or f"start {vendor.title}"
        )

    def _remembered(self, name: str) -> _Found | None:
        row: dict[str, Any] | None = None
        with suppress(*FAILURES), self._database.reading(timeout_s=0.2) as connection:
            row = connection.execute("SELECT * FROM probes WHERE provider = ?", (name,)).fetchone()
        if row is None or time.time() - row["checked_at"] > (READY_FOR_S if row["ready"] else UNREADY_FOR_S):
            return None
        return _Found(time.time(), Readiness(bool(row["ready"]), row["detail"], row["fix"]), None)

    def _remember(self, name: str, readiness: Readiness, now: float) -> None:
        with suppress(*FAILURES), self._database.transaction(timeout_s=0.2) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO probes (provider, ready, detail, fix, checked_at) VALUES (?, ?, ?, ?, ?)",
                (name, int(readiness.ready), readiness.detail, readiness.fix, now),
            )
