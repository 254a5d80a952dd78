"""The application behind the tools: built in the background, anew when the configuration changes, and told about by the
first call if it cannot be.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from llm_router import paths
from llm_router.errors import RouterError

if TYPE_CHECKING:
    from llm_router.app import App

LOOK_EVERY_S = 2.0
LEEWAY_S = 30.0  # after the longest a call may take

Stamps = tuple[tuple[str, int, int, int], ...]


class Warm:
    """A build that failed (a typo in the configuration) is tried again by the next call: no restart needed.

    A changed configuration serves the calls that come after it, and those in flight keep what they began with. One that
    cannot be read changes nothing, which is said on stderr.
    """

    def __init__(self) -> None:
        self._app: App | None = None
        self._built_from: Stamps = ()
        self._building = asyncio.Lock()
        self._ahead: asyncio.Task[None] | None = None
        self._retiring: list[asyncio.Task[None]] = []

    def build_ahead(self) -> None:
        self._ahead = asyncio.create_task(self._quietly())

    async def app(self) -> App:
        """The one for a call that comes now. Raises RouterError where there is none yet and the configuration is wrong."""
        async with self._building:
            seen = await asyncio.to_thread(_stamps)
            if self._app is None:
                self._app = (await asyncio.to_thread(_app_class)).build(serves=True)
                self._built_from = seen
            elif seen != self._built_from:
                self._built_from = seen
                await self._renew(self._app)
            return self._app

    async def aclose(self) -> None:
        """Close upstream connections; wait for the ledger."""
        if self._ahead is not None:
            self._ahead.cancel()
            with suppress(asyncio.CancelledError):
                await self._ahead
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        if self._app is not None:
            await self._app.aclose()

    async def _renew(self, old: App) -> None:
        try:
            self._app = (await asyncio.to_thread(_app_class)).build(serves=True)
        except RouterError as error:
            print(f"llm-router: the configuration was not taken: {error.message}", file=sys.stderr)
            return
        self._retiring = [task for task in self._retiring if not task.done()]
        self._retiring.append(asyncio.create_task(_retire(old)))
        old.keeper.hand_over(self._app.keeper)

    async def _quietly(self) -> None:
        """Build, and look for changes from then on: the hooks go by what is written for them."""
        told = False
        while True:
            try:
                app = await self.app()
            except RouterError:
                pass  # every call says so, with its fix
            except Exception:  # likewise, but this is a defect and leaves its trace
                traceback.print_exc()
                return
            else:
                if not told:
                    app.keeper.touch()  # the hooks of this session read what is written now
                told = True
            await asyncio.sleep(LOOK_EVERY_S)


async def _retire(old: App) -> None:
    """Nobody says when the last call of it has ended, but how long one may take is known. Cancelled, it closes now."""
    try:
        await asyncio.sleep(old.settings.routing.deadline_seconds + LEEWAY_S)
    finally:
        await old.aclose()


def _app_class() -> type[App]:
    from llm_router.app import App

    return App


def _stamps() -> Stamps:
    from llm_router import config

    return config.stamps(root=paths.home(), cwd=paths.here(), environ=os.environ)
