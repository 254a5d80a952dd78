"""What a user's own outcomes say of routing as it was done, beside always asking one model. Plain arithmetic.

Of most requests one model's outcome is known. What another would have made of them is estimated: the shipped chance of
its tier, moved by how far its own outcomes lay from what was expected of them; where it was asked itself, its outcome.
Answers given after a weaker model's was rejected do not move it: such requests are harder than they look. An outcome
that is half certain counts half; the other half is what was expected. The shipped chances are used throughout, which no
outcome has moved. Intervals resample whole sessions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from llm_router.cli import eval_metrics as metrics

Tier = Literal["small", "mid", "frontier"]
TIERS: tuple[Tier, ...] = ("small", "mid", "frontier")
ENOUGH = 30  # outcomes of a model, before it is held against routing
_DRAWN = 4.0  # imagined outcomes as expected, so that a handful of answers prove nothing


@dataclass(frozen=True, slots=True)
class Heard:
    """How a model's answer was received; `first`: no other model's answer was rejected before."""

    model: str
    tier: Tier
    good: float
    weight: float
    first: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One request of which an outcome is known. `shipped` and `routed` are the chances without and with what was
    learned. `cost` is micro-dollars of all attempts, `costs` what each model would have cost; None = unpriced.
    """

    session: str
    shipped: Mapping[Tier, float]
    routed: Mapping[Tier, float]
    answered: str
    tier: Tier
    heard: Sequence[Heard]
    cost: int | None
    costs: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class TierRow:
    """Of one tier's answers: how good they were, and how well the chances foresaw it (Brier: lower is better)."""

    tier: str
    answers: int
    good: float
    shipped: float
    routed: float
    brier_shipped: float
    brier_routed: float
    auc: float | None


@dataclass(frozen=True, slots=True)
class Policy:
    """One way to answer all cases. `asked`: of how many the outcome is known; money is micro-dollars an answer.

    `ahead` is how much more it is worth than routing as it was done, with the ends of its interval; None where a price
    is not known, or it is routing itself.
    """

    name: str
    tier: str
    asked: int
    good: float
    low: float
    high: float
    cost: float | None
    ahead: tuple[float, float, float] | None


def tier_rows(cases: Iterable[Case]) -> list[TierRow]:
    heard = [(case, each) for case in cases for each in case.heard if each.weight > 0]
    return [
        _tier_row(tier, here) for tier in TIERS if (here := [pair for pair in heard if pair[1].tier == tier])
    ]


def _tier_row(tier: Tier, heard: Sequence[tuple[Case, Heard]]) -> TierRow:
    total = sum(each.weight for _, each in heard)

    def average(of: Callable[[Case, Heard], float]) -> float:
        return sum(each.weight * of(case, each) for case, each in heard) / total

    return TierRow(
        tier=tier,
        answers=len(heard),
        good=average(lambda _, each: each.good),
        shipped=average(lambda case, _: case.shipped[tier]),
        routed=average(lambda case, _: case.routed[tier]),
        brier_shipped=average(lambda case, each: (each.good - case.shipped[tier]) ** 2),
        brier_routed=average(lambda case, each: (each.good - case.routed[tier]) ** 2),
        auc=_auc([(case.routed[tier], each.good >= 0.5) for case, each in heard]),
    )


