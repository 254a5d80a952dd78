"""One candidate's turn: the breaker, the money, the time it gets, the exchange, and the attempt that tells of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from llm_router.errors import BudgetError, CredentialsError, RouterError, UpstreamError
from llm_router.nouns import Attempt, Billing, Candidate, FailureKind, Request
from llm_router.ports import PROBE, HealthState, Reservation
from llm_router.run.exchange import Exchanging, unreadable

if TYPE_CHECKING:
    from llm_router.run.attempts import Run

# A model on this machine may first have to be loaded; a command-line client answers as a whole, after all its work.
PATIENCE = {Billing.METERED: 1, Billing.LOCAL: 2, Billing.SUBSCRIPTION: 3}
LAST_FACTOR = 2  # there is nobody left to turn to
SHARE = 0.6  # of the time that is left, where others wait for their turn: a short deadline is not for one hanging host
GAP_S = 60.0  # silence inside a stream

_NONE = Reservation()


class Try:
    """As a context manager it lets no failed attempt through: `error` holds it. Cancellation passes, and is recorded."""

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
