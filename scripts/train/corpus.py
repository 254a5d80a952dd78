"""The data that training reads, from where the user keeps it; none of it is part of this repository.

    outcomes   a folder with `suites.json` and `suites/NAME.jsonl.gz`: prompts, and how each model did on them
    labelled   a JSONL file of prompts with task types and complexities

Suites whose `train_ok` is not true, and splits other than "train", are never trained on.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from llm_router.classify import form, rules
from llm_router.classify.difficulty import LEVELS
from llm_router.classify.heads import TASKS

# What labelled complexities stand for where no outcome was measured: (small tier, frontier tier) chances of success.
# They keep the gain sane on everyday requests, which outcome data hardly holds.
ASSUMED = {
    "simple": (0.92, 0.97),
    "moderate": (0.75, 0.93),
    "complex": (0.45, 0.82),
    "deep_reasoning": (0.22, 0.66),
}


@dataclass
class Row:
    """A prompt with what is known of it: `weak` and `strong` outcomes, a task, a level (0 to 3)."""

    suite: str
    prompt: str
    split: str = "train"
    domain: str = ""
    weak: float | None = None
    strong: float | None = None
    task: str | None = None
    level: float | None = None
    # tasks and levels that are as right as the first
    accepted: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    weight: float = 1.0
    seen: form.Form | None = None
    votes: dict[str, float] = field(default_factory=dict)
    hardness: float = 0.0

    @property
    def gain(self) -> float:
        assert self.weak is not None
        assert self.strong is not None
        return self.strong - self.weak


def looked_at(rows: list[Row]) -> list[Row]:
    """The rows that have words, each with its form and what the rules say."""
    kept: list[Row] = []
    for row in rows:
        result, reading, row.votes = rules.weigh(row.prompt)
        if reading is not None:
            row.hardness = result[3]
            row.seen = form.Form(row.prompt, reading, result[3], result[2])
            kept.append(row)
    return kept


def group(row: Row) -> str:
    """Equal for prompts that ask the same: the question of a test with options, variants of one line, else the text."""
    if row.suite == "authored":
        return row.domain
    start = row.prompt.find("\nA")
    return re.sub(r"\W+", "", (row.prompt[:start] if start > 40 else row.prompt).lower())


def outcomes(folder: Path, *, trained_on: bool = True) -> list[Row]:
    """A row for each prompt that all members of both tiers answered (the primary pair, where no tiers are declared)."""
    rows: list[Row] = []
    for name, about in json.loads((folder / "suites.json").read_text("utf-8")).items():
        if trained_on and about["train_ok"] is not True:
            continue
        weak, strong = about.get("tiers") or [[model] for model in about["pairs"][0]]
        for line in _lines(folder / "suites" / f"{name}.jsonl.gz"):
            scores = line["scores"]
            if all(model in scores for model in (*weak, *strong)):
                means = (float(np.mean([scores[model] for model in tier])) for tier in (weak, strong))
                row = Row(name, line["prompt"], line["split"], line["domain"], *means)
                _label(row, float(np.mean(list(scores.values()))))
                rows.append(row)
    return rows


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


# How the share of models that solve a prompt tells its level, by where it is from: (shares, levels, task).
_LEVELS_BY_SHARE: dict[str, tuple[list[float], list[float], str]] = {
    "lcb": ([0.2, 0.5, 0.95], [3, 2, 1], "code"),
    "math_l5": ([0.12, 0.5, 0.95], [3, 2, 1], "analyze"),
    "gsm8k_ze": ([0.3, 0.9], [1.6, 1], "analyze"),
    "mbpp": ([0.2, 0.9], [1, 0], "code"),
    "gsm8k": ([0.3, 0.9], [1.6, 1], "analyze"),
    "math": ([0.1, 0.9], [3, 1], "analyze"),
    "gpqa": ([0.15, 0.9], [3, 2], "analyze"),
    "agentverse": ([0.2, 0.9], [2, 1], "analyze"),
    "natural_qa": ([0.0, 1.0], [0.2, 0], "query"),
    "trivia_qa": ([0.0, 1.0], [0.2, 0], "query"),
    "commonsense_qa": ([0.0, 1.0], [0.3, 0], "query"),
}


def _label(row: Row, share: float) -> None:
    for name in (row.suite, row.domain, row.domain.partition("-")[0]):
        if name in _LEVELS_BY_SHARE:
            shares, levels, row.task = _LEVELS_BY_SHARE[name]
            row.level = float(np.interp(share, shares, levels))


def issues(path: Path) -> list[Row]:
    """Issues of repositories with how many of the submissions of 2024 resolved each: a level, no outcome of tiers."""
    rows: list[Row] = []
    for line in _lines(path):
        share = line["n_resolved_2024"] / line["n_submissions_2024"]
        level = float(np.interp(share, [0.0, 0.25, 0.6], [3, 2, 1]))
        rows.append(Row("issues", line["prompt"], task="code", level=level))
    return rows


def labelled(path: Path) -> list[Row]:
    """Prompts labelled by people. The level is between the first label and the mean of those that are acceptable."""
    rows: list[Row] = []
    for line in map(json.loads, path.read_text("utf-8").splitlines()):
        first = LEVELS.index(line["complexity"])
        mean = np.mean([LEVELS.index(each) for each in line.get("complexity_ok") or [line["complexity"]]])
        assert line["task_type"] in TASKS, line["id"]
        rows.append(Row("labelled", line["prompt"], task=line["task_type"], level=float(first + mean) / 2))
        rows[-1].accepted = (
            tuple(line.get("task_type_ok") or [line["task_type"]]),
            tuple(line.get("complexity_ok") or [line["complexity"]]),
        )
        rows[-1].domain = line.get("source", "")
        rows[-1].weak, rows[-1].strong = ASSUMED[line["complexity"]]
    return rows
