"""What all who reach a vendor by an HTTP client share: one warm client per event loop, one translation of failures.

Nothing is retried, and neither headers nor keys are read from the process environment.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from llm_router import __version__
from llm_router.dialects.failures import failure
from llm_router.providers.endpoints import Endpoint, is_loopback
from llm_router.providers.trouble import trouble
from llm_router.providers.vendors import Vendor

KEEP_WARM_S = 30.0

# Whether the upstream has begun to answer: what breaks then is an answer, not the way to it.
answered: ContextVar[bool] = ContextVar("answered", default=False)

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Opened(Generic[C]):
    """A client, and how to close it."""

    client: C
    close: Callable[[], Awaitable[object]]


class OverHttp(ABC, Generic[C]):
    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        self._vendor, self._endpoint = vendor, endpoint
        self._opened: WeakKeyDictionary[asyncio.AbstractEventLoop, Opened[C]] = WeakKeyDictionary()

    @abstractmethod
    def _open(self) -> Opened[C]: ...

    async def aclose(self) -> None:
        """Close the client of this event loop. Those of loops that have ended went with their loops."""
        opened = self._opened.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened.close()

    def _client(self) -> C:
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            self._opened[loop] = self._open()
        return self._opened[loop].client

    @property
    def _headers(self) -> dict[str, str]:
        return {"User-Agent": f"llm-router/{__version__}", **self._endpoint.headers}

    @property
    def _http_options(self) -> dict[str, Any]:
        """For an httpx or httpx2 client. No time limit of its own: who calls holds the clock.

        A proxy from the environment is for the internet: it could not reach a server on this machine. Certificates are
        for https: 3 MB that plain HTTP needs not load. A redirect is a failure: the client would carry headers with
        the key to wherever it points.
        """
        parts = urlsplit(self._endpoint.base_url)
        here = is_loopback(parts.hostname or "")
        return {
            "timeout": None,
            "trust_env": not here,
            "verify": not (here and parts.scheme == "http"),
            "follow_redirects": False,
            "event_hooks": {"response": [self._raise_for_status]},
        }

    def _http_client(self, headers: dict[str, str] | None = None) -> Any:
        """The client the newer SDKs are handed."""
        import httpx2

        limits = httpx2.Limits(max_connections=None, keepalive_expiry=KEEP_WARM_S)
        return httpx2.AsyncClient(headers=headers, limits=limits, **self._http_options)

    async def _raise_for_status(self, response: Any) -> None:
        """Before an SDK sees it: each would wrap it in its own way, and some lose the headers or the body."""
        answered.set(True)
        if response.is_success:
            return
        content: bytes = await response.aread()
        if key := self._endpoint.api_key:  # some vendors quote it, in forms no pattern knows
            content = content.replace(key.encode(), b"[redacted]")
        raise failure(self._vendor.name, int(response.status_code), dict(response.headers), _body(content))

    @contextmanager
    def _failures(self) -> Generator[None]:
        try:
            yield
        except StopAsyncIteration:
            raise
        except Exception as error:
            raise trouble(
                self._vendor, error, begun=answered.get()
            ) from None  # an SDK's text may quote the request


def _body(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")
