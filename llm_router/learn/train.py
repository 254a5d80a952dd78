"""A personal correction of the shipped chances, trained from the user's own outcomes and promoted only if it is better.

    log odds of a tier = the shipped ones + a weight per tier + one per task and tier + one per bucket of like prompts

Fitted by gradient descent on the older outcomes, with a pull to zero; held against the newer ones, which it has not
seen. Promoted when the mean loss there is lower, with the lower end of a bootstrap interval above zero. It is one JSON
file beside the database; the one before is kept, for `--rollback`.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llm_router.errors import UsageError
from llm_router.learn.knowledge import Outcome, features

LEAST = 100  # outcomes
HELD_OUT = 0.3
MOST_WEIGHT = 1.5  # log odds
_EPOCHS, _RATE, _PULL = 60, 0.1, 0.02
_DRAWS, _SURE = 1_000, 0.95
_FILE, _BEFORE = "personal.json", "personal.before.json"


@dataclass(frozen=True, slots=True)
class Trained:
    """`improvement` is in nats per outcome on the held-out ones; `low` and `high` are the ends of its interval."""

    outcomes: int
    held_out: int
    shipped_loss: float
    loss: float
    improvement: float
    low: float
    high: float
    promoted: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def train(found: Sequence[Outcome]) -> tuple[Trained, dict[str, float]]:
    """The report, and weights by feature. Deterministic. Raises UsageError for too few outcomes."""
    if len(found) < LEAST:
        raise UsageError(
            f"{len(found)} outcomes are too few to train on; {LEAST} are needed",
            fix="rate answers (`llm-router rate last good`), let checks run, install the hooks",
        )
    ordered = sorted(found, key=lambda each: each.at)
    split = int(len(ordered) * (1 - HELD_OUT))
    weights = _fitted(ordered[:split])
    held = ordered[split:]
    before = [_loss(each, {}) for each in held]
    after = [_loss(each, weights) for each in held]
    gains = [b - a for b, a in zip(before, after, strict=True)]
    low, high = _interval(gains)
    total = len(held)
    report = Trained(
        outcomes=len(ordered),
        held_out=total,
        shipped_loss=sum(before) / total,
        loss=sum(after) / total,
        improvement=sum(gains) / total,
        low=low,
        high=high,
        promoted=low > 0,
    )
    return report, weights


def _fitted(found: Sequence[Outcome]) -> dict[str, float]:
    weights: dict[str, float] = {}
    chance, order = random.Random(0), list(found)
    for epoch in range(_EPOCHS):
        chance.shuffle(order)
        rate = _RATE / (1 + epoch / 10)
        for each in order:
            error = each.weight * (each.good - _p(each, weights))
            for name in features(each.task, each.mark, each.tier):
                weight = weights.get(name, 0.0)
                moved = weight + rate * (error - _PULL * weight)
                weights[name] = max(-MOST_WEIGHT, min(moved, MOST_WEIGHT))
    return {name: round(weight, 4) for name, weight in sorted(weights.items()) if abs(weight) >= 0.01}


def _p(each: Outcome, weights: Mapping[str, float]) -> float:
    p = min(max(each.expected, 0.01), 0.99)
    odds = math.log(p / (1 - p)) + sum(weights.get(n, 0.0) for n in features(each.task, each.mark, each.tier))
    return 1 / (1 + math.exp(-odds))


def _loss(each: Outcome, weights: Mapping[str, float]) -> float:
    p, good = _p(each, weights), min(max(each.good, 0.0), 1.0)
    return -(good * math.log(p) + (1 - good) * math.log(1 - p))


def _interval(gains: Sequence[float]) -> tuple[float, float]:
    chance, count = random.Random(0), len(gains)
    means = sorted(sum(chance.choices(gains, k=count)) / count for _ in range(_DRAWS))
    edge = int(_DRAWS * (1 - _SURE) / 2)
    return means[edge], means[-edge - 1]


# ── the file ─────────────────────────────────────────────────────────────────


def promote(folder: Path, report: Trained, weights: Mapping[str, float]) -> None:
    """Replace the correction in force, in one step; the one before is kept."""
    target, fresh = folder / _FILE, folder / f"{_FILE}.{os.getpid()}"
    body = {"version": 1, "at": time.time(), "report": report.as_dict(), "weights": dict(weights)}
    fresh.write_text(json.dumps(body), encoding="utf-8")
    fresh.chmod(0o600)
    if target.exists():
        target.replace(folder / _BEFORE)
    fresh.replace(target)


def roll_back(folder: Path) -> bool:
    """Back to the correction before, or to none. False where none is in force."""
    target, before = folder / _FILE, folder / _BEFORE
    if not target.exists():
        return False
    if before.exists():
        before.replace(target)
    else:
        target.unlink()
    return True


def personal_weights(folder: Path) -> dict[str, float]:
    """Empty where there is none, or where it cannot be read: then the shipped model stands alone."""
    with suppress(OSError, ValueError, AttributeError, TypeError, KeyError):
        body = json.loads((folder / _FILE).read_bytes())
        if body["version"] == 1:
            found = {str(name): float(weight) for name, weight in body["weights"].items()}
            return {n: max(-MOST_WEIGHT, min(w, MOST_WEIGHT)) for n, w in found.items() if math.isfinite(w)}
    return {}
