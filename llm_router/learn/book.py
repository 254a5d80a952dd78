"""Knowledge and sessions kept up to date from the database. Never raises: who cannot read has learned nothing.

if learner.lacks(request):
    await learner.inform(request)
learner.assessed(...)
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from llm_router.db import FAILURES, Database
from llm_router.learn import rows
from llm_router.learn.context import LOOKED_BACK, Turn, in_context
from llm_router.learn.knowledge import Knowledge, Outcome, unlearned
from llm_router.learn.prints import of_prompt
from llm_router.learn.train import personal_weights
from llm_router.nouns import Assessment, Complexity, Decision, Plan, Request, Task

REREAD_S = 30.0
READ_AT_MOST = 5_000  # outcomes, the newest
AT_ONCE = 100  # of them, about a millisecond: more of them make knowledge anew, beside the event loop
SESSIONS = 256
# what a client asks for itself, over and over in the same words: of no turn the one before
ASIDE = ("background", "webSearch", "compaction", "safety")
_WAIT_S = 0.05  # for the database: a prompt does not wait for what it could have learned


_Stock = tuple[int, float]


@dataclass(slots=True)
class _News:
    """`outcomes`, oldest first, are to be added to what is known, unless `knowledge` takes its place. `first` and `last`
    are the numbers of the outcomes that are then held.
    """

    personal: Mapping[str, float]
    first: int
    last: int
    stock: _Stock = (0, 0.0)
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    knowledge: Knowledge | None = None


class Learner:
    """`path` None neither knows nor remembers anything beyond this process. `clock` gives Unix seconds."""

    def __init__(
        self, path: Path | None = None, *, enabled: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self._path, self._enabled, self._clock = path, enabled, clock
        self._knowledge = Knowledge()
        self._first = self._seen = 0  # the first and the last outcome that knowledge holds
        self._stock: _Stock = (0, 0.0)
        self._read_at = float("-inf")
        self._turns: OrderedDict[str, list[Turn]] = OrderedDict()

    def lacks(self, request: Request) -> bool:
        """Whether there may be something to be read first."""
        if self._path is None:
            return False
        thread = _thread(request)
        is_new = thread is not None and thread not in self._turns
        return is_new or (self._enabled and self._clock() - self._read_at >= REREAD_S)

    async def inform(self, request: Request) -> None:
        """Read the turns of a session that is new here, and what was learned lately. Threads wait for the database."""
        thread, now = _thread(request), self._clock()
        if thread is not None and thread not in self._turns:
            turns = await asyncio.to_thread(self._read_turns, request.session, thread)
            self._turns.setdefault(thread, turns)
        if self._enabled and now - self._read_at >= REREAD_S:
            self._read_at = now  # who comes meanwhile goes by what is known
            if (news := await asyncio.to_thread(self._read_outcomes)) is not None:
                self._learn(news)

    def _learn(self, news: _News) -> None:
        self._first, self._seen, self._stock = news.first, news.last, news.stock
        if news.knowledge is not None:
            self._knowledge = news.knowledge
            return
        self._knowledge.personal = news.personal
        for outcome in news.outcomes:
            self._knowledge.observe(outcome)

    def assessed(self, found: Assessment, request: Request) -> Assessment:
        """What classify found, in the light of the session and of what was learned."""
        now = self._clock()
        if (thread := _thread(request)) is not None:
            turns, mark = self._turns_of(thread), rows.fingerprint(request.prompt)
            # an agent's loop brings the same prompt again, and nobody has asked it again
            if _goes_on(request):
                turns = [turn for turn in turns if turn.fingerprint != mark]
            found = in_context(found, request, turns, mark, now)
        known = self._knowledge
        if self._enabled and known.outcomes + len(known.personal):
            mark = of_prompt(request.prompt)
            found = known.adjusted(found, mark, request.project or "", now, random.random())
        return found

    def reordered(self, plan: Plan, assessment: Assessment) -> Plan:
        if not self._enabled:
            return plan
        return self._knowledge.reordered(plan, str(assessment.task), self._clock())

    def note(self, decision: Decision) -> None:
        """Remember the turn for its session. Outcomes reach the database with the decision itself, by the ledger."""
        thread = _thread(decision.request)
        if thread is None or decision.error is not None:
            return
        if self._path is not None and thread not in self._turns:
            return  # it was put out for newer ones: the ledger tells, when it is wanted again
        turns = self._turns_of(thread)
        doubted = any(a.verification is not None and a.verification.failed for a in decision.attempts)
        mark = rows.fingerprint(decision.request.prompt)
        turn = Turn(decision.at, unlearned(decision.assessment), mark, doubted)
        if _goes_on(decision.request) and turns and turns[0].fingerprint == mark:
            turns[0] = turn
            return
        turns.insert(0, turn)
        del turns[LOOKED_BACK:]

    def _turns_of(self, thread: str) -> list[Turn]:
        self._turns.setdefault(thread, [])
        self._turns.move_to_end(thread)
        while len(self._turns) > SESSIONS:
            self._turns.popitem(last=False)
        return self._turns[thread]

    def _read_turns(self, session: str | None, thread: str) -> list[Turn]:
        found: list[Turn] = []
        with suppress(*FAILURES, ValueError, TypeError):
            told = self._query(_TURNS, (session, thread, *ASIDE, LOOKED_BACK))
            found = [_turn(dict(row)) for row in told]
        return found

    def _read_outcomes(self) -> _News | None:
        """What is new; all of it where that is much, or where something has gone that knowledge holds."""
        with suppress(*FAILURES, ValueError), self._reading() as connection:
            news = _News(personal_weights(self._path.parent) if self._path else {}, self._first, self._seen)
            if connection is None:
                return news
            new = _new(connection, self._seen)
            if not self._seen or len(new) > AT_ONCE or self._stock != _counted(connection, news):
                new, news.knowledge = _new(connection, 0), Knowledge(news.personal)
                news.first = news.last = new[-1]["n"] if new else 0
            if new:
                news.last = new[0]["n"]
            news.outcomes = list(_outcomes(reversed(new)))
            if news.knowledge is not None:
                for outcome in news.outcomes:
                    news.knowledge.observe(outcome)
            news.stock = _counted(connection, news)
            return news
        return None

    def _query(self, sql: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        with self._reading() as connection:
            return [] if connection is None else connection.execute(sql, values).fetchall()

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection | None]:
        """None where there is no database. Raises FAILURES."""
        if self._path is None or not self._path.exists():
            yield None
            return
        database = Database(self._path, timeout_s=_WAIT_S)
        try:
            with database.reading() as connection:
                yield connection
        finally:
            database.close()


def _thread(request: Request) -> str | None:
    """Which turns follow each other: a session's, those of each subagent for themselves. None for what stands beside."""
    if request.turn in ASIDE:
        return None
    return request.conversation.key if request.conversation is not None else request.session


