"""run: try the planned candidates until one answer is good."""

from llm_router.run.attempts import LIMITS_S, Means, Run
from llm_router.run.checked import cascade_for
from llm_router.run.exchange import Exchange, ExchangeFactory

__all__ = ["LIMITS_S", "Exchange", "ExchangeFactory", "Means", "Run", "cascade_for"]
