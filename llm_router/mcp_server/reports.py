"""The tools and resources that tell: classification, usage, budgets, health, the catalogue. They call no model."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mcp_types import CallToolResult

from llm_router.errors import NotFoundError, RouterError
from llm_router.mcp_server.arguments import Classify, Nothing, Rate, UsageOf
from llm_router.mcp_server.calls import Call
from llm_router.mcp_server.results import reported, usd
from llm_router.mcp_server.warm import Warm
from llm_router.nouns import JsonDict, ask
from llm_router.windows import Window, bounds

if TYPE_CHECKING:
    from llm_router.record.queries import UsageRow

T = TypeVar("T")


async def classify(_call: Call, arguments: Classify) -> CallToolResult:
    from llm_router.classify import assess

    found = assess(ask(arguments.prompt, door="mcp"))
    return reported(
        {
            "task": str(found.task),
            "complexity": str(found.complexity),
            "confidence": round(found.confidence, 3),
            "difficulty": round(found.difficulty, 3),
            "p_small": round(found.p_small, 3),
            "p_mid": round(found.p_mid, 3),
            "p_frontier": round(found.p_frontier, 3),
            "gain": round(found.gain, 3),
            "by": found.source,
            "reasons": list(found.reasons),
        }
    )


async def budget(call: Call, _arguments: Nothing) -> CallToolResult:
    app = await call.warm.app()
    rows = [
        {
            "budget": status.cap.name,
            "cap_usd": usd(status.cap.amount),
            "spent_usd": usd(status.spent),
            "reserved_usd": usd(status.reserved),
            "left_usd": usd(status.remaining),
            "resets": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(status.resets_at)),
        }
        for status in await asyncio.to_thread(app.budgets.status)
    ]
    return reported({"rows": rows, "change": "llm-router budget set --daily USD"})


async def health(call: Call, _arguments: Nothing) -> CallToolResult:
    app = await call.warm.app()
    rows: list[JsonDict] = []
    for name, found in (await app.inventory.look()).items():
        told = found.readiness
        row: JsonDict = {"provider": name, "ready": told.ready, "detail": told.detail, "fix": told.fix}
        rows.append({key: value for key, value in row.items() if value != ""})
    cooling = [
        {
            "model": f"{state.provider}/{state.model or '*'}",
            "state": state.state,
            "why": state.reason,
            "seconds_left": max(0, round(state.until - time.time())),
        }
        for state in await asyncio.to_thread(app.health.states)
        if state.state != "closed"
    ]
    return reported(
        {"rows": rows, "cooling": cooling, "others": "`llm-router doctor` tells how to add providers"}
    )


async def rate(call: Call, arguments: Rate) -> CallToolResult:
    from llm_router.record import queries

    app = await call.warm.app()

    def note(book: sqlite3.Connection) -> str:
        return str(queries.decision(book, arguments.decision)["id"])

    found = await asyncio.to_thread(_read, app.root, note)
    if not await asyncio.to_thread(_rated, app.root, found, arguments.good):
        raise NotFoundError(f"nothing can be learned of {found}: it has no answer, or it was forgotten")
    return reported({"decision": found, "good": arguments.good})


def _rated(root: Path, decision_id: str, good: bool) -> bool:
    from llm_router import paths
    from llm_router.db import connect, transaction
    from llm_router.learn import rows

    with closing(connect(paths.database(root))) as connection, transaction(connection):
        return rows.rate(connection, decision_id, "host model", float(good), 0.5)


async def usage(call: Call, arguments: UsageOf) -> CallToolResult:
    return reported(await _usage(call.warm, arguments))


async def decision(warm: Warm, which: str | None) -> JsonDict:
    """The story of one decision, without its empty columns; None means the last one."""
    from llm_router.record import queries

    app = await warm.app()
    story = await asyncio.to_thread(_read, app.root, lambda book: queries.decision(book, which or "last"))
    return {key: value for key, value in story.items() if value not in (None, "", [])}


async def resource(warm: Warm, name: str) -> JsonDict:
    """What `llm-router://<name>` holds."""
    if name == "usage":
        return await _usage(warm, UsageOf(period="month", by="model"))
    return await _catalogue(warm)


async def _usage(warm: Warm, arguments: UsageOf) -> JsonDict:
    from llm_router.hosts import events
    from llm_router.record import queries

    app = await warm.app()
    await asyncio.to_thread(events.drain, app.root)
    since, until = _span(arguments.period)
    rows, saved = await asyncio.to_thread(
        _read,
        app.root,
        lambda book: (queries.usage(book, since, until, arguments.by), queries.savings(book, since, until)),
    )
    facts: JsonDict = {
        "period": arguments.period,
        "by": arguments.by,
        "rows": [_usage_row(row) for row in rows],
        "cost_usd": usd(sum(row.cost for row in rows)),
        "saved_usd": usd(saved.saved),
    }
    if saved.unused:
        facts["unused"] = saved.unused
    if saved.baselines:
        facts["baseline"] = ", ".join(saved.baselines)
    return facts


def _usage_row(row: UsageRow) -> JsonDict:
    """`unpriced`, `subscription` and `local` are calls that `cost_usd` says nothing about."""
    facts: JsonDict = {
        "key": row.key,
        "calls": row.calls,
        "failures": row.failures,
        "tokens": row.input_tokens + row.output_tokens,
        "cost_usd": usd(row.cost),
        "unpriced": row.unpriced_calls,
        "subscription": row.subscription_calls,
        "local": row.local_calls,
        "ms_p50": None if row.ms_p50 is None else round(row.ms_p50),
    }
    optional = ("failures", "unpriced", "subscription", "local", "ms_p50")
    return {key: value for key, value in facts.items() if value or key not in optional}


def _span(period: str) -> tuple[float, float]:
    windows: dict[str, Window] = {"day": "daily", "week": "weekly", "month": "monthly"}
    if period not in windows:
        return 0.0, time.time() + 1
    return bounds(windows[period], time.time())


def _read(root: Path, question: Callable[[sqlite3.Connection], T]) -> T:
    """Raises RouterError, whatever is wrong with the database."""
    from llm_router import db, paths

    try:
        with closing(db.connect(paths.database(root))) as book:
            return question(book)
    except RouterError:
        raise
    except db.FAILURES as error:
        raise RouterError(f"the ledger cannot be read: {error}", fix="llm-router doctor") from error


async def _catalogue(warm: Warm) -> JsonDict:
    """The models of the providers that are set up, local ones as installed."""
    app = await warm.app()
    catalogue, installed = app.catalogue, await app.installed()
    ready = [name for name in app.providers.names() if app.providers.configured(name).ready]
    models = [model for name in ready for model in installed.get(name, catalogue.of(name))]
    return {
        "as_of": catalogue.as_of,
        "aliases": dict(catalogue.aliases),
        "models": [
            {
                "model": model.ref,
                "tier": model.tier,
                "billing": str(model.billing),
                "context": model.context,
                "max_output": model.max_output,
                "features": sorted(model.features),
            }
            for model in models
        ],
    }
