"""The one HTTP client of the gateway's hot path: bytes to an upstream, bytes back, nothing understood.

aiohttp, because it costs a tenth of what an SDK's client does (docs/benchmarks.md). It has no time limits of its own:
how long a connection, a first byte or a gap may take is the caller's to say. Nothing is retried and no redirect is
followed: either would carry a request, and the key in its headers, to where nobody sent it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import aiohttp
    import yarl

KEEP_WARM_S = 30.0
LONGEST_LINE = 64 * 1024  # of a header: some vendors send long policies
BUFFER = 256 * 1024  # bytes read ahead of a slow reader; then the upstream has to wait


class Received:
    """An upstream's answer whose head has come. Read it whole with `read`, or piece by piece with `pieces`, once.

    `close` gives the connection back when the answer was read to its end, and else closes it: the upstream sees that
    nobody listens any more.
    """

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        return await self._response.read()

    async def piece(self) -> bytes:
        """What has arrived since the last piece, at least one byte; b"" at the end."""
        return await self._response.content.readany()

    async def pieces(self) -> AsyncGenerator[bytes]:
        try:
            while piece := await self._response.content.readany():
                yield piece
        finally:
            self.close()

    def close(self) -> None:
        if self._response.content.is_eof():
            self._response.release()
        else:
            self._response.close()


class Wire:
    """One client session for every event loop that uses it. Raises what aiohttp raises."""

    def __init__(self) -> None:
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = (
            WeakKeyDictionary()
        )

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, proxy: str | None = None
    ) -> Received:
        """Send, and wait for the head of the answer. Cancelling it closes the connection."""
        return Received(
            await self._session().post(
                _url(url), data=body, headers=headers, allow_redirects=False, proxy=proxy
            )
        )

    async def aclose(self) -> None:
        """Close the session of this event loop. Those of loops that have ended went with their loops."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = _open()
        return session


def _open() -> aiohttp.ClientSession:
    import aiohttp  # 0.1 s of import and certificates: only where something is sent

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_WARM_S, ttl_dns_cache=60),
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=BUFFER,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
        skip_auto_headers=("accept", "accept-encoding", "user-agent"),
    )


_urls: dict[str, yarl.URL] = {}


def _url(url: str) -> yarl.URL:
    """Parsed once: there are as many as there are models in use."""
    import yarl

    if (parsed := _urls.get(url)) is None:
        if len(_urls) > 1000:
            _urls.clear()
        parsed = _urls[url] = yarl.URL(url, encoded=True)
    return parsed


def proxy_for(url: str) -> str | None:
    """The proxy that the environment (or the system) names for this address: HTTPS_PROXY, ALL_PROXY, NO_PROXY ..."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    named = getproxies()
    found = named.get(parts.scheme) or named.get("all")
    return found if found and found.startswith(("http://", "https://")) else None
