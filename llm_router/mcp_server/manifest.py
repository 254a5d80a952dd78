"""Makes the manifest: asks the SDK server itself, in every protocol version, what it answers to opening requests."""

from __future__ import annotations

from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, JSONRPCResponse
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from llm_router.mcp_server.server import build
from llm_router.mcp_server.static import CAPABILITIES_KEY, HANDSHAKE, MODERN, VERSION_KEY, VERSION_MARK
from llm_router.nouns import JsonDict

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
CALLS = ("tools/call", "prompts/get", "resources/read")


async def make() -> JsonDict:
    """Raises ValueError where versions of one era differ: the front keeps one set of answers for each."""
    handshakes = {version: await _handshake_answers(version) for version in HANDSHAKE_PROTOCOL_VERSIONS}
    moderns = {version: await _modern_answers(version) for version in MODERN_PROTOCOL_VERSIONS}
    for version, answers in handshakes.items():
        if answers["initialize"].pop("protocolVersion") != version:
            raise ValueError(f"the SDK does not negotiate {version}")
    handshake, modern = _the_same(handshakes), _the_same(moderns)
    return {
        HANDSHAKE: {
            "versions": list(handshakes),
            "methods": ["initialize", *(m for m in handshake if m != "initialize"), *CALLS],
            "initialize": handshake.pop("initialize"),
            "results": handshake,
        },
        MODERN: {"versions": list(moderns), "methods": [*modern, *CALLS], "results": modern},
    }


async def _handshake_answers(version: str) -> dict[str, JsonDict]:
    client = {"name": "manifest", "version": "0"}
    opening = {"protocolVersion": version, "capabilities": {}, "clientInfo": client}
    return await _answers({"initialize": opening} | dict.fromkeys(("ping", *LISTS)))


async def _modern_answers(version: str) -> dict[str, JsonDict]:
    envelope: JsonDict = {"_meta": {VERSION_KEY: version, CAPABILITIES_KEY: {}}}
    return await _answers(dict.fromkeys(("server/discover", *LISTS), envelope))


async def _answers(requests: dict[str, JsonDict | None]) -> dict[str, JsonDict]:
    """One connection, the requests one after the other; results by method."""
    server = build(version=VERSION_MARK)
    to_server, inbound = anyio.create_memory_object_stream[SessionMessage | Exception](1)
    outbound, from_server = anyio.create_memory_object_stream[SessionMessage](1)
    answers: dict[str, JsonDict] = {}
    async with anyio.create_task_group() as group, to_server, from_server:
        group.start_soon(server.run, inbound, outbound, server.create_initialization_options())
        for number, (method, params) in enumerate(requests.items()):
            fields: dict[str, Any] = {} if params is None else {"params": params}
            await to_server.send(
                SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=number, method=method, **fields))
            )
            message = (await from_server.receive()).message
            if not isinstance(message, JSONRPCResponse):
                raise ValueError(f"{method}: {message}")  # noqa: TRY004 - it is an answer, but of failure
            answers[method] = message.result
        to_server.close()
    return answers


def _the_same(by_version: dict[str, dict[str, JsonDict]]) -> dict[str, JsonDict]:
    first, *others = by_version.values()
    if any(other != first for other in others):
        raise ValueError(f"the lists differ among {', '.join(by_version)}")
    return first