def _auc(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """The chance that a good answer had been given a better chance than a bad one."""
    outcomes = metrics.Outcomes([0.0] * len(pairs), [float(good) for _, good in pairs])
    return metrics.auc([chance for chance, _ in pairs], outcomes)


@dataclass(slots=True)
class _Sums:
    """Of one session's cases under one policy: how many are expected to be `good` by what is known, how many are `unknown`,
    and by how much the outcomes of the others, by their weight, were a `surprise`.
    """

    cases: int = 0
    good: float = 0.0
    unknown: int = 0
    surprise: float = 0.0
    weight: float = 0.0
    cost: float = 0.0


def policies(
    cases: Sequence[Case], choices: Sequence[tuple[str, Tier]], worth: float, draws: int
) -> list[Policy]:
    """As routed first, then each of `choices` (model, tier). `worth` is micro-dollars of a right answer."""
    sessions: dict[str, list[Case]] = {}
    for case in cases:
        sessions.setdefault(case.session, []).append(case)
    groups = list(sessions.values())
    names = [("as routed", ""), *choices]
    sums = [[_as_routed(group) for group in groups]]
    sums += [[_always(group, model, tier) for group in groups] for model, tier in choices]
    priced = [all(case.cost is not None for case in cases)]
    priced += [all(case.costs.get(model) is not None for case in cases) for model, _ in choices]
    chance = random.Random(0)
    ones = [1] * len(groups)
    drawn = [
        [_total(each, counts) for each in sums]
        for counts in [ones, *(metrics.resampled(len(groups), chance) for _ in range(draws))]
    ]
    asked = [_known(cases, None), *(_known(cases, model) for model, _ in choices)]
    rows: list[Policy] = []
    for place, (name, tier) in enumerate(names):
        goods = [one[place][0] for one in drawn]
        aheads = [worth * (one[place][0] - one[0][0]) - (one[place][1] - one[0][1]) for one in drawn]
        low, high = _ends(goods[1:] or goods)
        known = place > 0 and priced[0] and priced[place]
        rows.append(
            Policy(
                name=name,
                tier=tier,
                asked=asked[place],
                good=goods[0],
                low=low,
                high=high,
                cost=drawn[0][place][1] if priced[place] else None,
                ahead=(aheads[0], *_ends(aheads[1:] or aheads)) if known else None,
            )
        )
    return rows


def _as_routed(group: Sequence[Case]) -> _Sums:
    found = _Sums(cases=len(group), cost=float(sum(case.cost or 0 for case in group)))
    for case in group:
        own = next((each for each in case.heard if each.model == case.answered), None)
        found.good += _made_of(case.shipped[case.tier], own)
    return found


def _always(group: Sequence[Case], model: str, tier: Tier) -> _Sums:
    found = _Sums(cases=len(group), cost=float(sum(case.costs.get(model) or 0 for case in group)))
    for case in group:
        expected = case.shipped[tier]
        own = next((each for each in case.heard if each.model == model), None)
        found.good += _made_of(expected, own)
        if own is None:
            found.unknown += 1
        elif own.first:
            found.surprise += own.weight * (own.good - expected)
            found.weight += own.weight
    return found


def _made_of(expected: float, heard: Heard | None) -> float:
    return expected if heard is None else expected + heard.weight * (heard.good - expected)


def _total(sums: Sequence[_Sums], counts: Sequence[int]) -> tuple[float, float]:
    """(good, cost) an answer, each session taken so many times."""

    def of(values: Iterable[float]) -> float:
        return sum(value * times for value, times in zip(values, counts, strict=True))

    cases = of(each.cases for each in sums) or 1.0
    moved = of(each.surprise for each in sums) / (of(each.weight for each in sums) + _DRAWN)
    good = of(each.good for each in sums) + moved * of(each.unknown for each in sums)
    return max(0.0, min(good / cases, 1.0)), of(each.cost for each in sums) / cases


def _known(cases: Iterable[Case], model: str | None) -> int:
    return sum(any(each.model == (model or case.answered) for each in case.heard) for case in cases)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return ordered[round(0.025 * last)], ordered[round(0.975 * last)]


def advice(rows: Sequence[Policy], firsts: Mapping[str, int]) -> tuple[str, Policy | None]:
    """("pin", the better model), ("route", None) where routing is ahead of every other for certain, or ("unsure", None).

    `firsts`: of how many answers that a model gave without another's being rejected the outcome is known.
    """
    known = [row for row in rows[1:] if row.ahead is not None and firsts.get(row.name, 0) >= ENOUGH]
    better = [row for row in known if row.ahead is not None and row.ahead[1] > 0]
    if better:
        return "pin", max(better, key=lambda row: row.ahead[0] if row.ahead else 0.0)
    if known and all(row.ahead is not None and row.ahead[2] < 0 for row in known):
        return "route", None
    return "unsure", None
