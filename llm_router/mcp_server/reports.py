"""The tools and resources that tell: classification, usage, budgets, health, the catalogue. They call no model."""

from __future__ import annotations

import asyncio
import time

from mcp_types import CallToolResult

from llm_router.mcp_server.arguments import Classify, Nothing, UsageOf
from llm_router.mcp_server.calls import Call
from llm_router.mcp_server.results import clean, reported, usd
from llm_router.mcp_server.warm import Warm
from llm_router.nouns import JsonDict, ask


async def classify(_call: Call, arguments: Classify) -> CallToolResult:
    from llm_router.classify import assess

    found = assess(ask(clean(arguments.prompt), door="mcp"))
    return reported(
        {
            "task": str(found.task),
            "complexity": str(found.complexity),
            "confidence": round(found.confidence, 3),
            "difficulty": round(found.difficulty, 3),
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
    configured = [name for name in app.providers.names() if app.providers.configured(name).ready]
    found = await asyncio.gather(*(app.readiness(name) for name in configured))
    rows: list[JsonDict] = []
    for name, each in zip(configured, found, strict=True):
        row: JsonDict = {"provider": name, "ready": each.ready, "detail": each.detail, "fix": each.fix}
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


async def usage(call: Call, arguments: UsageOf) -> CallToolResult:
    return reported({"rows": []})


async def decision(warm: Warm, wanted: str | None) -> JsonDict:
    return {}


async def resource(warm: Warm, name: str) -> JsonDict:
    return {}
