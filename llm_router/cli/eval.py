"""`eval`: how well requests are routed, on the user's own outcomes, or on outcomes and labels from elsewhere. No network,
no model is asked.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from llm_router.classify import judge
from llm_router.cli import eval_calibration, eval_data, eval_own, eval_report, eval_tables, output
from llm_router.cli.options import json_option, moment
from llm_router.errors import UsageError
from llm_router.nouns import JsonDict


@click.command
@click.option(
    "--since",
    default="90d",
    show_default=True,
    metavar="DATE|7d",
    help="Of your own outcomes: from a date (2026-03-01), or so long ago (12h, 7d, 4w).",
)
@click.option(
    "--data", type=Path, help="Folder with suites.json and suites/: prompts and each model's outcome."
)
@click.option("--split", default="dev", show_default=True, help='Prompts of this split; "all" for every one.')
@click.option("--labelled", type=Path, help="JSONL of prompts with task_type and complexity.")
@click.option("--artefact", type=Path, help="Judge by this artefact instead of the shipped one.")
@click.option("--draws", default=300, show_default=True, help="Samples behind the 95 % intervals.")
@click.option(
    "--write", type=Path, metavar="FILE", help="Put the tables into this Markdown file, between its marks."
)
@json_option
def eval(  # noqa: A001 - the command is called so
    since: str,
    data: Path | None,
    split: str,
    labelled: Path | None,
    artefact: Path | None,
    draws: int,
    write: Path | None,
    as_json: bool,
) -> int:
    """Measure routing against fixed choices, on your own outcomes or on others'.

    Of your own answers whose outcome is known it tells how good they were, how well that was foreseen, and whether one
    model for all of them would have been better. With --data, routing by gain is held against always the small tier,
    always the frontier, chance and length. APGR is the mean share of the gap between the small and the frontier tier
    that is recovered over all shares of frontier calls: 0.5 is chance.
    """
    if data is None and labelled is None:
        if artefact is not None or write is not None:
            raise UsageError(
                "--artefact and --write are for outcomes or labels from elsewhere",
                fix="name those with --data or --labelled",
            )
        _own(since, draws, as_json=as_json)
        return 0
    watch = eval_tables.Watch(_brain(artefact))
    found: JsonDict = {"by": "artefact", "split": split, "draws": draws}
    if data is not None:
        found |= _of_suites(data, split, watch, draws)
    if labelled is not None:
        rows = eval_data.labelled(labelled)
        found["labels"] = eval_tables.as_json(eval_tables.label_rows(rows, watch, draws))
    found["latency_us"] = watch.latency()
    if write is not None:
        eval_report.put(write, eval_report.markdown(found))
    if as_json:
        output.emit(found)
    else:
        eval_report.tell(found)
    return 0


def _own(since: str, draws: int, *, as_json: bool) -> None:
    from llm_router.app import App

    app = App.build()
    settings = app.settings.router
    found = eval_own.judged(moment(since), draws, settings, app.catalogue, app.prices)
    if as_json:
        output.emit(found)
    else:
        eval_own.tell(found)


def _brain(artefact: Path | None) -> judge.Brain:
    brain = judge.Brain(str(artefact)) if artefact else judge.SHIPPED
    if brain.heads() is None:
        raise UsageError(
            f"the artefact cannot be used: {brain.problem}", fix="train one, or leave --artefact out"
        )
    return brain


def _of_suites(data: Path, split: str, watch: eval_tables.Watch, draws: int) -> JsonDict:
    suites = [suite for suite in eval_data.suites(data, split) if eval_tables.can_be_routed(suite)]
    if not suites:
        raise UsageError(
            f"no suite has enough prompts of the split {split!r}", fix="name another with --split"
        )
    judged = [[watch(prompt) for prompt in suite.prompts] for suite in suites]
    gains = [[one.gain for one in each] for each in judged]
    rows = [eval_tables.suite_row(suite, each, draws) for suite, each in zip(suites, gains, strict=True)]
    return {
        "suites": eval_tables.as_json(rows),
        "mean": eval_tables.mean_row(rows, suites, gains, draws),
        "calibration": [asdict(row) for row in eval_calibration.rows(suites, judged)],
    }
