"""OpenAI and everybody who speaks its protocol, through the official SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import openai

from llm_router.ports import Call
from llm_router.providers.over_http import Opened
from llm_router.providers.sdk import SdkProvider, is_plain


class _Client(openai.AsyncOpenAI):
    """Sends the headers it is given and no others.

    The SDK adds OPENAI_CUSTOM_HEADERS, OPENAI_ORG_ID and OPENAI_PROJECT_ID of the process environment, which are for
    OpenAI and not for the vendor this client may be pointed at.
    """

    def __init__(self, headers: Mapping[str, str], **options: Any) -> None:
        super().__init__(default_headers=headers, **options)
        self._custom_headers = dict(headers)
        self.organization = self.project = None


class OpenAiSdk(SdkProvider[_Client]):
    def _open(self) -> Opened[_Client]:
        http = self._http_client()
        client = _Client(
            self._headers,
            api_key=self._endpoint.api_key or "none",  # without one the SDK would take OPENAI_API_KEY
            base_url=self._endpoint.base_url,
            max_retries=0,
            timeout=None,
            http_client=http,
        )
        return Opened(client, http.aclose)

    async def _stream(self, client: _Client, call: Call) -> AsyncGenerator[object, None]:
        events = await client.post(
            _path(call),
            cast_to=object,
            body=call.payload,
            options=self._options(call.headers),
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        async with events:
            if is_plain(events.response):
                yield json.loads(await events.response.aread())
                return
            try:
                async for event in events:
                    yield event
            except openai.APIError as error:
                if error.body is None:
                    raise
                yield {"error": error.body}  # an error event within the stream: the dialect reads it

    def _options(self, headers: Mapping[str, str]) -> openai.RequestOptions:
        keyless = {"Authorization": openai.Omit()} if self._endpoint.api_key is None else {}
        return {"headers": {**keyless, **headers}}


def _path(call: Call) -> str:
    """Both of OpenAI's formats go through here; a Responses payload is known by its `input`."""
    return "/responses" if "input" in call.payload else "/chat/completions"
