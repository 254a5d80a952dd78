"""run: try the planned candidates until one answer is good."""

from llm_router.run.attempts import LIMITS_S, Means, Run
from llm_router.run.checked import cascade_for
from llm_router.run.exchange import Exchange, ExchangeFactory
from llm_router.run.hedge import Hedging
from llm_router.run.tiebreak import TieBreak

__all__ = ["LIMITS_S", "Exchange", "ExchangeFactory", "Hedging", "Means", "Run", "TieBreak", "cascade_for"]
