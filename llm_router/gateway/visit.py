"""What an endpoint works with: the call, the route it came by, and the App that serves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from llm_router import hops
from llm_router.gateway.activity import Activity
from llm_router.gateway.current import Generation
from llm_router.gateway.http import HttpCall
from llm_router.gateway.routes import Route

if TYPE_CHECKING:
    from llm_router.app import App
    from llm_router.gateway.app import Gateway


class Visit(msgspec.Struct, frozen=True):
    """`values` are the {names} of the route's path. `dialect` may differ from the route's where the headers say so."""

    call: HttpCall
    route: Route
    values: Mapping[str, str]
    dialect: str
    generation: Generation
    activity: Activity
    gateway: Gateway

    @property
    def app(self) -> App:
        return self.generation.app

    def hops(self) -> dict[str, str]:
        """What an upstream is told of the llm-routers this call has passed; nothing where this is the first."""
        told = self.call.text(hops.HEADER)
        return {hops.HEADER: hops.passed(told, hops.mark(self.app.root))} if told else {}

    async def body(self) -> bytes:
        """Raises RefusedError and GoneError."""
        settings = self.generation.settings
        return await self.call.body(settings.max_body_mb * 1024**2, settings.read_seconds)

    async def reply(self, body: Mapping[str, Any], status: int = 200) -> None:
        await self.call.reply(status, msgspec.json.encode(body))
