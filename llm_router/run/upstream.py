"""The answer of one upstream as it arrives, whoever carries it: bytes over our own wire, or an SDK's decoded events."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Protocol

import msgspec

from llm_router.dialects.events import Pairs, Splitter, decoded, parsed, splitter
from llm_router.errors import UpstreamError
from llm_router.nouns import Answer, FailureKind, JsonDict, Request
from llm_router.ports import Call, Dialect, Provider
from llm_router.providers.raw import RawProvider
from llm_router.wire import Received

encode = msgspec.json.Encoder().encode


class Upstream(Protocol):
    """`open` sends a request; `batch` gives the events that came together, and None after the last. A `batch` that is
    cancelled loses nothing. `aclose` closes the connection. They raise UpstreamError.
    """

    async def open(self, model: str, payload: JsonDict) -> None: ...
    async def batch(self) -> Sequence[JsonDict | str] | None: ...
    async def aclose(self) -> None: ...


class OverWire:
    """`open` also waits for the head of the answer. `whole` reads the answer of a request that does not stream. Of an event
    in which `words` finds a text, `batch` gives that alone: see ports.StreamDecoder.
    """

    _received: Received | None = None

    def __init__(self, provider: RawProvider, headers: Mapping[str, str], *, stream: bool) -> None:
        self._provider, self._headers, self._stream = provider, headers, stream
        self._pairs = Pairs()
        self.words: Callable[[bytes], str] = _none
        self._begun = self._ended = False

    @cached_property
    def _split(self) -> Splitter:
        return splitter(self._provider.dialect)

    async def open(self, model: str, payload: JsonDict) -> None:
        await self.send(model, encode(payload))

    async def send(self, model: str, body: bytes) -> None:
        self._received = await self._provider.send(model, body, stream=self._stream, headers=self._headers)

    async def piece(self) -> bytes:
        """b"" at the end."""
        try:
            return await self._answer.piece()
        except Exception as error:
            raise self._provider.broken(error) from None

    async def batch(self) -> Sequence[JsonDict | str] | None:
        return None if self._ended else self.events(await self.piece())

    def events(self, piece: bytes) -> Sequence[JsonDict | str]:
        """Of the next piece; of b"" what stood at the end of the stream without an end of its own."""
        if piece:
            found: list[JsonDict | str] = []
            for each in self._split.feed(piece):
                name, data = each
                event = (self.words(data) if name != b"error" else "") or decoded(each, self._pairs)
                if event is not None:
                    found.append(event)
            self._begun = self._begun or bool(found)
            return found
        self._ended = True
        try:
            return [event for each in self._split.end() if (event := decoded(each)) is not None]
        except UpstreamError:
            if not self._begun:
                raise
            return ()  # an event that was broken off: the decoder tells that the end is missing

    async def whole(self) -> bytes:
        return await self._provider.read(self._answer)

    @property
    def _answer(self) -> Received:
        if self._received is None:
            raise RuntimeError("nothing was sent")
        return self._received

    async def aclose(self) -> None:
        if self._received is not None:
            self._received.close()


def _none(_: bytes) -> str:
    return ""


class ThroughSdk:
    """A provider that gives decoded events, and always streams. The limits are the caller's, not the provider's."""

    def __init__(self, provider: Provider, headers: Mapping[str, str], *, longest_s: float) -> None:
        self._provider, self._headers, self._longest_s = provider, headers, longest_s
        self._events: AsyncGenerator[JsonDict] = _nothing()
        self._next: asyncio.Task[JsonDict | None] | None = None
        # one for all steps: SDK providers note in it how far they are
        self._context = contextvars.copy_context()

    async def open(self, model: str, payload: JsonDict) -> None:
        call = Call(model, payload, timeout_s=self._longest_s, headers=self._headers)
        self._events = self._provider.stream(call)

    async def batch(self) -> Sequence[JsonDict] | None:
        """A step of its own task: to cancel an SDK's generator while it waits would end it."""
        if self._next is None:
            self._next = asyncio.create_task(self._step(), context=self._context)
        event = await asyncio.shield(self._next)
        self._next = None
        return None if event is None else (event,)

    async def _step(self) -> JsonDict | None:
        return await anext(self._events, None)

    async def aclose(self) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
            self._next = None
        await self._events.aclose()


async def _nothing() -> AsyncGenerator[JsonDict]:
    return
    yield


def answered(dialect: Dialect, body: bytes, request: Request | None = None) -> tuple[Answer, bool]:
    """What a plain answer tells; and whether it came as a stream, as some send it though nobody asked for one. Raises
    UpstreamError: what it names, MALFORMED, or EMPTY where there is none at all.
    """
    if not body.strip():
        raise UpstreamError(FailureKind.EMPTY, "an empty answer")
    try:
        return dialect.decode(parsed(body), request), False
    except UpstreamError as error:
        if error.kind is not FailureKind.MALFORMED or not (events := _events(dialect, body)):
            raise
    decoder = dialect.decoder(request)
    for event in events:
        decoder.feed(event)
    return decoder.answer(), True


def _events(dialect: Dialect, body: bytes) -> Sequence[JsonDict]:
    """Of a stream; none where it is none."""
    split = splitter(dialect.name)
    with suppress(UpstreamError):
        found = [decoded(each) for each in (*split.feed(body), *split.end())]
        return [event for event in found if event is not None]
    return ()
