"""run: try the planned candidates until one answer is good."""

from llm_router.run.attempts import LIMITS_S, Means, Run

__all__ = ["LIMITS_S", "Means", "Run"]
