"""The program that follows, in which whoever waits for the database waits longer than a test lasts: the budgets' threads,
which may, and the event loop, which must not.
"""

import asyncio
import runpy
import sys

from llm_router import db
from llm_router.admit import budgets

PATIENCE_S = 600.0


def held(database, timeout_s, _held=db.Database._held):
    return _held(database, PATIENCE_S if asyncio._get_running_loop() is not None else timeout_s)


db.Database._held = held
budgets.PATIENCE_S = PATIENCE_S
sys.argv[:] = sys.argv[3:]  # of "python -m llm_router serve"
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
