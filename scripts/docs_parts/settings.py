"""The table of settings for docs/configuration.md, from the schema and from what a project file is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from docs_parts.markdown import table
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from llm_router.config.project import refused
from llm_router.config.yaml_text import parse
from llm_router.settings import Settings

_NAMES = {"providers": "<provider>", "prices": "<model>"}
_WORDS: dict[Any, str] = {
    str: "text",
    SecretStr: "text",
    Decimal: "number",
    float: "number",
    int: "whole number",
}


@dataclass(frozen=True, slots=True)
class Setting:
    keys: tuple[str, ...]
    field: FieldInfo

    @property
    def name(self) -> str:
        return ".".join(self.keys)


def every(section: type[BaseModel] = Settings, above: tuple[str, ...] = ()) -> Iterator[Setting]:
    """All settings that hold a value; `<provider>` and the like stand for a name of the user's."""
    for name, field in section.model_fields.items():
        keys, kind = (*above, name), field.annotation
        if get_origin(kind) is dict and _is_section(get_args(kind)[1]):
            yield from every(get_args(kind)[1], (*keys, _NAMES[name]))
        elif _is_section(kind):
            yield from every(kind, keys)
        else:
            yield Setting(keys, field)


def settings() -> str:
    rows = (
        (
            f"`{each.name}`",
            _kind(each.field.annotation),
            _default(each.field),
            _project(each),
            each.field.description or "",
        )
        for each in every()
    )
    return table(["setting", "value", "default", "in a project file", "what it does"], rows)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _plain(kind: Any) -> Any:
    """Without `Annotated` and without None."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType) and type(None) in get_args(kind):
        rest = tuple(each for each in get_args(kind) if each is not type(None))
        return _plain(rest[0]) if len(rest) == 1 else Union[rest]  # noqa: UP007 - made at run time
    return kind


def choices(kind: Any) -> list[Any]:
    """The values a setting can have, where they can be listed."""
    kind = _plain(kind)
    if kind is bool:
        return [True, False]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(each.value) for each in kind]
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return [value for each in get_args(kind) for value in choices(each)]
    return []


def _kind(kind: Any) -> str:
    kind = _plain(kind)
    if values := choices(kind):
        return ", ".join(f"`{json.dumps(each).strip(chr(34))}`" for each in values)
    if get_origin(kind) is tuple:
        return "list"
    if get_origin(kind) is dict:
        key, value = get_args(kind)
        return f"section of {_kind(key)}: {_kind(value)}"
    return _WORDS[kind]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return ""
    return f"`{json.dumps(value, default=str).strip(chr(34))}`"


def _project(setting: Setting) -> str:
    """What a project file may say, found by asking the code that refuses it."""
    values = choices(setting.field.annotation) or ["x"]
    allowed = [value for value in values if not refused(parse(_written(setting.keys, value), "", None))]
    if len(allowed) == len(values):
        return "yes"
    return (
        f"only {', '.join(f'`{json.dumps(each).strip(chr(34))}`' for each in allowed)}" if allowed else "no"
    )


def _written(keys: tuple[str, ...], value: Any) -> str:
    for key in reversed(keys):
        value = {key: value}
    return json.dumps(value)
