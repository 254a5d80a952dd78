"""The gateway's way to speak to an upstream: the caller's dialect in, bytes in the caller's dialect out.

A door uses it so:

    relay = Relay(inbound, client_headers)
    async for event in router.stream(inbound.sketch(body), exchange=relay):
        match event:
            case Planned(decision): ...       # head of the log line
            case Trying() | Failed(): ...     # nothing was sent to the caller yet
            case Chunk(data): ...             # the first one: send the response head, then the data
            case Done(reply): ...             # everything was sent

The first Chunk comes with the first real token, so a door that waits for it can still answer any failure before it with
`inbound.problem(error)`. A stream that breaks later ends with a Chunk of the dialect's error event, and then the error
is raised: the door only closes. A caller who wants no stream gets one Chunk, the whole body. The last Chunk comes after
the decision was recorded. Closing the generator closes the upstream connection.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec.structs import replace

from llm_router.dialects import passing
from llm_router.dialects.encoding import unseen
from llm_router.errors import RouterError, UpstreamError, UsageError
from llm_router.nouns import Answer, Chunk, Delta, FailureKind, Model, Request, Usage
from llm_router.ports import Head, Inbound, Provider
from llm_router.providers.raw import RawProvider
from llm_router.run.exchange import FAREWELL_S, completed, estimated, nothing_said, unreadable
from llm_router.run.lanes import Lane, Translation
from llm_router.run.passage import Passage, forwarded, spoken
from llm_router.run.patience import Patience
from llm_router.run.upstream import OverWire, ThroughSdk

T = TypeVar("T")

PING_S = 15.0  # callers and the proxies before them give up on a silent connection
HELD_S = 10.0  # how long thinking is held back: after it the caller sees that somebody works for him
MUTE_S = 600.0  # how long an upstream may send signs of life and no word
TICK_S = 0.01  # how exactly a limit is kept
PLAIN_FACTOR = 4  # an answer that comes whole shows no sign of life before it is written


class Relay:
    """An ExchangeFactory for one call of one caller. `headers` are the caller's, their names in lower case; `hops` go on to
    every upstream; `shown` is the model's name as the caller reads it, else that of the model that really answers.
    """

    def __init__(
        self,
        inbound: Inbound,
        headers: Mapping[str, str],
        *,
        hops: Mapping[str, str] = MappingProxyType({}),
        shown: str | None = None,
    ) -> None:
        self._inbound, self._headers, self._hops, self._shown = inbound, headers, hops, shown
        self._parsed: Request | None = None
        self._made: list[Relayed] = []

    def broken_off(self, error: RouterError) -> bytes:
        """The end of a stream that was cancelled although somebody reads it; b"" where nothing of it was sent."""
        return next((last for each in self._made if (last := each.broken_off(error))), b"")

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
    ) -> Relayed:
        lane = self._lane(provider, request, model, input_tokens)
        relayed = Relayed(lane, request, model, limit_s, gap_s, deadline_s, input_tokens)
        self._made.append(relayed)
        return relayed

    def _lane(self, provider: Provider, request: Request, model: Model, input_tokens: int) -> Lane:
        """As bytes where the upstream speaks as the caller does, and means the same by it; else translated."""
        name = self._shown or model.ref
        if isinstance(provider, RawProvider) and (same := spoken(provider, request)) is not None:
            speaks = passing.get(same.dialect)
            hidden = unseen(model, request.needs or frozenset())
            if speaks is not None and not hidden and speaks.takes(request, model):
                headers = forwarded(self._headers, model.vendor, same.dialect, signed_in=same.signed_in)
                upstream = OverWire(same, {**headers, **self._hops}, stream=request.stream)
                head = Head(request, name, input_tokens, model.vendor)
                return Passage(upstream, speaks, self._inbound, head, shown=self._shown)
        head = Head(self._whole(request), name, input_tokens, model.vendor)
        if isinstance(provider, RawProvider):
            upstream = OverWire(provider, self._hops, stream=request.stream)
        else:
            upstream = ThroughSdk(provider, self._hops, longest_s=MUTE_S)
        return Translation(upstream, provider.dialect, self._inbound, head)

    def _whole(self, request: Request) -> Request:
        """All of the request, read once for all attempts. `request` may be bounded by what its budget pays for."""
        if self._parsed is None:
            try:
                self._parsed = self._inbound.parse(request) if request.origin is not None else request
            except UsageError as error:
                raise UpstreamError(
                    FailureKind.BAD_REQUEST, error.message, fix=error.fix, status=400
                ) from error
        if not any(message.parts for message in self._parsed.messages):
            raise UpstreamError(FailureKind.BAD_REQUEST, "messages: nothing is said in them", status=400)
        if self._parsed.max_output_tokens == request.max_output_tokens:
            return self._parsed
        return replace(self._parsed, max_output_tokens=request.max_output_tokens)


class Relayed:
    """One attempt; see run.exchange.Exchanging. `deadline_s` bounds the time to the first real token of a stream, not
    the stream: a long answer may take as long as it flows.
    """

    def __init__(
        self,
        lane: Lane,
        request: Request,
        model: Model,
        limit_s: float,
        gap_s: float,
        deadline_s: float,
        input_tokens: int,
    ) -> None:
        self._lane = lane
        self._request, self._model = request, model
        self._limit_s, self._gap_s, self._deadline_s = limit_s, gap_s, deadline_s
        self._input_tokens = input_tokens
        self.answer: Answer | None = None
        self.farewell = b""
        self.committed = False
        self.first_token_ms: float | None = None
        self._started = self._heard = self._spoken = time.perf_counter()

    async def deltas(self) -> AsyncGenerator[Delta | Chunk]:
        """Yields Chunks. Raises UpstreamError; else `answer` and `farewell` are set at the end."""
        patience = Patience()
        try:
            limit = min(self._limit_s, self._deadline_s)
            await self._within(limit, patience, self._lane.open(self._model))
            while (data := await self._more(patience)) is not None:
                if data:
                    yield Chunk(data)
            self._end()
        except Exception as error:
            failure = error if isinstance(error, UpstreamError) else unreadable(self._model, error)
            if self.committed and (data := self._lane.error(failure)):
                yield Chunk(data)
            raise failure from error.__cause__
        finally:
            patience.close()
            await self._lane.aclose()

    def broken_off(self, error: RouterError) -> bytes:
        return self._lane.error(error) if self.committed and self.answer is None else b""

    def billed_usage(self) -> Usage | None:
        """What the upstream will have charged: reported, or estimated where a stream broke after it began."""
        if self.answer is not None:
            return self.answer.usage
        return estimated(self._input_tokens, self._lane.seen_chars, self._lane.usage)

    async def whole(self) -> None:
        async def asked() -> tuple[Answer, bytes]:
            await self._lane.open(self._model)
            return await self._lane.plain()

        patience = Patience()
        try:
            limit = min(self._limit_s * PLAIN_FACTOR, self._deadline_s)
            answer, self.farewell = await self._within(limit, patience, asked())
            self.first_token_ms = self._elapsed() * 1000
            self._finish(answer)
        finally:
            patience.close()
            await self._lane.aclose()

    async def _within(self, seconds: float, patience: Patience, what: Coroutine[Any, Any, T]) -> T:
        try:
            return await patience.wait(what, seconds)
        except TimeoutError:
            raise UpstreamError(FailureKind.TIMEOUT, f"no answer within {seconds:.0f} s") from None

    async def _more(self, patience: Patience) -> bytes | None:
        """What to send the caller now, perhaps nothing; None at the end of the answer."""
        lane, seen = self._lane, self._lane.seen_chars
        try:
            if not await patience.wait(lane.read(), self._patience_s()):
                return None
        except TimeoutError:
            return self._silent()
        except UpstreamError:
            if lane.whole and lane.real:  # trouble after the end mark costs nobody an answer that is whole
                return None
            raise
        self._heard = time.perf_counter()
        if lane.seen_chars > seen:
            self._spoken = self._heard
        if lane.real and self.first_token_ms is None:
            self.first_token_ms = self._elapsed() * 1000
        return self._ready()

    def _ready(self) -> bytes:
        """What may be sent: nothing before the first real token, so that another model may still take over."""
        lane = self._lane
        if not (lane.real or self.committed or (lane.alive and self._elapsed() > HELD_S)):
            return b""
        data = lane.write()
        self.committed = self.committed or bool(data)
        return data

    def _silent(self) -> bytes | None:
        """The wait was over. Raises UpstreamError where it was the last."""
        now, lane = time.perf_counter(), self._lane
        if lane.whole and lane.real:
            return None
        if not lane.alive:
            limit = min(self._limit_s, self._deadline_s)
            raise UpstreamError(FailureKind.TIMEOUT, f"no first token within {limit:.0f} s")
        if now - self._heard >= self._gap_s - TICK_S or now - self._spoken >= MUTE_S:
            raise UpstreamError(FailureKind.TIMEOUT, f"the stream went silent for {now - self._spoken:.0f} s")
        if not self.committed and self._elapsed() >= self._deadline_s - TICK_S:
            raise UpstreamError(FailureKind.TIMEOUT, f"no complete answer within {self._deadline_s:.0f} s")
        return lane.ping() if self.committed else self._ready()

    def _patience_s(self) -> float:
        """Seconds until something is due: a limit, a ping, or the end of holding back."""
        now, lane = time.perf_counter(), self._lane
        if lane.whole and lane.real:
            return FAREWELL_S
        elapsed = now - self._started
        if not lane.alive:  # empty events (role, ping) are no sign of life, thinking is
            return min(self._limit_s, self._deadline_s) - elapsed
        gap = min(self._heard + self._gap_s, self._spoken + MUTE_S) - now
        if self.committed:
            return min(gap, PING_S)
        held = HELD_S - elapsed
        return min(gap, self._deadline_s - elapsed, held if held > 0 else PING_S)

    def _end(self) -> None:
        answer = self._lane.answer()
        self._finish(answer)
        self.farewell = self._lane.end(answer)

    def _finish(self, answer: Answer) -> None:
        self.answer = completed(answer, self._model.vendor, self._input_tokens)
        if not (self._lane.real or self._has_nothing_to_say(answer)) and self.answer.empty:
            raise nothing_said(self.answer)

    def _has_nothing_to_say(self, answer: Answer) -> bool:
        """Where only a cache is warmed; or all that the caller allowed was thought away, which he can mend himself and
        another try would cost again.
        """
        limit = self._request.max_output_tokens
        thought_away = answer.stop_reason == "length" and answer.usage.output_tokens > 0
        return limit == 0 or (limit is not None and thought_away)

    def _elapsed(self) -> float:
        return time.perf_counter() - self._started
