"""Server-sent events written in every way that their standard allows, to be translated and to be passed on."""

import itertools
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_router.dialects import inbound, passing
from llm_router.dialects.events import SseSplitter, decoded

END_OF_LINE = re.compile(rb"\r\n|\r|\n")
BOM = b"\xef\xbb\xbf"
EVENTS = [
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": "größer: data: 😀"}}]},
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": "\r\n\r\n"}}]},
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": "end"}}]},
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"id": "c1", "model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}},
]


def told(stream):
    """What a client that keeps to the standard reads: https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    lines, found, data = END_OF_LINE.split(stream.removeprefix(BOM)), [], []
    for line in lines[:-1]:
        name, _, value = line.partition(b":")
        if not line and data:
            found.append(b"\n".join(data))
        if not line:
            data = []
        elif name == b"data":
            data.append(value.removeprefix(b" "))
    return [each if each == b"[DONE]" else json.loads(each) for each in found]


@st.composite
def streams(draw):
    """The events, written down, and cut."""
    ends = st.sampled_from(draw(st.sampled_from([[b"\n"], [b"\r\n"], [b"\r"], [b"\n", b"\r\n", b"\r"]])))
    beside = st.sampled_from([b"", b": a comment", b":", b"id: 7", b"retry: 100", b"unknown: data: x"])
    written = [BOM if draw(st.booleans()) else b""]
    for event in [*EVENTS, None]:
        indent = draw(st.sampled_from([None, 1]))
        text = (
            "[DONE]" if event is None else json.dumps(event, ensure_ascii=draw(st.booleans()), indent=indent)
        )
        lines = [draw(st.sampled_from([b"data: ", b"data:"])) + line for line in text.encode().split(b"\n")]
        lines.insert(draw(st.integers(0, len(lines))), draw(beside))
        written += [line + draw(ends) for line in lines if line]
        blank = draw(ends)  # behind a CR a LF would be half of one line end
        written.append(b"\r\n" if (written[-1][-1:], blank) == (b"\r", b"\n") else blank)
    stream = b"".join(written)
    cuts = draw(st.lists(st.integers(1, len(stream) - 1), max_size=12))
    edges = sorted({0, len(stream), *cuts})
    return [stream[a:b] for a, b in itertools.pairwise(edges)]


def poured(pieces):
    speaks = passing.get("openai_chat")
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    tap = speaks.tap(inbound.get("openai_chat").sketch(json.dumps(body).encode()), "openai", None)
    out = [tap.feed(piece) for piece in pieces]
    return tap, [*out, tap.close()]


@given(streams())
@example([b"data: %s\n\r" * 7 % (*(json.dumps(event).encode() for event in EVENTS), b"[DONE]")])
def test_what_passes_is_what_came_and_what_it_cost_is_read_off_it(pieces):
    tap, out = poured(pieces)
    assert tap.error is None
    assert told(b"".join(out)) == told(b"".join(pieces)) == [*EVENTS, b"[DONE]"]
    assert (tap.usage.input_tokens, tap.usage.output_tokens) == (7, 5)
    assert tap.ended
    assert tap.begun


@given(streams())
def test_what_is_translated_is_read_alike(pieces):
    split = SseSplitter()
    found = [event for piece in pieces for event in split.feed(piece)] + split.end()
    assert [decoded(event) for event in found] == [*EVENTS, None]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_is_passed_on_as_soon_as_it_has_come(end):
    """The next one may be minutes away."""
    pieces = [b"data: " + json.dumps(event).encode() + end + end for event in EVENTS]
    _, out = poured(pieces)
    assert out[1:-1] == pieces[1:]
