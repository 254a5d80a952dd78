"""What the four SDK providers share: one warm client per event loop, one clock, one translation of failures.

An SDK only carries here. It gets the payload as the dialect made it, gives back decoded JSON, retries nothing,
and reads neither headers nor keys from the process environment.
"""

from __future__ import annotations

import asyncio
import json
import os
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Sequence,
)
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from llm_router import __version__
from llm_router.dialects.failures import failure
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind, JsonDict, Model
from llm_router.ports import Call, Readiness
from llm_router.providers.endpoints import Endpoint, is_loopback
from llm_router.providers.trouble import trouble
from llm_router.providers.vendors import Vendor

LISTING_LIMIT_S, REMOTE_LISTING_LIMIT_S = 0.9, 0.9
DETAILS_LIMIT_S = 0.25  # of all models of a listing together, which stands without them
KEEP_WARM_S = 30.0

# Whether the upstream has begun to answer: what breaks then is an answer, not the way to it.
_answered: ContextVar[bool] = ContextVar("answered", default=False)

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Opened(Generic[C]):
    """An SDK's client, and how to close it."""

    client: C
    close: Callable[[], Awaitable[object]]


class SdkProvider(ABC, Generic[C]):
    """Implements `ports.Provider` over the three methods below."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        self.name, self.dialect = vendor.name, vendor.dialect
        self._vendor, self._endpoint = vendor, endpoint
        self._opened: WeakKeyDictionary[asyncio.AbstractEventLoop, Opened[C]] = WeakKeyDictionary()

    # ── what each SDK fills in ───────────────────────────────────────────────

    @abstractmethod
    def _open(self) -> Opened[C]: ...

    @abstractmethod
    def _stream(self, client: C, call: Call) -> AsyncGenerator[object, None]:
        """The decoded events. Closing it closes the connection."""

    async def _list(self, client: C) -> Sequence[Model]:
        """The models the server has; asked only of vendors with `discover`."""
        raise NotImplementedError

    # ── ports.Provider ───────────────────────────────────────────────────────

    async def stream(self, call: Call) -> AsyncGenerator[JsonDict]:
        _answered.set(False)
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

    async def readiness(self) -> Readiness:
        """A local server is asked; of a vendor on the internet it is enough that there is a key."""
        if not self._vendor.discover:
            return Readiness(ready=True, detail=self._endpoint.shown)
        try:
            models = await self.installed() or ()
        except UpstreamError as error:
            return Readiness(ready=False, detail=error.message, fix=error.fix)
        return Readiness(ready=True, detail=f"{len(models)} models at {self._endpoint.shown}")

    async def installed(self) -> Sequence[Model] | None:
        if not self._vendor.discover:
            return None
        limit_s = LISTING_LIMIT_S if self._is_here else REMOTE_LISTING_LIMIT_S
        with self._failures():
            client = self._client()  # outside the limit: the first one loads certificates
            async with asyncio.timeout(limit_s * self._endpoint.patience):
                return await self._list(client)

    async def aclose(self) -> None:
        """Close the client of this event loop. Those of loops that have ended went with their loops."""
        opened = self._opened.pop(asyncio.get_running_loop(), None)
        if opened is not None:
            await opened.close()

    # ── for the SDK files ────────────────────────────────────────────────────

    @property
    def _headers(self) -> dict[str, str]:
        return {"User-Agent": f"llm-router/{__version__}", **self._endpoint.headers}

    @property
    def _is_here(self) -> bool:
        return is_loopback(urlsplit(self._endpoint.base_url).hostname or "")

    @property
    def _http_options(self) -> dict[str, Any]:
        """For an httpx or httpx2 client. No time limit of its own: `stream` holds the clock.

        A proxy from the environment is for the internet: it could not reach a server on this machine.
        A redirect is a failure: the client would carry headers with the key to wherever it points.
        """
        return {
            "timeout": None,
            "trust_env": not self._is_here,
            "follow_redirects": False,
            "event_hooks": {"response": [self._raise_for_status]},
        }

    def _http_client(self) -> Any:
        """The client the newer SDKs are handed."""
        import httpx2

        limits = httpx2.Limits(max_connections=None, keepalive_expiry=KEEP_WARM_S)
        return httpx2.AsyncClient(limits=limits, **self._http_options)

    # ── own ──────────────────────────────────────────────────────────────────

    def _client(self) -> C:
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            self._opened[loop] = self._open()
        return self._opened[loop].client

    def _dict(self, value: object) -> JsonDict:
        if isinstance(value, dict):
            return value  # pyright: ignore[reportUnknownVariableType]
        raise UpstreamError(
            FailureKind.MALFORMED, f"{self._vendor.title} sent {type(value).__name__}, not a JSON object"
        )

    async def _raise_for_status(self, response: Any) -> None:
        """Before an SDK sees it: each would wrap it in its own way, and some lose the headers or the body."""
        _answered.set(True)
        if response.is_success:
            return
        content: bytes = await response.aread()
        if key := self._endpoint.api_key:  # some vendors quote it, in forms no pattern knows
            content = content.replace(key.encode(), b"[redacted]")
        raise failure(self.name, int(response.status_code), dict(response.headers), _body(content))

    @contextmanager
    def _failures(self) -> Generator[None]:
        try:
            yield
        except StopAsyncIteration:
            raise
        except Exception as error:
            raise trouble(
                self._vendor, error, begun=_answered.get()
            ) from None  # an SDK's text may quote the request


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


def _body(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")
