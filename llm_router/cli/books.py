"""The ledger opened for reading, with what waits in the spool and at the hooks carried in first."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from llm_router import paths
from llm_router.cli import output
from llm_router.db import FAILURES, connect, connect_as_it_is
from llm_router.errors import RouterError
from llm_router.hosts import events
from llm_router.record import SqliteLedger


@contextmanager
def ledger() -> Generator[sqlite3.Connection]:
    root = paths.home()
    SqliteLedger(root, store_prompts=False).drain()
    events.drain(root)
    with closing(_opened(paths.database(root))) as connection:
        yield connection


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return connect(path)
    except RouterError:
        raise
    except FAILURES as error:
        try:
            connection = connect_as_it_is(path)
        except FAILURES:
            what = f"the ledger {path} cannot be read: {error}"
            raise RouterError(what, fix="llm-router doctor") from error
        output.note(
            f"the ledger cannot be written ({error}), so what is newest may be missing: llm-router doctor"
        )
        return connection
