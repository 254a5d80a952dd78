"""One attempt at one upstream: encode, carry, decode; time limits; the commit on the first real token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from msgspec.structs import replace

from llm_router import dialects
from llm_router.dialects.encoding import seen_by
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    Answer,
    Chunk,
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
FAREWELL_S = 5.0  # after the end mark only the bookkeeping is missing: the usage, the end of the connection


def is_real(delta: Delta) -> bool:
    """Thinking is not an answer yet: a model that only thought may still be replaced by another."""
    return isinstance(delta, ToolCallDelta) or (isinstance(delta, TextDelta) and bool(delta.text.strip()))


def size_of(delta: Delta) -> int:
    """Characters."""
    return len(delta.arguments if isinstance(delta, ToolCallDelta) else delta.text)


def estimated(input_tokens: int, seen_chars: int, told: Usage | None) -> Usage | None:
    """What a stream will have cost that broke after it began; None for one that did not. `told` is what the upstream has
    said of it by then: some tell at the start how long the prompt was and what of it was cached.
    """
    if not seen_chars:
        return None
    written = max(1, seen_chars // CHARS_PER_TOKEN)
    if told is None or not told.input_tokens:
        return Usage(input_tokens, written, estimated=True)
    return replace(told, output_tokens=max(told.output_tokens, written), estimated=True)


def completed(answer: Answer, provider: str, input_tokens: int) -> Answer:
    """With what the decoder cannot know: who spoke, and how long the request was where the upstream does not say."""
    answer = dialects.issued_by(answer, provider)
    if answer.usage.estimated and not answer.usage.input_tokens:
        answer = replace(answer, usage=replace(answer.usage, input_tokens=input_tokens))
    return answer


class Exchanging(Protocol):
    """One attempt at one upstream, as run sees it. Closing `deltas()` closes the upstream connection."""

    answer: Answer | None
    farewell: bytes  # the last of what the caller is sent, for after the answer was recorded
    committed: bool
    first_token_ms: float | None

    def deltas(self) -> AsyncGenerator[Delta | Chunk]: ...
    async def whole(self) -> None:
        """Instead of `deltas`, for a request that does not stream: nothing is told before the end."""
        ...

    def billed_usage(self) -> Usage | None: ...


class ExchangeFactory(Protocol):
    """Seconds for all three limits; see Exchange for what each bounds."""

    def __call__(
        self,
        *,
        provider: Provider,
        request: Request,
        model: Model,
        limit_s: float,
        gap_s: float,
        deadline_s: float,
        input_tokens: int,
    ) -> Exchanging: ...


@dataclass(slots=True)
class Exchange:
    """Always asks the upstream to stream: a host that hangs then shows within `limit_s`, the wait for its first sign of
    life, while a long answer may take its time, as long as no gap between two pieces exceeds `gap_s`.

    A caller who wants no stream is shown nothing before the end, so that until then any other model may still serve.
    `committed` says that the caller has seen a piece, and nobody else may continue it.
    """

    provider: Provider
    request: Request
    model: Model
    limit_s: float
    gap_s: float
    deadline_s: float
    input_tokens: int = 0
    answer: Answer | None = None
    farewell: bytes = b""
    committed: bool = False
    first_token_ms: float | None = None
    _started: float = field(default_factory=time.perf_counter)
    _alive: bool = False
    _whole: bool = False
    _seen_chars: int = 0
    _decoder: StreamDecoder | None = None

    async def deltas(self) -> AsyncGenerator[Delta | Chunk]:
        """Raises UpstreamError; else `answer` is set at the end."""
        dialect = dialects.get(self.provider.dialect)
        payload = dialect.encode(seen_by(self.model, self.request), self.model, stream=True)
        decoder, held = dialect.decoder(self.request), list[Delta]()
        self._decoder = decoder
        async with aclosing(self._told(payload, decoder)) as deltas:
            async for delta in deltas:
                self._note(delta)
                if not self.request.stream:
                    continue
                held.append(delta)
                if self.first_token_ms is not None:
                    self.committed = True
                    for each in held:
                        yield each
                    held.clear()
        self.answer = completed(decoder.answer(), self.model.vendor, self.input_tokens)
        if self.answer.empty:
            raise nothing_said(self.answer)

    async def whole(self) -> None:
        async with aclosing(self.deltas()) as deltas:
            async for _ in deltas:
                pass

    def billed_usage(self) -> Usage | None:
        """What the upstream will have charged: reported, or estimated where a stream broke after it began."""
        if self.answer is not None:
            return self.answer.usage
        told = self._decoder.usage if self._decoder is not None else None
        return estimated(self.input_tokens, self._seen_chars, told)

    def _note(self, delta: Delta) -> None:
        self._alive = True
        self._seen_chars += size_of(delta)
        if self.first_token_ms is None and is_real(delta):
            self.first_token_ms = (time.perf_counter() - self._started) * 1000

    async def _told(self, payload: JsonDict, decoder: StreamDecoder) -> AsyncGenerator[Delta]:
        """What the upstream says. Trouble after its end mark costs nobody an answer that is whole."""
        async with aclosing(self._events(payload)) as events:
            try:
                async for event in events:
                    deltas = decoder.feed(event)
                    self._whole = decoder.over
                    for delta in deltas:
                        yield delta
            except UpstreamError:
                if not self._whole or self.first_token_ms is None:
                    raise

    async def _events(self, payload: JsonDict) -> AsyncGenerator[JsonDict]:
        """The upstream's events, each awaited under its own limit: a slow consumer costs the upstream nothing."""
        call = Call(self.model.id, payload, timeout_s=self.deadline_s)
        async with aclosing(self.provider.stream(call)) as source:
            while True:
                try:
                    async with asyncio.timeout(max(0.0, self._patience())):
                        event = await anext(source)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise self._timed_out() from None
                yield event

    def _patience(self) -> float:
        """Seconds this event may take: empty events (role, ping) are no sign of life, thinking is."""
        elapsed = time.perf_counter() - self._started
        gap = FAREWELL_S if self._whole else self.gap_s
        return min(gap if self._alive else self.limit_s - elapsed, self.deadline_s - elapsed)

    def _timed_out(self) -> UpstreamError:
        if time.perf_counter() - self._started >= self.deadline_s - 0.01:
            what = f"no complete answer within {self.deadline_s:.0f} s"
        elif self._alive:
            what = f"the stream went silent for {self.gap_s:.0f} s"
        else:
            what = f"no first token within {self.limit_s:.0f} s"
        return UpstreamError(FailureKind.TIMEOUT, what)


def unreadable(model: Model, error: Exception) -> UpstreamError:
    """A defect of ours in one dialect must not cost the user the other candidates."""
    said = f"{model.ref}: cannot read the answer ({type(error).__name__}: {error})"
    return UpstreamError(FailureKind.MALFORMED, said)


def nothing_said(answer: Answer) -> UpstreamError:
    """A filter that let nothing through would do so again; an answer that got lost may come."""
    if answer.stop_reason == "refusal":
        return UpstreamError(
            FailureKind.CONTENT_FILTER, "it refused to answer: its filter let nothing through"
        )
    return UpstreamError(FailureKind.EMPTY, "an empty answer")
