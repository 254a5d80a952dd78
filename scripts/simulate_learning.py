"""How fast the learner pays: its regret against the best fixed tier in hindsight, beside the fixed tiers' own.

    python scripts/simulate_learning.py --data FOLDER [--chances FILE] [--half 0|1] [--turns 2000] [--seeds 5]
                                        [--feedback full|checked|inverted|good]

A turn is a prompt drawn from the suites, each as often as any other. It is worth its outcome less `price` times its cost,
where the strong model's mean cost in a suite is 1. The learner sees the outcome of the model it chose and of no other:
always (full), or of half of the turns and through the shipped rates of `tests` (checked). `inverted` and `good` (always
good) are feedback that lies. Projects are not told to it. Regret below 0 is better than any fixed tier.

`--chances` is what `scripts/train/train.py --validate --chances FILE` says of prompts that it had left out: without it the
artefact is asked about prompts that it was trained on. The learner's constants were chosen on half 0 of the prompts.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace
from outcome_data import Pair, key_of, pairs, suites

from llm_router.classify import assess
from llm_router.learn import Knowledge, Outcome, of_prompt
from llm_router.nouns import Assessment, ask
from llm_router.verify import shipped

SHOWN = (100, 300, 500, 1000, 1500, 2000)
PER_SUITE = 400
FEEDBACK = ("full", "checked", "inverted", "good")
START = 1.79e9


@dataclass(slots=True)
class Walk:
    """Cumulated worth by policy, turn by turn."""

    small: list[float] = field(default_factory=list)
    frontier: list[float] = field(default_factory=list)
    shipped: list[float] = field(default_factory=list)
    learner: list[float] = field(default_factory=list)

    def add(self, **worth: float) -> None:
        for name, value in worth.items():
            track = getattr(self, name)
            track.append((track[-1] if track else 0.0) + value)

    def regret(self, name: str, turn: int) -> float:
        best = max(self.small[turn - 1], self.frontier[turn - 1])
        return best - getattr(self, name)[turn - 1]


def told(good: float, feedback: str, chance: random.Random) -> float | None:
    """What the learner hears of an outcome; None for nothing."""
    match feedback:
        case "full":
            return good
        case "inverted":
            return 1 - good
        case "good":
            return 1.0
    if chance.random() < 0.5:
        return None
    rates = shipped()["tests"]
    failed = chance.random() < (rates.recall if good < 0.5 else rates.false_alarm)
    return 0.0 if failed else 1.0


def walk(
    drawn: Sequence[tuple[Pair, Assessment, float, float]], price: float, feedback: str, seed: int
) -> Walk:
    chance, knowledge, walked = random.Random(seed), Knowledge(), Walk()
    for turn, (row, expected, weak_cost, strong_cost) in enumerate(drawn):
        now, mark = START + turn * 600, of_prompt(row.prompt)
        worth = {"small": row.weak - price * weak_cost, "frontier": row.strong - price * strong_cost}
        extra = price * (strong_cost - weak_cost)
        plain = "frontier" if expected.p_frontier - expected.p_small > extra else "small"
        found = knowledge.adjusted(expected, mark, "", now, chance.random())
        tier = "frontier" if found.p_frontier - found.p_small > extra else "small"
        walked.add(
            small=worth["small"], frontier=worth["frontier"], shipped=worth[plain], learner=worth[tier]
        )
        heard = told(row.weak if tier == "small" else row.strong, feedback, chance)
        if heard is not None:
            outcome = Outcome(now, str(expected.task), tier, tier, heard, expected.p_success(tier), mark)
            knowledge.observe(outcome)
    return walked


def stream(
    folder: Path,
    turns: int,
    seed: int,
    half: int | None = None,
    chances: Mapping[str, list[float]] | None = None,
) -> list[tuple[Pair, Assessment, float, float]]:
    chance = random.Random(seed)
    by_suite = {
        name: [row for row in pairs(folder, name) if half is None or int(key_of(row.prompt), 16) % 2 == half]
        for name in suites(folder)
    }
    by_suite = {
        name: chance.sample(rows, min(len(rows), PER_SUITE)) for name, rows in by_suite.items() if rows
    }
    unit = {name: sum(r.strong_usd for r in rows) / len(rows) for name, rows in by_suite.items()}
    names, known = sorted(by_suite), dict[str, Assessment]()
    drawn = []
    for _ in range(turns):
        row = chance.choice(by_suite[chance.choice(names)])
        if row.prompt not in known:
            known[row.prompt] = _assessed(row.prompt, chances or {})
        drawn.append(
            (row, known[row.prompt], row.weak_usd / unit[row.suite], row.strong_usd / unit[row.suite])
        )
    return drawn


def _assessed(prompt: str, chances: Mapping[str, list[float]]) -> Assessment:
    found = assess(ask(prompt))
    if (told := chances.get(key_of(prompt))) is None:
        return found
    small, mid, frontier = told
    return replace(found, p_small=small, p_mid=mid, p_frontier=frontier, gain=frontier - small)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--chances", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--turns", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--price", type=float, nargs="+", default=[0.1, 0.2, 0.3])
    parser.add_argument("--feedback", choices=FEEDBACK, nargs="+", default=["full", "checked"])
    given = parser.parse_args()
    chances = json.loads(given.chances.read_bytes()) if given.chances else None
    drawn = [stream(given.data, given.turns, seed, given.half, chances) for seed in range(given.seeds)]
    shown = [turn for turn in SHOWN if turn <= given.turns]
    print(f"{'feedback':9} {'price':>5}  {'regret of':9}" + "".join(f"{turn:>8}" for turn in shown))
    for feedback in given.feedback:
        for price in given.price:
            totals: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(shown))
            for seed, each in enumerate(drawn):
                walked = walk(each, price, feedback, seed)
                for name in ("small", "frontier", "shipped", "learner"):
                    for n, turn in enumerate(shown):
                        totals[name][n] += walked.regret(name, turn) / len(drawn)
            for name, values in totals.items():
                print(f"{feedback:9} {price:5.2f}  {name:9}" + "".join(f"{value:8.1f}" for value in values))


if __name__ == "__main__":
    main()
