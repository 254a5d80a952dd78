"""What a finding is worth: the measured rates of each verifier, and from them the probability that an answer is good.

`rates.toml` is made by scripts/measure_verifiers.py: of good and of bad answers, how many each verifier passed, failed
and could not judge. Those nobody could measure hold a handful of assumed cases and say so.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from llm_router.checks import Check

_FILE = Path(__file__).with_name("rates.toml")
# no single verifier says more than this, however few its errors were in the measurement
_MOST_LOG_ODDS = math.log(50)
_SECOND = 0.5  # further findings of one answer are not independent of the strongest


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts over answers known to be good and known to be bad. `unknown` ones are in neither rate.

    `share` is how many of the bad answers met in use are bad in the way this verifier looks for: one that is whole is
    not therefore right, while one that passes its tests mostly is. Shares are assumed.
    """

    good_passed: int
    good_failed: int
    bad_passed: int
    bad_failed: int
    share: float = 1.0
    measured: bool = True

    @property
    def recall(self) -> float:
        """Share of the bad answers it judged that it failed."""
        return (self.bad_failed + 1) / (self.bad_failed + self.bad_passed + 2)

    @property
    def false_alarm(self) -> float:
        """Share of the good answers it judged that it failed."""
        return (self.good_failed + 1) / (self.good_failed + self.good_passed + 2)

    @property
    def precision(self) -> float:
        """Share of the failed that were bad, as often as good and bad occur alike."""
        return self.recall / (self.recall + self.false_alarm)

    def log_odds(self, finding: str) -> float:
        """What a finding adds to the log odds of the answer being good."""
        if finding == "unknown":
            return 0.0
        good = self.false_alarm
        bad = self.share * self.recall + (1 - self.share) * good
        ratio = good / bad if finding == "fail" else (1 - good) / (1 - bad)
        return max(-_MOST_LOG_ODDS, min(math.log(ratio), _MOST_LOG_ODDS))


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Rates]:
    found: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: Rates(**row) for name, row in found["verifiers"].items()}


def posterior(prior: float, checks: Iterable[Check], rates: Mapping[str, Rates] | None = None) -> float:
    """P(good) after the checks: Bayes, the strongest finding of each direction whole and the others by half."""
    known = shipped() if rates is None else rates
    said = [known[check.verifier].log_odds(check.finding) for check in checks if check.verifier in known]
    against = sorted(each for each in said if each < 0)
    for_it = sorted((each for each in said if each > 0), reverse=True)
    total = math.log(prior / (1 - prior))
    for side in (against, for_it):
        total += sum(each if n == 0 else each * _SECOND for n, each in enumerate(side))
    return 1 / (1 + math.exp(-total))
