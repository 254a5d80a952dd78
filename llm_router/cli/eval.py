"""`eval`: how well the classifier routes, on outcomes and labels the user supplies. No network, no model is asked."""

from __future__ import annotations

from pathlib import Path

import click

from llm_router.classify import judge
from llm_router.cli import eval_data, eval_report, eval_tables, output
from llm_router.cli.options import json_option
from llm_router.errors import UsageError
from llm_router.nouns import JsonDict


@click.command
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
    data: Path | None,
    split: str,
    labelled: Path | None,
    artefact: Path | None,
    draws: int,
    write: Path | None,
    as_json: bool,
) -> int:
    """Measure routing by gain against fixed choices: always the small tier, always the frontier, chance, length.

    APGR is the mean share of the gap between the small and the frontier tier that is recovered over all shares of
    frontier calls: 0.5 is chance.
    """
    if data is None and labelled is None:
        raise UsageError("there is nothing to judge by", fix="give --data FOLDER, --labelled FILE, or both")
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
    gains = [[watch(prompt).gain for prompt in suite.prompts] for suite in suites]
    rows = [eval_tables.suite_row(suite, each, draws) for suite, each in zip(suites, gains, strict=True)]
    return {
        "suites": eval_tables.as_json(rows),
        "mean": eval_tables.mean_row(rows, suites, gains, draws),
    }
