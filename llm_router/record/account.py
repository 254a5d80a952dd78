"""What a request came to, once it is over."""

from __future__ import annotations

from msgspec.structs import replace

from llm_router.nouns import Answer, Decision, Model
from llm_router.ports import Prices


def completed(
    decision: Decision, answer: Answer | None, baseline: Model | None, prices: Prices, total_ms: float
) -> Decision:
    """The decision with its answer and the sums: what all attempts cost, and what the baseline would have."""
    costs = [attempt.cost for attempt in decision.attempts]
    usage = answer.usage if answer else None
    return replace(
        decision,
        answer=answer,
        total_ms=total_ms,
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        baseline_cost=prices.cost(baseline, usage) if baseline and usage else None,
    )
