"""What outcomes have taught: shifts of the chances that classify gives, and never more than BOUND of them. Pure.

For every outcome the surprise is kept: how it went, less what was expected. Surprises are averaged over ever narrower
groups (the tier; the task; the project; the bucket of like prompts; the very neighbours of the prompt), each explaining
what the wider ones have left, and each drawn to zero by so many imagined outcomes without a surprise. What lies far
back counts less.

The bound is the promise: whatever the feedback is, a tier's chance stays within BOUND of the shipped one, so a choice
made on it loses at most 2 * BOUND of a right answer by the shipped model's own reckoning.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Literal

from msgspec.structs import replace

from llm_router.learn.prints import Print
from llm_router.nouns import Assessment, Candidate, Plan

Tier = Literal["small", "mid", "frontier"]
TIERS: tuple[Tier, ...] = ("small", "mid", "frontier")
BOUND = 0.15  # of probability
HALF_LIFE_S = 90 * 86_400.0
NEIGHBOURS = 16
REMEMBERED = 2_000
LEAST_LIKENESS = 0.35
# imagined outcomes without a surprise, by how narrow the group is: what wide groups teach is mostly what their
# prompts happened to be (scripts/simulate_learning.py)
_DRAWN = {"tier": 1_000.0, "task": 600.0, "project": 40.0, "bucket": 600.0, "like": 3.0}
_ENOUGH = 8.0  # outcomes of one model in one task, before it is asked later than others
_POOR = 0.5  # and the share of good ones that is then too few
_EXPLORES = 0.01  # of the turns, at most
_LOG_ODDS_LIMIT = 30.0
_PART = (1 + LEAST_LIKENESS) / LEAST_LIKENESS
_FOUND_KEPT = 256
Key = tuple[str, ...]
_Remembered = tuple[
    int, int, Tier, float, float
]  # a print's bits, how many, and an outcome's tier, surprise, weight


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one answer was received. `good` in [0,1], `weight` how much that is worth, `expected` what classify had said
    for its tier, without what was learned. `model` is `provider/model`, `project` a name or "".
    """

    at: float
    task: str
    tier: Tier
    model: str
    good: float
    expected: float
    mark: Print
    project: str = ""
    weight: float = 1.0


@dataclass(slots=True)
class _Mean:
    total: float = 0.0
    weight: float = 0.0

    def drawn(self, to_zero: float) -> float:
        return self.total / (self.weight + to_zero)


