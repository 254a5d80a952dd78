"""What `eval` finds: for each suite how well routing by gain does beside fixed choices, how often labels are met, how
long a judgement takes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from llm_router.classify.difficulty import LEVELS
from llm_router.classify.judge import Brain, Judgement, classify
from llm_router.cli import eval_metrics as metrics
from llm_router.cli.eval_data import Labelled, Suite
from llm_router.nouns import JsonDict

FEWEST = 20  # prompts below which a suite says nothing
LITTLE_SAVED = 0.95  # of the strong model's cost for 95 % of its quality: not worth the trouble of routing
_ADVERSARIAL = {
    "short-hard",
    "heavy-words",
    "light-words",
    "long-trivial",
    "long-hard",
    "bait",
    "media-words",
}
SLICES: dict[str, Callable[[Labelled], bool]] = {
    "all": lambda _one: True,
    "adversarial": lambda one: bool(one.tags & _ADVERSARIAL),
    "not English": lambda one: "non-english" in one.tags,
    "short": lambda one: "short" in one.tags,
    "long": lambda one: "long" in one.tags,
}

Judged = Callable[[str], Judgement]


@dataclass(frozen=True, slots=True)
class SuiteRow:
    """One line of the table of suites. `cost_95`: the cost of 95 % of the strong tier's quality, over its own."""

    suite: str
    prompts: int
    always_small: float
    always_frontier: float
    apgr: float
    low: float
    high: float
    length: float
    cpt_50: float | None
    cpt_80: float | None
    cost_95: float | None
    auc: float | None
    trained_on: bool
    advice: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    """Shares of labelled prompts; each with the ends of its interval."""

    slice: str
    prompts: int
    task: tuple[float, float, float]
    complexity: tuple[float, float, float]
    kappa: tuple[float, float, float]
    two_off: tuple[float, float, float]


class Watch:
    """Judges by one artefact and keeps the processor time of every judgement, in microseconds."""

    def __init__(self, brain: Brain) -> None:
        self.brain = brain
        self.times: list[float] = []

    def __call__(self, prompt: str) -> Judgement:
        started = time.process_time_ns()
        found = classify(prompt, brain=self.brain)
        self.times.append((time.process_time_ns() - started) / 1e3)
        return found

    def latency(self) -> JsonDict:
        times = sorted(self.times)
        at = {
            name: times[min(len(times) - 1, int(len(times) * share))] if times else 0.0
            for name, share in (("median", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
        }
        return {"prompts": len(times)} | {name: round(value) for name, value in at.items()}


def can_be_routed(suite: Suite) -> bool:
    """Not where the suite is too small, or its strong tier no better: then there is nothing to route between."""
    return len(suite.outcomes) >= FEWEST and suite.outcomes.gap > 0


def suite_row(suite: Suite, gains: Sequence[float], draws: int) -> SuiteRow:
    found = suite.outcomes
    order = metrics.blocks(gains)
    apgr = metrics.apgr(order, found) or 0.0
    low, high = metrics.interval(
        lambda chance: metrics.apgr(order, found, metrics.resampled(len(found), chance)), draws
    )
    cost = metrics.cost_at(order, found, 0.95)
    return SuiteRow(
        suite=suite.name,
        prompts=len(found),
        always_small=metrics.mean(found.weak),
        always_frontier=metrics.mean(found.strong),
        apgr=apgr,
        low=low,
        high=high,
        length=metrics.apgr(metrics.blocks([float(len(prompt)) for prompt in suite.prompts]), found) or 0.0,
        cpt_50=metrics.cpt(order, found, 0.5),
        cpt_80=metrics.cpt(order, found, 0.8),
        cost_95=cost,
        auc=metrics.auc(gains, found),
        trained_on=suite.trained_on,
        advice=_advice(low, cost),
    )


def _advice(low: float, cost: float | None) -> str:
    """Where pinning one model would do better than routing, in words; "" where routing is worth it."""
    if not low > 0.5:
        return "no better than chance here: pin one model"
    if cost is not None and cost >= LITTLE_SAVED:
        return "saves little at 95 % of the quality: pin the frontier model if you need that much"
    return ""


def mean_row(
    rows: Sequence[SuiteRow], suites: Sequence[Suite], gains: Sequence[Sequence[float]], draws: int
) -> JsonDict:
    """The mean APGR of suites, each counting the same, with its interval."""
    orders = [metrics.blocks(each) for each in gains]

    def draw(chance: random.Random) -> float | None:
        values = [
            metrics.apgr(order, suite.outcomes, metrics.resampled(len(suite.outcomes), chance))
            for order, suite in zip(orders, suites, strict=True)
        ]
        kept = [value for value in values if value is not None]
        return metrics.mean(kept) if kept else None

    low, high = metrics.interval(draw, draws)
    return {
        "suites": len(rows),
        "apgr": metrics.mean([row.apgr for row in rows]),
        "low": low,
        "high": high,
        "length": metrics.mean([row.length for row in rows]),
    }


def label_rows(rows: Sequence[Labelled], judged: Judged, draws: int) -> list[LabelRow]:
    said = [judged(row.prompt) for row in rows]
    out: list[LabelRow] = []
    for name, wanted in SLICES.items():
        here = [(row, found) for row, found in zip(rows, said, strict=True) if wanted(row)]
        if len(here) >= FEWEST:
            out.append(_label_row(name, here, draws))
    return out


Pair = tuple[Labelled, Judgement]


def _label_row(name: str, here: Sequence[Pair], draws: int) -> LabelRow:
    def with_interval(measure: Callable[[Sequence[Pair]], float]) -> tuple[float, float, float]:
        low, high = metrics.interval(lambda chance: measure(chance.choices(here, k=len(here))), draws)
        return measure(here), low, high

    return LabelRow(
        slice=name,
        prompts=len(here),
        task=with_interval(lambda pairs: _share(found.task in row.tasks for row, found in pairs)),
        complexity=with_interval(lambda pairs: _share(_distance(pair) == 0 for pair in pairs)),
        kappa=with_interval(_kappa),
        two_off=with_interval(lambda pairs: _share(_distance(pair) > 1 for pair in pairs)),
    )


def _share(hits: Iterable[bool]) -> float:
    values = list(hits)
    return sum(values) / len(values)


def _distance(pair: Pair) -> int:
    """Levels between what was said and the nearest accepted one."""
    row, found = pair
    place = LEVELS.index(found.complexity)
    return min(abs(place - LEVELS.index(level)) for level in row.complexities)


def _kappa(pairs: Sequence[Pair]) -> float:
    """Agreement with the first labels beyond chance, a miss weighed by the square of its distance (Cohen, 1968)."""
    said = [LEVELS.index(found.complexity) for _, found in pairs]
    right = [LEVELS.index(row.complexity) for row, _ in pairs]
    seen = sum((a - b) ** 2 for a, b in zip(said, right, strict=True)) / len(pairs)
    counts = [[side.count(level) for level in range(len(LEVELS))] for side in (said, right)]
    by_chance = (
        sum(
            counts[0][a] * counts[1][b] * (a - b) ** 2 for a in range(len(LEVELS)) for b in range(len(LEVELS))
        )
        / len(pairs) ** 2
    )
    return 1 - seen / by_chance if by_chance else 0.0


def as_json(rows: Sequence[SuiteRow | LabelRow]) -> list[JsonDict]:
    return [asdict(row) for row in rows]
