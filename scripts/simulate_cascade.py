"""What a cascade is worth: the weak model first, checked by the caller's tests, the strong one where they fail.

    python scripts/simulate_cascade.py --data FOLDER [--suite swe_verified]

Outcomes and costs are those measured of both models on the same tasks; the verifier errs as often as the shipped rates
of `tests` say (llm_router/verify/rates.toml). Expected values, exact; the intervals are a bootstrap over tasks. When the
strong model has answered too and its tests fail, the likelier of the two answers is served, as the cascade does.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from outcome_data import Pair, pairs

from llm_router.verify import Rates, shipped

DRAWS = 1_000


def expected(rows: Sequence[Pair], recall: float, false_alarm: float) -> tuple[float, float]:
    """Quality and dollars of the cascade over those of the strong model alone."""
    quality = dollars = 0.0
    for row in rows:
        rejected = recall * (1 - row.weak) + false_alarm * row.weak
        trusted = (1 - false_alarm) * row.weak
        quality += trusted + rejected * row.strong
        dollars += row.weak_usd + rejected * row.strong_usd
    return quality / sum(r.strong for r in rows), dollars / sum(r.strong_usd for r in rows)


def interval(
    rows: Sequence[Pair], recall: float, false_alarm: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    chance = random.Random(0)
    found = [expected(chance.choices(rows, k=len(rows)), recall, false_alarm) for _ in range(DRAWS)]
    sides = []
    for n in (0, 1):
        values = sorted(each[n] for each in found)
        sides.append((values[DRAWS // 40], values[-DRAWS // 40]))
    return sides[0], sides[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--suite", default="swe_verified")
    given = parser.parse_args()
    rows = list(pairs(given.data, given.suite))
    count = len(rows)
    weak, strong = (sum(getattr(r, k) for r in rows) / count for k in ("weak", "strong"))
    share = sum(r.weak_usd for r in rows) / sum(r.strong_usd for r in rows)
    print(
        f"{count} tasks; weak alone solves {weak:.3f} at {share:.3f} of the cost, strong alone {strong:.3f}"
    )
    measured: Rates = shipped()["tests"]
    kinds = {
        "shipped rates": (measured.recall, measured.false_alarm),
        "80 % right": (0.8, 0.2),
        "90 % right": (0.9, 0.1),
        "perfect": (1.0, 0.0),
    }
    print(f"{'verifier':14} recall  false alarm   quality (95 %)            cost (95 %)")
    for name, (recall, alarm) in kinds.items():
        quality, dollars = expected(rows, recall, alarm)
        around = interval(rows, recall, alarm)
        print(
            f"{name:14} {recall:6.3f}  {alarm:11.3f}   {quality:.3f} ({around[0][0]:.3f} to {around[0][1]:.3f})"
            f"    {dollars:.3f} ({around[1][0]:.3f} to {around[1][1]:.3f})"
        )


if __name__ == "__main__":
    main()
