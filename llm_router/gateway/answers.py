"""The endpoints that a model answers: read the request, decide its turn, send it down the path, deliver what comes."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from msgspec.structs import replace

from llm_router.dialects import inbound
from llm_router.dialects.inbound.bodies import AnsweredError
from llm_router.gateway import guests
from llm_router.gateway.delivery import Delivery
from llm_router.gateway.names import LONG_WINDOW, told_name, without_window
from llm_router.gateway.visit import Visit
from llm_router.nouns import Request
from llm_router.ports import Inbound
from llm_router.run.relay import Relay

DOOR = "gateway"


async def answer(visit: Visit) -> None:
    await _answer(visit, inbound.get(visit.dialect), None)


async def answer_streamed(visit: Visit) -> None:
    """Gemini says in the URL that it wants a stream, and in which form."""
    asked = parse_qs(visit.call.query)
    events = (asked.get(b"alt") or asked.get(b"$alt")) == [b"sse"]
    await _answer(visit, inbound.get(visit.dialect if events else "gemini_array"), True)


async def _answer(visit: Visit, speaks: Inbound, stream: bool | None) -> None:
    if stream is None and "model" in visit.values:
        stream = False
    body, headers = await visit.body(), visit.call.names()
    try:
        sketch = read(visit, speaks, body, stream)
    except AnsweredError as done:
        await visit.reply(done.answer)
        return
    if sketch.model and sketch.model.lower().endswith(LONG_WINDOW):
        sketch = replace(sketch, model=without_window(sketch.model, headers))
    router, turns = guests.path_of(visit)
    if not router.sessions.is_read:
        await asyncio.to_thread(router.sessions.read)
    request = turns.read(sketch, headers)
    visit.activity.asks(request)
    relay = Relay(speaks, headers, hops=visit.hops())
    delivery = Delivery(visit.call, speaks, request, visit.activity, relay.broken_off)
    await delivery.run(router.stream(request, exchange=relay))


def read(visit: Visit, speaks: Inbound, body: bytes, stream: bool | None = None) -> Request:
    """The request as it is to be routed. Raises UsageError."""
    sketch = speaks.sketch(body, model=visit.values.get("model"), stream=stream)
    return replace(sketch, model=told_name(sketch.model), door=DOOR)
