"""What happened and what it cost: the ledger, kept whatever the database does, and the questions asked of it."""

from llm_router.record.condition import LedgerStatus
from llm_router.record.ledger import SqliteLedger

__all__ = ["LedgerStatus", "SqliteLedger"]
