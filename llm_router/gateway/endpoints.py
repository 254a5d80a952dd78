"""The endpoints by the names that the table of routes gives them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from llm_router.errors import RefusedError
from llm_router.gateway import answers, counting, listings, standing
from llm_router.gateway.visit import Visit

Endpoint = Callable[[Visit], Awaitable[None]]


async def no_websocket(_visit: Visit) -> None:
    """Codex tries a WebSocket first, and falls back at once on this status alone."""
    raise RefusedError(426, "there is no WebSocket here; POST the request")


async def embed(visit: Visit) -> None:
    from llm_router.gateway.embeddings import embed as embedded

    await embedded(visit)


ENDPOINTS: Mapping[str, Endpoint] = {
    "answer": answers.answer,
    "answer_streamed": answers.answer_streamed,
    "count": counting.count,
    "embed": embed,
    "no_websocket": no_websocket,
    "models": listings.models,
    "model": listings.model,
    "show": listings.show,
    "running": listings.running,
    "version": listings.version,
    "healthz": standing.healthz,
    "readyz": standing.readyz,
    "metrics": standing.metrics,
    "status": standing.status,
    "reload": standing.reload,
    "openapi": standing.openapi,
    "root": standing.root,
}
