"""Reading foreign JSON without trusting it: a value of the wrong type counts as absent."""

from __future__ import annotations

import json
from typing import Any, cast

from llm_router.nouns import JsonDict

NO_ARGUMENTS = frozenset({"", "null"})  # how vendors write a call without any
HIGHEST = 10**13  # at the highest price still an amount that a database holds


# no cast here: each is a call, and these are called fifty times for an answer
def record(value: object) -> JsonDict:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def records(value: object) -> list[JsonDict]:
    return [item for item in sequence(value) if isinstance(item, dict)]


def listed(value: object) -> list[JsonDict]:
    """Records, where one may stand for a list of one."""
    return [value] if isinstance(value, dict) else records(value)  # pyright: ignore[reportUnknownVariableType]


def first_choice(value: object) -> JsonDict:
    """Of several answers to one request the one with index 0 (or none), the only one we read."""
    for item in records(value):
        if count(item.get("index")) == 0:
            return item
    return {}


def sequence(value: object) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def string(value: object) -> str:
    return value if isinstance(value, str) else ""


def count(value: object) -> int:
    """A number of tokens; null, negative and non-numbers are 0, and what is beyond all reason is HIGHEST."""
    if type(value) is int and 0 <= value <= HIGHEST:  # as nearly all are
        return value
    return int(max(0, min(value, HIGHEST))) if isinstance(value, (int, float)) and value == value else 0  # noqa: PLR0124 - NaN


def near(location: object) -> JsonDict:
    """Where a user is, as Anthropic and OpenAI write it."""
    given = record(location)
    return {key: given[key] for key in ("city", "region", "country", "timezone") if string(given.get(key))}


def arguments_text(value: object) -> str:
    """Tool arguments as JSON text, whether the vendor sends text or an object."""
    return value if isinstance(value, str) else json.dumps(value or {}, ensure_ascii=False)


def arguments_object(text: str) -> JsonDict:
    """Tool arguments for the formats that want an object. Broken JSON travels on under `_raw`, never vanishes."""
    if text.strip() in NO_ARGUMENTS:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {"_raw": text}
    return cast("JsonDict", value) if isinstance(value, dict) else {"_raw": text}
