"""Where vendors of OpenAI-compatible APIs differ, as data. Keys are vendors' names, as in nouns.Model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Quirks:
    """The defaults are what nearly every compatible vendor takes."""

    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    # "object": JSON is promised but no schema is taken, so the schema is told in words
    schema: Literal["schema", "object"] = "schema"
    # whether `stream_options` is taken; vendors without it report usage unasked
    stream_usage: bool = True
    # whether a system message may stand behind others; the chat templates of many open models refuse it
    late_system: bool = False
    # reasoning must come back with the tool calls it led to
    replays_reasoning: bool = False
    # reasoning models refuse a temperature other than their own
    fixed_temperature: bool = False
    # a document may be a link
    document_links: bool = False
    # `prompt_cache_key` sends the turns of one session to the machine that has its beginning in the cache
    cache_key: bool = False
    # whether a tool may be `strict`: its calls are then sure to be valid
    strict_tools: bool = False
    # whether `top_k`, `min_p` and `repetition_penalty`, which OpenAI has not, are taken
    open_sampling: bool = False
    # what `seed` is called
    seed: str = "seed"
    # whether `presence_penalty` and `frequency_penalty` are taken, and not refused
    penalties: bool = True
    # exact length of tool call ids, letters and digits only
    call_id_length: int | None = None
    stops: int = 4


LONGEST_CACHE_KEY = 64  # characters

_USUAL = Quirks()
_OPENAI = Quirks(
    limit_field="max_completion_tokens",
    late_system=True,
    fixed_temperature=True,
    cache_key=True,
    strict_tools=True,
)
_OPEN_SERVER = Quirks(open_sampling=True)

_QUIRKS: dict[str, Quirks] = {
    "openai": _OPENAI,
    "azure": _OPENAI,
    # https://api-docs.deepseek.com/guides/thinking_mode
    "deepseek": Quirks(schema="object", late_system=True, replays_reasoning=True, stops=16),
    # https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model
    "moonshot": Quirks(schema="object", replays_reasoning=True, penalties=False, stops=5),
    "zai": Quirks(schema="object", replays_reasoning=True, stops=1),
    "siliconflow": Quirks(schema="object"),
    # 422 "Extra inputs are not permitted: stream_options"; ids: "must be a-z, A-Z, 0-9, with a length of 9"
    "mistral": Quirks(stream_usage=False, call_id_length=9, seed="random_seed"),
    "openrouter": Quirks(document_links=True, open_sampling=True),
    # https://inference-docs.cerebras.ai/resources/openai: 400 for the penalties; so do the reasoning models of xAI
    "cerebras": Quirks(penalties=False),
    "xai": Quirks(penalties=False),
    "vllm": _OPEN_SERVER,
    "llamacpp": _OPEN_SERVER,
    "lmstudio": _OPEN_SERVER,
    "together": _OPEN_SERVER,
    "fireworks": _OPEN_SERVER,
}


def quirks(vendor: str) -> Quirks:
    return _QUIRKS.get(vendor, _USUAL)
