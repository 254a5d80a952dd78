"""JSON Schema for vendors that understand a part of it, by allow-list.

References are written out, unknown keywords dropped; what a dropped keyword meant goes to the description, where the
model still reads it. The result never forbids what the original allows, except that Anthropic wants closed objects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from llm_router.dialects.reading import record, sequence
from llm_router.nouns import JsonDict

_COMMON = frozenset({"type", "title", "description", "enum"})
_NESTED = frozenset({"items", "prefixItems", "additionalProperties"})
_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})


@dataclass(frozen=True, slots=True)
class _Target:
    keywords: frozenset[str]
    formats: frozenset[str]
    closed: bool = False


# https://ai.google.dev/gemini-api/docs/structured-output
_GEMINI = _Target(
    _COMMON | {"items", "prefixItems", "minItems", "maxItems", "minimum", "maximum", "additionalProperties"},
    frozenset({"date-time", "date", "time"}),
)
# https://platform.claude.com/docs/en/build-with-claude/structured-outputs
_ANTHROPIC = _Target(
    _COMMON | {"items"},
    frozenset(
        {
            "date-time",
            "date",
            "time",
            "duration",
            "email",
            "hostname",
            "uri",
            "ipv4",
            "ipv6",
            "uuid",
        }
    ),
    closed=True,
)

# Keywords whose meaning a reader can use when the vendor cannot.
_TOLD = (
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "default",
    "examples",
    "not",
)


def for_gemini(schema: Mapping[str, Any]) -> JsonDict:
    """What `responseJsonSchema` and `parametersJsonSchema` understand. A cycle is cut: anything goes there."""
    return _Narrow(dict(schema), _GEMINI).schema(schema, ())


def for_anthropic(schema: Mapping[str, Any]) -> JsonDict:
    """What `output_config.format` understands: closed objects, no numeric or length limits, no recursion."""
    return _Narrow(dict(schema), _ANTHROPIC).schema(schema, ())


ANY_OBJECT: JsonDict = {"type": "object"}


def is_any_object(schema: Mapping[str, Any]) -> bool:
    """Whether it asks for JSON and says nothing of its shape, as OpenAI's `json_object` does."""
    return schema.get("type", "object") == "object" and not schema.keys() - {"type"}


def is_recursive(schema: Mapping[str, Any]) -> bool:
    narrow = _Narrow(dict(schema), _GEMINI)
    narrow.schema(schema, ())
    return narrow.cut


