"""Whether the chances are what they say: of prompts given a chance of 0.7, seven in ten should go well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

from llm_router.classify.judge import Judgement
from llm_router.cli.eval_data import Suite
from llm_router.cli.eval_metrics import Floats, mean

BINS = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of one tier's chances: what they said on average and what was; the expected calibration error (the mean distance of
    the two over tenths of the prompts, by chance); the Brier score, and that of saying the mean to every prompt.
    """

    said: float
    was: float
    error: float
    brier: float
    constant: float


@dataclass(frozen=True, slots=True)
class Row:
    suite: str
    prompts: int
    small: Calibration
    frontier: Calibration


def rows(suites: Sequence[Suite], judged: Sequence[Sequence[Judgement]]) -> list[Row]:
    """One for each suite, and one of all prompts together."""
    found = [_row(suite.name, [suite], [each]) for suite, each in zip(suites, judged, strict=True)]
    return [*found, _row("all", suites, judged)]


def _row(name: str, suites: Sequence[Suite], judged: Sequence[Sequence[Judgement]]) -> Row:
    said = [one for each in judged for one in each]
    weak = [value for suite in suites for value in suite.outcomes.weak]
    strong = [value for suite in suites for value in suite.outcomes.strong]
    small = calibration([one.p_small for one in said], weak)
    return Row(name, len(said), small, calibration([one.p_frontier for one in said], strong))


def calibration(chances: Floats, outcomes: Floats) -> Calibration:
    # ties as they came, not by outcome
    pairs = sorted(zip(chances, outcomes, strict=True), key=itemgetter(0))
    count, average = len(pairs), mean(outcomes)
    edges = [round(count * n / BINS) for n in range(BINS + 1)]
    error = 0.0
    for first, last in pairwise(edges):
        error += abs(sum(chance - outcome for chance, outcome in pairs[first:last])) / count
    return Calibration(
        said=mean(chances),
        was=average,
        error=error,
        brier=mean([(chance - outcome) ** 2 for chance, outcome in pairs]),
        constant=mean([(average - outcome) ** 2 for _, outcome in pairs]),
    )
