"""Which models a server has, asked over plain HTTP.

An SDK carries answers. For a list of names it would cost a process that only waits 9 to 24 MB.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llm_router.dialects.reading import record, records, string
from llm_router.nouns import JsonDict, Model
from llm_router.providers.endpoints import Endpoint
from llm_router.providers.local_models import is_chat, listed_models, ollama_model
from llm_router.providers.over_http import Opened, OverHttp, answered
from llm_router.providers.vendors import Vendor

if TYPE_CHECKING:
    import httpx2

LISTING_LIMIT_S = 0.9
DETAILS_LIMIT_S = 0.25  # of all models of a listing together, which stands without them


class Listing(OverHttp["httpx2.AsyncClient"]):
    """Of a vendor with `discover`: Ollama by its own API, everybody else as OpenAI lists models."""

    def __init__(
        self, vendor: Vendor, endpoint: Endpoint, *, num_ctx: int | None = None, patience: float = 1.0
    ) -> None:
        """`patience`: how many times as long as usual it may take."""
        super().__init__(vendor, endpoint)
        self._num_ctx, self._patience = num_ctx, patience
        self._shown: dict[str, JsonDict] = {}

    async def models(self) -> Sequence[Model]:
        """Those that answer prompts. Raises UpstreamError."""
        answered.set(False)
        with self._failures():
            client = self._client()  # outside the limit: the first one may load certificates
            async with asyncio.timeout(LISTING_LIMIT_S * self._patience):
                if self._vendor.dialect == "ollama":
                    return await self._of_ollama(client)
                return listed_models(self._vendor, await self._ask(client, "GET", "/models"))

    def _open(self) -> Opened[httpx2.AsyncClient]:
        headers = self._headers
        if key := self._endpoint.api_key:
            headers["Authorization"] = f"Bearer {key}"
        client = self._http_client(headers)
        return Opened(client, client.aclose)

    async def _ask(self, client: httpx2.AsyncClient, method: str, path: str, body: object = None) -> Any:
        return (await client.request(method, self._endpoint.base_url + path, json=body)).json()

    async def _of_ollama(self, client: httpx2.AsyncClient) -> Sequence[Model]:
        tags = records((await self._ask(client, "GET", "/api/tags")).get("models"))
        tags = [tag for tag in tags if is_chat(tag)]
        with suppress(TimeoutError):
            async with asyncio.timeout(DETAILS_LIMIT_S * self._patience):
                await asyncio.gather(*(self._show(client, tag) for tag in tags))
        found = [(tag, self._shown.get(_identity(tag), {})) for tag in tags]
        return [
            ollama_model(self._vendor, tag, shown, self._num_ctx)
            for tag, shown in found
            if is_chat({**tag, **shown})
        ]

    async def _show(self, client: httpx2.AsyncClient, tag: Mapping[str, Any]) -> None:
        """Older servers tell what a model can do and hold one by one; it changes only with the digest."""
        identity = _identity(tag)
        if identity not in self._shown and not _tells_all(tag):
            with suppress(Exception):
                self._shown[identity] = record(
                    await self._ask(client, "POST", "/api/show", {"model": _name(tag)})
                )


def _name(tag: Mapping[str, Any]) -> str:
    return string(tag.get("model")) or string(tag.get("name"))


def _identity(tag: Mapping[str, Any]) -> str:
    return f"{_name(tag)}@{tag.get('digest')}"


def _tells_all(tag: Mapping[str, Any]) -> bool:
    return bool(tag.get("capabilities")) and "context_length" in record(tag.get("details"))
