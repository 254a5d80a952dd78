"""The seams: what each step needs of another, as protocols. `app.py` decides who stands behind them.

A dialect makes and reads a wire format as plain data; a provider only carries it. Neither knows the other.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct, field

from llm_router.errors import RouterError
from llm_router.nouns import (
    Answer,
    Attempt,
    Candidate,
    Decision,
    Delta,
    FailureKind,
    JsonDict,
    Model,
    Request,
    TextDelta,
    Usage,
)


class StreamDecoder(Protocol):
    """Reads one streamed answer: `feed` takes an event. Of most events the JSON only brings a piece of text, which `words`
    finds (else ""), and `say` takes, at a fraction of the cost. After the last event `answer()` gives the whole of it, or raises
    UpstreamError(TRUNCATED) when the stream ended before its own end mark, which `over` tells of. `usage` is what has been
    told of it so far.
    """

    usage: Usage | None

    @property
    def over(self) -> bool: ...
    def words(self, data: bytes) -> str: ...
    def say(self, text: str) -> TextDelta: ...
    def feed(self, event: Mapping[str, object]) -> Sequence[Delta]: ...
    def answer(self) -> Answer: ...


class Dialect(Protocol):
    """One wire format, pure. `encode` raises UpstreamError(UNSUPPORTED) for what the format cannot say.
    `decode` and decoders raise UpstreamError(MALFORMED) for what they cannot read, and the error the body names. Who
    knows the request gets what the vendor's format cannot ask for, as far as we can do it: stop sequences.
    """

    name: str

    def encode(self, request: Request, model: Model, *, stream: bool) -> JsonDict: ...
    def decode(self, body: Mapping[str, object], request: Request | None = None) -> Answer: ...
    def decoder(self, request: Request | None = None) -> StreamDecoder: ...


class Problem(Struct, frozen=True):
    """An error in a caller's own dialect. `headers` hold what clients act on (retry-after, x-should-retry, ...)."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Head(Struct, frozen=True):
    """What an answer's wire format says of itself beside the answer. `request` is the parsed request that is answered
    (a renderer looks up in it what the caller's tools were); `input_tokens` an estimate, for formats that want a figure
    before the upstream has told one; `issuer` the provider that answers, whose signatures are tagged with its name.
    """

    request: Request
    model: str
    input_tokens: int = 0
    issuer: str = ""


class Renderer(Protocol):
    """Writes one streamed answer in a caller's dialect: a state machine from deltas to bytes (whole SSE events or lines).

    `feed` takes what arrived together and may return b"" (a held-back piece). `end` closes what is open and writes usage
    and end marks. `error` ends a stream that broke: never as success. `ping` is what the format sends in silent gaps, or
    b"". Nothing is written after `end` or `error`.
    """

    def feed(self, deltas: Sequence[Delta]) -> bytes: ...
    def end(self, answer: Answer) -> bytes: ...
    def error(self, error: RouterError) -> bytes: ...
    def ping(self) -> bytes: ...


