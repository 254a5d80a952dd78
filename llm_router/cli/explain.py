"""`explain`: the whole story of one request."""

from __future__ import annotations

import time
from typing import Any

import click

from llm_router.cli import output
from llm_router.cli.books import ledger
from llm_router.cli.options import json_option
from llm_router.cli.render import table
from llm_router.cli.story import from_rows, tell
from llm_router.record import queries


@click.command()
@click.argument("which", default="last", metavar="ID|last")
@click.option("--list", "count", type=click.IntRange(1, 1000), metavar="N", help="The N newest, in short.")
@json_option
def explain(which: str, count: int | None, as_json: bool) -> None:
    """Tell the whole story of one request.

    It is named by its id, the beginning of that, or `last`.
    """
    with ledger() as connection:
        if count is not None:
            _list(queries.recent(connection, count), as_json)
            return
        found = queries.decision(connection, which)
    story = from_rows(found, found["attempts"])
    if as_json:
        output.emit(story)
    else:
        tell(story)


def _list(found: list[dict[str, Any]], as_json: bool) -> None:
    rows = [
        {
            "id": one["id"],
            "at": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one["at"])),
            "kind": f"{one['task']}, {one['complexity']}",
            "model": f"{one['provider']}/{one['model']}" if one["provider"] else "-",
            "cost": output.money(one["cost"], one["billing"])
            if one["provider"]
            else one["error"] or "failed",
        }
        for one in found
    ]
    if as_json:
        output.emit({"decisions": [one | {"cost_usd": output.usd(one.pop("cost"))} for one in found]})
    elif rows:
        table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        output.say("nothing is recorded yet")
