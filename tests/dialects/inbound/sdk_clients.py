"""The vendors' own clients, answered by our bytes: what they return is what their users see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CHUNK = 37  # bytes at a time, so that events arrive cut


def cut(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), CHUNK):
        yield data[at : at + CHUNK]


class Answering:
    """A transport that answers every request with the same bytes, and keeps what was asked."""

    def __init__(
        self, library: Any, data: bytes, content_type: str, status: int = 200, **headers: str
    ) -> None:
        self.asked: list[Any] = []

        def handler(request: Any) -> Any:
            self.asked.append(request)
            told = {"content-type": content_type, **headers}
            return library.Response(status, headers=told, content=cut(data))

        self.transport = library.MockTransport(handler)


def openai(data: bytes, content_type: str = "application/json", status: int = 200) -> Any:
    import httpx2
    from openai import OpenAI

    answering = Answering(httpx2, data, content_type, status)
    return OpenAI(
        api_key="k",
        base_url="http://127.0.0.1:9/v1",
        max_retries=0,
        http_client=httpx2.Client(transport=answering.transport),
    )


def gemini(data: bytes, content_type: str = "application/json", status: int = 200) -> Any:
    import httpx2
    from google import genai
    from google.genai.types import HttpOptions

    client = httpx2.Client(transport=Answering(httpx2, data, content_type, status).transport)
    return genai.Client(
        api_key="k",
        vertexai=False,
        http_options=HttpOptions(base_url="http://127.0.0.1:9", httpx_client=client),
    )


def ollama(data: bytes, content_type: str = "application/x-ndjson", status: int = 200) -> Any:
    import httpx
    from ollama import Client

    return Client("http://127.0.0.1:9", transport=Answering(httpx, data, content_type, status).transport)
