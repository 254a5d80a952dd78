"""A second model asked beside one that is slow to speak: who speaks first answers, the other is given up.

Hedging as gRPC and Finagle know it: a delay, one more, and a share of the calls that bounds what it may add. Off unless
`routing.hedge_seconds` is set.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from llm_router.nouns import Candidate, Chosen, Chunk, Delta, Failed, Trying
from llm_router.run.actions import ACTIONS, Action
from llm_router.run.attempts import Run
from llm_router.run.tries import PATIENCE, Try

SHARE = 0.1  # of the calls: where everybody is slow, asking twice makes it worse
MOST_SAVED = 5.0  # calls that may be hedged one after the other
UNSTREAMED = 4  # an answer that comes whole shows no first token


@dataclass(slots=True)
class Hedging:
    """When a second model is asked, and how often: one for all calls of a process."""

    after_s: float
    _saved: float = 1.0

    def race(self, run: Run, candidate: Candidate, rest: Sequence[Candidate]) -> Race:
        self._saved = min(MOST_SAVED, self._saved + SHARE)
        return Race(self, run, candidate, rest)

    def wait_s(self, run: Run, candidate: Candidate) -> float:
        """How long this candidate may be silent."""
        return self.after_s * PATIENCE[candidate.model.billing] * (1 if run.request.stream else UNSTREAMED)

    def allows(self) -> bool:
        """Whether one more call may be hedged; it then counts."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


class Race:
    """See attempts.Race; of two candidates at most."""

    def __init__(self, hedging: Hedging, run: Run, candidate: Candidate, rest: Sequence[Candidate]) -> None:
        self._hedging, self._run, self.rest = hedging, run, list(rest)
        self.tried = Try(run, candidate, is_last=False, retry=False)

    async def events(self) -> AsyncGenerator[Trying | Failed | Chosen | Delta | Chunk]:
        """Raises what ends the whole run."""
        runners = [_Runner(self.tried)]
        try:
            if await self._is_slow(runners[0]):
                candidate = self.rest.pop(0)
                yield Trying(candidate)
                beside = self.tried.candidate.max_cost or 0
                runners.append(_Runner(Try(self._run, candidate, is_last=False, retry=False, beside=beside)))
            asked, ahead = len(runners), await _ahead(runners)
            if len(runners) > 1 and ahead.tried.error is not None and ahead.tried.attempt is not None:
                runners.remove(ahead)
                yield Failed(ahead.tried.attempt)
                self._after(ahead.tried)
                ahead = await _ahead(runners)
            self.tried = ahead.tried
            if asked > 1 and ahead.tried.error is None:
                yield Chosen(ahead.tried.candidate)
            for other in runners:
                if other is not ahead:
                    await other.give_up(f"given up: {ahead.tried.candidate.model.ref} was faster")
            self._comes_last(ahead.tried)
            if (piece := ahead.first.result()) is not None:
                yield piece
            async with aclosing(ahead.pieces) as pieces:
                async for piece in pieces:
                    if piece is not None:
                        yield piece
        finally:
            for each in runners:
                await each.aclose()

    async def _is_slow(self, runner: _Runner) -> bool:
        """Whether another is to be asked beside it."""
        await asyncio.wait([runner.first], timeout=self._hedging.wait_s(self._run, runner.tried.candidate))
        return not runner.first.done() and self._hedging.allows()

    def _comes_last(self, tried: Try) -> None:
        """Of a run's attempts the last one decided it, though an answer that came all at once is recorded already."""
        attempts = self._run.attempts
        if tried.attempt is not None:
            attempts.remove(tried.attempt)
            attempts.append(tried.attempt)

    def _after(self, failed: Try) -> None:
        """What the failure of one means for the other and for the rest: the action table, as ever."""
        action = ACTIONS[failed.kind] if failed.kind is not None else Action.NEXT
        if action is Action.STOP and failed.error is not None:
            raise failed.error
        if action is Action.REPLAN and failed.kind is not None:
            self.rest = self._run.able(failed.candidate, failed.kind, self.rest)


async def _ahead(runners: Sequence[_Runner]) -> _Runner:
    """Who speaks or ends first."""
    await asyncio.wait([each.first for each in runners], return_when=asyncio.FIRST_COMPLETED)
    return next(each for each in runners if each.first.done())


class _Runner:
    """One try under way. `first` is its first piece, None where there are none; `pieces` are those behind it."""

    def __init__(self, tried: Try) -> None:
        self.tried = tried
        self.pieces = _pieces(tried)
        self.first = asyncio.create_task(self._first())

    async def _first(self) -> Delta | Chunk | None:
        return await anext(self.pieces, None)

    async def give_up(self, because: str) -> None:
        self.tried.give_up(because)
        await self.aclose()

    async def aclose(self) -> None:
        self.first.cancel()
        await asyncio.gather(self.first, return_exceptions=True)
        await self.pieces.aclose()


async def _pieces(tried: Try) -> AsyncGenerator[Delta | Chunk | None]:
    """An answer that comes whole is one piece without content: it counts only for who was first."""
    with tried:
        exchange = tried.begun() or await tried.abegun()
        if tried.run.request.stream:
            async with aclosing(exchange.deltas()) as deltas:
                async for delta in deltas:
                    yield delta
        else:
            await exchange.whole()
            yield None
