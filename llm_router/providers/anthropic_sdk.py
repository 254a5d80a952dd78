"""Anthropic and whoever speaks its Messages protocol, through the official SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import anthropic
import httpx2

from llm_router.ports import Call
from llm_router.providers.over_http import Opened
from llm_router.providers.sdk import SdkProvider, is_plain

_PATH = "/v1/messages"


class _Client(anthropic.AsyncAnthropic):
    """Sends the headers it is given and no others.

    The SDK adds ANTHROPIC_CUSTOM_HEADERS of the process environment: inside Claude Code those are its gateway's.
    """

    def __init__(self, headers: Mapping[str, str], **options: Any) -> None:
        super().__init__(default_headers=headers, **options)
        self._custom_headers = dict(headers)


class AnthropicSdk(SdkProvider[_Client]):
    def _open(self) -> Opened[_Client]:
        http = self._http_client()
        client = _Client(
            self._headers,
            api_key=self._endpoint.api_key or "none",  # without one the SDK would look for profiles on disk
            base_url=self._endpoint.base_url.removesuffix("/v1"),
            max_retries=0,
            timeout=None,
            http_client=http,
        )
        return Opened(client, http.aclose)

    async def _stream(self, client: _Client, call: Call) -> AsyncGenerator[object, None]:
        # The SDK's own stream drops events it does not know and raises on errors; the dialect reads all of them.
        stream = await client.post(
            _PATH,
            cast_to=httpx2.Response,
            body=call.payload,
            options={"headers": call.headers},
            stream=True,
            stream_cls=anthropic.AsyncStream[object],
        )
        response = cast("httpx2.Response", stream)  # `cast_to` asks for the raw response
        try:
            if is_plain(response):
                yield json.loads(await response.aread())
                return
            async for sse in anthropic.AsyncStream.raw_events(response):
                if sse.data:
                    event = json.loads(sse.data)
                    if isinstance(event, dict) and "type" not in event and sse.event:
                        event["event"] = sse.event
                    yield event
        finally:
            await response.aclose()
