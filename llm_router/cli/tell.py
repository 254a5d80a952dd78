"""Commands that change what the hooks go by tell them at once, instead of leaving it to the next request."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from llm_router.errors import RouterError


def hooks() -> None:
    """Write the snapshot anew. A configuration that cannot be read leaves it as it was."""
    with suppress(RouterError):
        asyncio.run(_hooks())


async def _hooks() -> None:
    from llm_router.app import App

    app = App.build()
    try:
        await app.keeper.write_now()
    finally:
        await app.aclose()
