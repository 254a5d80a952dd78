"""A vendor over our own wire: for everybody who is reached by HTTP and, at most, a key.

    send     one request as bytes, the answer as bytes: for who relays
    stream   `ports.Provider`, like an SDK's

Vertex by project, which signs in as Google's SDK does, and the command-line clients keep their own providers.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote, urlsplit

import msgspec

from llm_router import __version__, wire
from llm_router.dialects.events import Pairs, decoded, parsed, splitter
from llm_router.dialects.failures import failure
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind, JsonDict
from llm_router.ports import Call
from llm_router.providers import vendors
from llm_router.providers.endpoints import Endpoint, is_loopback
from llm_router.providers.trouble import trouble
from llm_router.providers.vendors import Vendor

# What the dialect writes for: https://platform.claude.com/docs/en/api/versioning
ANTHROPIC_VERSION = "2026-10-21"
LONGEST_ERROR = 1024 * 1024  # bytes read of an error's body
_NAMES_A_SECRET = re.compile(r"auth|key|token|secret", re.IGNORECASE)  # a header
_GEMINI_VERSION = re.compile(r"/v1(?:alpha|beta)?\d*$")


class RawProvider:
    """Implements `ports.Provider`. `signed_in`: by a login that is a caller's, and not ours."""

    def __init__(
        self,
        vendor: Vendor,
        endpoint: Endpoint,
        over: wire.Wire,
        *,
        signed_in: bool = False,
    ) -> None:
        self.signed_in = signed_in
        self.name, self.dialect = vendor.name, vendor.dialect
        self._vendor, self._wire = vendor, over
        self._secrets = _secrets(endpoint)
        self._base = endpoint.base_url
        here = is_loopback(urlsplit(self._base).hostname or "")
        # a proxy from the environment is for the internet: it could not reach a server on this machine
        self._proxy = None if here else wire.proxy_for(self._base)
        self._headers = {
            "user-agent": f"llm-router/{__version__}",
            "content-type": "application/json",
            **_credentials(vendor, endpoint.api_key),
            **endpoint.headers,
        }
        self._urls: dict[tuple[str, bool], str] = {}
        self._speaking: dict[str, RawProvider | None] = {self.dialect: self}
        for each in vendor.also:
            other = replace(vendor, dialect=each, also=())
            self._speaking.setdefault(each, RawProvider(other, endpoint, over, signed_in=signed_in))

    def speaking(self, dialect: str) -> RawProvider | None:
        """The same upstream in this dialect; None where it does not speak it."""
        return self._speaking.get(dialect)

    # ── bytes ────────────────────────────────────────────────────────────────

    async def send(
        self, model: str, body: bytes, *, stream: bool, headers: Mapping[str, str] | None = None
    ) -> wire.Received:
        """The answer, once its head has come and is a 2xx. `headers` are those of this call alone.

        Raises UpstreamError for everything else, in the vendor's own words where it said any.
        """
        url = self._urls.get((model, stream)) or self._url(model, stream=stream)
        return await self._sent(url, body, {**self._headers, **headers} if headers else self._headers)

    async def _sent(self, url: str, body: bytes, sent: Mapping[str, str]) -> wire.Received:
        try:
            received = await self._wire.post(url, sent, body, proxy=self._proxy)
        except Exception as error:
            raise trouble(self._vendor, error, begun=False) from None
        if not 200 <= received.status < 300:
            raise await self._refused(received)
        if received.headers.get("content-type", "").startswith("text/html"):
            received.close()
            raise UpstreamError(FailureKind.MALFORMED, f"{self._vendor.title} sent a page of HTML, no answer")
        return received

    async def embed(self, model: str, body: bytes, headers: Mapping[str, str]) -> object:
        """The answer of the endpoint that makes vectors, parsed. Raises UpstreamError."""
        received = await self._sent(self._embedding_url(model), body, {**self._headers, **headers})
        try:
            return parsed(await self.read(received))
        finally:
            received.close()

    async def read(self, received: wire.Received) -> bytes:
        """The whole body. Raises UpstreamError."""
        try:
            return await received.read()
        except Exception as error:
            raise self.broken(error) from None

    async def piece(self, received: wire.Received) -> bytes:
        """What has come since the last piece, b"" at the end. Raises UpstreamError."""
        try:
            return await received.piece()
        except Exception as error:
            raise self.broken(error) from None

    def broken(self, error: Exception) -> UpstreamError:
        """What went wrong while an answer was read."""
        return trouble(self._vendor, error, begun=True)

    async def _refused(self, received: wire.Received) -> UpstreamError:
        content = bytearray()
        try:
            while len(content) < LONGEST_ERROR and (piece := await self.piece(received)):
                content += piece
        except UpstreamError:
            pass  # the status says enough
        finally:
            received.close()
        body = bytes(content)
        for secret in self._secrets:  # some vendors quote it, in forms no pattern knows
            body = body.replace(secret, b"[redacted]")
        return failure(self.name, received.status, received.headers, _read(body))

    # ── ports.Provider ───────────────────────────────────────────────────────

    async def stream(self, call: Call) -> AsyncGenerator[JsonDict]:
        body = msgspec.json.encode(call.payload)
        try:
            async with asyncio.timeout(call.timeout_s):
                received = await self.send(call.model, body, stream=True, headers=call.headers)
        except TimeoutError as error:
            raise trouble(self._vendor, error, begun=False) from None
        split, pairs = splitter(self.dialect), Pairs()
        try:
            while True:
                try:
                    async with asyncio.timeout(call.timeout_s):
                        piece = await self.piece(received)
                except TimeoutError as error:
                    raise self.broken(error) from None
                for each in split.feed(piece) if piece else split.end():
                    if (event := decoded(each, pairs)) is not None:
                        yield event
                if not piece:
                    return
        finally:
            received.close()

    async def aclose(self) -> None:
        """The wire is shared: who made it closes it."""

    # ── own ──────────────────────────────────────────────────────────────────

    def _url(self, model: str, *, stream: bool) -> str:
        base = self._base
        match self.dialect:
            case "anthropic":
                url = base.removesuffix("/v1") + "/v1/messages"
            case "openai_responses":
                url = base + "/responses"
            case "ollama":
                url = base + "/api/chat"
            case "gemini":
                url = _gemini_url(base, model, stream=stream)
            case _:
                url = base + "/chat/completions"
        if len(self._urls) < 1000:
            self._urls[model, stream] = url
        return url

    def _embedding_url(self, model: str) -> str:
        match self.dialect:
            case "ollama":
                return self._base + "/api/embed"
            case "gemini":
                return _gemini_path(self._base, model) + ":batchEmbedContents"
            case _:
                return self._base + "/embeddings"


