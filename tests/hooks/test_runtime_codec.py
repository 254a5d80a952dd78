import json
import os
import subprocess
import sys

import codec
import pytest
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture(params=["the C parts", "the package"])
def way(request, monkeypatch):
    if request.param == "the package":
        monkeypatch.setattr(codec, "_scan", None)


@given(VALUES)
def test_it_reads_what_the_json_package_writes_and_the_other_way_round(value):
    assert codec.loads(json.dumps(value)) == value
    assert codec.loads(json.dumps(value, ensure_ascii=False, indent=2).encode()) == value
    assert json.loads(codec.dumps(value)) == value


@given(VALUES)
def test_what_it_writes_is_one_line_of_ascii(value):
    text = codec.dumps(value)
    assert text.isascii()
    assert "\n" not in text
    assert "\r" not in text


BROKEN = [
    "",
    " ",
    "{",
    "[",
    '"',
    '{"a":',
    '{"a"',
    "{1:2}",
    "nonsense",
    '{"a":1}}',
    "[1,]",
    '"\\u12"',
    "\x00",
    "-",
    "9" * 9999,
]


def test_what_is_no_json_is_a_value_error_in_a_bare_interpreter_too():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import codec\n"
        "for text in sys.argv[2:]:\n try: codec.loads(text)\n except ValueError: print('refused')\n"
        "print(len(sys.modules))"
    )
    texts = [text for text in BROKEN if "\0" not in text]
    command = [sys.executable, "-S", "-E", "-I", "-c", code, os.path.dirname(codec.__file__), *texts]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split()[:-1] == ["refused"] * len(texts)


def test_a_python_whose_c_parts_want_something_else_is_served_by_its_package():
    """Python 3.15 did: its scanner asks for one option more."""
    code = (
        "import sys, types; sys.path.insert(0, sys.argv[1])\n"
        "import _json\n"
        "def make_scanner(grammar): grammar.parse_object; return _json.make_scanner(grammar)\n"
        "sys.modules['_json'] = types.SimpleNamespace(**vars(_json) | {'make_scanner': make_scanner})\n"
        "import codec\n"
        "print(codec.dumps(codec.loads('{\"a\": [1]}')))"
    )
    command = [sys.executable, "-S", "-E", "-I", "-c", code, os.path.dirname(codec.__file__)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout) == {"a": [1]}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_json_is_a_value_error(way, text):
    with pytest.raises(ValueError):
        codec.loads(text)


def test_invalid_utf8_lone_surrogates_and_a_byte_order_mark_are_read(way):
    assert codec.loads(b'{"prompt":"caf\xe9"}') == {"prompt": "caf\ufffd"}
    assert codec.loads(b'{"prompt":"\\ud800"}') == {"prompt": "\ud800"}
    assert codec.loads(b'\xef\xbb\xbf {"a":1}\r\n') == {"a": 1}
    assert codec.loads(b'{"a":"x\ny"}') == {"a": "x\ny"}
    assert codec.dumps({"prompt": "\ud800"}) in ('{"prompt":"\\ud800"}', '{"prompt": "\\ud800"}')


def test_what_is_no_json_value_is_refused(way):
    with pytest.raises(TypeError):
        codec.dumps({"a": object()})
