"""Ollama by its own protocol (`/api/chat`), through the official SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

import httpx

from llm_router.dialects.reading import record, records, string
from llm_router.nouns import JsonDict, Model
from llm_router.ports import Call
from llm_router.providers import sdk
from llm_router.providers.endpoints import Endpoint
from llm_router.providers.local_models import is_chat, ollama_model
from llm_router.providers.sdk import KEEP_WARM_S, Opened, SdkProvider, without_proxies
from llm_router.providers.vendors import Vendor

# importing it makes a client of its own, and a proxy it cannot use would end the import
with without_proxies():
    import ollama


class OllamaSdk(SdkProvider[Any]):
    """Goes one step below `AsyncClient.chat`, whose types would drop what they do not know of a tool's JSON Schema."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint, *, num_ctx: int | None = None) -> None:
        super().__init__(vendor, endpoint)
        self._num_ctx = num_ctx
        self._shown: dict[str, JsonDict] = {}

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

    async def _list(self, client: Any) -> Sequence[Model]:
        tags = records((await _request(client, "GET", "/api/tags")).get("models"))
        tags = [tag for tag in tags if is_chat(tag)]
        with suppress(TimeoutError):
            async with asyncio.timeout(sdk.DETAILS_LIMIT_S * self._endpoint.patience):
                await asyncio.gather(*(self._show(client, tag) for tag in tags))
        found = [(tag, self._shown.get(_identity(tag), {})) for tag in tags]
        return [
            ollama_model(self._vendor, tag, shown, self._num_ctx)
            for tag, shown in found
            if is_chat({**tag, **shown})
        ]

    async def _show(self, client: Any, tag: Mapping[str, Any]) -> None:
        """Older servers tell what a model can do and hold one by one; it changes only with the digest."""
        identity = _identity(tag)
        if identity not in self._shown and not _tells_all(tag):
            with suppress(Exception):
                self._shown[identity] = await _request(
                    client, "POST", "/api/show", json={"model": _name(tag)}
                )


async def _request(client: Any, method: str, path: str, **options: Any) -> Any:
    """The SDK's own way out, with plain dictionaries for its types."""
    return await client._request(dict[str, Any], method, path, **options)  # noqa: SLF001


def _name(tag: Mapping[str, Any]) -> str:
    return string(tag.get("model")) or string(tag.get("name"))


def _identity(tag: Mapping[str, Any]) -> str:
    return f"{_name(tag)}@{tag.get('digest')}"


def _tells_all(tag: Mapping[str, Any]) -> bool:
    return bool(tag.get("capabilities")) and "context_length" in record(tag.get("details"))
