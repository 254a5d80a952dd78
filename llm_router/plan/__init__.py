"""plan: which models may answer a request, in which order, and why."""

from llm_router.plan.build import plan, replan, strategy_of, words
from llm_router.plan.catalogue import Catalogue
from llm_router.plan.kept import Plans
from llm_router.plan.sticky import settle
from llm_router.plan.world import World

__all__ = [
    "Catalogue",
    "Plans",
    "World",
    "plan",
    "replan",
    "settle",
    "strategy_of",
    "words",
]
