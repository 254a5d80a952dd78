"""Knowledge and sessions kept up to date from the database. Never raises: who cannot read has learned nothing."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from llm_router.db import FAILURES, Database
from llm_router.learn import rows
from llm_router.learn.context import LOOKED_BACK, Turn, in_context
from llm_router.learn.knowledge import Knowledge, unlearned
from llm_router.learn.prints import of_prompt
from llm_router.learn.train import personal_weights
from llm_router.nouns import Assessment, Complexity, Decision, Plan, Request, Task

REREAD_S = 30.0
READ_AT_MOST = 5_000  # outcomes, the newest
SESSIONS = 256
_WAIT_S = 0.05  # for the database: a prompt does not wait for what it could have learned


class Learner:
    """`path` None neither knows nor remembers anything beyond this process. `clock` gives Unix seconds."""

    def __init__(
        self, path: Path | None = None, *, enabled: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self._path, self._enabled, self._clock = path, enabled, clock
        self._knowledge = Knowledge()
        self._first = self._seen = 0  # the first and the last outcome that knowledge holds
        self._stock, self._read_at = (0, 0.0), float("-inf")
        self._turns: OrderedDict[str, list[Turn]] = OrderedDict()

    def assessed(self, found: Assessment, request: Request) -> Assessment:
        """What classify found, in the light of the session and of what was learned."""
        now = self._clock()
        if request.session is not None:
            turns, mark = self._session(request.session), rows.fingerprint(request.prompt)
            # an agent's loop brings the same prompt again, and nobody has asked it again
            if _goes_on(request):
                turns = [turn for turn in turns if turn.fingerprint != mark]
            found = in_context(found, request, turns, mark, now)
        if self._enabled and self._known().outcomes + len(self._known().personal):
            mark = of_prompt(request.prompt)
            found = self._known().adjusted(found, mark, request.project or "", now, random.random())
        return found

    def reordered(self, plan: Plan, assessment: Assessment) -> Plan:
        return self._known().reordered(plan, str(assessment.task), self._clock()) if self._enabled else plan

    def note(self, decision: Decision) -> None:
        """Remember the turn for its session. Outcomes reach the database with the decision itself, by the ledger."""
        session = decision.request.session
        if session is None or decision.error is not None:
            return
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
        if name not in self._turns:
            self._turns[name] = self._read_session(name)
        self._turns.move_to_end(name)
        while len(self._turns) > SESSIONS:
            self._turns.popitem(last=False)
        return self._turns[name]

    def _read_session(self, name: str) -> list[Turn]:
        found: list[Turn] = []
        with suppress(*FAILURES, ValueError, TypeError):
            found = [_turn(dict(row)) for row in self._query(_SESSION, (name, LOOKED_BACK))]
        return found

    def _known(self) -> Knowledge:
        """Renewed at most every REREAD_S: by what is new, or from the start where something has gone that it holds."""
        now = self._clock()
        if now - self._read_at < REREAD_S or self._path is None or not self._enabled:
            return self._knowledge
        self._read_at = now
        with suppress(*FAILURES, ValueError):
            self._knowledge.personal = personal_weights(self._path.parent)
            with self._reading() as connection:
                if connection is not None:
                    self._read(connection)
        return self._knowledge

    def _read(self, connection: sqlite3.Connection) -> None:
        if self._seen and self._stock != self._counted(connection):
            self._knowledge = Knowledge(self._knowledge.personal)
            self._seen = 0
        new = connection.execute(_OUTCOMES, (self._seen, READ_AT_MOST)).fetchall()
        if not new:
            return
        self._first, self._seen = self._first if self._seen else new[-1]["n"], new[0]["n"]
        for row in reversed(new):
            self._knowledge.observe(rows.outcome(dict(row)))
        self._stock = self._counted(connection)

    def _counted(self, connection: sqlite3.Connection) -> tuple[int, float]:
        """Tells whether the outcomes that knowledge holds are those of the database: after a repair others have their
        numbers, some are forgotten on request, and a newer word takes the place of an older one.
        """
        count, times = connection.execute(_COUNTED, (self._first, self._seen)).fetchone()
        return count, times

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


def _goes_on(request: Request) -> bool:
    return request.conversation is not None and request.conversation.goes_on


_OUTCOMES = f"{rows.SELECT} WHERE o.n > ? ORDER BY o.n DESC LIMIT ?"
_COUNTED = "SELECT count(*), total(at) FROM outcomes WHERE n BETWEEN ? AND ?"
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
