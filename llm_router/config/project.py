"""What a project file may say. It comes with a repository, so it is not the user's word: it may choose and tighten,
never loosen, redirect or read. Everything else in it is refused, because a silent half would surprise both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

from llm_router.config.document import Document, Keys, Place, dotted
from llm_router.config.problems import type_at
from llm_router.errors import ConfigError
from llm_router.settings import Settings

# The first path that fits decides. `*` stands for any one key. A value after the path is the only one allowed there.
_ALLOWED: tuple[tuple[Keys, object], ...] = (
    (("router", "profile"), ...),
    (("router", "baseline"), ...),
    (("router", "enforce"), ...),
    (("router", "store_prompts"), False),
    (("providers", "*", "enabled"), False),
    (("providers", "*", "models"), ...),
    (("providers", "*", "num_ctx"), ...),
    (("routing", "unisolated_tests"), False),
    (("routing", "hedge_seconds"), None),
    (("routing",), ...),
    (("budget", "unpriced"), "refuse"),
    (("budget", "daily"), ...),
    (("budget", "weekly"), ...),
    (("budget", "monthly"), ...),
    (("budget", "providers"), ...),
    (("caching",), ...),
    (("fallback",), ...),
)


def refused(document: Document) -> list[ConfigError]:
    """Every known key of a project file that only the user's own file may set."""
    return [
        _place(document, keys).error(
            "a project file must not set this" + (f" to {value!r}" if isinstance(value, bool) else ""),
            fix="set it in your own config.yaml (`llm-router config path`): a repository must not redirect "
            "keys, spend more or store more than you allow",
            key=dotted(keys),
        )
        for keys, value in leaves(document.data)
        if type_at(keys) is not None and not _allowed(keys, value)
    ]


def leaves(data: dict[str, Any], keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every value that is not a section, with its path. Lists count as one value."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from leaves(cast("dict[str, Any]", value), (*keys, key))
        else:
            yield (*keys, key), value


def _allowed(keys: Keys, value: object) -> bool:
    for pattern, only in _ALLOWED:
        if len(keys) >= len(pattern) and all(p in ("*", k) for p, k in zip(pattern, keys, strict=False)):
            return only is ... or value == only
    return False


def _place(document: Document, keys: Keys) -> Place:
    return document.keys.get(keys) or document.values[keys]


def tighten(document: Document, below: Settings) -> list[str]:
    """Fit a validated project file over the user's settings: blocks add up, the lower cap wins. Returns warnings."""
    warnings: list[str] = []
    routing = cast("dict[str, Any]", document.data.get("routing", {}))
    if "block" in routing:
        routing["block"] = list(dict.fromkeys([*below.routing.block, *routing["block"]]))
    for keys, value in list(leaves(document.data)):
        if keys[0] != "budget" or keys[-1] not in {"daily", "weekly", "monthly"}:
            continue
        own = _cap(below, keys)
        if own is not None and (value is None or Decimal(str(value)) > own):
            warnings.append(
                f"{_place(document, keys)}: {dotted(keys)} is above your own ${own:f}; yours holds"
            )
            _remove(document.data, keys)
    return warnings


def _cap(settings: Settings, keys: Keys) -> Decimal | None:
    caps = settings.budget if keys[1] != "providers" else settings.budget.providers.get(str(keys[2]))
    return getattr(caps, str(keys[-1]), None)


def _remove(data: dict[str, Any], keys: Keys) -> None:
    for key in keys[:-1]:
        data = data[str(key)]
    del data[str(keys[-1])]
