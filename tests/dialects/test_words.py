"""The short cut past JSON: what `words` finds in an event is all that the event says, or it finds nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.dialects import NAMES, get
from llm_router.errors import UpstreamError
from llm_router.nouns import TextDelta
from tests.dialects.test_dialect_streams import golden

VALUES = st.none() | st.just("") | st.text(max_size=5) | st.integers(0, 2) | st.just([]) | st.just({"a": 1})


def begun(name: str) -> Any:
    """A decoder that has read the first events of a stream."""
    decoder = get(name).decoder()
    for event in golden(name)["events"][:2]:
        decoder.feed(event)
    return decoder


def said(name: str, event: dict[str, Any]) -> list[Any] | str:
    try:
        return list(begun(name).feed(event))
    except UpstreamError as error:
        return error.kind


def check(name: str, event: dict[str, Any]) -> str:
    found = begun(name).words(json.dumps(event).encode())
    if found:
        assert said(name, event) == [TextDelta(found)]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_read_by_its_words_is_the_stream(name: str) -> None:
    fed, short = get(name).decoder(), get(name).decoder()
    found = 0
    for event in golden(name)["events"]:
        whole = list(fed.feed(event))
        words = short.words(json.dumps(event).encode())
        found += bool(words)
        assert ([short.say(words)] if words else list(short.feed(event))) == whole
    assert short.answer() == fed.answer()
    assert found or name not in {"openai_chat", "anthropic"}


@given(st.data())
def test_a_chunk_that_says_more_than_its_text_is_never_cut_short(data: st.DataObject) -> None:
    extra = st.sampled_from(
        ["role", "content", "refusal", "tool_calls", "function_call", "reasoning", "reasoning_content", "new"]
    )
    delta = {"content": "word"} | data.draw(st.dictionaries(extra, VALUES, max_size=3))
    beside = st.sampled_from(["finish_reason", "index", "usage", "logprobs", "message"])
    choice = {"delta": delta} | data.draw(st.dictionaries(beside, VALUES, max_size=2))
    above = st.sampled_from(["usage", "error", "event", "base_resp", "x_groq", "id", "model"])
    event = {"choices": [choice]} | data.draw(st.dictionaries(above, VALUES, max_size=2))
    check("openai_chat", event)


@given(st.dictionaries(st.sampled_from(["type", "text", "thinking", "signature"]), VALUES, max_size=3))
def test_an_event_of_anthropics_that_says_more_is_never_cut_short(delta: dict[str, Any]) -> None:
    check("anthropic", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"} | delta})


def test_the_usual_chunks_are_cut_short() -> None:
    chunk = {
        "id": "1",
        "choices": [{"index": 0, "delta": {"content": "wörd\n"}, "finish_reason": None}],
        "usage": None,
    }
    assert check("openai_chat", chunk) == "wörd\n"
    assert check("openai_chat", chunk | {"choices": []}) == ""
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "wörd"}}
    assert check("anthropic", delta) == "wörd"
