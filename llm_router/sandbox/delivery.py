"""Sends an answer, or what a fault makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from llm_router.sandbox.answers import Answer, answer
from llm_router.sandbox.connection import Reply
from llm_router.sandbox.faults import REFUSALS, Fault
from llm_router.sandbox.frames import Frame, cut_index, dump, new_id
from llm_router.sandbox.turn import Turn
from llm_router.sandbox.wires.problems import Problem
from llm_router.sandbox.wires.wire import Wire

_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>This is not the API.</body></html>\n"
)
_JSON = "application/json"
_LOOK_EVERY_S = 0.005


async def refuse(reply: Reply, wire: Wire, problem: Problem, retry_after: str | None = None) -> None:
    """An error response in the vendor's words."""
    status, body = wire.error(problem)
    headers = {"content-type": _JSON, wire.request_id: new_id("req_")}
    if retry_after is not None:
        headers["retry-after"] = retry_after
    await reply.whole(status, headers, dump(body))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One answer on its way to one client. `pace` is the pause before each streamed event, in seconds; `let_go` tells
    whether what is held may go on.
    """

    reply: Reply
    wire: Wire
    turn: Turn
    fault: Fault | None
    pace: float
    let_go: Callable[[], bool]

    async def run(self) -> None:
        fault = self.fault
        if fault is None:
            await self._send(answer(self.turn))
        elif fault.kind in REFUSALS:
            header = None if fault.retry_in == "body" else _seconds(fault.retry_after)
            await refuse(self.reply, self.wire, self._problem(fault), header)
        elif fault.kind == "wrong_type":
            await self.reply.whole(fault.status or 200, {"content-type": "text/html; charset=utf-8"}, _HTML)
        elif fault.kind in ("empty", "refusal"):
            await self._send(Answer(stop="end" if fault.kind == "empty" else "refusal"))
        elif fault.kind == "says":
            await self._send(Answer(fault.message))
        elif fault.kind == "hang":
            await self._silence(fault)
            await self._send(answer(self.turn))
        elif fault.kind == "reset" and not (self.turn.stream and fault.after):
            self.reply.reset()
        else:
            await self._disturbed(fault)

    async def _send(self, told: Answer) -> None:
        if not self.turn.stream:
            await self.reply.whole(200, self._headers(_JSON), dump(self.wire.whole(self.turn, told)))
            return
        await self._start()
        await self._frames(list(self.wire.stream(self.turn, told)), self.pace)
        await self.reply.end()

    async def _disturbed(self, fault: Fault) -> None:
        """Faults that let a part of the answer through."""
        if fault.kind == "slow_headers" or (fault.kind == "slow" and not self.turn.stream):
            await asyncio.sleep(fault.delay)
            await self._send(answer(self.turn))
        elif self.turn.stream:
            await self._broken_stream(fault)
        else:
            await self._broken_body(fault)

    async def _broken_stream(self, fault: Fault) -> None:
        frames = list(self.wire.stream(self.turn, answer(self.turn)))
        await self._start()
        if fault.kind == "slow":
            await self._frames(frames, fault.delay)
            await self.reply.end()
            return
        cut = cut_index(frames, fault.after)
        await self._frames(frames[:cut], self.pace)
        if fault.held or fault.kind == "stall":
            await self._silence(fault)
        if fault.kind == "stall":
            await self._frames(frames[cut:], self.pace)
            await self.reply.end()
        elif fault.kind == "reset":
            self.reply.reset()
        elif fault.kind == "truncated" and not fault.clean:
            await self.reply.close()
        else:
            if fault.kind == "malformed":
                data = frames[cut].data
                await self.reply.chunk(data[: len(data) // 2] + b"\n\n")
            elif fault.kind == "error_event":
                await self.reply.chunk(self.wire.error_event(self._problem(fault)).data)
            await self.reply.end()

    async def _broken_body(self, fault: Fault) -> None:
        if fault.kind == "error_event":
            await refuse(self.reply, self.wire, self._problem(fault))
            return
        body = dump(self.wire.whole(self.turn, answer(self.turn)))
        half = body[: len(body) // 2]
        whole = fault.kind == "malformed" or fault.clean
        await self.reply.whole(200, self._headers(_JSON), half, claimed=None if whole else len(body))
        if fault.kind == "stall":
            await asyncio.Event().wait()
        elif not whole:
            await self.reply.close()

    async def _silence(self, fault: Fault) -> None:
        """Until the faults are taken back, where it is `held`; else the client's leaving or the sandbox's end cancels it."""
        if not fault.held:
            await asyncio.Event().wait()
        while not self.let_go():  # noqa: ASYNC110 - another thread takes them back
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _start(self) -> None:
        await self.reply.start(200, self._headers(self.wire.media_type))

    async def _frames(self, frames: Sequence[Frame], pace: float) -> None:
        for frame in frames:
            if pace > 0:
                await asyncio.sleep(pace)
            await self.reply.chunk(frame.data)

    def _headers(self, media_type: str) -> dict[str, str]:
        return {"content-type": media_type, self.wire.request_id: new_id("req_")}

    def _problem(self, fault: Fault) -> Problem:
        told = (
            fault.retry_after
            if fault.retry_in != "header" and not isinstance(fault.retry_after, str)
            else None
        )
        problem = Problem(fault.kind, fault.status, fault.message, told, self.turn.model, self.turn.vendor)
        return replace(problem, input_tokens=self.turn.input_tokens)


def _seconds(retry_after: float | str | None) -> str | None:
    return f"{retry_after:g}" if isinstance(retry_after, int | float) else retry_after
