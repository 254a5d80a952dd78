"""Reads outcome data: a folder of `suites.json` and `suites/NAME.jsonl.gz`, one prompt a line with the measured outcome
(`scores`, in [0,1]) and cost (`cost`, US dollars) of each model.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pair:
    """One prompt with what a weak and a strong model made of it."""

    suite: str
    prompt: str
    weak: float
    strong: float
    weak_usd: float
    strong_usd: float


def key_of(prompt: str) -> str:
    """Tells equal prompts from different ones."""
    return hashlib.sha256(prompt.encode("utf-8", "replace")).hexdigest()[:16]


def suites(folder: Path) -> list[str]:
    return sorted(json.loads((folder / "suites.json").read_text(encoding="utf-8")))


def pairs(folder: Path, suite: str) -> Iterator[Pair]:
    """Of the suite's first pair of models, where outcomes and costs of both are known."""
    weak, strong = json.loads((folder / "suites.json").read_text(encoding="utf-8"))[suite]["pairs"][0]
    path = folder / "suites" / f"{suite}.jsonl.gz"
    if not path.exists():
        return
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            scores, cost = row["scores"], row.get("cost") or {}
            if all(model in scores and model in cost for model in (weak, strong)):
                yield Pair(suite, row["prompt"], scores[weak], scores[strong], cost[weak], cost[strong])