def _goes_on(request: Request) -> bool:
    return request.conversation is not None and request.conversation.goes_on


def _new(connection: sqlite3.Connection, after: int) -> list[sqlite3.Row]:
    """The newest first."""
    return connection.execute(_OUTCOMES, (after, READ_AT_MOST)).fetchall()


def _outcomes(found: Iterable[sqlite3.Row]) -> Iterator[Outcome]:
    for row in found:
        with suppress(ValueError, TypeError):  # a damaged one
            yield rows.outcome(dict(row))


def _counted(connection: sqlite3.Connection, news: _News) -> _Stock:
    """Tells whether the outcomes that knowledge holds are those of the database: after a repair others have their
    numbers, some are forgotten on request, and a newer word takes the place of an older one.
    """
    count, times = connection.execute(_COUNTED, (news.first, news.last)).fetchone()
    return count, times


_OUTCOMES = f"{rows.SELECT} WHERE o.n > ? ORDER BY o.n DESC LIMIT ?"
_COUNTED = "SELECT count(*), total(at) FROM outcomes WHERE n BETWEEN ? AND ?"
_TURNS = f"""
    SELECT at, task, complexity, confidence, difficulty, p_small, p_mid, p_frontier, gain, learned, prompt_sha256,
           EXISTS (SELECT 1 FROM attempts a WHERE a.decision_id = d.id AND a.outcome = 'rejected') AS doubted
    FROM decisions d
    WHERE session = ? AND coalesce(conversation, session) = ? AND error IS NULL
      AND coalesce(turn, '') NOT IN ({", ".join("?" * len(ASIDE))})
    ORDER BY at DESC LIMIT ?
"""  # noqa: S608 - ours


def _turn(row: Mapping[str, Any]) -> Turn:
    found = Assessment(Task(row["task"]), Complexity(row["complexity"]), row["confidence"], row["difficulty"])
    told = {name: row[name] for name in ("p_small", "p_mid", "p_frontier", "gain") if row[name] is not None}
    if row["learned"] is not None:
        told["learned"] = tuple(json.loads(row["learned"]))
    kept = unlearned(replace(found, **told))
    return Turn(row["at"], kept, row["prompt_sha256"], bool(row["doubted"]))
