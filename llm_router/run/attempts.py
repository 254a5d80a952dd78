"""Try the candidates until one answer is good. The one owner of retries, deadlines and commits."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol, Self

from msgspec.structs import replace

from llm_router.errors import AllFailedError, BudgetError, CredentialsError, RouterError, UpstreamError
from llm_router.nouns import (
    Answer,
    Attempt,
    Billing,
    Candidate,
    Checking,
    Chosen,
    Chunk,
    Complexity,
    Delta,
    Failed,
    FailureKind,
    Plan,
    Request,
    Trying,
)
from llm_router.plan import replan
from llm_router.ports import PROBE, Budgets, Health, HealthState, Prices, Provider, Reservation
from llm_router.run.actions import ACTIONS, Action, wait_before_retry, way_out
from llm_router.run.exchange import Exchange, ExchangeFactory, Exchanging, unreadable

LIMITS_S = {
    Complexity.SIMPLE: 20.0,
    Complexity.MODERATE: 45.0,
    Complexity.COMPLEX: 90.0,
    Complexity.DEEP_REASONING: 180.0,
}
# A model on this machine may first have to be loaded; a command-line client answers as a whole, after all its work.
PATIENCE = {Billing.METERED: 1, Billing.LOCAL: 2, Billing.SUBSCRIPTION: 3}
LAST_FACTOR = 2  # there is nobody left to turn to
SHARE = 0.6  # of the time that is left, where others wait for their turn: a short deadline is not for one hanging host
GAP_S = 60.0  # silence inside a stream


@dataclass(frozen=True, slots=True)
class Means:
    """What a run works with, the same for every request of a process."""

    provider: Callable[[str], Provider]
    health: Health
    budgets: Budgets
    prices: Prices
    deadline_s: float
    hedging: Hedging | None = None


_NONE = Reservation()


class Hedging(Protocol):
    """Who asks the next candidate beside one that is slow: see hedge.py."""

    def race(self, run: Run, candidate: Candidate, rest: Sequence[Candidate]) -> Race: ...


class Race(Protocol):
    """One turn of a run, of more than one candidate. After `events`, `tried` is the try that decided it, and `rest` are
    those who were not asked.
    """

    tried: Try
    rest: list[Candidate]

    def events(self) -> AsyncGenerator[Trying | Failed | Chosen | Delta | Chunk]: ...


class Examiner(Protocol):
    """Who checks an answer before it is trusted: see cascade.py."""

    async def after(self, run: Run, candidate: Candidate, rest: Sequence[Candidate]) -> list[Candidate]: ...


@dataclass(slots=True)
class Run:
    """One request's way through its chain. After `events()` has ended, `answer` and `attempts` tell how it went."""

    request: Request
    plan: Plan
    limit_s: float
    explicit: bool
    means: Means
    exchange: ExchangeFactory = Exchange
    examiner: Examiner | None = None
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    answer: Answer | None = None
    farewell: bytes = b""  # for the caller, once the answer is recorded
    _deadline: float = 0.0
    _retries: int = 0  # of the candidate whose turn it is

    async def events(self) -> AsyncGenerator[Trying | Checking | Chosen | Failed | Delta | Chunk]:
        """Raises BudgetError or AllFailedError when nobody answered, UpstreamError when a begun stream broke."""
        wanted = self.request.deadline_s
        limit = min(wanted, self.means.deadline_s) if wanted else self.means.deadline_s
        self._deadline = time.perf_counter() + limit
        queue: list[Candidate] = list(self.plan.candidates)
        while queue:
            candidate, *rest = queue
            yield Trying(candidate)
            if rest and self.means.hedging is not None:
                race = self.means.hedging.race(self, candidate, rest)
                async with aclosing(race.events()) as events:
                    async for event in events:
                        yield event
                tried, candidate, rest = race.tried, race.tried.candidate, race.rest
            else:
                with Try(self, candidate, is_last=not rest, retry=self._retries > 0) as tried:
                    exchange = tried.begun() or await tried.abegun()
                    if self.request.stream:
                        async with aclosing(exchange.deltas()) as deltas:
                            async for delta in deltas:
                                yield delta
                    else:
                        await exchange.whole()
            if tried.error is None:
                if self.examiner is None:
                    return
                yield Checking(candidate)
                queue = await self.examiner.after(self, candidate, rest)
                if queue:
                    yield Failed(self.attempts[-1])
                continue
            yield Failed(self.attempts[-1])
            queue = await self._after(tried, rest)
        if self.answer is None:
            raise self._nobody(self.attempts)

    def remaining_s(self) -> float:
        return self._deadline - time.perf_counter()

    async def _after(self, failed: Try, rest: Sequence[Candidate]) -> list[Candidate]:
        """Who is tried next: the others, or after a wait the same one again. Raises where the chain ends here."""
        wait = self._wait(failed, rest)
        self._retries = 0 if wait is None else self._retries + 1
        if wait is None:
            return self._rest(failed, rest)
        await asyncio.sleep(wait)
        return [failed.candidate]

    def _wait(self, tried: Try, rest: Sequence[Candidate]) -> float | None:
        """A model is tried again only where nobody else is left, and there is time."""
        if rest or tried.committed or tried.kind is None:
            return None
        attempt = self.attempts[-1]
        wait = wait_before_retry(tried.kind, self._retries, attempt.retry_after_s)
        return wait if wait is not None and wait < self.remaining_s() - 1 else None

    def _rest(self, tried: Try, rest: Sequence[Candidate]) -> list[Candidate]:
        """Who may still be tried, by the action table. Raises where the chain ends here."""
        error, kind = tried.error, tried.kind
        if tried.committed and error is not None:
            raise error
        if kind is not None and ACTIONS[kind] is Action.STOP and error is not None:
            raise error
        if self.remaining_s() <= 0:
            raise self._nobody(self.attempts)
        if kind is not None and ACTIONS[kind] is Action.REPLAN:
            rest = self.able(tried.candidate, kind, rest)
        if not rest and isinstance(error, BudgetError) and len({a.outcome for a in self.attempts}) == 1:
            raise error
        return list(rest)

    def able(self, failed: Candidate, kind: FailureKind, rest: Sequence[Candidate]) -> list[Candidate]:
        """Those who can what this one could not."""
        able = replan(self.plan, self.request, failed, kind)
        return [c for c in rest if c in able]

    def _nobody(self, attempts: Sequence[Attempt]) -> RouterError:
        said = Counter(f"{a.provider}/{a.model}: {a.detail or a.outcome}" for a in attempts)
        told = "; ".join(
            f"{each} (tried {times} times)" if times > 1 else each for each, times in said.items()
        )
        message = (
            f"no answer from {told}"
            if len(said) == 1
            else f"none of {len(attempts)} attempts gave an answer. {told}"
        )
        return AllFailedError(message, attempts, fix=way_out(attempts, explicit=self.explicit))