def _gemini_path(base: str, model: str) -> str:
    base = base if _GEMINI_VERSION.search(base) else f"{base}/v1beta"
    return f"{base}/{quote(model if '/' in model else f'models/{model}', safe='/:@')}"


def _gemini_url(base: str, model: str, *, stream: bool) -> str:
    path = _gemini_path(base, model)
    return f"{path}:streamGenerateContent?alt=sse" if stream else f"{path}:generateContent"


def _secrets(endpoint: Endpoint) -> Sequence[bytes]:
    told = [value for name, value in endpoint.headers.items() if _NAMES_A_SECRET.search(name)]
    found = [endpoint.api_key or "", *(value.removeprefix("Bearer ") for value in told)]
    return [secret.encode() for secret in found if secret]


def _credentials(vendor: Vendor, key: str | None) -> dict[str, str]:
    version = {"anthropic-version": ANTHROPIC_VERSION} if vendor.dialect == "anthropic" else {}
    if not key:
        return version
    if vendor.dialect == "gemini":
        return {"x-goog-api-key": key}
    # Anthropic itself is asked as its SDK does; who else speaks its protocol may know the older header only
    older = {"x-api-key": key} if vendor.name not in vendors.load() and version else {}
    return {"authorization": f"Bearer {key}", **older, **version}


def _read(body: bytes) -> object:
    try:
        return parsed(body)
    except UpstreamError:
        return body.decode("utf-8", "replace")
