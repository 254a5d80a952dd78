"""One attempt at one upstream: encode, carry, decode; time limits; the commit on the first real token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from llm_router import dialects
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    Answer,
    Delta,
    FailureKind,
    JsonDict,
    Model,
    Request,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from llm_router.ports import Call, Provider, StreamDecoder

CHARS_PER_TOKEN = 4


def _real(delta: Delta) -> bool:
    """Thinking is not an answer yet: a model that only thought may still be replaced by another."""
    return isinstance(delta, ToolCallDelta) or (isinstance(delta, TextDelta) and bool(delta.text.strip()))


@dataclass(slots=True)
class Exchange:
    """`limit_s` bounds the whole answer, or the wait for the first real token of a stream; `gap_s` each gap after.

    `committed` says that the caller has seen a piece of this answer, so that no other model may continue it.
    """

    provider: Provider
    request: Request
    model: Model
    limit_s: float
    gap_s: float
    input_tokens: int = 0
    answer: Answer | None = None
    committed: bool = False
    first_token_ms: float | None = None
    _started: float = field(default_factory=time.perf_counter)
    _seen_chars: int = 0

    async def deltas(self) -> AsyncGenerator[Delta]:
        """Yields nothing for a plain request. Raises UpstreamError; else `answer` is set at the end."""
        dialect = dialects.get(self.provider.dialect)
        payload = dialect.encode(self.request, self.model, stream=self.request.stream)
        if self.request.stream:
            async with aclosing(self._stream(payload, dialect.decoder())) as deltas:
                async for delta in deltas:
                    yield delta
        else:
            try:
                async with asyncio.timeout(self.limit_s):
                    body = await self.provider.send(self._call(payload))
            except TimeoutError:
                raise self._timed_out("no answer", self.limit_s) from None
            self.answer = dialect.decode(body)
        if self.answer is None or self.answer.empty:
            raise UpstreamError(FailureKind.EMPTY, f"{self.model.ref} gave an empty answer")

    def billed_usage(self) -> Usage | None:
        """What the upstream will have charged: reported, or estimated where a stream broke after it began."""
        if self.answer is not None:
            return self.answer.usage
        if not self.committed:
            return None
        return Usage(self.input_tokens, max(1, self._seen_chars // CHARS_PER_TOKEN), estimated=True)

    async def _stream(self, payload: JsonDict, decoder: StreamDecoder) -> AsyncGenerator[Delta]:
        held: list[Delta] = []
        async with aclosing(self._events(payload)) as events:
            async for event in events:
                for delta in decoder.feed(event):
                    self._seen_chars += len(
                        delta.arguments if isinstance(delta, ToolCallDelta) else delta.text
                    )
                    if self.committed:
                        yield delta
                        continue
                    held.append(delta)
                    if _real(delta):
                        self.committed = True
                        self.first_token_ms = (time.perf_counter() - self._started) * 1000
                        for each in held:
                            yield each
        self.answer = decoder.answer()

    async def _events(self, payload: JsonDict) -> AsyncGenerator[JsonDict]:
        """The upstream's events, each awaited under its own limit: a consumer that is slow costs the upstream nothing."""
        first_by = time.perf_counter() + self.limit_s
        source = self.provider.stream(self._call(payload))
        try:
            while True:
                limit = self.gap_s if self.committed else first_by - time.perf_counter()
                try:
                    async with asyncio.timeout(max(0.0, limit)):
                        event = await anext(source)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    what = "the stream went silent" if self.committed else "no first token"
                    raise self._timed_out(what, self.gap_s if self.committed else self.limit_s) from None
                yield event
        finally:
            if (close := getattr(source, "aclose", None)) is not None:
                await close()

    def _call(self, payload: JsonDict) -> Call:
        return Call(model=self.model.id, payload=payload, timeout_s=max(self.limit_s, self.gap_s))

    def _timed_out(self, what: str, seconds: float) -> UpstreamError:
        return UpstreamError(FailureKind.TIMEOUT, f"{self.model.ref}: {what} within {seconds:.0f} s")
