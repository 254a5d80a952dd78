"""Plans that were made a moment ago serve again: a busy door asks the same of the same world many times a second.

The key is everything `plan` reads. While a breaker is open its answer changes with the clock, and nothing is kept.
"""

from __future__ import annotations

import time
from typing import Any

from llm_router.nouns import Assessment, Plan, Request, Verdict
from llm_router.plan import size
from llm_router.plan.build import plan
from llm_router.plan.filter import needs
from llm_router.plan.world import World

KEPT_S = 30.0  # prices may change with the time of day
MOST = 1_000


class Plans:
    """For one user's settings; worlds come and go."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._until = 0.0
        self._made: dict[Any, Plan] = {}

    def plan(self, request: Request, assessment: Assessment, verdict: Verdict, *, world: World) -> Plan:
        """As plan.build.plan; errors are not kept."""
        if not world.health.calm():
            return plan(request, assessment, verdict, world=world)
        now = time.monotonic()
        if world is not self._world or now > self._until or len(self._made) >= MOST:
            self._world, self._until, self._made = world, now + KEPT_S, {}
        key = (
            None if verdict.model else request.model,  # may be a word for a strategy
            assessment.task,
            assessment.complexity,
            (assessment.p_small, assessment.p_mid, assessment.p_frontier, assessment.confidence),
            verdict,
            needs(request),
            size.input_tokens(request),
            request.max_output_tokens,
        )
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = plan(request, assessment, verdict, world=world)
        return made