@dataclass(slots=True)
class Knowledge:
    """`now` of the newest outcome decides what is old. `personal` is a trained correction in log odds: see train.py."""

    personal: Mapping[str, float] = field(default_factory=dict[str, float])
    outcomes: int = 0
    _means: dict[Key, _Mean] = field(default_factory=dict[Key, _Mean])
    _memory: deque[_Remembered] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _found: dict[int, dict[Tier, _Mean]] = field(default_factory=dict[int, dict[Tier, "_Mean"]])
    _models: dict[tuple[str, str], tuple[float, float]] = field(
        default_factory=dict[tuple[str, str], tuple[float, float]]
    )
    _allowance: float = 0.5

    def observe(self, outcome: Outcome) -> None:
        """In the order of their time. An outcome's place in time weighs all of them: older ones count less and less."""
        if not (math.isfinite(outcome.good) and math.isfinite(outcome.weight) and math.isfinite(outcome.at)):
            return
        grown = outcome.weight * 2.0 ** (min(outcome.at, 4e9) / HALF_LIFE_S - _EPOCH)
        surprise = max(0.0, min(outcome.good, 1.0)) - outcome.expected
        for _, key in _groups(outcome.task, outcome.project, outcome.mark, outcome.tier):
            mean = self._means.setdefault(key, _Mean())
            scale = self._scale(outcome.at)
            before = mean.drawn(_DRAWN[key[0]] * scale)
            mean.total += grown * surprise
            mean.weight += grown
            surprise -= before
        bits = outcome.mark.bits
        self._memory.append((bits, bits.bit_count(), outcome.tier, surprise, grown))
        self._found.clear()
        good, bad = self._models.get((outcome.task, outcome.model), (0.0, 0.0))
        self._models[outcome.task, outcome.model] = (
            good + grown * outcome.good,
            bad + grown * (1 - outcome.good),
        )
        self.outcomes += 1

    def shifts(self, task: str, project: str, mark: Print, now: float) -> dict[Tier, float]:
        """What to add to each tier's chance, in [-BOUND, BOUND]."""
        scale, near = self._scale(now), self._near(mark)
        found: dict[Tier, float] = {}
        for tier in TIERS:
            total = near[tier].drawn(_DRAWN["like"] * scale)
            for kind, key in _groups(task, project, mark, tier):
                if key in self._means:
                    total += self._means[key].drawn(_DRAWN[kind] * scale)
            found[tier] = max(-BOUND, min(total, BOUND))
        return found

    def adjusted(
        self, assessment: Assessment, mark: Print, project: str, now: float, draw: float = 1.0
    ) -> Assessment:
        """The assessment with what was learned. `draw` in [0,1] decides whether this turn explores: see `_explore`."""
        if not self.outcomes and not self.personal:
            return assessment
        shipped: dict[Tier, float] = {tier: assessment.p_success(tier) for tier in TIERS}
        task = str(assessment.task)
        shifts = self.shifts(task, project, mark, now)
        moved: dict[Tier, float] = {}
        for tier, p in shipped.items():
            moved[tier] = p + shifts[tier] + self._trained(task, mark, tier, p)
        explored = self._explore(moved, draw)
        kept = {t: _within(p, shipped[t] - BOUND, shipped[t] + BOUND) for t, p in moved.items()}
        reasons = [
            f"learned: {t} {kept[t] - shipped[t]:+.2f}" for t in TIERS if abs(kept[t] - shipped[t]) >= 0.02
        ]
        reasons += [f"explores: {explored}"] if explored else []
        gain = max(0.0, min(kept["frontier"] - kept["small"], 1.0))
        return replace(
            assessment,
            p_small=kept["small"],
            p_mid=kept["mid"],
            p_frontier=kept["frontier"],
            gain=gain,
            reasons=(*assessment.reasons, *reasons),
            learned=(
                kept["small"] - shipped["small"],
                kept["mid"] - shipped["mid"],
                kept["frontier"] - shipped["frontier"],
            ),
        )

    def reordered(self, plan: Plan, task: str, now: float) -> Plan:
        """Models whose answers to this kind of task were mostly bad are asked after the others. None is left out."""
        if not self._models:
            return plan
        poor = [c for c in plan.candidates if self._is_poor(c, task, now)]
        if not poor or len(poor) == len(plan.candidates):
            return plan
        good = [c for c in plan.candidates if c not in poor]
        late = [
            replace(c, reason=f"{c.reason}; later, since its answers to such tasks were often bad")
            for c in poor
        ]
        return replace(plan, candidates=(*good, *late))

    def _is_poor(self, candidate: Candidate, task: str, now: float) -> bool:
        good, bad = (
            each / self._scale(now) for each in self._models.get((task, candidate.model.ref), (0.0, 0.0))
        )
        count = good + bad
        if count < _ENOUGH:
            return False
        share = (good + 1) / (count + 2)
        return share + 1.64 * math.sqrt(share * (1 - share) / (count + 3)) < _POOR

    def _near(self, mark: Print) -> dict[Tier, _Mean]:
        """Of each tier, what the likest prompts' surprises were beyond what the groups explained. Kept until the next
        outcome: to compare with all that is remembered takes a third of a millisecond.
        """
        bits = mark.bits
        if bits not in self._found:
            if len(self._found) >= _FOUND_KEPT:
                self._found.clear()
            self._found[bits] = self._compared(bits, bits.bit_count())
        return self._found[bits]

    def _compared(self, bits: int, count: int) -> dict[Tier, _Mean]:
        # with n bits in common of a and b, their likeness is n / (a + b - n)
        like = [each for each in self._memory if (bits & each[0]).bit_count() * _PART >= count + each[1]]
        found: dict[Tier, _Mean] = {tier: _Mean() for tier in TIERS}
        for tier, mean in found.items():
            rated = [(_likeness(bits, count, each), *each[3:]) for each in like if each[2] == tier]
            for likeness, surprise, weight in nlargest(NEIGHBOURS, rated):
                mean.total += likeness * weight * surprise
                mean.weight += likeness * weight
        return found

    def _trained(self, task: str, mark: Print, tier: Tier, p: float) -> float:
        if not self.personal:
            return 0.0
        odds = math.log(p / (1 - p)) + sum(
            self.personal.get(name, 0.0) for name in features(task, mark, tier)
        )
        return 1 / (1 + math.exp(-max(-_LOG_ODDS_LIMIT, min(odds, _LOG_ODDS_LIMIT)))) - p

    def _explore(self, moved: dict[Tier, float], draw: float) -> Tier | None:
        """Now and then the tier that is known least is given the benefit of the doubt: a bandit's optimism, within the
        same bound, and on no more than _EXPLORES of the turns.
        """
        self._allowance = min(self._allowance + _EXPLORES, 1.0)
        if self._allowance < 1.0 or draw >= 0.5:
            return None
        self._allowance -= 1.0
        seen = {t: mean.weight if (mean := self._means.get(("tier", t))) else 0.0 for t in TIERS}
        tier = min(TIERS, key=lambda t: seen[t])
        moved[tier] += BOUND
        return tier

    @staticmethod
    def _scale(now: float) -> float:
        return 2.0 ** (min(now, 4e9) / HALF_LIFE_S - _EPOCH)


def _likeness(bits: int, count: int, other: _Remembered) -> float:
    """Jaccard's, in [0,1], of the two sets of bits."""
    common = (bits & other[0]).bit_count()
    return common / ((count + other[1] - common) or 1)


def unlearned(found: Assessment) -> Assessment:
    """Without what was learned: what outcomes are held against, or learning would chase its own tail."""
    if not any(found.learned):
        return found
    small, mid, frontier = (
        found.p_success(tier) - shift for tier, shift in zip(TIERS, found.learned, strict=True)
    )
    gain = max(0.0, frontier - small)
    return replace(found, p_small=small, p_mid=mid, p_frontier=frontier, gain=gain, learned=(0.0, 0.0, 0.0))


def _within(p: float, low: float, high: float) -> float:
    return max(low, 0.01, min(p, high, 0.99))


_EPOCH = 1.75e9 / HALF_LIFE_S  # keeps the growing weights near 1 in our time


def features(task: str, mark: Print, tier: str) -> tuple[str, ...]:
    """What a trained correction has weights for."""
    return (tier, f"{tier} {task}", f"{tier} bucket {mark.bucket}")


def _groups(task: str, project: str, mark: Print, tier: str) -> Iterator[tuple[str, Key]]:
    """From wide to narrow."""
    yield "tier", ("tier", tier)
    yield "task", ("task", task, tier)
    if project:
        yield "project", ("project", project, task, tier)
    yield "bucket", ("bucket", str(mark.bucket), tier)
