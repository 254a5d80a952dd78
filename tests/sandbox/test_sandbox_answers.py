"""Directives, simulated answers, and JSON that fits a schema."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.sandbox import answers, directives
from llm_router.sandbox.instances import instance
from llm_router.sandbox.turn import Entry, Offered, Turn, last_turn


def turn(prompt, **more):
    return Turn(model="m", prompt=prompt, said=prompt, **more)


def test_a_longer_prompt_gets_a_longer_answer_and_the_same_prompt_the_same():
    short, long = answers.answer(turn("hi")), answers.answer(turn("hi " * 300))
    assert len(long.text) > len(short.text)
    assert answers.answer(turn("hi")) == short


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[[call a {"x": [[1]]}]]', [("a", {"x": [[1]]})]),
        ("[[call a]] [[call b-c.d {}]]", [("a", {}), ("b-c.d", {})]),
        ('"[[call a {\\"x\\": 1}]]"', [("a", {"x": 1})]),
        ('[[call a {"broken]]', []),
        ('[[call a {"x": 1} and more]]', []),
        ("[call a]", []),
    ],
)
def test_call_directives_are_read_with_their_json(text, found):
    assert [(c.tool, c.arguments) for c in directives.calls(text)] == found


@pytest.mark.parametrize(
    ("text", "said"), [("[[say a\nb]]", "a\nb"), ('[[say {"x":[[1]]}]]', '{"x":[[1]]}'), ("say", None)]
)
def test_say_directives_keep_their_text(text, said):
    assert directives.say(text) == said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("weather", True),
        ("mcp__srv__weather", True),
        ("srv_weather", True),
        ("theweather", False),
        ("weathers", False),
    ],
)
def test_a_tool_is_known_by_its_name_or_a_proper_suffix(name, meant):
    made = answers.answer(turn("[[call weather]]", tools=(Offered(name),)))
    assert bool(made.calls) == meant


def test_calls_already_made_are_not_made_again_and_the_rest_is():
    prompt = '[[call a {"n": 1}]] [[call a {"n": 2}]] [[call b {}]]'
    offered = (Offered("a"), Offered("b"))
    first = answers.answer(turn(prompt, tools=offered))
    assert [c.arguments for c in first.calls] == [{"n": 1}, {"n": 2}, {}]
    later = answers.answer(turn(prompt, tools=offered, called=("a", "a"), results=("one", "two")))
    assert [c.name for c in later.calls] == ["b"]
    done = answers.answer(
        turn(prompt, tools=offered, called=("a", "a", "b"), results=("one", "two", "three"))
    )
    assert done.text == "The tool answered: one\nThe tool answered: two\nThe tool answered: three"


def test_a_tool_that_is_not_on_offer_is_named():
    assert "weather" in answers.answer(turn("[[call weather]]", tools=(Offered("other"),))).text


def test_text_and_calls_come_together():
    made = answers.answer(turn("[[say Let me look.]] [[call a]]", tools=(Offered("a"),)))
    assert (made.text, len(made.calls), made.stop) == ("Let me look.", 1, "tool_use")


def test_the_prompt_is_the_last_thing_a_person_said():
    entries = [
        Entry("user", "old [[call x]]"),
        Entry("assistant", "done"),
        Entry("user", "context of the client"),
        Entry("user", "new [[call y]]"),
        Entry("system", "a hint"),
        Entry("assistant", calls=("y",)),
        Entry("user", "<system-reminder>be kind</system-reminder>", results=("r",)),
        Entry("user", "<system-reminder>again</system-reminder>"),
    ]
    last = last_turn(entries)
    assert (last.prompt, last.called, last.results) == ("new [[call y]]", ("y",), ("r",))
    assert "context of the client" in last.said
    assert "old" not in last.said


def test_a_directive_beside_a_tool_result_opens_a_new_turn():
    entries = [
        Entry("user", "a"),
        Entry("assistant", calls=("y",)),
        Entry("user", "[[say b]]", results=("r",)),
    ]
    assert last_turn(entries).prompt == "[[say b]]"
    assert last_turn(entries).results == ()


AGENT = """[[say First I read.]] [[call Read {"file": "a"}]] [[then]] [[call Edit {"file": "a"}]] [[call Bash {"command": "x"}]]
[[then]] [[say Done.]]"""
READ, EDIT, BASH = (Offered(name) for name in ("Read", "Edit", "Bash"))


@pytest.mark.parametrize(
    ("called", "text", "calls"),
    [
        ((), "First I read.", ["Read"]),
        (("Read",), "", ["Edit", "Bash"]),
        (("Read", "Edit", "Bash"), "Done.", []),
    ],
)
def test_a_script_is_carried_out_step_by_step(called, text, calls):
    turn = Turn(model="m", said=AGENT, tools=(READ, EDIT, BASH), called=called, results=("r",) * len(called))
    told = answers.answer(turn)
    assert (told.text, [call.name for call in told.calls]) == (text, calls)


def test_directives_inside_a_call_are_for_whoever_gets_them():
    inner = '[[call Read {"file": "a"}]] [[then]] [[say found]] [[fault hang]]'
    outer = f"[[call Agent {json.dumps({'prompt': inner})}]] [[then]] [[say all done]]"
    assert [(c.tool, c.arguments, c.step) for c in directives.calls(outer)] == [
        ("Agent", {"prompt": inner}, 0)
    ]
    assert directives.says(outer) == {1: "all done"}
    assert directives.fault(outer) is None
    assert [c.tool for c in directives.calls(inner)] == ["Read"]
    assert directives.fault(inner) == ("hang", {})


SCHEMAS = [
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}, "required": ["b"]},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"enum": ["p", "q"]}}},
    {"type": "array", "items": {"type": "integer", "minimum": 5}, "minItems": 3},
    {"type": "array", "items": {"type": "string"}},
    {"anyOf": [{"type": "null"}, {"type": "integer", "exclusiveMinimum": 2}]},
    {
        "allOf": [
            {"properties": {"a": {"const": 1}}, "required": ["a"]},
            {"properties": {"b": {"type": "null"}}, "required": ["b"]},
        ]
    },
    {"type": ["null", "string"], "minLength": 12, "maxLength": 20},
    {"type": "string", "maxLength": 3},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "maximum": -4},
    {"type": "integer", "minimum": 7, "multipleOf": 5},
    {"type": "boolean"},
    {
        "type": "object",
        "properties": {"when": {"type": "string", "format": "date-time"}},
        "additionalProperties": False,
    },
    {},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_instance_fits_its_schema(schema):
    jsonschema.validate(instance(schema), schema)


def test_a_schema_that_contains_itself_comes_to_an_end():
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    jsonschema.validate(instance(node | {"required": []}), {"type": "object"})


LEAVES = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["string", "number", "boolean", "null"])}),
    st.builds(
        lambda low, width: {"type": "integer", "minimum": low, "maximum": low + width},
        st.integers(-99, 99),
        st.integers(0, 9),
    ),
    st.builds(
        lambda values: {"enum": values}, st.lists(st.integers() | st.text(max_size=3), min_size=1, max_size=3)
    ),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda fields, n: {"type": "object", "properties": fields, "required": list(fields)[:n]},
            st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3),
            st.integers(0, 3),
        ),
        st.builds(lambda item, n: {"type": "array", "items": item, "minItems": n}, inner, st.integers(0, 2)),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)


@given(TREES)
def test_any_schema_of_the_common_kinds_is_met(schema):
    jsonschema.validate(instance(schema), schema)


@given(st.text())
def test_any_prompt_is_answered_with_its_digest_or_its_script(text):
    made = answers.answer(turn(text))
    assert answers.digest(text) in made.text or "[[" in text
