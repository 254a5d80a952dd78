"""The events of one request become the bytes that its caller reads: the head when the first of them is known, pings in
silent gaps, an end or an error, and the upstream let go when the caller has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from llm_router.errors import RefusedError, RouterError
from llm_router.gateway import problems
from llm_router.gateway.activity import Activity
from llm_router.gateway.http import JSON, HttpCall
from llm_router.nouns import (
    Chunk,
    Decision,
    Done,
    Event,
    Failed,
    Planned,
    Reply,
    Request,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Trying,
)
from llm_router.ports import Head, Inbound, Renderer

PING_EVERY_S = 15.0
LOOK_EVERY_S = 5.0
STALLED_S = 120.0  # a reader who takes nothing for so long keeps an upstream waiting for nobody
BOUNDARIES = (b"\n\n", b"\r\n\r\n", b"}\n")
_STREAMED = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))  # a proxy must not collect it


class Delivery:
    """Sends one answer. `events` is what the path tells; what it sends as Chunk goes out as it is."""

    def __init__(self, call: HttpCall, inbound: Inbound, request: Request, activity: Activity) -> None:
        self._call, self._inbound, self._request, self._activity = call, inbound, request, activity
        self._loop = asyncio.get_running_loop()
        self._decision: Decision | None = None
        self._reason = ""
        self._renderer: Renderer | None = None
        self._whole: list[bytes] = []
        self._wrote_at = 0.0
        self._writing = False
        self._between_events = True
        self._timer: asyncio.TimerHandle | None = None
        self._task = asyncio.current_task()
        self._gone = False

    async def run(self, events: AsyncGenerator[Event]) -> None:
        """Raises asyncio.CancelledError when the service stops; never RouterError."""
        watcher = self._loop.create_task(self._call.gone())
        watcher.add_done_callback(self._left)
        try:
            async with aclosing(events):
                reply = await self._relay(events)
                watcher.cancel()
                await self._finish(reply)
        except RouterError as error:
            watcher.cancel()
            await self._broke(error)
        except asyncio.CancelledError:
            if not self._gone:
                await self._stopped()
                raise
            if self._task is not None:
                self._task.uncancel()
            self._activity.ended = "cancelled"
        finally:
            watcher.cancel()
            if self._timer is not None:
                self._timer.cancel()

    def _left(self, watcher: asyncio.Task[None]) -> None:
        if not watcher.cancelled():
            self._let_go()

    def _let_go(self) -> None:
        """Nobody reads any more: what is under way is cancelled, and with it the upstream."""
        self._gone = True
        if self._task is not None:
            self._task.cancel()

    async def _relay(self, events: AsyncGenerator[Event]) -> Reply:
        async for event in events:
            match event:
                case Chunk(data=data):
                    await self._piece(data)
                case TextDelta() | ThinkingDelta() | ToolCallDelta():
                    await self._piece(self._rendering().feed((event,)))
                case Planned(decision=decision):
                    self._decision = decision
                    self._activity.decision = decision.id
                case Trying(candidate=candidate):
                    self._activity.tries(candidate)
                    self._reason = candidate.reason
                case Done(reply=reply):
                    self._activity.decided(reply.decision)
                    return reply
                case Failed():
                    pass
        raise AssertionError("a stream ends with Done or an error")

    async def _piece(self, data: bytes) -> None:
        if not data:
            return
        if not self._request.stream:
            self._whole.append(data)
            return
        if not self._call.status:
            await self._begin()
        self._writing, self._wrote_at = True, self._loop.time()
        await self._call.write(data)
        self._writing, self._wrote_at = False, self._loop.time()
        self._between_events = data.endswith(BOUNDARIES)

    async def _begin(self) -> None:
        self._activity.begins()
        await self._call.start(200, self._inbound.content_type, [*_STREAMED, *self._headers()])
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._look)

    async def _finish(self, reply: Reply) -> None:
        if not self._request.stream:
            self._activity.begins()
            body = b"".join(self._whole) or self._inbound.render(reply.answer, self._head())
            await self._call.reply(200, body, JSON, self._headers(reply.decision))
            return
        tail = self._renderer.end(reply.answer) if self._renderer is not None else b""
        if not self._call.status:
            await self._begin()
        await self._call.end(tail)

    async def _broke(self, error: RouterError) -> None:
        self._activity.error = error.code
        if not self._call.status:
            await problems.refuse(self._call, error, self._inbound.name, self._headers(error.decision))
            return
        self._activity.ended = "error"
        await self._call.end(self._rendering().error(error))

    async def _stopped(self) -> None:
        """The service stops and cannot wait: a broken stream is no success."""
        self._activity.ended = "error"
        self._activity.error = "stopped"
        if self._call.status and self._request.stream:
            stopping = RefusedError(503, "llm-router is being stopped")
            await self._call.end(self._rendering().error(stopping))

    def _rendering(self) -> Renderer:
        if self._renderer is None:
            self._renderer = self._inbound.renderer(self._head())
        return self._renderer

    def _head(self) -> Head:
        tokens = self._decision.plan.input_tokens if self._decision else 0
        return Head(self._request, self._activity.model or "", tokens, self._activity.provider or "")

    def _headers(self, decision: Decision | None = None) -> list[tuple[str, str]]:
        """What is known: of a stream not yet its cost."""
        each = self._activity
        told = [
            ("x-llm-router-decision-id", each.decision),
            ("x-llm-router-provider", each.provider),
            ("x-llm-router-model", each.model),
            ("x-llm-router-reason", self._reason),
            ("x-llm-router-attempts", str(each.attempts) if each.attempts else None),
            ("x-llm-router-cache", "off"),
            ("x-llm-router-turn", each.turn),
        ]
        if decision is not None and decision.cost is not None and decision.answer is not None:
            told.append(("x-llm-router-cost-usd", f"{decision.cost / 1e6:.6f}"))
        return [(name, value) for name, value in told if value]

    def _look(self) -> None:
        """Every few seconds of a stream: is the reader still there, has there been silence for too long?"""
        quiet = self._loop.time() - self._wrote_at
        if self._writing and quiet > STALLED_S:
            self._call.abort()
            self._let_go()
            return
        if not self._writing and quiet > PING_EVERY_S and self._between_events:
            self._loop.create_task(self._ping())
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._look)

    async def _ping(self) -> None:
        if data := self._rendering().ping():
            self._wrote_at = self._loop.time()
            await self._call.write(data)
