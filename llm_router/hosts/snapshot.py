"""What the hooks need to know, written to `<home>/snapshot.json` for them: they have no time to ask.

    {"version": 1, "written_at": Unix seconds, "enforce": "smart", "profile": "balanced",
     "baseline": {"model": "anthropic/...", "input_per_million": USD, "output_per_million": USD} | null,
     "routes": {"simple": "ollama/...", ...}, "spend_today": micro-dollars, "saved_today": micro-dollars | null,
     "budget_left": micro-dollars | null, "quota": null, "warm": ["..."], "ollama_url": "http://..." | "", "mcp": true,
     "show_answers": true}

`enforce` and `profile` are the user's own, not those of the project or the shell that happened to write last: all
sessions of the user share the file. `Keeper` writes it soon after each recorded decision, at most every few seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from llm_router import config, db, paths
from llm_router.admit.budgets import SqliteBudgets
from llm_router.admit.leases import LeasedBudgets
from llm_router.errors import RouterError
from llm_router.hosts import events
from llm_router.nouns import Complexity, Decision, JsonDict, Model, Profile, Usage, ask
from llm_router.ports import Ledger
from llm_router.prices import PriceBook
from llm_router.providers.registry import Registry
from llm_router.record import queries
from llm_router.route import Router
from llm_router.windows import bounds

FILE = "snapshot.json"
EVERY_S = 3.0
SETTLE_S = 0.2  # the answer first; and the ledger's writer gets to write the decision that is to be counted
RARE = 200  # times as long as a file takes to make: a long ledger takes long to add up, and a busy gateway asks always
_PRICED_TOKENS = 10_000  # few enough for the ordinary price, where long prompts cost more
_OF_THE_SESSION = ("LLM_ROUTER_ENFORCE", "LLM_ROUTER_PROFILE")  # the hooks read these themselves


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Gathers and writes. Nothing here raises for what is wrong outside: the hooks then do without that key."""

    root: Path
    environ: Mapping[str, str]
    router: Router
    providers: Registry
    prices: PriceBook
    budgets: SqliteBudgets | LeasedBudgets

    async def write(self, *, from_a_shell: bool = False) -> bool:
        """Gather and replace the file; False when it cannot be written (the next time may be luckier).

        A shell may lack the keys that a host has: that nobody could answer there is no news for the hooks.
        """
        try:
            paid = bool((await self.router.world()).metered())  # whose routes have to be priced anyway
            facts = await asyncio.to_thread(self._facts, wake_prices=paid or from_a_shell)
            routes = await self._routes(None)
            budget = await self._routes(Profile.BUDGET) if facts.pop("warm_up") else {}
            if from_a_shell and not routes and not (routes := self._told_routes()):
                return False
            local = {ref.partition("/")[2] for ref in (*routes.values(), *budget.values()) if _is_ollama(ref)}
            facts |= {"routes": routes, "warm": sorted(local) if budget else []}
            await asyncio.to_thread(replace, self.root / FILE, facts)
        except (OSError, RouterError):
            return False
        return True

    def _told_routes(self) -> dict[str, str]:
        return dict(self._told("routes"))

    def _told(self, key: str) -> JsonDict:
        """What stands in the file under this key."""
        try:
            return dict(json.loads((self.root / FILE).read_bytes())[key])
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _facts(self, *, wake_prices: bool) -> JsonDict:
        """All but the routes. Waits for files and the database, and may import price data: for a thread."""
        events.drain(self.root)
        now = time.time()
        own = {name: value for name, value in self.environ.items() if name not in _OF_THE_SESSION}
        nowhere = Path(self.root.absolute().anchor)  # no project's folder
        settings = config.load(root=self.root, cwd=nowhere, environ=own).settings
        return {
            "version": 1,
            "written_at": now,
            "enforce": settings.router.enforce,
            "profile": str(settings.router.profile),
            "baseline": self._baseline(wake=wake_prices),
            "quota": None,
            "ollama_url": self._ollama_url(),
            "mcp": True,
            "show_answers": settings.router.show_answers,
            "warm_up": settings.router.warm_up,
        } | self._money(now)

    def _baseline(self, *, wake: bool) -> JsonDict | None:
        """Where nothing has had a price yet, what was written before: an idle server does not load prices for it."""
        model = self.router.baseline
        if model is None:
            return None
        if self.prices.asleep(model) and not wake:
            before = self._told("baseline")
            return before if before.get("model") == model.ref else None
        taken = self._per_million(model, Usage(input_tokens=_PRICED_TOKENS))
        given = self._per_million(model, Usage(output_tokens=_PRICED_TOKENS))
        if taken is None or given is None:
            return None
        return {"model": model.ref, "input_per_million": taken, "output_per_million": given}

    def _per_million(self, model: Model, usage: Usage) -> float | None:
        cost = self.prices.cost(model, usage)
        return None if cost is None else cost / _PRICED_TOKENS

    def _ollama_url(self) -> str:
        with suppress(RouterError):
            if address := self.providers.local_address("ollama"):
                host = f"[{address[0]}]" if ":" in address[0] else address[0]
                return f"http://{host}:{address[1]}"
        return ""

    def _money(self, now: float) -> JsonDict:
        """Of the calendar day in local time; `budget_left` is the least that any cap on everything leaves."""
        found: JsonDict = {"spend_today": None, "saved_today": None, "budget_left": None}
        today = bounds("daily", now)
        with suppress(RouterError):  # first, for it books what was spent
            left = [status.remaining for status in self.budgets.status(now) if status.cap.provider is None]
            found["budget_left"] = min(left, default=None)
        with suppress(*db.FAILURES), closing(db.connect(paths.database(self.root))) as connection:
            spent = connection.execute(
                "SELECT coalesce(sum(amount), 0) FROM spend WHERE at >= ?", (today.since,)
            )
            found["spend_today"] = int(spent.fetchone()[0])
            found["saved_today"] = queries.savings(connection, *today).saved
        return found

    async def _routes(self, profile: Profile | None) -> dict[str, str]:
        """Who would be asked first, by complexity; without those for which nobody could answer."""
        routes: dict[str, str] = {}
        for complexity in Complexity:
            with suppress(RouterError):
                decision = await self.router.decide(ask("route", complexity=complexity, profile=profile))
                routes[str(complexity)] = decision.plan.candidates[0].model.ref
        return routes


