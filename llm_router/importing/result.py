"""What an import made: settings, and a line for everything that was left."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

_ENVIRONMENT = re.compile(r"\$\{?([A-Za-z_]\w*)\}?|os\.environ/([A-Za-z_]\w*)")
_SECRETS = frozenset({"api_key", "access_key"})

Keys = tuple[str, ...]


@dataclass(slots=True)
class Imported:
    """`left` holds where and why; `notes` what is worth knowing of what was taken."""

    source: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    left: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    notes: list[str] = field(default_factory=list[str])

    def set(self, *keys: str, value: object) -> None:
        """`None` and what is empty sets nothing."""
        if value is None or value in ("", [], {}):
            return
        section = self.settings
        for key in keys[:-1]:
            section = cast("dict[str, Any]", section.setdefault(key, {}))
        section[keys[-1]] = value

    def leave(self, where: str, why: str) -> None:
        self.left.append((where, why))

    def leaves(self) -> Iterator[tuple[Keys, Any]]:
        """Every value with its keys; a list is one value."""
        yield from _leaves(self.settings, ())

    def shown(self) -> dict[str, Any]:
        """The settings with keys that were written out masked."""
        return cast("dict[str, Any]", _masked(self.settings, ""))


def _leaves(section: Mapping[str, Any], above: Keys) -> Iterator[tuple[Keys, Any]]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _leaves(cast("dict[str, Any]", value), (*above, key))
        else:
            yield (*above, key), value


def _masked(value: object, key: str) -> object:
    if isinstance(value, dict):
        return {name: _masked(each, name) for name, each in cast("dict[str, Any]", value).items()}
    if key in _SECRETS and isinstance(value, str) and not value.startswith("${"):
        return "***"
    return value


def secret(value: object) -> str | None:
    """A key as our file has it: a variable in any of their spellings as `${NAME}`, else as it is."""
    if not isinstance(value, str) or not value.strip():
        return None
    found = _ENVIRONMENT.fullmatch(value.strip())
    return f"${{{found[1] or found[2]}}}" if found else value.strip()


def variable(value: str | None) -> str | None:
    """The variable that a key is read from, if it is."""
    return value[2:-1] if value and value.startswith("${") else None


def records(value: object) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", each) for each in listed(value) if isinstance(each, dict)]


def record(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    given = [value] if isinstance(value, str) else listed(value)
    return [each for each in given if isinstance(each, str) and each.strip()]
