"""An application beside the gateway that is made when somebody first calls it: importing it may cost half a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from llm_router.gateway.http import Asgi, Message, Receive, Scope, Send

CLOSE_S = 5.0


class Mount:
    """`make` imports and builds; it runs in a thread, and what it makes lives between its lifespan's start and end."""

    def __init__(self, make: Callable[[], Asgi]) -> None:
        self._make = make
        self._app: Asgi | None = None
        self._making = asyncio.Lock()
        self._living: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._ready())(scope, receive, send)

    async def _ready(self) -> Asgi:
        async with self._making:
            if self._app is None:
                app = await asyncio.to_thread(self._make)
                started = asyncio.get_running_loop().create_future()
                self._living = asyncio.create_task(self._live(app, started))
                await started
                self._app = app
            return self._app

    async def _live(self, app: Asgi, started: asyncio.Future[None]) -> None:
        messages = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))

        async def receive() -> Message:
            if started.done():
                await self._stop.wait()
            return dict(next(messages))

        async def send(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                started.set_result(None)
            elif message["type"] == "lifespan.startup.failed":
                started.set_exception(RuntimeError(str(message.get("message", ""))))

        try:
            await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)
        if not started.done():  # else whoever waits for it waits for ever
            started.set_exception(RuntimeError("it ended before it had started"))

    async def aclose(self) -> None:
        """End its lifespan, and with it the streams it keeps open."""
        if self._living is None:
            return
        self._stop.set()
        with suppress(TimeoutError, Exception):
            await asyncio.wait_for(self._living, CLOSE_S)