def _is_ollama(ref: str) -> bool:
    return ref.startswith("ollama/")


def replace(path: Path, body: JsonDict) -> None:
    """The whole file or the old one: a hook never reads half of it. Raises OSError."""
    paths.ensure_home(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(body, file)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


class Keeper:
    """Keeps the file fresh: `touch` costs nothing, and the writing is done in the background of the running loop."""

    def __init__(self, snapshot: Snapshot, *, every_s: float = EVERY_S) -> None:
        self._snapshot, self._every_s = snapshot, every_s
        self._owed = False
        self._due = time.monotonic()
        self._closing: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None
        self._before: asyncio.Task[None] | None = None
        self._successor: Keeper | None = None

    def touch(self) -> None:
        """Something happened. To be called in the running loop."""
        if self._successor is not None:
            self._successor.touch()
            return
        self._owed = True
        if self._task is None or self._task.done():
            self._closing = asyncio.Event()
            self._task = asyncio.create_task(self._write_soon(self._closing))

    def hand_over(self, successor: Keeper) -> None:
        """From now on the other one writes, who knows the configuration of today: this one would undo it."""
        self._successor, self._owed, successor._before = successor, False, self._task
        if self._closing is not None:
            self._closing.set()
        successor.touch()

    async def write_now(self) -> bool:
        """For a command in a shell that has changed what the hooks go by."""
        return await self._snapshot.write(from_a_shell=True)

    async def aclose(self) -> None:
        """Write what is owed, now."""
        if self._task is None or self._closing is None:
            return
        self._closing.set()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _write_soon(self, closing: asyncio.Event) -> None:
        if self._before is not None:
            await asyncio.wait([self._before])
        while self._owed:
            wait = max(SETTLE_S, self._due - time.monotonic())
            with suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), wait)
            if self._successor is not None:
                return
            self._owed, began = False, time.monotonic()
            await self._snapshot.write()
            self._due = began + max(self._every_s, RARE * (time.monotonic() - began))


@dataclass(frozen=True, slots=True)
class KeptLedger:
    """The ledger, with the keeper told of each decision. Implements ports.Ledger."""

    ledger: Ledger
    keeper: Keeper

    def record(self, decision: Decision) -> None:
        self.ledger.record(decision)
        with suppress(RuntimeError):  # no loop runs: nobody is inside a host
            self.keeper.touch()

    def close(self) -> None:
        self.ledger.close()
