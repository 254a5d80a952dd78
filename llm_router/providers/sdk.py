"""What the four SDK providers share. An SDK only carries here: it gets the payload as the dialect made it, and gives back
decoded JSON.
"""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from typing import Any

from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind, JsonDict
from llm_router.ports import Call
from llm_router.providers.endpoints import Endpoint
from llm_router.providers.over_http import C, OverHttp, answered
from llm_router.providers.vendors import Vendor


class SdkProvider(OverHttp[C]):
    """Implements `ports.Provider` over `_open` and `_stream`."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(vendor, endpoint)
        self.name, self.dialect = vendor.name, vendor.dialect

    @abstractmethod
    def _stream(self, client: C, call: Call) -> AsyncGenerator[object, None]:
        """The decoded events. Closing it closes the connection."""

    async def stream(self, call: Call) -> AsyncGenerator[JsonDict]:
        answered.set(False)
        with self._failures():
            events = self._stream(self._client(), call)
        async with aclosing(events):
            while True:
                with self._failures():
                    try:
                        async with asyncio.timeout(call.timeout_s):
                            event = self._dict(await anext(events))
                    except StopAsyncIteration:
                        return
                yield event

    def _dict(self, value: object) -> JsonDict:
        if isinstance(value, dict):
            return value  # pyright: ignore[reportUnknownVariableType]
        raise UpstreamError(
            FailureKind.MALFORMED, f"{self._vendor.title} sent {type(value).__name__}, not a JSON object"
        )


def is_plain(response: Any) -> bool:
    """Whether this is the answer to a plain call: of a server that cannot stream, or that fails with status 200."""
    return response.headers.get("content-type", "").startswith("application/json")


@contextmanager
def without_proxies() -> Generator[None]:
    """Take the proxy and certificate variables out of the process environment for a moment."""
    names = [n for n in os.environ if n.lower().endswith("_proxy") or n in {"SSL_CERT_FILE", "SSL_CERT_DIR"}]
    aside = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(aside)
