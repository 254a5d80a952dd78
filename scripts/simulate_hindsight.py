"""How right `llm-router eval` is about models that were not asked: its estimates beside what they would have done.

    python scripts/simulate_hindsight.py --data FOLDER [--turns 600] [--seeds 20]

Prompts are drawn as in simulate_learning.py, and routed by the shipped chances at a price; the outcome of the model that
was asked is known of half of them, and of the other model of none. Both models' outcomes are in the data, so that what
always asking one of them would have given is known here, and only here.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from outcome_data import Pair
from simulate_learning import stream

from llm_router.cli.eval_hindsight import Case, Heard, Tier, policies
from llm_router.nouns import Assessment

CHOICES: tuple[tuple[str, Tier], ...] = (("weak", "small"), ("strong", "frontier"))


def cases(
    drawn: Sequence[tuple[Pair, Assessment, float, float]], price: float, chance: random.Random
) -> tuple[list[Case], dict[str, float]]:
    """What a ledger would hold, and the true shares of good answers."""
    found: list[Case] = []
    true = {"weak": 0.0, "strong": 0.0}
    for turn, (row, expected, weak_cost, strong_cost) in enumerate(drawn):
        if chance.random() < 0.5:
            continue
        worth_it = expected.p_frontier - expected.p_small > price * (strong_cost - weak_cost)
        model, tier = CHOICES[worth_it]
        true["weak"] += row.weak
        true["strong"] += row.strong
        chances: dict[Tier, float] = {t: expected.p_success(t) for t in ("small", "mid", "frontier")}
        heard = Heard(model, tier, row.strong if worth_it else row.weak, 1.0, first=True)
        costs = {"weak": round(weak_cost * 1e6), "strong": round(strong_cost * 1e6)}
        found.append(Case(str(turn), chances, chances, model, tier, [heard], costs[model], costs))
    return found, {name: total / len(found) for name, total in true.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--price", type=float, nargs="+", default=[0.1, 0.2, 0.3])
    given = parser.parse_args()
    print(f"{'price':>5} {'model':7} asked of   mean error   mean |error|   inside the 95 % interval")
    for price in given.price:
        errors: dict[str, list[float]] = {name: [] for name, _ in CHOICES}
        inside, asked, of = dict.fromkeys(errors, 0), dict.fromkeys(errors, 0), 0
        for seed in range(given.seeds):
            known, true = cases(stream(given.data, given.turns, seed), price, random.Random(seed))
            of += len(known)
            for row in policies(known, CHOICES, 1e6, 200)[1:]:
                errors[row.name].append(row.good - true[row.name])
                inside[row.name] += row.low <= true[row.name] <= row.high
                asked[row.name] += row.asked
        for name, values in errors.items():
            mean, size = sum(values) / len(values), sum(map(abs, values)) / len(values)
            print(
                f"{price:5.2f} {name:7} {asked[name] / given.seeds:5.0f} {of / given.seeds:4.0f}"
                f"   {mean:+10.3f}   {size:12.3f}   {inside[name] / given.seeds:10.2f}"
            )


if __name__ == "__main__":
    main()
