"""verify: is this answer good enough to be trusted. Verifiers say pass, fail or unknown; measured rates say what that is
worth. What calls models is not here: run does that.
"""

from llm_router.verify.rates import Rates, posterior, shipped
from llm_router.verify.reading import read
from llm_router.verify.trial import Workshop

__all__ = ["Rates", "Workshop", "posterior", "read", "shipped"]
