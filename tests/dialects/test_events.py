"""The bytes of a stream as events, cut wherever the network cuts them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.dialects import events
from llm_router.dialects.events import LineSplitter, Pairs, SseSplitter, decoded, parsed
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind


def split(stream, pieces=None, splitter=SseSplitter):
    maker = splitter()
    found = []
    for piece in [stream] if pieces is None else pieces:
        found += maker.feed(piece)
    return found + maker.end()


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b'data: {"a":1}\n\ndata: {"b":2}\n\n', [(b"", b'{"a":1}'), (b"", b'{"b":2}')]),
        (b'event: ping\ndata: {"type":"ping"}\n\n', [(b"ping", b'{"type":"ping"}')]),
        (b'data:{"a":1}\r\n\r\ndata: [DONE]\r\n\r\n', [(b"", b'{"a":1}'), (b"", b"[DONE]")]),
        (b"data: 1\r\rdata: 2\r\r", [(b"", b"1"), (b"", b"2")]),
        (b": keep alive\n\n:\n\ndata: 1\n\n\n\n", [(b"", b"1")]),
        (b"data: {\ndata: }\n\n", [(b"", b"{\n}")]),
        (b"\xef\xbb\xbfdata: 1\n\n", [(b"", b"1")]),
        (b"\n\n  \n\xef\xbb\xbf", []),
        (b"id: 7\nretry: 10\nevent: x\n\n", []),
        (b"data: 1\n\ndata: last", [(b"", b"1"), (b"", b"last")]),
        (b' {"plain": "a\\n\\nb"}\n\n', [(b"", b'{"plain": "a\\n\\nb"}\n\n')]),
        (b"<html>\n\n</html>", []),
        (b"", []),
    ],
)
def test_a_stream_is_split_into_its_events_however_it_is_cut(stream, expected):
    assert split(stream) == expected
    assert split(stream, [stream[i : i + 1] for i in range(len(stream))]) == expected
    for at in range(len(stream)):
        assert split(stream, [stream[:at], b"", stream[at:]]) == expected


TEXT = st.binary(max_size=30).filter(lambda text: not set(text) & set(b"\r\n") and text.strip())


@given(
    events=st.lists(st.tuples(st.sampled_from([b"", b"delta", b"error"]), TEXT), min_size=1, max_size=8),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_events_survive_any_cut_and_any_line_end(events, end, cuts):
    stream = b"".join(
        (b"event: " + name + end if name else b"") + b"data: " + data + end + end for name, data in events
    )
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert split(stream, pieces) == events


def test_lines_of_json_are_events():
    assert split(b'{"a":1}\n\n{"b":2}\r\n{"c":3}', splitter=LineSplitter) == [
        (b"", b'{"a":1}'),
        (b"", b'{"b":2}\r'),
        (b"", b'{"c":3}'),
    ]


def test_an_event_without_end_is_not_collected_for_ever(monkeypatch):
    monkeypatch.setattr(events, "LONGEST_EVENT", 1000)
    for maker, start in ((SseSplitter(), b"data: "), (SseSplitter(), b"{"), (LineSplitter(), b"{")):
        with pytest.raises(UpstreamError) as raised:
            for _ in range(100):
                maker.feed(start + b"x" * 100)
        assert raised.value.kind is FailureKind.MALFORMED


def test_an_events_name_is_kept_where_its_data_does_not_repeat_it():
    assert decoded((b"error", b'{"message":"no"}')) == {"message": "no", "event": "error"}
    assert decoded((b"ping", b'{"type":"ping"}')) == {"type": "ping"}
    assert decoded((b"", b"[DONE]")) is None
    assert decoded((b"", b"[DONE] ")) is None


@pytest.mark.parametrize("data", [b"{", b"7", b'"text"', b"\xff", b"", b"[" * 100_000])
def test_what_is_no_object_is_malformed(data):
    with pytest.raises(UpstreamError) as raised:
        parsed(data)
    assert raised.value.kind is FailureKind.MALFORMED


def test_json_that_only_some_vendors_write_is_read():
    assert parsed(b'{"x": NaN}')["x"] != 0
    assert parsed(b'{"x": "\\ud83d"}') == {"x": "\ufffd"}
    assert parsed(rb'{"x": "\ud83d.\ude42", "y": NaN}')["x"] == "\ufffd.\ufffd"
    assert parsed(rb'{"x": "\ud83d\ude42 \\ud83d \n", "y": NaN}')["x"] == "🙂 \\ud83d \n"
    assert parsed(b'[{"error": {"code": 429}}]') == {"error": [{"error": {"code": 429}}]}


def test_a_character_whose_halves_come_in_two_events_is_one():
    pairs = Pairs()
    pieces = [rb'{"x": "a\ud83d"}', rb'{"x": "\ude42b\uD83D"}', rb'{"x": "\uDE42"}', rb'{"x": "\ude42"}']
    assert [parsed(piece, pairs)["x"] for piece in pieces] == ["a", "🙂b", "🙂", "\ufffd"]
