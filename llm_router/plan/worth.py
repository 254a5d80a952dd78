"""What quality is worth to a user, by profile."""

from __future__ import annotations

from collections.abc import Mapping

from llm_router.nouns import Profile

# micro-dollars that one more right answer is worth
WORTH: Mapping[Profile, int] = {
    Profile.BUDGET: 20_000,
    Profile.BALANCED: 100_000,
    Profile.PREMIUM: 1_000_000,
}
