"""What a candidate is worth to this user: its chance to do it well, at the user's price of quality, less its cost.

    value = chance of its tier * worth of an answer of this size - expected cost

One dial, `routing.quality`, sets the worth; the three profiles are named points on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from llm_router.nouns import Assessment, Billing, Candidate, Complexity, Profile
from llm_router.plan.size import EXPECTED_OUTPUT

BEST_FOR_TASK = "best_for_task"
TIERS = ("small", "mid", "frontier")
POINTS: Mapping[Profile, float] = {Profile.BUDGET: 0.2, Profile.BALANCED: 0.5, Profile.PREMIUM: 0.8}
# Micro-dollars that a certainly good answer to the longest kind of request is worth halfway up the dial. With it a
# frontier model at 25 dollars a million tokens pays from an expected gain of about a third on.
WORTH = 500_000
FUTILE = 0.3  # a frontier model's chance below which more money buys little
# a confidence of the classifier below which its numbers do not overrule the profile's own chain
UNSURE = 0.35


def quality_of(profile: Profile, dial: float | None) -> float:
    return POINTS[profile] if dial is None else dial


def worth(quality: float, output_tokens: int) -> float | None:
    """Micro-dollars of a certainly good answer of this size; None at the top of the dial: no price is too high."""
    if quality >= 1:
        return None
    return WORTH * quality / (1 - quality) * output_tokens / EXPECTED_OUTPUT[Complexity.DEEP_REASONING]


def by_value(
    candidates: Sequence[Candidate], assessment: Assessment, quality: float, output_tokens: int
) -> list[Candidate]:
    """Best value first, each with the figures as its reason. What has no price comes last, for it may cost anything."""
    certain = worth(quality, output_tokens)
    futile = assessment.p_frontier < FUTILE

    def place(candidate: Candidate) -> tuple[bool, float, int]:
        chance = assessment.p_success(candidate.model.tier)
        cost = candidate.expected_cost
        if cost is None:
            return (True, -chance, 0)
        if futile:  # no tier is likely to do it: the cheapest may try
            return (False, cost, 0)
        if certain is None:
            return (False, -chance, cost)
        return (False, cost - chance * certain, cost)

    return [_reasoned(each, assessment, futile=futile) for each in sorted(candidates, key=place)]


def _reasoned(candidate: Candidate, assessment: Assessment, *, futile: bool) -> Candidate:
    tier, cost = candidate.model.tier, candidate.expected_cost
    price = "unpriced" if cost is None else f"about ${cost / 1e6:.4f}"
    if candidate.model.billing is not Billing.METERED:
        price = "free" if candidate.model.billing is Billing.LOCAL else "covered by a subscription"
    why = "no tier is likely to do this well" if futile else f"chance {assessment.p_success(tier):.2f}"
    return replace(candidate, reason=f"{tier} tier, {why}, {price}")
