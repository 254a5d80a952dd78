"""The path, top to bottom: request -> classify -> admit -> plan -> run -> record -> answer."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from msgspec.structs import replace

from llm_router.admit.policy import admit
from llm_router.admit.sessions import Sessions
from llm_router.classify import assess
from llm_router.errors import RouterError
from llm_router.learn import Learner
from llm_router.nouns import (
    Assessment,
    Candidate,
    Chunk,
    Decision,
    Done,
    Event,
    Model,
    Plan,
    Planned,
    Reply,
    Request,
    Verdict,
    new_id,
)
from llm_router.plan import Plans, World, plan, settle
from llm_router.ports import Ledger, Prices
from llm_router.record.account import completed
from llm_router.run import LIMITS_S, Exchange, ExchangeFactory, Means, Run, TieBreak, cascade_for
from llm_router.settings import Settings


@dataclass(frozen=True, slots=True)
class Router:
    """One core behind every door. `world` tells what could answer at this moment; `baseline` is what savings are against."""

    settings: Settings
    world: Callable[[], Awaitable[World]]
    means: Means
    ledger: Ledger
    prices: Prices
    baseline: Model | None
    sessions: Sessions = field(default_factory=Sessions)
    plans: Plans = field(default_factory=Plans)
    learner: Learner = field(default_factory=Learner)
    tie_break: TieBreak = field(default_factory=TieBreak)

    async def decide(self, request: Request, *, asks: bool = False) -> Decision:
        """Classify, admit and plan; call nobody, or a model that is free and quick where the classifier is unsure (`asks`).
        Raises RouterError where nothing may or can answer.
        """
        started = time.perf_counter()
        world = await self.world()
        if self.learner.lacks(request):
            await self.learner.inform(request)
        assessment, asked = self.learner.assessed(assess(request), request), ()
        planned = partial(self._planned, request, world)
        if asks:
            assessment, asked = await self.tie_break.settled(request, assessment, planned, world, self.means)
        verdict, chosen = planned(assessment)
        standing = self.sessions.standing(request)
        chosen, switch = settle(chosen, request, assessment, verdict, standing, world=world, now=time.time())
        return Decision(
            id=new_id("d"),
            at=time.time(),
            request=request,
            assessment=assessment,
            verdict=verdict,
            plan=chosen,
            attempts=asked,
            switch=switch,
            baseline=self.baseline.ref if self.baseline else None,
            route_ms=(time.perf_counter() - started) * 1000,
        )

    async def stream(self, request: Request, exchange: ExchangeFactory = Exchange) -> AsyncGenerator[Event]:
        """The events of one request; the first is Planned, the last Done. Whatever happens, what was tried is recorded.

        `exchange` is how one upstream is spoken to: a door that relays bytes brings its own. The last bytes of an
        answer leave after it was recorded.
        """
        started = time.perf_counter()
        decision = await self.decide(request, asks=True)
        yield Planned(decision)
        complexity = decision.assessment.complexity
        checks = cascade_for(
            request, decision.assessment, self.settings.routing, partial(self._harder, decision)
        )
        run = Run(
            request=request,
            plan=decision.plan,
            limit_s=self.settings.routing.attempt_seconds.get(complexity, LIMITS_S[complexity]),
            explicit=decision.verdict.model is not None,
            means=self.means,
            exchange=exchange,
            examiner=checks,
        )
        error: str | None = "cancelled"
        try:
            async with aclosing(checks.events(run) if checks else run.events()) as events:
                async for event in events:
                    yield event
            error = None
        except RouterError as failure:
            error = failure.message
            failure.decision = decision
            raise
        finally:
            decision = completed(
                replace(decision, plan=run.plan, attempts=(*decision.attempts, *run.attempts), error=error),
                run.answer,
                self.baseline,
                self.prices,
                (time.perf_counter() - started) * 1000,
            )
            self.sessions.note(decision)
            self.learner.note(decision)
            self.ledger.record(decision)
        if run.farewell:
            yield Chunk(run.farewell)
        if run.answer is not None:  # else an error has left this function already
            yield Done(Reply(run.answer, decision))

    async def ask(self, request: Request) -> Reply:
        """The whole answer at once."""
        async with aclosing(self.stream(request)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.reply
        raise AssertionError("a stream ends with Done or an error")

    def _planned(self, request: Request, world: World, assessment: Assessment) -> tuple[Verdict, Plan]:
        verdict = admit(request, assessment, self.settings)
        made = self.plans.plan(request, assessment, verdict, world=world)
        return verdict, self.learner.reordered(made, assessment)

    async def _harder(self, decision: Decision) -> Sequence[Candidate]:
        """Who would be asked, were the request two degrees harder; nobody where that cannot be planned."""
        harder = replace(decision.assessment, complexity=decision.assessment.complexity.harder(2))
        try:
            return plan(decision.request, harder, decision.verdict, world=await self.world()).candidates
        except RouterError:
            return ()
