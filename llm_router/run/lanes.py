"""How an upstream's answer becomes the caller's bytes: translated, event by event."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from llm_router import dialects
from llm_router.dialects.encoding import seen_by
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Delta, JsonDict, Model, Request, Usage
from llm_router.ports import Head, Inbound, Renderer, StreamDecoder
from llm_router.run.exchange import is_real, size_of
from llm_router.run.upstream import OverWire, Upstream, answered


class Lane(Protocol):
    """One answer on its way to the caller.

    `read` takes what has arrived (False: that was all) and notes what it was: any delta (`alive`), a real token
    (`real`), the end mark (`whole`), the `usage` that was told. `write` gives what of it the caller may be sent now. At the
    end `answer` tells the whole of it, or raises UpstreamError, and `end` gives the last bytes. `error` and `ping` are the
    renderer's.
    """

    alive: bool
    real: bool
    whole: bool
    seen_chars: int

    @property
    def usage(self) -> Usage | None: ...
    async def open(self, model: Model) -> None: ...
    async def read(self) -> bool: ...
    def write(self) -> bytes: ...
    def answer(self) -> Answer: ...
    def end(self, answer: Answer) -> bytes: ...
    def error(self, error: RouterError) -> bytes: ...
    def ping(self) -> bytes: ...
    async def plain(self) -> tuple[Answer, bytes]:
        """For a caller who wants no stream: the answer, and the body that tells it."""
        ...

    async def aclose(self) -> None: ...


class Translation:
    """From the upstream's dialect to the caller's. What came in one read is decoded and written in one go."""

    def __init__(self, upstream: Upstream, dialect: str, inbound: Inbound, head: Head) -> None:
        self._upstream, self._dialect = upstream, dialects.get(dialect)
        self._inbound, self._head = inbound, head
        self._pending: list[Delta] = []
        self.alive = self.real = self.whole = False
        self.seen_chars = 0

    @cached_property
    def _decoder(self) -> StreamDecoder:
        """Of a stream; a plain answer needs none."""
        decoder = self._dialect.decoder(self._head.request)
        if isinstance(self._upstream, OverWire):
            self._upstream.words = decoder.words
        return decoder

    @property
    def usage(self) -> Usage | None:
        return self._decoder.usage

    @cached_property
    def _renderer(self) -> Renderer:
        return self._inbound.renderer(self._head)

    async def open(self, model: Model) -> None:
        await self._upstream.open(model.id, self._payload(seen_by(model, self._head.request), model))

    def _payload(self, request: Request, model: Model) -> JsonDict:
        stream = request.stream or not isinstance(self._upstream, OverWire)
        return self._dialect.encode(request, model, stream=stream)

    async def read(self) -> bool:
        decoder = self._decoder
        events = await self._upstream.batch()
        if events is None:
            return False
        for event in events:
            self._note((decoder.say(event),) if isinstance(event, str) else decoder.feed(event))
        return True

    def _note(self, deltas: Sequence[Delta]) -> None:
        if deltas:
            self.alive = True
            self._pending += deltas
            for delta in deltas:
                self.seen_chars += size_of(delta)
                self.real = self.real or is_real(delta)
        self.whole = self._decoder.over

    def write(self) -> bytes:
        pending, self._pending = self._pending, []
        return self._renderer.feed(pending) if pending else b""

    def answer(self) -> Answer:
        return self._decoder.answer()

    def end(self, answer: Answer) -> bytes:
        return self.write() + self._renderer.end(answer)

    def error(self, error: RouterError) -> bytes:
        return self.write() + self._renderer.error(error)

    def ping(self) -> bytes:
        return self._renderer.ping()

    async def plain(self) -> tuple[Answer, bytes]:
        if isinstance(self._upstream, OverWire):
            answer, _ = answered(self._dialect, await self._upstream.whole(), self._head.request)
        else:
            while await self.read():
                pass
            answer = self.answer()
        return answer, self._inbound.render(answer, self._head)

    async def aclose(self) -> None:
        await self._upstream.aclose()
