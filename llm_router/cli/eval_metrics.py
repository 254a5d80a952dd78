"""How good an order of prompts is, where a weak and a strong model's outcomes are known for each. Plain arithmetic.

Prompts with the highest scores go to the strong model first. Sending the share f there gives the quality Q(f); of the
gap between always weak and always strong, PGR(f) is recovered. APGR, the mean of PGR over all f, is 0.5 for random
routing; CPT(x) is the least share of strong calls that recovers x of the gap (Ong et al., RouteLLM, 2024). Among equal
scores the order is the mean of all orders.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

Floats = Sequence[float]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One suite under one pair of tiers; costs are US dollars a prompt, None where they are not known."""

    weak: Floats
    strong: Floats
    weak_cost: Floats | None = None
    strong_cost: Floats | None = None

    def __len__(self) -> int:
        return len(self.weak)

    @property
    def gap(self) -> float:
        return mean(self.strong) - mean(self.weak)


def mean(values: Floats) -> float:
    return sum(values) / len(values)


def blocks(scores: Floats) -> list[list[int]]:
    """Places by descending score, equal ones together."""
    places = sorted(range(len(scores)), key=lambda place: -scores[place])
    return [list(group) for _, group in groupby(places, key=lambda place: scores[place])]


def apgr(
    order: Sequence[Sequence[int]], found: Outcomes, counts: Sequence[int] | None = None
) -> float | None:
    """None where the strong model is not better. `counts`: how often each prompt was drawn."""
    done = area = number = 0.0
    for block in order:
        gain, size = 0.0, 0
        for place in block:
            times = 1 if counts is None else counts[place]
            gain += times * (found.strong[place] - found.weak[place])
            size += times
        area += size * (done + gain / 2)
        done += gain
        number += size
    return area / (done * number) if done > 0 else None


def curve(order: Sequence[Sequence[int]], found: Outcomes) -> list[tuple[float, float, float | None]]:
    """(share of strong calls, quality, dollars a prompt) after each block, the first with none."""
    size, quality = len(found), mean(found.weak)
    cost = None if found.weak_cost is None else mean(found.weak_cost)
    points = [(0.0, quality, cost)]
    share = 0
    for block in order:
        share += len(block)
        quality += sum(found.strong[place] - found.weak[place] for place in block) / size
        if found.weak_cost is not None and found.strong_cost is not None and cost is not None:
            cost += sum(found.strong_cost[place] - found.weak_cost[place] for place in block) / size
        points.append((share / size, quality, cost))
    return points


def cpt(order: Sequence[Sequence[int]], found: Outcomes, level: float) -> float | None:
    """The least share of strong calls that recovers `level` of the gap."""
    wanted = mean(found.weak) + level * found.gap
    points = curve(order, found)
    return _first([(share, quality) for share, quality, _ in points], wanted)


def cost_at(order: Sequence[Sequence[int]], found: Outcomes, level: float) -> float | None:
    """The least cost, as a share of always strong, whose quality is at least `level` of always strong's."""
    points = [(cost, quality) for _, quality, cost in curve(order, found) if cost is not None]
    if not points or not points[-1][0]:
        return None
    least = _first(points, level * mean(found.strong))
    return None if least is None else least / points[-1][0]


def _first(points: Sequence[tuple[float, float]], wanted: float) -> float | None:
    before: tuple[float, float] | None = None
    for x, y in points:
        if y >= wanted - 1e-12:
            if before is None or y <= before[1]:
                return x
            return before[0] + (wanted - before[1]) / (y - before[1]) * (x - before[0])
        before = x, y
    return None


def auc(scores: Floats, found: Outcomes) -> float | None:
    """The chance that a prompt where the strong model does better is put above one where it does not."""
    better = [strong > weak for weak, strong in zip(found.weak, found.strong, strict=True)]
    positive = sum(better)
    if not positive or positive == len(better):
        return None
    above, won = 0, 0.0
    for block in blocks(scores):
        here = sum(better[place] for place in block)
        won += (len(block) - here) * (above + here / 2)
        above += here
    return won / (positive * (len(better) - positive))


def interval(draw: Callable[[random.Random], float | None], times: int, seed: int = 0) -> tuple[float, float]:
    """The middle 95 % of what `draw` gives."""
    chance = random.Random(seed)
    drawn = (draw(chance) for _ in range(times))
    values = sorted(value for value in drawn if value is not None)
    if not values:
        return float("nan"), float("nan")
    last = len(values) - 1
    return values[round(0.025 * last)], values[round(0.975 * last)]


def resampled(size: int, chance: random.Random) -> list[int]:
    """How often each of `size` things is drawn in `size` draws."""
    counts = [0] * size
    for place in chance.choices(range(size), k=size):
        counts[place] += 1
    return counts
