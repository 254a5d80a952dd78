"""`rate`, `memory` and `train`: what was learned from this user's outcomes, and the say over it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Any

import click

from llm_router import paths
from llm_router.cli import output
from llm_router.cli.books import ledger
from llm_router.cli.options import json_option
from llm_router.cli.render import table
from llm_router.db import FAILURES, connect, transaction
from llm_router.errors import NotFoundError, RouterError, UsageError
from llm_router.learn import rows
from llm_router.learn.train import personal_weights, promote, roll_back
from llm_router.learn.train import train as trained
from llm_router.record import queries

_RATINGS = {"good": 1.0, "bad": 0.0}
_COUNTS = """
    SELECT m.task AS task, o.tier AS tier, o.model AS model, count(*) AS outcomes, sum(o.weight) AS weight,
           sum(o.good * o.weight) / sum(o.weight) AS good, sum(o.expected * o.weight) / sum(o.weight) AS expected
    FROM outcomes o JOIN memories m ON m.decision_id = o.decision_id
    GROUP BY m.task, o.tier, o.model ORDER BY outcomes DESC, task, model
"""


@contextmanager
def _writing() -> Generator[sqlite3.Connection]:
    """One transaction, after what waits in the spool was carried in."""
    with ledger():
        pass
    try:
        with closing(connect(paths.database(paths.home()))) as connection, transaction(connection):
            yield connection
    except RouterError:
        raise
    except FAILURES as error:
        raise RouterError(f"the database cannot be written: {error}", fix="llm-router doctor") from error


@click.command()
@click.argument("which", metavar="ID|last")
@click.argument("rating", type=click.Choice(list(_RATINGS)))
@json_option
def rate(which: str, rating: str, as_json: bool) -> None:
    """Say whether an answer was good; routing learns from it.

    It is named by its id, the beginning of that, or `last`. The newest rating of an answer counts.
    """
    with _writing() as connection:
        found = queries.decision(connection, which)
        if not rows.rate(connection, found["id"], "you", _RATINGS[rating], 1.0):
            raise NotFoundError(
                f"nothing can be learned of {found['id']}: it has no answer, or it was forgotten"
            )
    if as_json:
        output.emit({"decision": found["id"], "rating": rating})
    else:
        output.say(f"{found['id']} was {rating}")


@click.group(invoke_without_command=True)
@click.pass_context
def memory(context: click.Context) -> None:
    """See, export or forget what was learned from your outcomes.

    Only hashes of prompts are kept, in `router.db`; they never leave this machine.
    """
    if context.invoked_subcommand is None:
        context.invoke(show)


@memory.command()
@json_option
def show(as_json: bool = False) -> None:
    """Outcomes by task, tier and model: how good the answers were, and how good they were expected to be."""
    with ledger() as connection:
        found = [dict(row) for row in connection.execute(_COUNTS)]
        (memories,) = connection.execute("SELECT count(*) FROM memories").fetchone()
    weights = personal_weights(paths.home())
    if as_json:
        output.emit({"outcomes": found, "prompts": memories, "personal_weights": weights})
        return
    if found:
        columns = ["task", "tier", "model", "outcomes", "good", "expected"]
        table(columns, [_row(one) for one in found], right=columns[3:])
    output.say(
        f"{memories} prompts are remembered, as hashes, and {sum(one['outcomes'] for one in found)} outcomes"
    )
    output.say(
        f"personal correction: {f'{len(weights)} weights' if weights else 'none; see `llm-router train`'}"
    )


def _row(one: dict[str, Any]) -> list[str]:
    return [
        one["task"],
        one["tier"],
        one["model"],
        str(one["outcomes"]),
        f"{one['good']:.2f}",
        f"{one['expected']:.2f}",
    ]


@memory.command()
@click.option("--decision", metavar="ID", help="What one answer taught.")
@click.option("--project", metavar="NAME", help="What a project's answers taught.")
@click.option("--all", "everything", is_flag=True, help="All of it, the personal correction too.")
@json_option
def forget(decision: str | None, project: str | None, everything: bool, as_json: bool) -> None:
    """Forget outcomes and prompts, for good. The ledger stays."""
    if sum((decision is not None, project is not None, everything)) != 1:
        raise UsageError("say what to forget", fix="one of --decision ID, --project NAME, --all")
    column, value = ("decision_id", decision) if decision is not None else ("project", project)
    where, values = ("1", ()) if everything else (f"{column} = ?", (value,))
    with _writing() as connection:
        of_them = f"decision_id IN (SELECT decision_id FROM memories WHERE {where})"  # noqa: S608 - ours
        outcomes = connection.execute(f"DELETE FROM outcomes WHERE {of_them}", values).rowcount  # noqa: S608
        prompts = connection.execute(f"DELETE FROM memories WHERE {where}", values).rowcount  # noqa: S608
    rolled = 0
    while everything and roll_back(paths.home()):
        rolled += 1
    if as_json:
        output.emit({"prompts": prompts, "outcomes": outcomes, "personal_corrections": rolled})
    else:
        output.say(f"forgot {prompts} prompts and {outcomes} outcomes")


@memory.command()
def export() -> None:
    """Everything that was learned, one JSON object a line."""
    with ledger() as connection:
        for kind in ("memories", "outcomes"):
            for row in connection.execute(f"SELECT * FROM {kind} ORDER BY at"):  # noqa: S608 - ours
                output.say(json.dumps({"kind": kind} | dict(row), ensure_ascii=False))


@click.command()
@click.option("--rollback", is_flag=True, help="Back to the correction before, or to none.")
@click.option("--dry-run", is_flag=True, help="Train and report; change nothing.")
@json_option
def train(rollback: bool, dry_run: bool, as_json: bool) -> None:
    """Train a personal correction from your own outcomes; promoted only if it is better.

    The newest third is held out; the correction comes into force only where it is better on it, for certain.
    """
    if rollback:
        _rolled_back(as_json)
        return
    with ledger() as connection:
        found = [rows.outcome(row) for row in connection.execute(f"{rows.SELECT} ORDER BY o.at")]
    report, weights = trained(found)
    if report.promoted and not dry_run:
        promote(paths.home(), report, weights)
    if as_json:
        output.emit(report.as_dict() | {"dry_run": dry_run, "at": time.time()})
        return
    output.say(f"{report.outcomes} outcomes, {report.held_out} of them held out")
    output.say(f"loss {report.shipped_loss:.4f} as shipped, {report.loss:.4f} corrected")
    output.say(f"better by {report.improvement:+.4f} (95 %: {report.low:+.4f} to {report.high:+.4f})")
    output.say(_verdict(promoted=report.promoted, dry_run=dry_run))


def _verdict(*, promoted: bool, dry_run: bool) -> str:
    if not promoted:
        return "not promoted: it is not better for certain, so nothing has changed"
    return "it would be promoted" if dry_run else "promoted; `llm-router train --rollback` takes it back"


def _rolled_back(as_json: bool) -> None:
    if not roll_back(paths.home()):
        raise NotFoundError("no personal correction is in force")
    if as_json:
        output.emit({"rolled_back": True, "weights": len(personal_weights(paths.home()))})
    else:
        output.say("rolled back")