class Try:
    """One candidate's turn: the breaker, the reservation, the exchange, and the attempt that tells of it.

    As a context manager it lets no failed attempt through: `error` holds it. Cancellation passes, and is recorded.
    """

    def __init__(
        self, run: Run, candidate: Candidate, *, is_last: bool, retry: bool, beside: int = 0
    ) -> None:
        """`beside`: micro-dollars that another try of this run, still under way, may cost."""
        self.run, self.candidate, self._beside = run, candidate, beside
        self.given_up = ""
        self.attempt: Attempt | None = None
        self.must_try = is_last or run.explicit or retry or candidate.last_resort
        self.is_last = is_last
        self.entered = self.probes = False  # past the breaker, perhaps with its only probe
        self.hurried = False  # given less time than is fair to the upstream
        self.error: RouterError | None = None
        self.kind: FailureKind | None = FailureKind.CANCELLED  # what it is unless something else ends it
        self.committed = False
        self._reservation = _NONE
        self._exchanging: Exchanging | None = None
        self._started_at, self._clock = time.time(), time.perf_counter()

    def begun(self) -> Exchanging | None:
        """None where that takes a look at the database: then `abegun`. Raises BudgetError, UpstreamError(COOLING) and
        CredentialsError.
        """
        means, model = self.run.means, self.candidate.model
        self._check_maximum()
        state = means.health.enter(model.provider, model.id)
        self.probes = state is PROBE
        if not self.probes:
            self._check_breaker(state)
            if (reservation := means.budgets.at_once(self.candidate)) is not None:
                return self._with(reservation)
        return None

    async def abegun(self) -> Exchanging:
        """Raises BudgetError, UpstreamError(COOLING) and CredentialsError."""
        means, model = self.run.means, self.candidate.model
        try:
            async with asyncio.timeout(self.run.remaining_s()):
                if self.probes:
                    self.entered = True  # who is cancelled now gives back what may be claimed already
                    self._check_breaker(await means.health.aenter(model.provider, model.id))
                budgets = means.budgets
                reservation = budgets.at_once(self.candidate) or await budgets.areserve(self.candidate)
        except TimeoutError:
            raise BudgetError(
                "the budgets could not be checked in the time that this call had", fix="llm-router doctor"
            ) from None
        return self._with(reservation)

    def give_up(self, because: str) -> None:
        """Another was faster: nobody has seen anything of this one. Whoever runs it ends it."""
        self.given_up = because
        if self._exchanging is not None:
            self._exchanging.committed = False

    def _with(self, reservation: Reservation) -> Exchanging:
        self._reservation = reservation
        self._exchanging = self._exchange(self._bounded(reservation))
        return self._exchanging

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> bool:
        exchange, model, means = self._exchanging, self.candidate.model, self.run.means
        if error is not None:
            self._failed(error)
        elif exchange is not None:
            self.run.answer, self.run.farewell, self.kind = exchange.answer, exchange.farewell, None
        if exchange is not None:
            self.committed = exchange.committed
        usage = exchange.billed_usage() if exchange is not None else None
        cost = means.prices.cost(model, usage) if usage is not None else 0
        self._book(self._reservation, cost)
        self.attempt = Attempt(
            provider=model.provider,
            model=model.id,
            outcome=self.kind or "ok",
            started_at=self._started_at,
            ms=(time.perf_counter() - self._clock) * 1000,
            first_token_ms=exchange.first_token_ms if exchange is not None else None,
            status=getattr(self.error, "status", None),
            detail=self.error.message if self.error is not None else self.given_up,
            retry_after_s=getattr(self.error, "retry_after_s", None),
            usage=usage,
            cost=cost,
            billing=model.billing,
        )
        self.run.attempts.append(self.attempt)
        return self.kind is not FailureKind.CANCELLED or self.error is not None

    def _failed(self, error: BaseException) -> None:
        match error:
            case UpstreamError():
                self.error, self.kind = error, error.kind
            case BudgetError():
                self.error, self.kind = error, FailureKind.BUDGET
            case CredentialsError():
                self.error, self.kind = error, FailureKind.AUTH
            case Exception():
                self.error, self.kind = unreadable(self.candidate.model, error), FailureKind.MALFORMED
            case _:  # cancelled: no failure of anybody's
                pass

    def _check_maximum(self) -> None:
        """The caller's maximum is for the whole call: what failed attempts were billed is gone from it."""
        most = self.run.request.max_cost
        spent = self._beside + sum(a.cost or 0 for a in self.run.attempts)
        if most is not None and spent and spent + (self.candidate.max_cost or 0) > most:
            raise BudgetError(
                f"it can cost up to ${(self.candidate.max_cost or 0) / 1e6:.4f}, and other attempts have used"
                f" ${spent / 1e6:.4f} of the maximum of ${most / 1e6:.4f}",
                fix="raise --max-cost",
                budget="max_cost",
                cap=most,
                spent=spent,
            )

    def _check_breaker(self, state: HealthState | None) -> None:
        """`state` is what forbids the call."""
        self.entered = state is None
        if state is not None and not self.must_try:
            wait = max(0.0, state.until - time.time())
            raise UpstreamError(FailureKind.COOLING, f"cooling down: {state.reason}", retry_after_s=wait)

    def _bounded(self, reservation: Reservation) -> Request:
        """Where money was set aside, the answer may not become longer than it pays for."""
        request, bound = self.run.request, self.candidate.max_output
        paid_for = reservation.id is not None or request.max_cost is not None
        if bound is None or not paid_for or request.max_output_tokens is not None:
            return request
        return replace(request, max_output_tokens=bound)

    def _exchange(self, request: Request) -> Exchanging:
        run, model = self.run, self.candidate.model
        remaining = max(0.05, run.remaining_s())
        limit = run.limit_s * PATIENCE[model.billing] * (LAST_FACTOR if self.is_last else 1)
        limit = min(limit, remaining if self.is_last else remaining * SHARE)
        self.hurried = limit < run.limit_s
        return run.exchange(
            provider=run.means.provider(model.provider),
            request=request,
            model=model,
            limit_s=limit,
            gap_s=GAP_S,
            deadline_s=remaining,
            input_tokens=run.plan.input_tokens,
        )

    def _book(self, reservation: Reservation, cost: int | None) -> None:
        """Settle the money and tell the breaker: synchronous, so that a cancelled call does both."""
        model, means = self.candidate.model, self.run.means
        means.budgets.settle(reservation, model, cost)
        if self.kind is None:
            means.health.succeeded(model.provider, model.id)
        elif (kind := self._symptom()) is not None:
            retry_after_s = self.error.retry_after_s if isinstance(self.error, UpstreamError) else None
            means.health.failed(model.provider, model.id, kind, retry_after_s)

    def _symptom(self) -> FailureKind | None:
        """What the failure says of the upstream's health. CANCELLED says nothing, and gives a probe back."""
        if isinstance(self.error, UpstreamError) and self.kind is not FailureKind.COOLING:
            cut_short = self.hurried or self.run.remaining_s() < 0.01  # by the caller's deadline
            if not (self.kind is FailureKind.TIMEOUT and cut_short):
                return self.kind
        return FailureKind.CANCELLED if self.entered else None
