"""Try the candidates until one answer is good: who comes next, and when it is over. The one owner of retries and deadlines;
what one candidate's turn is stands in tries.py.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from llm_router.errors import AllFailedError, BudgetError, RouterError
from llm_router.nouns import (
    Answer,
    Attempt,
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
from llm_router.ports import Budgets, Health, Prices, Provider
from llm_router.run.actions import ACTIONS, Action, wait_before_retry, way_out
from llm_router.run.exchange import Exchange, ExchangeFactory
from llm_router.run.tries import Try

LIMITS_S = {
    Complexity.SIMPLE: 20.0,
    Complexity.MODERATE: 45.0,
    Complexity.COMPLEX: 90.0,
    Complexity.DEEP_REASONING: 180.0,
}


@dataclass(frozen=True, slots=True)
class Means:
    """What a run works with, the same for every request of a process."""

    provider: Callable[[str], Provider]
    health: Health
    budgets: Budgets
    prices: Prices
    deadline_s: float
    hedging: Hedging | None = None


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
