"""The edit engine of JSON files: one thing more or less, and every other byte as it was."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm_router.errors import ConfigError
from llm_router.hosts import jsonc
from llm_router.hosts.json_edit import append, drop, put

ENTRY = {"command": "/a b/llm-router", "args": ["mcp"]}
PATH = ("mcpServers", "llm-router")


def data(text):
    root = jsonc.parse(text, "f.json")
    return root.value if root else {}


# ── texts as people and programs write them ──────────────────────────────────

words = st.text("ab é\"\\/{}[],:#'", max_size=6)
scalars = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | words
)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(words, v, max_size=3), max_leaves=8
)


@st.composite
def written(draw):
    """A settings file: some style, with comments, our path in it or not."""
    body = draw(st.dictionaries(words.filter(lambda w: w != "mcpServers"), values, max_size=3))
    if draw(st.booleans()):
        body["mcpServers"] = draw(st.dictionaries(words, values, min_size=1, max_size=2))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    unit = draw(st.sampled_from(["  ", "    ", "\t", None]))
    comments = draw(st.booleans()) if unit else False
    trailing = draw(st.booleans()) if unit else False
    keys = list(body)
    order = draw(st.permutations(keys)) if keys else []
    text = _write({key: body[key] for key in order}, unit, newline, "", comments=comments, trailing=trailing)
    return (
        draw(st.sampled_from(["", newline, "// top" + newline, "/* a { */ "]))
        + text
        + draw(st.sampled_from(["", newline, newline * 2, " // end"]))
    )


def _write(value, unit, newline, indent, *, comments, trailing):
    if not value or not isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    keyed = isinstance(value, dict)
    items = value.items() if keyed else enumerate(value)
    deeper = indent + (unit or "")
    parts = [
        (json.dumps(k, ensure_ascii=False) + ": " if keyed else "")
        + _write(v, unit, newline, deeper, comments=comments, trailing=trailing)
        for k, v in items
    ]
    opened, closed = "{}" if keyed else "[]"
    if unit is None:
        return opened + ", ".join(parts) + closed
    note = " // see {" if comments else ""
    lines = [
        deeper + part + ("," if trailing or n < len(parts) - 1 else "") + note for n, part in enumerate(parts)
    ]
    own = [deeper + "/* the end */"] if comments else []
    return newline.join([opened + note, *lines, *own, indent + closed])


@settings(max_examples=150, deadline=None)
@given(written())
@example("{}")
@example("{\n}\n")
def test_a_member_more_is_that_member_more_and_removing_it_gives_the_bytes_back(text):
    before = data(text)
    after = put(text, PATH, ENTRY, "f.json")
    expected = before | {"mcpServers": before.get("mcpServers", {}) | {"llm-router": ENTRY}}
    assert data(after) == expected
    again = drop(after, PATH, "f.json", prune=lambda path: "mcpServers" not in before)
    assert again == (text if before else text.replace("{\n}", "{}"))


@settings(max_examples=150, deadline=None)
@given(written(), st.integers(0, 3), values)
def test_an_element_more_is_that_element_more_and_removing_it_gives_the_bytes_back(text, many, value):
    for n in range(many):
        text = append(text, ("permissions", "allow"), f"Bash({n})", "f.json")
    after = append(text, ("permissions", "allow"), value, "f.json")
    assert data(after)["permissions"]["allow"] == [*(f"Bash({n})" for n in range(many)), value]
    assert {k: v for k, v in data(after).items() if k != "permissions"} == {
        k: v for k, v in data(text).items() if k != "permissions"
    }
    assert drop(after, ("permissions", "allow", many), "f.json", prune=lambda _: not many) == text


@settings(max_examples=150, deadline=None)
@given(written(), st.data())
def test_any_child_can_be_removed(text, choice):
    before = data(text)
    if not before:
        return
    key = choice.draw(st.sampled_from(sorted(before)))
    after = data(drop(text, (key,), "f.json"))
    assert after == {k: v for k, v in before.items() if k != key}


@settings(max_examples=150, deadline=None)
@given(written(), values)
def test_a_value_is_replaced_in_place(text, value):
    once = put(text, PATH, ENTRY, "f.json")
    again = put(once, PATH, value, "f.json")
    assert data(again)["mcpServers"]["llm-router"] == value
    assert put(again, PATH, ENTRY, "f.json") == once


@settings(max_examples=150, deadline=None)
@given(st.text('{}[]",:/*\\ \n1atrue', max_size=12))
def test_what_the_standard_reader_takes_is_read_the_same_and_the_rest_has_a_place(text):
    try:
        expected = json.loads(text)
    except ValueError:
        place = _place(text)
        assert place is None or min(place) >= 1
    else:
        assert jsonc.parse(text, "f.json").value == expected


def _place(text):
    """Where it is wrong, None when it is right: comments and last commas are."""
    try:
        jsonc.parse(text, "f.json")
    except ConfigError as error:
        return error.line, error.column
    return None


# ── styles ───────────────────────────────────────────────────────────────────


def test_indentation_line_endings_and_comments_stay():
    text = '{\r\n\t// mine\r\n\t"a": 1, // one\r\n\t"mcpServers": {\r\n\t\t"x": {} // last\r\n\t}\r\n}\r\n'
    after = put(text, PATH, {"command": "y"}, "f.json")
    expected = text.replace(
        '"x": {} // last\r\n', '"x": {}, // last\r\n\t\t"llm-router": {\r\n\t\t\t"command": "y"\r\n\t\t}\r\n'
    )
    assert after == expected


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('{"a":1}', '{"a":1,"k":"v"}'),
        ('{"a": 1}', '{"a": 1, "k": "v"}'),
        ("{}", '{\n  "k": "v"\n}'),
        ("", '{\n  "k": "v"\n}\n'),
        ("\n", '{\n  "k": "v"\n}\n'),
        ("// only a comment", '// only a comment\n{\n  "k": "v"\n}\n'),
        ('{\n    "a": 1\n}', '{\n    "a": 1,\n    "k": "v"\n}'),
        ('{\n  "a": 1,\n}', '{\n  "a": 1,\n  "k": "v",\n}'),
        ('{\n  "a": 1}', '{\n  "a": 1,\n  "k": "v"}'),
        ("{\n  // nothing yet\n}", '{\n  "k": "v"\n  // nothing yet\n}'),
        ('{\n  "a": 1\n\n  // "b": 2\n}', '{\n  "a": 1,\n  "k": "v"\n\n  // "b": 2\n}'),
    ],
)
def test_an_entry_is_written_as_the_file_is(text, after):
    assert put(text, ("k",), "v", "f.json") == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('{"k": 1, "b": 2}', '{"b": 2}'),
        ('{"a": 1, "k": 1, "b": 2}', '{"a": 1, "b": 2}'),
        ('{\n  "k": 1, "b": 2\n}', '{\n  "b": 2\n}'),
        ('{\n  "a": 1, // x\n  "k": 1}', '{\n  "a": 1 // x\n  }'),
        ('{\n  "a": 1, // x\n  "k": 1 // y\n}', '{\n  "a": 1 // x // y\n}'),
        ('{ /* why */ "k": 1 }', "{ /* why */  }"),
    ],
)
def test_what_people_put_around_an_entry_stays_valid(text, after):
    assert drop(text, ("k",), "f.json") == after


# ── refusals ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{\n  "a": 1\n  "b": 2\n}', 3, 3),
        ('{"a": 1', 1, 8),
        ("{'a': 1}", 1, 2),
        ('{\n"a": nope}', 2, 6),
        ('{"a": "\t"}', 1, 7),
        ("{} {}", 1, 4),
        ("{,}", 1, 2),
        ("/* open", 1, 1),
        ("[" * 100_000 + "]" * 100_000, 1, 201),
        ('{"a": NaN}', 1, 7),
        ('{"a": 01}', 1, 8),
    ],
)
def test_a_text_that_does_not_parse_is_refused_with_its_place(text, line, column):
    with pytest.raises(ConfigError) as caught:
        put(text, PATH, ENTRY, "~/s.json")
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"~/s.json, line {line}, column {column}:" in caught.value.message


@pytest.mark.parametrize("text", ["[]", '{"mcpServers": []}', '{"mcpServers": null}', '"x"'])
def test_something_else_where_the_section_belongs_is_refused(text):
    with pytest.raises(ConfigError, match="not an object"):
        put(text, PATH, ENTRY, "f.json")


def test_an_object_where_a_list_belongs_is_refused():
    with pytest.raises(ConfigError, match=r"permissions\.allow is not a list"):
        append('{"permissions": {"allow": {}}}', ("permissions", "allow"), "x", "f.json")


def test_a_doubled_section_is_edited_where_it_counts():
    text = '{"mcpServers": {"a": 1}, "mcpServers": {"b": 2}}'
    assert put(text, PATH, 3, "f.json") == '{"mcpServers": {"a": 1}, "mcpServers": {"b": 2, "llm-router": 3}}'


def test_removing_what_is_not_there_changes_nothing():
    assert drop('{"a": 1}', PATH, "f.json") == '{"a": 1}'
    assert drop("", PATH, "f.json") == ""
