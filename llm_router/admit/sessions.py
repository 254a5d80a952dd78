"""The book of running conversations: which model answered last, how much of it is cached where, and until when.

In memory, the newest of them; a process that starts learns from the ledger what the last hour left, so that nothing is
written twice.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from llm_router.db import FAILURES, Database
from llm_router.nouns import Conversation, Decision, Request, Usage
from llm_router.plan.sticky import Cached, Standing

KEPT = 10_000
REREAD = 2_000  # decisions of the last hour, at most
MODELS = 3  # of one conversation whose caches are remembered
SHORT_S = 300.0  # Anthropic's default, and about what the others keep
LONG_S = 3_600.0  # "ttl": "1h"
_ASIDE = ("background", "webSearch", "compaction")  # not the conversation, only about it
_HOUR = b'"1h"'


class Sessions:
    """`path` None remembers nothing across processes. `clock` gives Unix seconds. Never raises."""

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._kept: OrderedDict[str, Standing] = OrderedDict()
        self._reading = threading.Lock()
        self.is_read = path is None  # else `read` comes before all else

    def standing(self, request: Request) -> Standing | None:
        """Where the conversation stands that this request goes on with; None where it stands aside, or is new. To sum it up
        takes one call that reads all of it.
        """
        told = request.conversation
        if told is None or (request.turn in _ASIDE and request.turn != "compaction"):
            return None
        found = self._find(told.key)
        return replace(found, requests=1, prompts=1) if found and request.turn == "compaction" else found

    def last_tokens(self, key: str) -> int:
        """How long this conversation was, as the upstream counted it."""
        found = self._find(key)
        return found.input_tokens if found else 0

    def note(self, decision: Decision) -> None:
        """Remember who has answered, and what its cache now holds."""
        request, winner = decision.request, decision.winner
        if request.conversation is None or request.turn in _ASIDE or winner is None or winner.usage is None:
            return
        writes = winner.usage.cache_write_tokens or winner.usage.cache_read_tokens
        hour = bool(writes) and request.origin is not None and _HOUR in request.origin.body
        ref = f"{winner.provider}/{winner.model}"
        self._note(request.conversation, ref, winner.usage, self._clock() + (LONG_S if hour else SHORT_S))

    def _note(self, told: Conversation, ref: str, usage: Usage, until: float) -> None:
        before = self._find(told.key)
        anew = before is None or (told.opening != before.opening and bool(told.opening and before.opening))
        caches = {} if before is None or anew else dict(before.cached)
        caches.pop(ref, None)
        caches[ref] = Cached(_cached(usage), until)
        while len(caches) > MODELS:
            caches.pop(next(iter(caches)))
        requests, prompts = (before.requests, before.prompts) if before else (0, 0)
        self._kept[told.key] = Standing(
            model=ref,
            input_tokens=usage.input_tokens,
            opening=told.opening,
            requests=requests + 1,
            prompts=prompts + (not told.goes_on),
            cached=caches,
        )
        self._kept.move_to_end(told.key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def _find(self, key: str) -> Standing | None:
        return self._kept.get(key)

    def read(self) -> None:
        """Once: the end of the ledger, in its order. Waits for the database: for a thread."""
        with self._reading:
            if self.is_read or self._path is None:
                return
            database = Database(self._path, timeout_s=0.2)
            try:
                if self._path.exists():
                    with suppress(*FAILURES), database.reading() as connection:
                        since = self._clock() - LONG_S
                        found = connection.execute(_LATEST, (since, *_ASIDE, REREAD)).fetchall()
                        for row in reversed(found):
                            self._note(*_read_row(row))
            finally:
                database.close()
            self.is_read = True


_LATEST = f"""
    SELECT d.at, d.conversation, a.provider, a.model,
           a.input_tokens, a.output_tokens, a.cache_read_tokens, a.cache_write_tokens
    FROM decisions d JOIN attempts a
      ON a.decision_id = d.id AND a.outcome = 'ok' AND a.role = 'answer'
    WHERE d.at >= ? AND d.conversation IS NOT NULL AND a.input_tokens IS NOT NULL
      AND coalesce(d.turn, '') NOT IN ({", ".join("?" * len(_ASIDE))})
    ORDER BY d.at DESC LIMIT ?
"""  # noqa: S608 - ours


def _read_row(row: Mapping[str, Any]) -> tuple[Conversation, str, Usage, float]:
    usage = Usage(
        row["input_tokens"],
        row["output_tokens"] or 0,
        row["cache_read_tokens"] or 0,
        row["cache_write_tokens"] or 0,
    )
    return Conversation(row["conversation"]), f"{row['provider']}/{row['model']}", usage, row["at"] + SHORT_S


def _cached(usage: Usage) -> int:
    """What the next call will find: what was read and written. Where a vendor caches by itself it reports reads alone,
    and then keeps all it was sent.
    """
    if usage.cache_write_tokens:
        return usage.cache_read_tokens + usage.cache_write_tokens
    return usage.input_tokens if usage.cache_read_tokens else 0
