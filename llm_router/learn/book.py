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
from collections.abc import Callable, Mapping
from contextlib import suppress
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
AT_ONCE = 100  # of them, about a millisecond: then it is somebody else's turn
SESSIONS = 256
_WAIT_S = 0.05  # for the database: a prompt does not wait for what it could have learned


class Learner:
    """`path` None neither knows nor remembers anything beyond this process. `clock` gives Unix seconds."""

    def __init__(
        self, path: Path | None = None, *, enabled: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self._path, self._enabled, self._clock = path, enabled, clock
        self._knowledge = Knowledge()
        self._seen, self._read_at = 0, float("-inf")
        self._turns: OrderedDict[str, list[Turn]] = OrderedDict()

    def lacks(self, request: Request) -> bool:
        """Whether there may be something to be read first."""
        if self._path is None:
            return False
        is_new = request.session is not None and request.session not in self._turns
        return is_new or (self._enabled and self._clock() - self._read_at >= REREAD_S)

    async def inform(self, request: Request) -> None:
        """Read the turns of a session that is new here, and what was learned lately. Threads wait for the database."""
        name, now = request.session, self._clock()
        if name is not None and name not in self._turns:
            turns = await asyncio.to_thread(self._read_session, name)
            self._turns.setdefault(name, turns)
        if self._enabled and now - self._read_at >= REREAD_S:
            self._read_at = now  # who comes meanwhile goes by what is known
            self._knowledge.personal, found = await asyncio.to_thread(self._read_outcomes)
            for n, (number, outcome) in enumerate(found):
                if n % AT_ONCE == 0:
                    await asyncio.sleep(0)
                self._knowledge.observe(outcome)
                self._seen = max(self._seen, number)

    def assessed(self, found: Assessment, request: Request) -> Assessment:
        """What classify found, in the light of the session and of what was learned."""
        now = self._clock()
        if request.session is not None:
            turns, mark = self._session(request.session), rows.fingerprint(request.prompt)
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
        session = decision.request.session
        if session is None or decision.error is not None:
            return
        if self._path is not None and session not in self._turns:
            return  # it was put out for newer ones: the ledger tells, when it is wanted again
        turns = self._session(session)
        doubted = any(a.verification is not None and a.verification.failed for a in decision.attempts)
        mark = rows.fingerprint(decision.request.prompt)
        turn = Turn(decision.at, unlearned(decision.assessment), mark, doubted)
        if _goes_on(decision.request) and turns and turns[0].fingerprint == mark:
            turns[0] = turn
            return
        turns.insert(0, turn)
        del turns[LOOKED_BACK:]

    def _session(self, name: str) -> list[Turn]:
        self._turns.setdefault(name, [])
        self._turns.move_to_end(name)
        while len(self._turns) > SESSIONS:
            self._turns.popitem(last=False)
        return self._turns[name]

    def _read_session(self, name: str) -> list[Turn]:
        found: list[Turn] = []
        with suppress(*FAILURES, ValueError, TypeError):
            found = [_turn(dict(row)) for row in self._query(_SESSION, (name, LOOKED_BACK))]
        return found

    def _read_outcomes(self) -> tuple[Mapping[str, float], list[tuple[int, Outcome]]]:
        """The trained correction, and the outcomes that are new, oldest first, each with its number."""
        personal: Mapping[str, float] = {}
        found: list[tuple[int, Outcome]] = []
        with suppress(*FAILURES, ValueError):
            if self._path is not None:
                personal = personal_weights(self._path.parent)
            new = self._query(_OUTCOMES, (self._seen, READ_AT_MOST))[::-1]
            found.extend((int(row["n"]), rows.outcome(dict(row))) for row in new)
        return personal, found

    def _query(self, sql: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        if self._path is None or not self._path.exists():
            return []
        database = Database(self._path, timeout_s=_WAIT_S)
        try:
            with database.reading() as connection:
                return connection.execute(sql, values).fetchall()
        finally:
            database.close()


def _goes_on(request: Request) -> bool:
    return request.conversation is not None and request.conversation.goes_on


_OUTCOMES = f"{rows.SELECT} WHERE o.n > ? ORDER BY o.n DESC LIMIT ?"
_SESSION = """
    SELECT at, task, complexity, confidence, difficulty, p_small, p_mid, p_frontier, gain, learned, prompt_sha256,
           EXISTS (SELECT 1 FROM attempts a WHERE a.decision_id = d.id AND a.outcome = 'rejected') AS doubted
    FROM decisions d WHERE session = ? AND error IS NULL ORDER BY at DESC LIMIT ?
"""


def _turn(row: Mapping[str, Any]) -> Turn:
    found = Assessment(Task(row["task"]), Complexity(row["complexity"]), row["confidence"], row["difficulty"])
    told = {name: row[name] for name in ("p_small", "p_mid", "p_frontier", "gain") if row[name] is not None}
    if row["learned"] is not None:
        told["learned"] = tuple(json.loads(row["learned"]))
    kept = unlearned(replace(found, **told))
    return Turn(row["at"], kept, row["prompt_sha256"], bool(row["doubted"]))
