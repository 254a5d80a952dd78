"""How vendors of OpenAI-compatible APIs are told how much to think."""

from __future__ import annotations

import re
from collections.abc import Callable

from llm_router.dialects.anthropic_models import effort_of
from llm_router.nouns import Effort, JsonDict, Model, Reasoning

Told = Effort | None


def reasoning_fields(asked: Reasoning | None, model: Model) -> JsonDict:
    """The fields of the body; none for a model that does not think, or where nobody said anything."""
    if asked is None or (model.features and "thinking" not in model.features):
        return {}
    effort = asked.effort or (None if asked.budget_tokens is None else effort_of(asked.budget_tokens))
    return _WAYS.get(model.vendor, _common)(effort, asked, model)


def _openai(effort: Told, asked: Reasoning, model: Model) -> JsonDict:  # noqa: ARG001
    """https://platform.openai.com/docs/guides/reasoning: what "none" is called depends on the generation."""
    if effort is None:
        return {}
    if effort == "none":
        return {"reasoning_effort": _quietest(model.id)}
    return {"reasoning_effort": _nearest(effort, _levels(model.id))}


def _quietest(model_id: str) -> str:
    """The o models cannot stop thinking, the first of the fifth generation nearly, all after it can."""
    if re.match(r"o\d", model_id):
        return "low"
    return "minimal" if _generation(model_id) == (5, 0) else "none"


def _levels(model_id: str) -> tuple[Effort, ...]:
    """Each generation refuses the words of the others."""
    generation = _generation(model_id)
    if generation == (5, 0):
        return ("minimal", "low", "medium", "high")
    more: tuple[Effort, ...] = ("xhigh",) if generation >= (5, 2) else ()
    return ("low", "medium", "high", *more, *(("max",) if generation >= (5, 6) else ()))


def _generation(model_id: str) -> tuple[int, int]:
    found = re.match(r"gpt-(\d+)(?:\.(\d+))?", model_id)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def _common(effort: Told, asked: Reasoning, model: Model) -> JsonDict:  # noqa: ARG001
    """What most take. Not to think can rarely be asked for: the vendor's default is the best there is."""
    return (
        {} if effort in (None, "none") else {"reasoning_effort": _nearest(effort, ("low", "medium", "high"))}
    )


def _switch(effort: Told, asked: Reasoning, model: Model) -> JsonDict:  # noqa: ARG001
    """On or off: Moonshot, Z.ai, Volcengine."""
    return {"thinking": {"type": "disabled" if effort == "none" else "enabled"}}


def _deepseek(effort: Told, asked: Reasoning, model: Model) -> JsonDict:
    """https://api-docs.deepseek.com/guides/thinking_mode"""
    levels = (
        {} if effort in (None, "none") else {"reasoning_effort": _nearest(effort, ("low", "high", "max"))}
    )
    return _switch(effort, asked, model) | levels


def _qwen(effort: Told, asked: Reasoning, model: Model) -> JsonDict:  # noqa: ARG001
    """Alibaba's and SiliconFlow's: a switch and a budget."""
    budget = {} if asked.budget_tokens is None else {"thinking_budget": asked.budget_tokens}
    return {"enable_thinking": False} if effort == "none" else {"enable_thinking": True} | budget


def _openrouter(effort: Told, asked: Reasoning, model: Model) -> JsonDict:  # noqa: ARG001
    """https://openrouter.ai/docs/use-cases/reasoning-tokens"""
    if effort == "none":
        return {"reasoning": {"enabled": False}}
    if asked.budget_tokens is not None:
        return {"reasoning": {"max_tokens": asked.budget_tokens}}
    return {
        "reasoning": {"effort": _nearest(effort, ("minimal", "low", "medium", "high", "xhigh"))}
        if effort
        else {"enabled": True}
    }


def _groq(effort: Told, asked: Reasoning, model: Model) -> JsonDict:
    """Qwen can be told not to think, and nothing else; gpt-oss how much, but not to stop."""
    if "qwen" in model.id:
        return {"reasoning_effort": "none"} if effort == "none" else {}
    return _common(effort, asked, model)


def _mistral(effort: Told, asked: Reasoning, model: Model) -> JsonDict:  # noqa: ARG001
    return {} if effort is None else {"reasoning_effort": "none" if effort == "none" else "high"}


def _nothing(effort: Told, asked: Reasoning, model: Model) -> JsonDict:  # noqa: ARG001
    return {}


_ORDER: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_WAYS: dict[str, Callable[[Told, Reasoning, Model], JsonDict]] = {
    "openai": _openai,
    "azure": _openai,
    "deepseek": _deepseek,
    "moonshot": _switch,
    "zai": _switch,
    "volcengine": _switch,
    "qwen": _qwen,
    "siliconflow": _qwen,
    "openrouter": _openrouter,
    "groq": _groq,
    "mistral": _mistral,
    "cohere": _nothing,
    "minimax": _nothing,
    "perplexity": _nothing,
}


def _nearest(effort: Effort | None, levels: tuple[Effort, ...]) -> Effort:
    """The level that asks for no less, or the highest."""
    wanted = _ORDER.index(effort or "medium")
    enough: list[Effort] = [level for level in levels if _ORDER.index(level) >= wanted]
    return enough[0] if enough else levels[-1]
