"""Which of the models installed on this machine suits a request. Their sizes are read off their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from llm_router.nouns import Complexity, Model, Task
from llm_router.providers import local_models

# Billions of parameters below which a model is rather a toy for this kind of request.
SENSIBLE = {Complexity.SIMPLE: 3.0, Complexity.MODERATE: 7.0}
SIMILAR = 2.0
_UNSTATED = {"small": 4.0, "mid": 14.0, "frontier": 70.0}

_CODE = re.compile(r"cod(?:e|er|ing|estral)|devstral|starcoder")


@lru_cache(maxsize=1_024)
def billions(name: str, tier: str) -> float:
    """Parameters in billions: `name:8b` 8, `name:8x7b` 56, `name-30b-a3b` 30; by tier where no size is named."""
    return local_models.billions(name) or _UNSTATED[tier]


def is_for_code(model: Model) -> bool:
    return _CODE.search(model.id.lower()) is not None


def ranked(models: Sequence[Model], task: Task, complexity: Complexity) -> list[Model]:
    """Best first: for easy requests the smallest that is no toy, for hard ones the largest; then, among those of
    similar size, a code model for code and a general one for everything else.
    """
    size = {model.ref: billions(model.id, model.tier) for model in models}
    floor = SENSIBLE.get(complexity)
    if floor is None:
        ordered = sorted(models, key=lambda m: (-size[m.ref], m.id))
    else:
        ordered = sorted(models, key=lambda m: (*_distance(size[m.ref], floor), m.id))
    if not ordered:
        return []
    first = size[ordered[0].ref]
    wants_code = task is Task.CODE

    def misfit(model: Model) -> bool:
        similar = first / SIMILAR <= size[model.ref] <= first * SIMILAR
        sensible = floor is None or size[model.ref] >= min(floor, first)
        return not (similar and sensible and is_for_code(model) == wants_code)

    return sorted(ordered, key=misfit)


def _distance(size: float, floor: float) -> tuple[bool, float]:
    """Those at or above the floor from the smallest up, then those below it from the largest down."""
    return (size < floor, size if size >= floor else -size)