def is_strict(schema: object) -> bool:
    """Whether OpenAI's strict mode takes it: every object closed, all its properties required, no free-form maps."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in cast("list[Any]", schema))
    if not isinstance(schema, dict):
        return True
    here = record(cast("object", schema))
    if here.get("type") == "object" or "properties" in here:
        names = set(record(here.get("properties")))
        if here.get("additionalProperties") is not False or names != set(sequence(here.get("required"))):
            return False
    if here.keys() & {"allOf", "oneOf", "not", "if", "patternProperties", "dependentRequired"}:
        return False
    nested = [*record(here.get("properties")).values(), *record(here.get("$defs")).values()]
    return is_strict([*nested, here.get("items"), *sequence(here.get("anyOf"))])


class _Narrow:
    def __init__(self, root: JsonDict, target: _Target) -> None:
        self._root, self._target = root, target
        self.cut = False

    def schema(self, schema: object, seen: tuple[str, ...]) -> JsonDict:
        """`seen` are the references being written out: one that comes again is a cycle."""
        if not isinstance(schema, Mapping):
            return {}  # true, false, and whatever is no schema
        here = record(dict(cast("Mapping[str, Any]", schema)))
        if isinstance(ref := here.get("$ref"), str):
            if ref in seen:
                self.cut = True
                return {}
            siblings = {key: value for key, value in here.items() if key != "$ref"}
            here, seen = _both(siblings, record(_lookup(self._root, ref))), (*seen, ref)
            if "$ref" in here:
                return self.schema(here, seen)
        return self._keywords(*self._merged(here, seen))

    def _merged(self, here: JsonDict, seen: tuple[str, ...]) -> tuple[JsonDict, tuple[str, ...]]:
        """`allOf` written into one schema where its members do not contradict each other; the rest of it is dropped."""
        out = {key: value for key, value in here.items() if key != "allOf"}
        for member in map(record, sequence(here.get("allOf"))):
            resolved = member
            if isinstance(ref := member.get("$ref"), str):
                if ref in seen:
                    self.cut = True
                    continue
                resolved, seen = record(_lookup(self._root, ref)), (*seen, ref)
            if "$ref" not in resolved and "allOf" not in resolved:
                out = _both(out, resolved)
        return out, seen

    def _keywords(self, here: JsonDict, seen: tuple[str, ...]) -> JsonDict:
        out: JsonDict = {
            key: here[key] for key in self._target.keywords - _NESTED if _sane(key, here.get(key))
        }
        self._values(here, out)
        self._bounds(here, out)
        self._nested(here, out, seen)
        if here.get("format") in self._target.formats:
            out["format"] = here["format"]
        told = {key: here[key] for key in _TOLD if key in here and key not in out}
        if told:
            note = json.dumps(told, ensure_ascii=False, default=str)
            out["description"] = "\n".join(filter(None, (out.get("description"), note)))
        return out

    def _values(self, here: JsonDict, out: JsonDict) -> None:
        """Enumerations of strings or numbers; a mixed one is dropped rather than narrowed."""
        values = [here["const"]] if "const" in here else here.get("enum")
        out.pop("enum", None)
        if isinstance(values, list) and values and _one_kind(cast("list[Any]", values)):
            out["enum"] = values
            out.setdefault("type", "string" if isinstance(values[0], str) else "number")

    def _bounds(self, here: JsonDict, out: JsonDict) -> None:
        for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            limit = here.get(exclusive)
            if inclusive in self._target.keywords and inclusive not in out and _is_number(limit):
                out[inclusive] = limit

    def _nested(self, here: JsonDict, out: JsonDict, seen: tuple[str, ...]) -> None:
        if isinstance(here.get("properties"), Mapping):
            properties = record(dict(here["properties"]))
            out["properties"] = {name: self.schema(inner, seen) for name, inner in properties.items()}
            if required := [name for name in sequence(here.get("required")) if name in properties]:
                out["required"] = required
        first = sequence(here.get("prefixItems"))
        tuples = "prefixItems" in self._target.keywords
        if first and tuples:
            out["prefixItems"] = [self.schema(inner, seen) for inner in first]
        if isinstance(here.get("items"), Mapping) and (tuples or not first):
            out["items"] = self.schema(here["items"], seen)
        if choices := sequence(here.get("anyOf")) or sequence(here.get("oneOf")):
            out["anyOf"] = [self.schema(choice, seen) for choice in choices]
        self._openness(here, out, seen)

    def _openness(self, here: JsonDict, out: JsonDict, seen: tuple[str, ...]) -> None:
        if self._target.closed:
            if out.get("type") == "object" or "properties" in out:
                out["additionalProperties"] = False
            return
        extra = here.get("additionalProperties")
        if "patternProperties" in here:
            return  # it exempts names from `additionalProperties` that the vendor would then refuse
        if isinstance(extra, Mapping):
            out["additionalProperties"] = self.schema(cast("object", extra), seen)
        elif extra is False:
            out["additionalProperties"] = False


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _one_kind(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values) or all(map(_is_number, values))


def _sane(key: str, value: object) -> bool:
    match key:
        case "type":
            types = cast("list[Any]", value) if isinstance(value, list) else [value]
            return bool(types) and all(isinstance(name, str) and name in _TYPES for name in types)
        case "title" | "description":
            return isinstance(value, str)
        case "enum":
            return isinstance(value, list)
        case _:
            return _is_number(value)


def _lookup(root: JsonDict, ref: str) -> object:
    """The schema at `#/$defs/Name`. A reference out of the document cannot be followed: anything goes."""
    if not ref.startswith("#"):
        return {}
    here: object = root
    for step in ref.split("/")[1:]:
        here = record(here).get(step.replace("~1", "/").replace("~0", "~"), {})
    return here


def _both(left: JsonDict, right: JsonDict) -> JsonDict:
    out = dict(left)
    for key, value in right.items():
        if key == "properties":
            out[key] = record(value) | record(out.get(key))
        elif key == "required":
            out[key] = list(dict.fromkeys([*sequence(out.get(key)), *sequence(value)]))
        else:
            out.setdefault(key, value)
    return out
