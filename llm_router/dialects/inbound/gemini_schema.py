"""Google writes schemas in two ways: JSON Schema, and a subset of OpenAPI 3 with types in capitals and `nullable`."""

from __future__ import annotations

from typing import Any, cast

from llm_router.nouns import JsonDict

_TYPES = frozenset({"OBJECT", "ARRAY", "STRING", "INTEGER", "NUMBER", "BOOLEAN", "NULL"})
_DATA = frozenset({"enum", "default", "example", "examples", "const"})  # hold values, not schemas
_NUMBERS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})


def json_schema(schema: JsonDict) -> JsonDict:
    """The same schema as JSON Schema; what is one already stays as it is, but for types in capitals."""
    out = {key: value if key in _DATA else _inner(value) for key, value in schema.items()}
    kind = out.get("type")
    if isinstance(kind, str) and kind in _TYPES:
        out["type"] = kind.lower()
    elif kind == "TYPE_UNSPECIFIED":
        del out["type"]
    for key in _NUMBERS & out.keys():
        if isinstance(out[key], str) and out[key].isdigit():  # protobuf writes 64-bit integers as text
            out[key] = int(out[key])
    if out.pop("nullable", None) is True:
        _allow_null(out)
    out.pop("propertyOrdering", None)
    return out


def _inner(value: Any) -> Any:
    if isinstance(value, dict):
        return json_schema(cast("JsonDict", value))
    if isinstance(value, list):
        return [_inner(item) for item in cast("list[Any]", value)]
    return value


def _allow_null(schema: JsonDict) -> None:
    kind = schema.get("type")
    if isinstance(kind, str) and kind != "null":
        schema["type"] = [kind, "null"]
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
