"""Calls that cost something."""

from llm_router.nouns import Candidate, Model

PAID = Model("openai", "gpt-x")
CENT = 10_000  # micro-dollars


def costing(amount, model=PAID):
    return Candidate(model, "test", max_cost=amount)


async def reserve(budgets, amount, model=PAID):
    call = costing(amount, model)
    return budgets.at_once(call) or await budgets.areserve(call)
