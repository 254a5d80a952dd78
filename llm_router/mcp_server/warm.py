"""The application behind the tools: built once, in the background, and told about by the first call if it cannot be."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from llm_router.errors import RouterError

if TYPE_CHECKING:
    from llm_router.app import App


class Warm:
    """A build that failed (a typo in the configuration) is tried again by the next call: no restart needed."""

    def __init__(self) -> None:
        self._app: App | None = None
        self._building = asyncio.Lock()
        self._ahead: asyncio.Task[None] | None = None

    def build_ahead(self) -> None:
        self._ahead = asyncio.create_task(self._quietly())

    async def app(self) -> App:
        """Raises RouterError where the configuration is wrong."""
        async with self._building:
            if self._app is None:
                self._app = (await asyncio.to_thread(_app_class)).build()
            return self._app

    async def aclose(self) -> None:
        """Close upstream connections; wait for the ledger."""
        if self._ahead is not None:
            self._ahead.cancel()
            with suppress(asyncio.CancelledError):
                await self._ahead
        if self._app is not None:
            await self._app.aclose()

    async def _quietly(self) -> None:
        try:
            (await self.app()).keeper.touch()  # the hooks of this session read what is written now
        except RouterError:
            return  # every call says so, with its fix
        except Exception:  # likewise, but this is a defect and leaves its trace
            traceback.print_exc()


def _app_class() -> type[App]:
    from llm_router.app import App

    return App