class Inbound(Protocol):
    """How a caller speaks to us: the other side of a Dialect, and as pure.

    `sketch` reads of a body only what routing needs (see nouns.Request) and keeps the body as `origin`; `parse` reads all
    of it into a sketch. Both raise UsageError, in words the caller understands, for what is no request of this dialect.
    `model` and `stream` are given where the dialect has them in the URL and not in the body.
    """

    name: str  # the dialect's
    content_type: str  # of a streamed answer

    def sketch(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> Request: ...
    def parse(self, sketch: Request) -> Request: ...
    def render(self, answer: Answer, head: Head) -> bytes: ...
    def renderer(self, head: Head) -> Renderer: ...
    def problem(self, error: RouterError, request_id: str) -> Problem: ...


class Readiness(Struct, frozen=True):
    """Whether a provider could be called now. `fix` is the command or variable that makes it ready."""

    ready: bool
    detail: str = ""
    fix: str = ""


class Call(Struct, frozen=True):
    """One payload on its way. `timeout_s` bounds the wait for each event."""

    model: str
    payload: JsonDict
    timeout_s: float
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Provider(Protocol):
    """Who carries a payload. Raises UpstreamError only; cancelling the task, or closing the stream, closes the upstream
    connection.

    `stream` yields the decoded JSON events, in order, an SSE event name (if the format has one and the data does not
    repeat it) under "event". Nothing is retried here.
    """

    name: str
    dialect: str

    def stream(self, call: Call) -> AsyncGenerator[JsonDict]: ...
    async def aclose(self) -> None: ...


class Providers(Protocol):
    """The providers of this user. `get` builds on first use and raises CredentialsError or NotFoundError."""

    def names(self) -> Sequence[str]: ...
    def configured(self, name: str) -> Readiness:
        """Without I/O: is there a key, a base URL, an executable?"""
        ...

    def get(self, name: str) -> Provider: ...
    async def aclose(self) -> None: ...


class Prices(Protocol):
    def cost(self, model: Model, usage: Usage) -> int | None:
        """Micro-dollars, rounded half up; 0 for what is not metered; None when the price is unknown."""
        ...


class Reservation(Struct, frozen=True):
    """Money set aside for one attempt. `id` None = nothing had to be (no cap applies, or the call is free)."""

    id: str | None = None
    amount: int = 0


class Budgets(Protocol):
    """Caps, shared by all processes of the user.

    reservation = budgets.at_once(candidate) or await budgets.areserve(candidate)
    """

    def at_once(self, candidate: Candidate) -> Reservation | None:
        """Set aside without a look at the database; None where it takes one. May raise what `areserve` does."""
        ...

    async def areserve(self, candidate: Candidate) -> Reservation:
        """Raises BudgetError when the candidate's `max_cost` does not fit under every cap that applies to it, or one
        cannot be checked. Cancelled, it has set nothing aside.
        """
        ...

    def settle(self, reservation: Reservation, model: Model, cost: int | None) -> None:
        """Replace the reservation by what was really spent; `cost` 0 releases it. Never raises."""
        ...


class HealthState(Struct, frozen=True):
    """One breaker. `model` "" stands for the whole provider. `until` is when the cooldown ends (Unix seconds)."""

    provider: str
    model: str
    state: Literal["closed", "open", "half_open"]
    failures: int = 0
    until: float = 0.0
    reason: str = ""


PROBE = HealthState("", "", "half_open")


class Health(Protocol):
    """Breakers per provider and model, shared by all processes of the user. Never raises: memory serves when disk fails."""

    def calm(self) -> bool:
        """Whether no breaker is open or half open: then what `cooling` says does not change with the clock."""
        ...

    def cooling(self, provider: str, model: str) -> HealthState | None:
        """The open breaker that forbids this model now, if any."""
        ...

    def enter(self, provider: str, model: str) -> HealthState | None:
        """Ask to call: None lets it through (claiming the single half-open probe if that is what it is); PROBE where that
        takes a look at the disk: then `aenter`.
        """
        ...

    async def aenter(self, provider: str, model: str) -> HealthState | None: ...

    def succeeded(self, provider: str, model: str) -> None: ...
    def failed(self, provider: str, model: str, kind: FailureKind, retry_after_s: float | None) -> None: ...
    def states(self) -> Sequence[HealthState]: ...


class Ledger(Protocol):
    """The book of what happened. `record` returns at once and never raises; `close` waits for the writer."""

    def record(self, decision: Decision) -> None: ...
    def close(self) -> None: ...


__all__ = [
    "PROBE",
    "Attempt",
    "Budgets",
    "Call",
    "Dialect",
    "Head",
    "Health",
    "HealthState",
    "Inbound",
    "Ledger",
    "Prices",
    "Problem",
    "Provider",
    "Providers",
    "Readiness",
    "Renderer",
    "Reservation",
    "StreamDecoder",
]
