"""Validation errors in the user's words: where, what, and what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from llm_router.config.document import Document, Keys, Place, dotted
from llm_router.errors import ConfigError
from llm_router.settings import Settings

_WHAT = {
    "string_type": ("must be text", "put the value in quotes"),
    "tuple_type": ("must be a list", "write it as [a, b]"),
    "dict_type": ("must be a section with keys of its own", "write `name: value` lines below it, indented"),
    "model_type": ("must be a section with keys of its own", "write `name: value` lines below it, indented"),
    "bool": ("must be true or false", "write true or false"),
    "decimal": ("must be a number", "write a number such as 5 or 0.50"),
    "float": ("must be a number", "write a number such as 30"),
    "int": ("must be a whole number", "write a whole number"),
    "finite": ("must be a number", "write a number such as 5 or 0.50"),
}


def type_at(keys: Keys) -> Any:
    """The annotation of a setting, or None when there is no such setting."""
    kind: Any = Settings
    for part in keys:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            kind = field.annotation if field else None
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        else:
            return None
    return kind


def known_keys(keys: Keys) -> list[str] | None:
    """The keys that may stand below `keys`; None when any name may (`providers:`), [] when none may."""
    kind = type_at(keys)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return None if get_origin(kind) is dict else []


def did_you_mean(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.55)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known here: {', '.join(known)}" if known else "remove it"


def validate(document: Document, *, partial: bool = False) -> tuple[Settings | None, list[ConfigError]]:
    """`partial`: this is one layer of several, so a key that is missing may come from another."""
    problems: list[ConfigError] = []
    settings = None
    try:
        settings = Settings.model_validate(document.data)
    except ValidationError as error:
        by_keys: dict[Keys, list[Mapping[str, Any]]] = {}
        for found in error.errors(include_url=False):
            if not (partial and found["type"] == "missing"):
                by_keys.setdefault(_keys(found["loc"]), []).append(cast("Mapping[str, Any]", found))
        problems = [_problem(document, keys, found) for keys, found in by_keys.items()]
    problems += _base_urls(document)
    return settings, sorted(problems, key=lambda problem: (problem.line, problem.column))


def _keys(loc: Keys) -> Keys:
    """Without pydantic's own marks: `("routing", "pin", "cod", "[key]", "literal['all']")` is the key `cod`."""
    return loc[: loc.index("[key]")] if "[key]" in loc else loc


def _problem(document: Document, keys: Keys, found: Sequence[Mapping[str, Any]]) -> ConfigError:
    kind = str(found[0]["type"])
    key = dotted(keys)
    if kind == "extra_forbidden":
        fix = did_you_mean(str(keys[-1]), known_keys(keys[:-1]) or [])
        return place_of(document.keys, keys).error("unknown key", fix=fix, key=key)
    if "[key]" in found[0]["loc"]:
        return place_of(document.keys, keys).error(
            "unknown key", fix=did_you_mean(str(keys[-1]), _expected(found)), key=key
        )
    if kind == "missing":
        return place_of(document.keys, keys).error("is missing", fix=f"add `{keys[-1]}: ...`", key=key)
    place = place_of(document.values, keys)
    if expected := _expected(found):
        what = f"{place.raw!r} is not one of {', '.join(expected)}" if place.raw else "has the wrong type"
        return place.error(what, fix=did_you_mean(place.raw, expected), key=key)
    what, fix = _WHAT.get(kind) or _WHAT.get(kind.partition("_")[0]) or _plain(found[0])
    return place.error(what, fix=fix, key=key)


def _plain(found: Mapping[str, Any]) -> tuple[str, str]:
    limit = str(found["msg"]).removeprefix("Input should be ")
    return f"must be {limit}", f"write a value {limit}"


def _expected(found: Iterable[Mapping[str, Any]]) -> list[str]:
    texts = [str(cast("Mapping[str, Any]", one.get("ctx", {})).get("expected", "")) for one in found]
    return [word for text in texts for word in re.findall(r"'([^']+)'", text)]


def place_of(places: Mapping[Keys, Place], keys: Keys) -> Place:
    """The place of `keys`, or of the nearest section around it."""
    for end in range(len(keys), -1, -1):
        if place := places.get(keys[:end]):
            return place
    return Place("configuration")


def _base_urls(document: Document) -> Iterable[ConfigError]:
    providers = document.data.get("providers")
    for name, provider in cast("dict[str, Any]", providers).items() if isinstance(providers, dict) else ():
        url = cast("dict[str, Any]", provider).get("base_url") if isinstance(provider, dict) else None
        if isinstance(url, str) and not re.match(r"https?://[^/\s]+", url):
            keys: Keys = ("providers", name, "base_url")
            fix = "write it with its scheme, such as http://localhost:11434"
            yield place_of(document.values, keys).error(
                "must be an http or https URL", fix=fix, key=dotted(keys)
            )
