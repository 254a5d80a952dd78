"""A configuration that is replaced is closed beside the answers of the new one."""

import asyncio
import time

from llm_router import db, paths
from llm_router.app import App
from llm_router.gateway.current import Generation
from llm_router.nouns import (
    Assessment,
    Candidate,
    Complexity,
    Decision,
    Model,
    Plan,
    Task,
    Verdict,
    ask,
    new_id,
)


async def longest_gap(until):
    longest, last = 0.0, time.perf_counter()
    while not until.done():
        await asyncio.sleep(0.01)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest


async def test_closing_it_while_the_database_is_held_stops_no_answer(tmp_path):
    (tmp_path / "config.yaml").write_text("budget: {daily: 5}\n")
    app = App.build(root=tmp_path, cwd=tmp_path, environ={"PATH": "/nonexistent"}, relays=True)
    await app.budgets.areserve(Candidate(Model("openai", "gpt"), "test", max_cost=100))
    connection = db.connect(paths.database(tmp_path))
    connection.execute("BEGIN IMMEDIATE")
    assessed = Assessment(Task.QUERY, Complexity.SIMPLE, 1.0, 0.0)
    app.ledger.record(Decision(new_id("d"), time.time(), ask("x"), assessed, Verdict(), Plan(())))
    closing = asyncio.create_task(Generation(app, None, None, None).retire())
    assert await longest_gap(closing) < 0.2
    connection.execute("ROLLBACK")
    connection.close()
