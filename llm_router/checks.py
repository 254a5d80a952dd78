"""The nouns of verification: what a caller wants checked, and what the checks found. Frozen, without I/O.

Money is integer micro-dollars, durations are milliseconds, probabilities lie in [0,1].
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Mode = Literal["off", "auto", "always"]
Finding = Literal["pass", "fail", "unknown"]


class Verify(Struct, frozen=True):
    """What a caller wants checked before an answer is trusted.

    `mode` None leaves it to the settings. `tests` is a command line that exits with 0 when the answer is good; it runs
    confined, in a copy of the folder `tree` into which the answer's patch, or its code as `file`, has been put.
    """

    mode: Mode | None = None
    tests: str = ""
    tree: str = ""
    file: str = ""


class Check(Struct, frozen=True):
    """What one verifier said of one answer. `cost` None = unpriced. `model` is who judged, where a model did."""

    verifier: str
    finding: Finding
    detail: str = ""
    ms: float = 0.0
    cost: int | None = 0
    model: str = ""


class Verification(Struct, frozen=True):
    """All checks of one answer. `prior` is P(good) before them, `p` after; `needed` is the least that was accepted:
    what the best untried model is worth, less its price. `cost` None = a check was unpriced.
    """

    checks: tuple[Check, ...]
    prior: float
    p: float
    needed: float
    accepted: bool
    ms: float = 0.0

    @property
    def cost(self) -> int | None:
        costs = [check.cost for check in self.checks]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.finding == "fail")
