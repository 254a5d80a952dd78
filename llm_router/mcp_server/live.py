"""The SDK server behind the stdio front: in-memory streams instead of the standard ones."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter
from pydantic import ValidationError

from llm_router.mcp_server.server import build
from llm_router.mcp_server.static import REPLAY_ID
from llm_router.mcp_server.wire import INVALID_REQUEST, Deliver, Feed, JsonDict, error_line


def serve(deliver: Deliver, attach: Callable[[Feed], None], tools: Collection[str] | None) -> None:
    """Run until the feed ends. Calls in flight are then cancelled, which their upstreams and the ledger notice."""
    asyncio.run(_serve(deliver, attach, tools))


async def _serve(deliver: Deliver, attach: Callable[[Feed], None], tools: Collection[str] | None) -> None:
    server = build(tools)
    to_server, inbound = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
    outbound, from_server = anyio.create_memory_object_stream[SessionMessage](math.inf)
    loop = asyncio.get_running_loop()

    def accept(message: JsonDict | None) -> None:
        if message is None:
            to_server.close()
            return
        try:
            frame = jsonrpc_message_adapter.validate_python(message, by_name=False)
        except ValidationError:  # the front has checked the frame, so this is a frame stranger than it knows
            deliver(error_line(message.get("id"), INVALID_REQUEST, "Invalid Request"), message.get("id"))
        else:
            to_server.send_nowait(SessionMessage(frame))

    def feed(message: JsonDict | None) -> None:
        loop.call_soon_threadsafe(accept, message)

    async with anyio.create_task_group() as group:
        group.start_soon(_deliver_all, from_server, deliver)
        attach(feed)
        await server.run(inbound, outbound, server.create_initialization_options())


async def _deliver_all(messages: MemoryObjectReceiveStream[SessionMessage], deliver: Deliver) -> None:
    async for each in messages:
        message = each.message
        answered = message.id if isinstance(message, JSONRPCResponse | JSONRPCError) else None
        if answered != REPLAY_ID:
            deliver(message.model_dump_json(by_alias=True, exclude_unset=True), answered)
