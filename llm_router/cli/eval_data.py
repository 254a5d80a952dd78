"""Reads what `eval` judges by: suites of prompts with each model's outcome, and prompts that people labelled."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from llm_router.cli.eval_metrics import Outcomes
from llm_router.errors import UsageError
from llm_router.nouns import Complexity, Task

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """Prompts that all models of both tiers answered. A tier's outcome on a prompt is the mean of its models'."""

    name: str
    prompts: Sequence[str]
    outcomes: Outcomes
    trained_on: bool


@dataclass(frozen=True, slots=True)
class Labelled:
    """One prompt and what is right for it: the first label, and all that are accepted."""

    prompt: str
    task: str
    tasks: frozenset[str]
    complexity: str
    complexities: frozenset[str]
    tags: frozenset[str]


def suites(folder: Path, split: str) -> Iterator[Suite]:
    """The suites of `folder/suites.json` that have prompts of this split ("all" for every one), in their order."""
    about: Mapping[str, Line] = _json(folder / "suites.json")
    for name, facts in about.items():
        lines = _lines(folder / "suites" / f"{name}.jsonl.gz")
        here = [line for line in lines if split in {"all", line.get("split")}]
        pairs: Sequence[tuple[str, str]] = facts["pairs"]
        tiers = facts.get("tiers") or [[model] for model in pairs[0]]
        if found := _suite(name, here, tiers, trained_on=bool(facts.get("train_ok"))):
            yield found


def _suite(
    name: str, lines: Sequence[Line], tiers: Sequence[Sequence[str]], *, trained_on: bool
) -> Suite | None:
    both = [*tiers[0], *tiers[1]]
    known = [line for line in lines if all(model in line["scores"] for model in both)]
    if not known:
        return None
    priced = all(model in line.get("cost", {}) for line in known for model in both)

    def means(key: str, tier: Sequence[str]) -> list[float]:
        return [sum(line[key][model] for model in tier) / len(tier) for line in known]

    outcomes = Outcomes(
        means("scores", tiers[0]),
        means("scores", tiers[1]),
        means("cost", tiers[0]) if priced else None,
        means("cost", tiers[1]) if priced else None,
    )
    return Suite(name, [line["prompt"] for line in known], outcomes, trained_on)


def labelled(path: Path) -> list[Labelled]:
    return [
        Labelled(
            prompt=line["prompt"],
            task=str(Task(line["task_type"])),
            tasks=frozenset(line.get("task_type_ok") or [line["task_type"]]),
            complexity=str(Complexity(line["complexity"])),
            complexities=frozenset(line.get("complexity_ok") or [line["complexity"]]),
            tags=frozenset(line.get("tags") or ()),
        )
        for line in _lines(path)
    ]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _lines(path: Path) -> list[Line]:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
        return [cast("Line", json.loads(line)) for line in text.split("\n") if line.strip()]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> UsageError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(
        f"{path} cannot be read: {why}",
        fix="--data takes a folder with suites.json and suites/NAME.jsonl.gz, --labelled a JSONL file",
    )
