"""The events of one request become what its caller reads: the head when the first of them is known, then the bytes as
they come; and when the caller has gone, the upstream is let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

from llm_router.errors import RouterError
from llm_router.gateway import problems
from llm_router.gateway.activity import Activity
from llm_router.gateway.http import JSON, HttpCall
from llm_router.nouns import Chosen, Chunk, Decision, Done, Event, Planned, Reply, Request, Trying
from llm_router.ports import Inbound

LOOK_EVERY_S = 10.0
LAST_WORDS_S = 1.0
STALLED_S = 120.0  # a reader who takes nothing for so long keeps an upstream waiting for nobody
_STREAMED = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))  # a proxy must not collect it


class Delivery:
    """Sends one answer. `events` come from a relay: their Chunks are bytes in the caller's dialect, pings and the error
    of a stream that broke included. `broken_off` gives the error of a stream that is cancelled while it is read.
    """

    def __init__(
        self,
        call: HttpCall,
        inbound: Inbound,
        request: Request,
        activity: Activity,
        broken_off: Callable[[RouterError], bytes],
    ) -> None:
        self._call, self._inbound, self._request, self._activity = call, inbound, request, activity
        self._broken_off = broken_off
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._reason = ""
        self._whole: list[bytes] = []
        self._writing_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._gone = False

    async def run(self, events: AsyncGenerator[Event]) -> None:
        """Never raises RouterError; asyncio.CancelledError only where nothing was sent yet."""
        self._call.when_gone(self._let_go)
        try:
            async with aclosing(events):
                reply = await self._relay(events)
                self._call.when_gone(None)
                await self._finish(reply)
        except RouterError as error:
            self._call.when_gone(None)
            await self._broke(error)
        except asyncio.CancelledError:
            if not self._gone and not self._call.status:
                raise
            if self._task is not None:
                self._task.uncancel()
            self._activity.ended = "cancelled"
            if self._gone or not await self._stopped():
                self._call.abort()
        finally:
            self._call.when_gone(None)
            if self._timer is not None:
                self._timer.cancel()

    def _let_go(self) -> None:
        """Nobody reads any more: what is under way is cancelled, and with it the upstream."""
        self._gone = True
        if self._task is not None:
            self._task.cancel()

    async def _stopped(self) -> bool:
        """The service stops, and has waited long enough: said as the end of the stream, if its reader takes it."""
        self._activity.error = "cancelled"
        last = self._broken_off(problems.stopping())
        if not last:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await self._call.end(last)
                return True
        return False

    async def _relay(self, events: AsyncGenerator[Event]) -> Reply:
        async for event in events:
            match event:
                case Chunk(data=data):
                    await self._piece(data)
                case Planned(decision=decision):
                    self._activity.decision = decision.id
                case Trying(candidate=candidate):
                    self._activity.tries(candidate)
                    self._reason = candidate.reason
                case Chosen(candidate=candidate):
                    self._activity.chooses(candidate)
                    self._reason = candidate.reason
                case Done(reply=reply):
                    self._activity.decided(reply.decision)
                    return reply
                case _:
                    pass
        raise AssertionError("a stream ends with Done or an error")

    async def _piece(self, data: bytes) -> None:
        if not self._request.stream:
            self._whole.append(data)
            return
        if not self._call.status:
            await self._begin()
        self._writing_since = self._loop.time()
        await self._call.write(data)
        self._writing_since = 0.0

    async def _begin(self) -> None:
        self._activity.begins()
        await self._call.start(200, self._inbound.content_type, [*_STREAMED, *self._headers()])
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._look)

    async def _finish(self, reply: Reply) -> None:
        if self._request.stream:
            await self._call.end()
            return
        self._activity.begins()
        await self._call.reply(200, b"".join(self._whole), JSON, self._headers(reply.decision))

    async def _broke(self, error: RouterError) -> None:
        self._activity.error = error.code
        if error.decision is not None:
            self._activity.decided(error.decision)
        if not self._call.status:
            await problems.refuse(self._call, error, self._inbound.name, self._headers())
            return
        self._activity.ended = "error"
        await self._call.end()

    def _headers(self, decision: Decision | None = None) -> list[tuple[str, str]]:
        """What is known: of a stream not yet its cost and its usage."""
        each = self._activity
        told = [
            ("x-llm-router-decision-id", each.decision),
            ("x-llm-router-provider", each.provider),
            ("x-llm-router-model", each.model),
            ("x-llm-router-reason", self._reason),
            ("x-llm-router-attempts", str(each.attempts) if each.attempts else None),
            ("x-llm-router-turn", each.turn),
        ]
        if decision is not None and decision.cost is not None:
            told.append(("x-llm-router-cost-usd", f"{decision.cost / 1e6:.6f}"))
        if decision is not None and decision.answer is not None:
            read = decision.answer.usage.cache_read_tokens
            told.append(("x-llm-router-cache", "hit" if read else "miss"))
        return [(name, value) for name, value in told if value]

    def _look(self) -> None:
        """Now and then, while it streams: does the reader still take what is sent?"""
        if self._writing_since and self._loop.time() - self._writing_since > STALLED_S:
            self._let_go()
            return
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._look)
