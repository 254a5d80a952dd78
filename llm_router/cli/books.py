"""The ledger opened for reading, with what waits in the spool and at the hooks carried in first."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager

from llm_router import paths
from llm_router.db import FAILURES, connect
from llm_router.errors import RouterError
from llm_router.hosts import events
from llm_router.record import SqliteLedger


@contextmanager
def ledger() -> Generator[sqlite3.Connection]:
    root = paths.home()
    SqliteLedger(root, store_prompts=False).drain()
    events.drain(root)
    try:
        connection = connect(paths.database(root))
    except FAILURES as error:
        if isinstance(error, RouterError):
            raise
        what = f"the ledger {paths.database(root)} cannot be read: {error}"
        raise RouterError(what, fix="llm-router doctor") from error
    with closing(connection):
        yield connection
