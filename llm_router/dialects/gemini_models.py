"""What the generations of Gemini take: how thinking is asked for has changed with Gemini 3.

Source: https://ai.google.dev/gemini-api/docs/thinking.
"""

from __future__ import annotations

import re
from functools import lru_cache

from llm_router.nouns import Effort, JsonDict, Model, Reasoning

_GEMINI = re.compile(r"gemini-(?P<major>\d+)(?:\.(?P<minor>\d+))?")
_NEWEST = (99, 0)  # aliases, such as `gemini-flash-latest`

# Of 2.5, in tokens. The smallest differ: Pro cannot be told not to think, Flash-Lite thinks 512 tokens or not at all.
_BUDGETS: dict[Effort, int] = {
    "minimal": 512,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 24_576,
    "max": 24_576,
}
_SMALLEST_OF_PRO = 128
_LARGEST = 24_576
_LARGEST_OF_PRO = 32_768


@lru_cache(maxsize=256)
def generation(model_id: str) -> tuple[int, int]:
    found = _GEMINI.search(model_id)
    if found is None:
        return (0, 0) if "gemma" in model_id else _NEWEST
    return int(found["major"]), int(found["minor"] or 0)


def thinking_config(asked: Reasoning | None, model: Model) -> JsonDict | None:
    """The `thinkingConfig`; None where nothing is to be said, and for models that do not think."""
    if asked is None or (model.features and "thinking" not in model.features):
        return None
    version = generation(model.id)
    if version < (2, 5):
        return None
    told = _budget(asked, model.id) if version < (3, 0) else _level(asked, model.id)
    return told | ({"includeThoughts": True} if asked.shown and asked.effort != "none" else {})


def _level(asked: Reasoning, model_id: str) -> JsonDict:
    """Nobody can be told not to think any more. Below "low" goes Flash only."""
    effort = asked.effort or (None if asked.budget_tokens is None else _effort(asked.budget_tokens))
    match effort:
        case None:
            return {}
        case "none" | "minimal":
            return {"thinkingLevel": "minimal" if "flash" in model_id else "low"}
        case "low" | "medium":
            return {"thinkingLevel": effort}
        case _:
            return {"thinkingLevel": "high"}


def _effort(budget_tokens: int) -> Effort:
    """A budget of tokens as the nearest word for it."""
    if budget_tokens <= 2_048:
        return "low"
    return "medium" if budget_tokens <= 8_192 else "high"


def _budget(asked: Reasoning, model_id: str) -> JsonDict:
    is_pro = "pro" in model_id
    if asked.effort == "none":
        return {"thinkingBudget": _SMALLEST_OF_PRO if is_pro else 0}
    budget = asked.budget_tokens
    if budget is None and asked.effort is not None:
        budget = _BUDGETS[asked.effort]
    if budget is None:
        return {"thinkingBudget": -1}  # as it sees fit
    smallest, largest = (_SMALLEST_OF_PRO, _LARGEST_OF_PRO) if is_pro else (512, _LARGEST)
    return {"thinkingBudget": max(smallest, min(budget, largest))}
