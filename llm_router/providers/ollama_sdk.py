"""Ollama by its own protocol (`/api/chat`), through the official SDK."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx

from llm_router.ports import Call
from llm_router.providers.over_http import KEEP_WARM_S, Opened
from llm_router.providers.sdk import SdkProvider, without_proxies

# importing it makes a client of its own, and a proxy it cannot use would end the import
with without_proxies():
    import ollama


class OllamaSdk(SdkProvider[Any]):
    """Goes one step below `AsyncClient.chat`, whose types would drop what they do not know of a tool's JSON Schema."""

    def _open(self) -> Opened[Any]:
        headers, key = self._headers, self._endpoint.api_key
        if key:
            headers["authorization"] = f"Bearer {key}"
        limits = httpx.Limits(max_connections=None, keepalive_expiry=KEEP_WARM_S)
        client: Any = ollama.AsyncClient(
            self._endpoint.base_url, headers=headers, limits=limits, **self._http_options
        )
        if not key:  # the SDK sends OLLAMA_API_KEY of the process environment to any host at all
            client._client.headers.pop("authorization", None)  # noqa: SLF001
        return Opened(client, client.close)

    async def _stream(self, client: Any, call: Call) -> AsyncGenerator[object, None]:
        lines = await _request(
            client, "POST", "/api/chat", json=call.payload, headers=call.headers, stream=True
        )
        async with aclosing(lines):
            try:
                async for line in lines:
                    yield line
            except ollama.ResponseError as error:
                yield {"error": error.error}  # an error line within the stream: the dialect reads it


async def _request(client: Any, method: str, path: str, **options: Any) -> Any:
    """The SDK's own way out, with plain dictionaries for its types."""
    return await client._request(dict[str, Any], method, path, **options)  # noqa: SLF001
