"""Schemas for vendors with a part of JSON Schema: only allowed keywords, and never narrower than before."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_router.dialects.json_schema import for_anthropic, for_gemini, is_recursive, is_strict

ALLOWED = {
    "type",
    "title",
    "description",
    "enum",
    "format",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "anyOf",
    "properties",
    "required",
    "additionalProperties",
}

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.floats(-3, 3), st.sampled_from(["", "a", "b", "cc"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
TYPES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])
LIMITS = st.integers(-2, 3)
SIZES = st.integers(0, 3)


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=2)
    by_name = st.dictionaries(NAMES, inner, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(TYPES, st.lists(TYPES, min_size=1, max_size=3, unique=True)),
            "properties": by_name,
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": st.one_of(st.booleans(), inner),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
            "items": st.one_of(st.booleans(), inner),
            "prefixItems": some,
            "minItems": SIZES,
            "maxItems": SIZES,
            "uniqueItems": st.booleans(),
            "minimum": LIMITS,
            "exclusiveMinimum": LIMITS,
            "maximum": LIMITS,
            "exclusiveMaximum": LIMITS,
            "multipleOf": st.integers(1, 3),
            "minLength": SIZES,
            "pattern": st.sampled_from(["a", "^b"]),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "anyOf": some,
            "oneOf": some,
            "allOf": some,
            "not": inner,
            "if": inner,
            "then": inner,
            "dependentRequired": st.just({"a": ["b"]}),
            "propertyNames": inner,
            "$comment": st.just("x"),
            "x-vendor": st.just({"$ref": "nowhere"}),
            "default": VALUES,
            "description": st.text(max_size=5),
            "format": st.sampled_from(["date", "uri", "int64"]),
        },
    )


def schemas(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas that may refer to these definitions."""
    leaf = keywords(st.booleans())
    if names:
        leaf = st.one_of(leaf, st.sampled_from([{"$ref": f"#/$defs/{name}"} for name in names]))
    return st.recursive(leaf, keywords, max_leaves=4)


def documents(a: str, b: str) -> st.SearchStrategy[dict[str, Any]]:
    """A schema with definitions A and B, which may refer to those named."""
    parts = st.tuples(schemas("A", "B"), schemas(*a), schemas(*b))
    return parts.map(lambda s: {**s[0], "$defs": {"A": s[1], "B": s[2]}})


def used(schema: Any) -> set[str]:
    """Every keyword of a converted schema, at every depth."""
    found = set(schema)
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", []), *schema.get("prefixItems", [])]
    inner += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    return found.union(*(used(each) for each in inner))


def accepts(schema: Any, value: Any) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)


@settings(max_examples=120, deadline=None)
@given(schema=documents("AB", "AB"))
def test_only_allowed_keywords_are_left(schema: dict[str, Any]) -> None:
    assert used(for_gemini(schema)) <= ALLOWED
    assert used(for_anthropic(schema)) <= ALLOWED - {
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "prefixItems",
    }


@settings(max_examples=200, deadline=None)
@given(schema=documents("B", ""), value=VALUES)
def test_what_the_original_allows_stays_allowed(schema: dict[str, Any], value: Any) -> None:
    if accepts(schema, value):
        assert accepts(for_gemini(schema), value)


def test_references_are_written_out_and_cycles_cut() -> None:
    tree = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"left": {"$ref": "#/$defs/Node"}, "name": {"$ref": "#/$defs/Name"}},
            },
            "Name": {"type": "string", "minLength": 1},
        },
    }
    assert for_gemini(tree) == {
        "type": "object",
        "properties": {"left": {}, "name": {"type": "string", "description": '{"minLength": 1}'}},
    }
    assert is_recursive(tree)
    assert not is_recursive(tree["$defs"]["Name"])


def test_a_cycle_through_all_of_is_cut_too() -> None:
    """The way Pydantic 1 writes a field that has a type of its own and a description."""
    node = {
        "type": "object",
        "properties": {"next": {"description": "The next one.", "allOf": [{"$ref": "#/definitions/Node"}]}},
    }
    chain = {"$ref": "#/definitions/Node", "definitions": {"Node": node}}
    assert for_gemini(chain)["properties"] == {"next": {"description": "The next one."}}
    assert is_recursive(chain)


@pytest.mark.parametrize("ref", ["#/$defs/None", "other.json#/A", "#/", "#/$defs/A/properties/~1x"])
def test_references_to_nowhere_allow_anything(ref: str) -> None:
    assert for_gemini({"properties": {"a": {"$ref": ref}}})["properties"]["a"] == {}


def test_meaning_that_cannot_be_kept_as_a_keyword_is_kept_as_words() -> None:
    told = for_gemini({"type": "string", "pattern": "^a", "format": "uri", "description": "A link."})
    assert told["description"].startswith("A link.\n")
    assert json.loads(told["description"].splitlines()[1]) == {"pattern": "^a", "format": "uri"}


def test_unions_constants_and_combined_schemas_keep_their_meaning() -> None:
    assert for_gemini({"oneOf": [{"const": "a"}, {"type": ["integer", "null"]}]}) == {
        "anyOf": [{"type": "string", "enum": ["a"]}, {"type": ["integer", "null"]}]
    }
    both = for_gemini(
        {
            "allOf": [
                {"$ref": "#/$defs/A"},
                {"properties": {"b": {"type": "integer"}}, "required": ["b"]},
            ],
            "$defs": {"A": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
        }
    )
    assert both == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    }


def test_a_property_named_like_a_keyword_is_a_property() -> None:
    schema = {"type": "object", "properties": {"$ref": {"type": "string"}, "format": {"type": "string"}}}
    assert for_gemini(schema) == schema


def test_anthropic_gets_closed_objects_without_limits() -> None:
    assert for_anthropic({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}) == {
        "type": "object",
        "properties": {"n": {"type": "integer", "description": '{"minimum": 1}'}},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object", "properties": {}, "required": [], "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"]}, False),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, False),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "array", "items": {"type": "object"}}},
                "required": ["a"],
                "additionalProperties": False,
            },
            False,
        ),
        ({"anyOf": [{"type": "string"}, {"type": "object"}]}, False),
        ({"type": "string"}, True),
    ],
)
def test_strictness_is_recognised(schema: dict[str, Any], *, strict: bool) -> None:
    assert is_strict(schema) is strict
