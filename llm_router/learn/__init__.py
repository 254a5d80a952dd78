"""learn: what this user's own outcomes say about the tiers, on top of what the shipped classifier expects. All local."""

from llm_router.learn.book import Learner
from llm_router.learn.context import Turn, in_context
from llm_router.learn.knowledge import BOUND, Knowledge, Outcome
from llm_router.learn.prints import Print, of_prompt

__all__ = ["BOUND", "Knowledge", "Learner", "Outcome", "Print", "Turn", "in_context", "of_prompt"]
