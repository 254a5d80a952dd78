"""The edit engine of Codex' config.toml."""

import tomllib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llm_router.errors import ConfigError
from llm_router.hosts.toml_edit import drop, put

PATH = ("mcp_servers", "llm-router")
VALUES = {
    "command": "/a b/é\\x",
    "args": ["mcp"],
    "env_vars": [f"SOME_LONG_NAME_{n}" for n in range(20)],
    "n": 30,
}

PIECES = [
    "# a comment [x]",
    'model = "x" # why',
    "",
    "[a]\nb = 1",
    "[[list]]\nname = 'it''s'".replace("''", ""),
    '[projects."/home/a b"]\ntrust_level = "trusted"',
    '[mcp_servers.other]\ncommand = "npx"\nargs = [\n  "-y", # yes\n  "[odd]",\n]\n[mcp_servers.other.env]\nA = "#"',
    'text = """\n[not.a.table]\n  # no comment\n\\"""\n"""',
    "[long]\ntext = '''\n[mcp_servers.llm-router]\ncommand = \"no\"\n'''",
    "[date]\nat = 2026-01-02T03:04:05Z\npoint = { x = 1, y = [1, 2] }",
]


@st.composite
def files(draw):
    parts = draw(st.lists(st.sampled_from(PIECES), max_size=5, unique=True))
    # top-level keys come before the first table
    parts.sort(key=lambda part: part.lstrip("# ").startswith("["))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text = "\n".join(parts) + draw(st.sampled_from(["", "\n", "\n\n"]))
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    return text.replace("\n", newline)


@settings(max_examples=300, deadline=None)
@given(files())
def test_a_table_more_is_that_table_more_and_removing_it_gives_the_bytes_back(text):
    before = tomllib.loads(text)
    after = put(text, PATH, VALUES, "config.toml")
    assert after.startswith(text)
    expected = before | {"mcp_servers": before.get("mcp_servers", {}) | {"llm-router": VALUES}}
    assert tomllib.loads(after) == expected
    assert drop(after, PATH, "config.toml") == text
    assert put(after, PATH, VALUES, "config.toml") == after


@settings(max_examples=200, deadline=None)
@given(files(), st.sampled_from(PIECES[3:6]))
def test_tables_that_others_add_later_stay(text, later):
    newline = "\r\n" if "\r\n" in text else "\n"
    assume(later.replace("\n", newline) not in text)
    added = put(text, PATH, VALUES, "config.toml")
    grown = (
        added + ("" if added.endswith("\n") else newline) + newline + later.replace("\n", newline) + newline
    )
    left = drop(grown, PATH, "config.toml")
    assert left.startswith(text.rstrip())
    assert tomllib.loads(left) == tomllib.loads(text) | tomllib.loads(later) | (
        {"mcp_servers": tomllib.loads(text)["mcp_servers"]} if "mcp_servers" in tomllib.loads(text) else {}
    )


def test_what_the_user_added_to_our_table_survives_an_update():
    text = (
        'model = "m"\n[mcp_servers.llm-router]\n# mine\ncommand = "old" # o\nrequired = true\n\n'
        '[mcp_servers.llm-router.tools.llm_query]\napproval_mode = "approve"\n\n[z]\na = 1\n'
    )
    after = put(text, PATH, {"command": "new", "args": ["mcp"]}, "config.toml")
    assert after == text.replace('command = "old" # o\n', 'command = "new"\n').replace(
        "required = true\n", 'required = true\nargs = ["mcp"]\n'
    )
    assert drop(after, PATH, "config.toml") == 'model = "m"\n\n[z]\na = 1\n'


def test_an_inline_table_of_one_key_is_found():
    text = "[mcp_servers.llm-router]\nenv = { A = 'x' }\ncommand = \"c\"\n"
    after = put(text, PATH, {"command": "c", "env": {"A": "x", "B": "y"}}, "c")
    assert after == text.replace("{ A = 'x' }", '{ A = "x", B = "y" }')


def test_a_last_line_without_newline_is_updated():
    text = '[mcp_servers.llm-router]\ncommand = "old"'
    assert (
        put(text, PATH, {"command": "new", "n": 1}, "c") == '[mcp_servers.llm-router]\ncommand = "new"\nn = 1'
    )


def test_a_table_that_is_spelled_inline_is_left_to_its_owner():
    text = '[mcp_servers]\nllm-router = { command = "mine" }\n'
    assert put(text, PATH, {"command": "new"}, "config.toml") == text
    assert drop(text, PATH, "config.toml") == text


def test_a_closed_table_of_servers_is_refused():
    with pytest.raises(ConfigError, match="without changing more"):
        put('mcp_servers = { a = { command = "x" } }\n', PATH, VALUES, "config.toml")


def test_a_file_that_does_not_parse_is_refused_with_its_place():
    with pytest.raises(ConfigError) as caught:
        put("a = 1\nb = = 2\n", PATH, VALUES, "config.toml")
    assert (caught.value.line, caught.value.column) == (2, 5)
    with pytest.raises(ConfigError) as caught:
        put('a = "x', PATH, VALUES, "config.toml")
    assert caught.value.line == 1
