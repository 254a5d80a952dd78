"""Google Gemini, by key or through Vertex AI, by the official SDK."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any

from google import genai
from google.genai.types import HttpOptions

from llm_router.ports import Call
from llm_router.providers.over_http import Opened
from llm_router.providers.sdk import SdkProvider, without_proxies

_VERSION = re.compile(r"/(v1(?:alpha|beta)?\d*)$")


class GoogleSdk(SdkProvider[Any]):
    """Carries the body through the SDK's API client, which every one of its own methods stands on.

    `generate_content` would parse the answer into its own types, lose what it does not know, and give no access to
    the raw events of a stream.
    """

    def _open(self) -> Opened[Any]:
        http = self._http_client()
        endpoint, vertex = self._endpoint, self._vendor.name == "vertex"
        version = _VERSION.search(endpoint.base_url)
        options = HttpOptions(
            base_url=_VERSION.sub("", endpoint.base_url) or None,
            api_version=version[1] if version else "v1beta1" if vertex else "v1beta",
            headers=self._headers,
            httpx_async_client=http,
        )
        by_project = vertex and endpoint.api_key is None
        # it also makes a client of its own that nobody uses, and some proxies would end that
        with without_proxies():
            client = genai.Client(
                vertexai=vertex,
                api_key=endpoint.api_key,  # goes into the x-goog-api-key header
                project=endpoint.variables.get("project") if by_project else None,
                location=endpoint.variables.get("location", "global") if by_project else None,
                http_options=options,
            )

        async def close() -> None:
            client.close()
            await http.aclose()

        return Opened(client._api_client, close)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def _stream(self, client: Any, call: Call) -> AsyncGenerator[object, None]:
        # the SDK removes keys from the body it is given, so it gets a copy of the outermost level
        body, options = dict(call.payload), HttpOptions(headers=dict(call.headers))
        request = client._build_request("post", self._path(call.model), body, options)  # noqa: SLF001
        response = await client._async_request(request, stream=True)  # noqa: SLF001
        try:
            async for event in response:
                yield event
        finally:
            await response.response_stream.aclose()

    def _path(self, model: str) -> str:
        """`models/NAME`, or the model's full resource name when the caller gave that."""
        if "/" not in model:
            model = (
                f"publishers/google/models/{model}" if self._vendor.name == "vertex" else f"models/{model}"
            )
        return f"{model}:streamGenerateContent?alt=sse"
