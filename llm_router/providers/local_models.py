"""What local servers tell about their models, as nouns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from llm_router.dialects.reading import count, record, records, sequence, string
from llm_router.nouns import Billing, Feature, Model
from llm_router.providers.vendors import Vendor

Tier = Literal["small", "mid", "frontier"]
SMALL_UP_TO_B, MID_UP_TO_B = 9.0, 40.0

# `7b`, `1.5B`, `8x7b`, `135m`, `e4b`; of `30b-a3b` the first figure, which is the whole model.
_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)x|e)?(\d+(?:\.\d+)?)\s*([bmBM])(?![a-zA-Z])")
_NO_CHAT = re.compile(r"embed|rerank|whisper|\bbge-|\btts\b|clip\b|all-minilm", re.IGNORECASE)
_NO_CHAT_FAMILIES = {"bert", "nomic-bert", "xlm-roberta", "jina-bert-v2"}
_CAPABILITIES: tuple[Feature, ...] = ("vision", "tools", "thinking")  # Ollama's words and ours are the same


def billions(text: str) -> float | None:
    """The parameters a name or a size tells of, in billions; None when it does not."""
    if (found := _SIZE.search(text)) is None:
        return None
    experts, figure, unit = found.groups()
    return float(figure) * int(experts or 1) / (1 if unit in "bB" else 1000)


def tier(size: float | None) -> Tier:
    """An unknown size counts as the middle."""
    if size is None:
        return "mid"
    return "small" if size <= SMALL_UP_TO_B else "mid" if size <= MID_UP_TO_B else "frontier"


def is_chat(told: Mapping[str, Any]) -> bool:
    """Whether a model answers prompts: not one that makes embeddings, ranks or transcribes."""
    if capabilities := sequence(told.get("capabilities")):
        return bool({"completion", "chat", "tools"}.intersection(capabilities))
    families = set(sequence(record(told.get("details")).get("families")))
    name = string(told.get("model")) or string(told.get("name")) or string(told.get("id"))
    return not families & _NO_CHAT_FAMILIES and told.get("type") != "embeddings" and not _NO_CHAT.search(name)


def ollama_model(
    vendor: Vendor, tag: Mapping[str, Any], shown: Mapping[str, Any], num_ctx: int | None
) -> Model:
    """`tag` is a row of /api/tags, `shown` the answer of /api/show ({} when it did not come).

    Ollama holds an answer's JSON to a schema whatever the model. One with a `remote_host` runs on ollama.com, on the
    user's plan there.
    """
    name = string(tag.get("model")) or string(tag.get("name"))
    details = record(tag.get("details"))
    told = set(sequence(shown.get("capabilities")) or sequence(tag.get("capabilities")))
    info = record(shown.get("model_info"))
    contexts = (value for key, value in info.items() if key.endswith(".context_length"))
    return Model(
        provider=vendor.name,
        id=name,
        tier=tier(billions(string(details.get("parameter_size"))) or billions(name)),
        billing=Billing.SUBSCRIPTION if tag.get("remote_host") else vendor.billing,
        context=num_ctx or _first_count(details.get("context_length"), *contexts),
        stands_for=vendor.stands_for,
        features=frozenset[Feature]({"schema", *(each for each in _CAPABILITIES if each in told)}),
    )


def listed_models(vendor: Vendor, body: object) -> list[Model]:
    """The chat models of an OpenAI-compatible /models. Raises LookupError when the body is no such list."""
    rows = records(record(body)["data"])
    return [_listed(vendor, row) for row in rows if string(row.get("id")) and is_chat(row)]


def _listed(vendor: Vendor, row: Mapping[str, Any]) -> Model:
    # llama.cpp has a `meta`, the others tell beside the id
    name, meta = string(row["id"]), record(row.get("meta"))
    parameters = count(meta.get("n_params"))
    return Model(
        provider=vendor.name,
        id=name,
        tier=tier(parameters / 1e9 if parameters else billions(name)),
        billing=vendor.billing,
        context=_first_count(
            row.get("max_model_len"),
            row.get("max_context_length"),
            meta.get("n_ctx"),
            meta.get("n_ctx_train"),
        ),
        stands_for=vendor.stands_for,
    )


def _first_count(*values: object) -> int | None:
    return next((found for value in values if (found := count(value))), None)
