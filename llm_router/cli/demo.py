"""`demo`: the real application with the real SDKs over the sandbox, in a home of its own that is thrown away.

It is a self test too: each scene says what must come of it, and where one goes otherwise the exit code is 1.
"""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
import statistics
import tempfile
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from llm_router import db, paths
from llm_router.cli import output
from llm_router.cli.demo_play import Played, Stage
from llm_router.cli.demo_scenes import ACTS, Act
from llm_router.cli.demo_show import Screen, waiting
from llm_router.cli.output import usd
from llm_router.cli.story import from_rows
from llm_router.errors import NotFoundError
from llm_router.nouns import Billing, JsonDict
from llm_router.record import SqliteLedger, queries
from llm_router.record.queries import UsageRow
from llm_router.sandbox import Sandbox
from llm_router.sandbox.listings import INSTALLED

# two chat models, so that the chains are short to read
_INSTALLED = [each for each in INSTALLED if "vision" not in each.capabilities]
_PROMPT_SHOWN = 400
_KEPT = {
    "PATH",
    "LANG",
    "TZ",
    "TERM",
    "COLUMNS",
    "NO_COLOR",
    "FORCE_COLOR",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
}
_SUMMED = ("answered", "failed", "input_tokens", "output_tokens", "cost_usd", "baseline_cost_usd")


def run(as_json: bool, acts: Sequence[Act] = ACTS) -> int:
    """Play the acts; 1 where one of their scenes did not go as intended."""
    screen = Screen(quiet=as_json)
    with (
        tempfile.TemporaryDirectory(prefix="llm-router-demo-", ignore_cleanup_errors=True) as folder,
        _nobodys_environment(folder),
        Sandbox(installed=_INSTALLED) as box,
    ):
        stage = Stage(box, Path(folder))
        played = asyncio.run(_play(stage, acts, screen))
        SqliteLedger(stage.root, store_prompts=False).drain()
        with closing(db.connect(paths.database(stage.root))) as ledger:
            _read_back(played, ledger)
            found = _summary(played, ledger)
    if as_json:
        output.emit(
            {
                "ok": not found["not_as_intended"],
                "scenes": [_facts(each) for each in played],
                "summary": found,
            }
        )
    else:
        screen.ending(played, found)
    return 1 if found["not_as_intended"] else 0


@contextmanager
def _nobodys_environment(home: str) -> Generator[None]:
    """The application is given its environment; SDKs look at the process's too, some when they are imported: for
    keys, proxies, certificates. Those of the user have no business here, so they are put aside.
    """
    own = dict(os.environ)
    kept = {name: value for name, value in own.items() if name in _KEPT or name.startswith("LC_")}
    os.environ.clear()
    os.environ.update(kept | {"HOME": home})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(own)


async def _play(stage: Stage, acts: Sequence[Act], screen: Screen) -> list[Played]:
    done: list[Played] = []
    for act in acts:
        app = stage.open(act)
        try:
            if not done:
                screen.opening(app.router.baseline.ref if app.router.baseline else "none")
                with waiting("loading the vendors' SDKs …"):
                    await stage.warm(app, act)
            screen.act(act)
            for scene in act.scenes:
                played = Played(len(done) + 1, act, scene)
                done.append(played)
                screen.scene(played)
                await stage.play(played, app)
                screen.outcome(played)
        finally:
            await app.aclose()
    return done


def _read_back(played: Sequence[Played], ledger: sqlite3.Connection) -> None:
    """What `explain` would tell of each scene. The ledger must hold every attempt that was seen."""
    for each in played:
        if each.decision is None:
            continue
        try:
            row = queries.decision(ledger, each.decision.id)
        except NotFoundError as error:
            each.problems.append(error.message)
            continue
        each.story = from_rows(row, row["attempts"])
        booked = [(one["provider"], one["model"], one["outcome"]) for one in row["attempts"]]
        seen = [(one.provider, one.model, str(one.outcome)) for one in each.attempts]
        if booked != seen:
            each.problems.append(f"the ledger holds the attempts {booked}, seen were {seen}")


def _summary(played: Sequence[Played], ledger: sqlite3.Connection) -> JsonDict:
    rows = sorted(queries.usage(ledger, 0, math.inf, "provider"), key=lambda row: row.cost)
    saved = queries.savings(ledger, 0, math.inf)
    answers = [each.reply.decision for each in played if each.reply is not None]
    billing = {one.provider: one.billing for each in played for one in each.attempts}
    on_baseline: Counter[str] = Counter()
    for decision in answers:
        if decision.winner is not None:
            on_baseline[decision.winner.provider] += decision.baseline_cost or 0
    providers = [_usage(row, billing[row.key], on_baseline[row.key]) for row in rows]
    routing = [each.decision.route_ms for each in played if each.decision is not None]
    return {
        "prompts": len(played),
        "answered": len(answers),
        "refused": len(played) - len(answers),
        "free_calls": sum(row.local_calls for row in rows),
        "subscription_calls": sum(row.subscription_calls for row in rows),
        "paid_calls": sum(row.calls - row.local_calls - row.subscription_calls for row in rows),
        "attempts": sum(row.calls + row.failures for row in rows),
        "failures_survived": sum(not one.ok for decision in answers for one in decision.attempts),
        "baseline": ", ".join(saved.baselines),
        "quota_baseline_cost_usd": usd(saved.quota_baseline_cost),
        "route_ms_p50": round(statistics.median(routing), 2) if routing else 0.0,
        "providers": providers,
        "total": {name: round(sum(each[name] for each in providers), 6) for name in _SUMMED},
        "not_as_intended": [each.number for each in played if each.problems],
    }


def _usage(row: UsageRow, billing: Billing, on_baseline: int) -> JsonDict:
    return {
        "provider": row.key,
        "billing": str(billing),
        "answered": row.calls,
        "failed": row.failures,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": usd(row.cost),
        "baseline_cost_usd": usd(on_baseline),
    }


def _facts(played: Played) -> JsonDict:
    scene = played.scene
    return {
        "n": played.number,
        "act": played.act.title,
        "prompt": scene.prompt[:_PROMPT_SHOWN],
        "told": scene.told,
        "answer": played.reply.text if played.reply else None,
        "error": played.error.as_dict() if played.error else None,
        "as_intended": not played.problems,
        "problems": played.problems,
        "decision": played.story,
    }
