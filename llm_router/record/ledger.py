"""The ledger: one thread writes, nobody waits for it, and what the database does not take goes to the spool."""

from __future__ import annotations

import atexit
import queue
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from llm_router import paths
from llm_router.db import FAILURES, Database
from llm_router.nouns import Decision
from llm_router.record import journal, rows
from llm_router.record.condition import LedgerStatus, examine
from llm_router.record.journal import Journal, Segment
from llm_router.record.rows import Entry
from llm_router.record.spool import REFUSALS, Spool

WAITING = 1000  # decisions in memory before the spool is used
BATCH = 500  # decisions in one transaction
GATHER_S = 0.1  # what is in the journal need not hurry: a thread that wakes for each slows the others down
FILES_AT_ONCE = 50  # spool files carried over between two batches
UNSAVED = 1000  # decisions kept in memory when not even the spool can be written
PATIENCE_S = 0.4  # how long the writer waits for another process's transaction before it spools
RETRY_S = 2.0  # how long an idle writer waits before it tries the database again
CLOSE_S = 2.0  # what closing waits for the writer


class _Noted(NamedTuple):
    """A decision that is in the journal."""

    entry: Entry
    segment: Segment


class SqliteLedger:
    """Implements ports.Ledger. The thread starts with the first decision; `store_prompts` keeps prompts and answers.

    `journaled`: a decision is on disk when `record` returns, for a process that answers many and may be killed.
    """

    def __init__(self, root: Path, *, store_prompts: bool, journaled: bool = False) -> None:
        self._database = Database(paths.database(root), timeout_s=PATIENCE_S)
        self._spool = Spool(root)
        self._store_prompts = store_prompts
        self._journal = Journal(root) if journaled and journal.possible() else None
        self._queue: queue.SimpleQueue[Decision | _Noted | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # starting and ending the thread, and what is below
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._closing = False
        self._in_hand: list[Entry] = []
        self._unsaved: list[Entry] = []
        self._lost = 0
        self._behind = True  # files may wait in the spool
        self._failing = False  # the database did not take the last batch
        self._warned = False
        self._error: Exception | None = None

    def record(self, decision: Decision) -> None:
        """Returns at once and never raises."""
        each = self._noted(decision)
        try:
            if self._queue.qsize() < WAITING:
                self._queue.put(each)
                self._ensure_writer()
            elif isinstance(each, _Noted) and self._journal is not None:
                self._leave(self._journal, each)
            else:
                self._to_spool(self._entries([each]))
        except Exception as error:  # no thread can start (the interpreter is ending)
            self._error = error
            self._to_spool(self._entries(self._taken()))

    def close(self) -> None:
        """Wait for the writer; what it cannot write in time is spooled. The ledger may be used again."""
        with self._lock:
            thread, self._closing = self._thread, True
            self._hurry.set()
        if thread is not None:
            self._queue.put(None)
            thread.join(CLOSE_S)
        left = self._entries(self._taken())
        if thread is not None and thread.is_alive():  # stuck: writing twice does no harm
            self._to_spool([*self._in_hand, *left])
        else:
            self._to_spool([*self._take_unsaved(), *left])
            self._database.close()
        if self._journal is not None:
            self._journal.close()
        atexit.unregister(self.close)

    def drain(self) -> int:
        """Carry what waits in the spool into the database, now. Returns how many decisions; never raises."""
        try:
            return self._spool.drain(self._insert)
        except FAILURES as error:
            self._error = error
            return 0
        finally:
            if self._thread is None:  # else the writer closes it
                self._database.close()

    def status(self, *, thorough: bool = False) -> LedgerStatus:
        """For `doctor`: whether the ledger takes decisions, what waits, and what to do. `thorough` reads all of it."""
        return examine(
            self._database,
            self._spool,
            unsaved=len(self._unsaved),
            lost=self._lost,
            earlier=self._error,
            thorough=thorough,
        )

    # ── the writer ───────────────────────────────────────────────────────────

    def _ensure_writer(self) -> None:
        with self._lock:
            if self._thread is not None and self._thread.is_alive():  # a fork leaves a dead one
                return
            self._closing = self._failing = False
            self._hurry.clear()
            thread = threading.Thread(target=self._run, name="llm-router-ledger", daemon=True)
            thread.start()
            self._thread = thread
        atexit.unregister(self.close)
        atexit.register(self.close)

    def _run(self) -> None:
        while not self._finished():
            try:
                self._turn()
            except Exception as error:  # the writer outlives any single failure
                self._error = error
        self._database.close()

    def _finished(self) -> bool:
        with self._lock:
            if not self._closing or not self._queue.empty():
                return False
            self._thread = None  # under the lock: a decision queued from here on starts a new thread
            return True

    def _turn(self) -> None:
        """Wait for decisions and write them; then, or when idle, carry over what is spooled."""
        decisions = self._next()
        self._in_hand = self._take_unsaved() + self._entries(decisions)
        taken = not self._in_hand or self._write(self._in_hand)
        self._in_hand = []
        if not self._unsaved:  # what memory alone holds stays in the journal
            self._forget(decisions)
        if taken and self._behind and not self._closing:
            try:
                self._behind = self._spool.drain(self._insert, at_most=FILES_AT_ONCE) > 0
            except FAILURES as error:
                self._error = error

    def _noted(self, decision: Decision) -> Decision | _Noted:
        """The decision with its place in the journal; without one where there is no journal, or it takes nothing."""
        if self._journal is None:
            return decision
        try:
            entry = rows.entry(decision, store_prompts=self._store_prompts)
            return _Noted(entry, self._journal.append(rows.line(entry)))
        except Exception as error:
            self._error = error
            return decision

    def _leave(self, journal: Journal, noted: _Noted) -> None:
        with suppress(OSError):
            journal.leave(noted.segment)
        self._behind = True

    def _forget(self, decisions: list[Decision | _Noted]) -> None:
        """They are in the database, or in the spool."""
        if self._journal is not None:
            with suppress(OSError):
                self._journal.done(each.segment for each in decisions if isinstance(each, _Noted))

    def _next(self) -> list[Decision | _Noted]:
        try:
            first = self._queue.get(timeout=RETRY_S if self._behind or self._unsaved else None)
        except queue.Empty:
            return []
        if first is not None and self._journal is not None:
            self._hurry.wait(GATHER_S)
        return ([] if first is None else [first]) + self._taken(BATCH)

    def _taken(self, at_most: int = WAITING) -> list[Decision | _Noted]:
        taken: list[Decision | _Noted] = []
        with suppress(queue.Empty):
            while len(taken) < at_most:
                if (decision := self._queue.get_nowait()) is not None:
                    taken.append(decision)
        return taken

    def _entries(self, decisions: list[Decision | _Noted]) -> list[Entry]:
        entries: list[Entry] = []
        for decision in decisions:
            if isinstance(decision, _Noted):
                entries.append(decision.entry)
                continue
            try:
                entries.append(rows.entry(decision, store_prompts=self._store_prompts))
            except Exception as error:  # a decision of the wrong shape must not cost the others
                self._lose(1, error)
        return entries

    def _write(self, entries: list[Entry]) -> bool:
        """To the database, else to the spool: False where the database takes nothing now. Ending, one that failed a
        moment ago is not tried again.
        """
        if not (self._closing and self._failing):
            try:
                self._insert(entries)
            except REFUSALS as error:
                self._error = error
                self._to_spool(entries)  # from where each is tried by itself
                return True
            except FAILURES as error:
                self._error, self._failing = error, True
            else:
                return True
        self._to_spool(entries)
        return False

    def _insert(self, entries: list[Entry]) -> None:
        with self._database.transaction() as connection:
            rows.insert(connection, entries)
        self._error, self._failing = None, False

    def _to_spool(self, entries: list[Entry]) -> None:
        if not entries:
            return
        try:
            self._spool.add(entries)
            self._behind = True
        except Exception as error:  # a full disk, a folder that cannot be: memory is what is left
            self._error = error
            with self._lock:
                self._unsaved.extend(entries)
                over = len(self._unsaved) - UNSAVED
                del self._unsaved[: max(0, over)]
            self._lose(max(0, over), error)

    def _take_unsaved(self) -> list[Entry]:
        with self._lock:
            taken, self._unsaved = self._unsaved, []
        return taken

    def _lose(self, count: int, error: Exception) -> None:
        self._lost += count
        if not self._warned:
            self._warned = True
            with suppress(Exception):
                print(
                    f"llm-router: the ledger cannot be written ({error}); answers are not affected."
                    " `llm-router doctor` tells what to do",
                    file=sys.stderr,
                )
