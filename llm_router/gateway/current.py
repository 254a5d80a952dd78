"""The App that serves now, and those before it that still have requests to finish.

A changed configuration makes a new App. Requests that came before it stay with theirs, which is closed after the last
of them: nothing is dropped, and no request sees two configurations.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from llm_router import paths
from llm_router.access import Keys, Names
from llm_router.app import App
from llm_router.errors import RouterError
from llm_router.gateway.guests import Guests
from llm_router.gateway.turns import Turns
from llm_router.settings import GatewaySettings

LOOK_EVERY_S = 1.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Generation:
    """One App with what the door made of its settings. `users` counts the requests that work with it."""

    app: App
    keys: Keys
    names: Names
    turns: Turns
    guests: Guests | None = None  # where callers' own logins may be used
    users: int = 0
    retired: bool = False
    _free: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def settings(self) -> GatewaySettings:
        return self.app.settings.gateway

    def enter(self) -> None:
        self.users += 1

    def leave(self) -> None:
        self.users -= 1
        if self.retired and not self.users:
            self._free.set()

    async def retire(self) -> None:
        """Close it when nobody needs it any more."""
        self.retired = True
        if self.users:
            await self._free.wait()
        await self.app.aclose()


class Current:
    """`now` is the generation for new requests. `problem` is why the last reload was not taken, if it was not."""

    def __init__(
        self, host: str, flags: Mapping[str, object], environ: Mapping[str, str] | None = None
    ) -> None:
        self._host, self._flags = host, flags
        self._environ = os.environ if environ is None else environ
        self._root = paths.home()
        self._retiring: set[asyncio.Task[None]] = set()
        self.problem: RouterError | None = None
        self.now = self._built()
        self._seen = self._stamps()

    def _built(self) -> Generation:
        """Raises ConfigError. The folder it was started from is nobody's project: the service is for all of them."""
        app = App.build(
            root=self._root, cwd=self._root, environ=self._environ, flags=self._flags, relays=True
        )
        settings = app.settings.gateway
        turns = _turns(app)
        guests = Guests(app, turns) if settings.forward_credentials else None
        return Generation(app, Keys.of(settings), Names(self._host, settings.allowed_hosts), turns, guests)

    def reload(self) -> RouterError | None:
        """Serve new requests by the files as they are now. A broken file changes nothing; its error is returned."""
        self._seen = self._stamps()
        try:
            fresh = self._built()
        except RouterError as error:
            self.problem = error
            log.error("the configuration was not taken: %s", error.message)  # noqa: TRY400 - the user's, not ours
            return error
        self.problem = None
        old, self.now = self.now, fresh
        old.app.keeper.hand_over(fresh.app.keeper)
        task = asyncio.create_task(old.retire())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        log.info("reloaded: %s", ", ".join(map(str, fresh.app.loaded.files)) or "no file, the defaults hold")
        return None

    async def watch(self) -> None:
        """Reload whenever a file changes. Never returns."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._stamps() != self._seen:
                self.reload()

    async def aclose(self) -> None:
        """Close the last App, and wait for those before it."""
        await self.now.retire()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def _stamps(self) -> Sequence[tuple[str, int, int]]:
        return [_stamp(path) for path in self._files()]

    def _files(self) -> Sequence[Path]:
        """The user's file is looked for even where there is none yet."""
        return tuple(
            dict.fromkeys([paths.config_file(self._root, self._environ), *self.now.app.loaded.files])
        )


def _turns(app: App) -> Turns:
    return Turns(
        app.settings,
        app.catalogue,
        anthropic=partial(app.providers.reaching, "anthropic"),
        last_tokens=app.router.sessions.last_tokens,
    )


def _stamp(path: Path) -> tuple[str, int, int]:
    with suppress(OSError):
        stat = path.stat()
        return (str(path), stat.st_mtime_ns, stat.st_size)
    return (str(path), 0, 0)
