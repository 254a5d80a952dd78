"""What a renderer has held back is written once at the end, not again with the rest of the answer."""

import pytest

from llm_router.dialects import inbound
from llm_router.nouns import Answer, Text, TextDelta, ToolCall, ToolCallDelta, Usage, ask
from llm_router.ports import Head

ARGUMENTS = '{"file_path": "needle"}'
# Responses tells everything again in the events that close an item
ONCE = ["anthropic", "openai_chat", "gemini", "gemini_array", "ollama"]


@pytest.mark.parametrize("name", ONCE)
@pytest.mark.parametrize("pieces", [[ARGUMENTS], [ARGUMENTS[:-2], ARGUMENTS[-2:]]], ids=len)
def test_an_answer_of_nothing_but_a_call_tells_its_arguments_once(name, pieces):
    renderer = inbound.get(name).renderer(Head(ask("x", stream=True), "m"))
    first = ToolCallDelta(0, pieces[0], "call_1", "Read")
    out = b"".join(renderer.feed([delta]) for delta in (first, *(ToolCallDelta(0, p) for p in pieces[1:])))
    out += renderer.end(Answer((ToolCall("call_1", "Read", ARGUMENTS),), "tool_use", Usage(1, 1)))
    assert out.count(b"needle") == 1, out


@pytest.mark.parametrize("name", inbound.NAMES)
def test_an_upstream_that_tells_all_of_it_at_the_end_is_heard(name):
    renderer = inbound.get(name).renderer(Head(ask("x", stream=True), "m"))
    out = renderer.end(Answer((Text("needle"),), "end", Usage(1, 1)))
    assert b"needle" in out


@pytest.mark.parametrize("name", [*ONCE, "ollama_generate"])
def test_what_was_fed_is_not_told_again_at_the_end(name):
    renderer = inbound.get(name).renderer(Head(ask("x", stream=True), "m"))
    out = renderer.feed([TextDelta("needle")])
    out += renderer.end(Answer((Text("needle"),), "end", Usage(1, 1)))
    assert out.count(b"needle") == 1
