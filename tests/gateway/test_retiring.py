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
from tests.waiting import stood_still


async def test_closing_it_while_the_database_is_held_stops_no_answer(tmp_path):
    (tmp_path / "config.yaml").write_text("budget: {daily: 5}\n")
    app = App.build(root=tmp_path, cwd=tmp_path, environ={"PATH": "/nonexistent"}, relays=True)
    await app.budgets.areserve(Candidate(Model("openai", "gpt"), "test", max_cost=100))
    connection = db.connect(paths.database(tmp_path))
    connection.execute("BEGIN IMMEDIATE")
    assessed = Assessment(Task.QUERY, Complexity.SIMPLE, 1.0, 0.0)
    app.ledger.record(Decision(new_id("d"), time.time(), ask("x"), assessed, Verdict(), Plan(())))
    closing = asyncio.create_task(Generation(app, None, None, None).retire())
    assert await stood_still(closing) < 0.3
    connection.execute("ROLLBACK")
    connection.close()
