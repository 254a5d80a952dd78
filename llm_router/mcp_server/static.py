"""What the server can answer without thinking: the handshake and the lists, from the generated manifest.

The manifest holds the SDK server's own answers, so whoever answers, the client reads the same. Whatever is not
exactly the plain case (a cursor, an odd envelope, the wrong era) is left to the SDK.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from llm_router import __version__
from llm_router.mcp_server.wire import METHOD_NOT_FOUND, JsonDict, as_object, error_line, result_line

MANIFEST = Path(__file__).with_name("manifest.json")
VERSION_MARK = "@version@"
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
UNSUPPORTED_PROTOCOL_VERSION = -32022

HANDSHAKE, MODERN = "handshake", "modern"


def load_manifest(tools: Collection[str] | None = None) -> JsonDict:
    """The manifest with this release's version filled in, and only these tools (None: all)."""
    manifest: JsonDict = json.loads(
        MANIFEST.read_bytes().replace(VERSION_MARK.encode(), __version__.encode())
    )
    if tools is not None:
        for era in (HANDSHAKE, MODERN):
            listed = manifest[era]["results"]["tools/list"]
            listed["tools"] = [tool for tool in listed["tools"] if tool["name"] in tools]
    return manifest


class StaticAnswers:
    """Follows which protocol era the connection is in; `version` is the handshake's."""

    def __init__(self, manifest: JsonDict) -> None:
        self._manifest = manifest
        self.era: str | None = None
        self.version: str | None = None

    def line_for(self, message: JsonDict) -> str | None:
        """The answer to a request, or None where the SDK has to give it."""
        request_id, method = message["id"], message["method"]
        params: JsonDict = message.get("params", {})
        if method == "initialize":
            result = self._initialize(params)
            return None if result is None else result_line(request_id, result)
        if not isinstance(params.get("_meta", {}), dict):
            return None
        meta = as_object(params.get("_meta"))
        asked = MODERN if VERSION_KEY in meta else HANDSHAKE
        if asked == MODERN and self.era != HANDSHAKE:
            if (refusal := self._refusal(request_id, meta[VERSION_KEY])) is not None:
                return refusal
            if not isinstance(meta.get(CAPABILITIES_KEY), dict):
                return None
            self.era = MODERN
        if self.era in (None, asked) and method not in self._manifest[asked]["methods"]:
            return error_line(request_id, METHOD_NOT_FOUND, "Method not found", method)
        plain = self.era == asked or (self.era is None and method == "ping")
        result = self._manifest[asked]["results"].get(method) if plain and set(params) <= {"_meta"} else None
        return None if result is None else result_line(request_id, result)

    def _initialize(self, params: JsonDict) -> JsonDict | None:
        if self.era == MODERN or not _opens(params):
            return None
        versions: list[str] = self._manifest[HANDSHAKE]["versions"]
        wanted: str = params["protocolVersion"]
        self.era, self.version = HANDSHAKE, wanted if wanted in versions else versions[-1]
        return {**self._manifest[HANDSHAKE]["initialize"], "protocolVersion": self.version}

    def _refusal(self, request_id: Any, requested: Any) -> str | None:
        """Said at once, because a client of a later protocol asks this first and waits for it to fall back."""
        supported = self._manifest[MODERN]["versions"]
        if requested in supported or not isinstance(requested, str):
            return None
        facts = {"supported": supported, "requested": requested}
        return error_line(request_id, UNSUPPORTED_PROTOCOL_VERSION, "Unsupported protocol version", facts)


def _opens(params: JsonDict) -> bool:
    """Whether these are plain initialize parameters; anything doubtful is the SDK's to judge."""
    client = as_object(params.get("clientInfo"))
    return (
        isinstance(params.get("protocolVersion"), str)
        and isinstance(params.get("capabilities"), dict)
        and isinstance(client.get("name"), str)
        and isinstance(client.get("version"), str)
    )


def replayed(initialize: JsonDict) -> JsonDict:
    """The handshake as the SDK shall see it: same version and client, under an id of ours.

    The client's capabilities stay out: this server never calls back, and an odd one must not fail the handshake
    that the client has already seen succeed.
    """
    params, client = initialize["params"], initialize["params"]["clientInfo"]
    return {
        "jsonrpc": "2.0",
        "id": REPLAY_ID,
        "method": "initialize",
        "params": {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {},
            "clientInfo": {"name": client["name"], "version": client["version"]},
        },
    }


REPLAY_ID = "llm-router-handshake"
