"""How the service itself stands: alive, ready, its figures, what is under way, its own description."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress

from llm_router import __version__
from llm_router.errors import RefusedError, RouterError
from llm_router.gateway.visit import Visit
from llm_router.nouns import JsonDict

PATIENCE_S = 0.2  # of who only wants figures
METRICS = "text/plain; version=0.0.4; charset=utf-8"


async def healthz(visit: Visit) -> None:
    await visit.reply({"status": "ok"})


async def readyz(visit: Visit) -> None:
    """200 while the configuration holds and somebody could answer."""
    problem = await _problem(visit)
    await visit.reply(
        {"status": "ok"} if not problem else {"status": "not ready", "error": problem},
        503 if problem else 200,
    )


async def _problem(visit: Visit) -> str:
    if (broken := visit.gateway.current.problem) is not None:
        return f"the configuration as it is now was not taken: {broken.message}"
    world = await visit.app.router.world()
    if any(readiness.ready for readiness in world.ready.values()):
        return ""
    return "no provider is ready; see: llm-router doctor"


async def metrics(visit: Visit) -> None:
    app = visit.app
    budgets = ()
    with suppress(RouterError):  # a locked database leaves the other figures as they are
        budgets = await asyncio.to_thread(app.budgets.status, timeout_s=PATIENCE_S)
    text = visit.gateway.figures.text(await asyncio.to_thread(app.health.states), budgets)
    await visit.call.reply(200, text, METRICS)


async def status(visit: Visit) -> None:
    under_way, lately = visit.gateway.activities.facts()
    problem = visit.gateway.current.problem
    body: JsonDict = {
        "version": __version__,
        "pid": os.getpid(),
        "since": visit.gateway.activities.since,
        "now": time.time(),
        "config": [str(file) for file in visit.app.loaded.files],
        "problem": problem.as_dict() if problem else None,
        "under_way": [each for each in under_way if each["request"] != visit.call.request_id],
        "lately": lately,
        "totals": visit.gateway.figures.totals(),
    }
    await visit.reply(body)


async def reload(visit: Visit) -> None:
    if (error := visit.gateway.current.reload()) is not None:
        raise RefusedError(409, f"the configuration was not taken: {error.message}", fix=error.fix)
    await visit.reply({"status": "reloaded"})


async def openapi(visit: Visit) -> None:
    from llm_router.gateway.openapi import document

    await visit.reply(document())


async def root(visit: Visit) -> None:
    await visit.reply({"name": "llm-router", "version": __version__, "endpoints": "/openapi.json"})
