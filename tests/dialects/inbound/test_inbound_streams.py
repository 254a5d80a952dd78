"""What is streamed to callers: in order, accepted by the vendors' own readers, and the same as the whole answer."""

from __future__ import annotations

import json
from typing import Any

import order
import pytest
import sdk_readers
from hypothesis import given
from hypothesis import strategies as st

from llm_router.dialects.assembler import Assembler
from llm_router.dialects.inbound import get
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    Answer,
    Delta,
    FailureKind,
    Origin,
    Reasoning,
    Request,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
    ask,
)
from llm_router.ports import Head

USAGE = Usage(input_tokens=20, output_tokens=9, cache_read_tokens=5, cache_write_tokens=2, reasoning_tokens=3)


def head(request: Request | None = None, issuer: str = "gemini") -> Head:
    return Head(request or ask("hi"), "shown-model", input_tokens=12, issuer=issuer)


def answer(*parts: Any, stop: Any = "end", usage: Usage = USAGE, **fields: Any) -> Answer:
    return Answer(tuple(parts), stop, usage, **fields)


def assembled(deltas: list[Delta]) -> Answer:
    assembler = Assembler()
    for delta in deltas:
        assembler.add(delta)
    parts = assembler.parts()
    calls = any(isinstance(part, ToolCall) for part in parts)
    return Answer(parts, "tool_use" if calls else "end", USAGE)


def streamed(dialect: str, batches: list[list[Delta]], told: Answer, given_head: Head | None = None) -> bytes:
    renderer = get(dialect).renderer(given_head or head())
    return b"".join(renderer.feed(batch) for batch in batches) + renderer.end(told)


def blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Content without what differs between two renderings of one answer."""
    return [{k: v for k, v in block.items() if k in KEPT} for block in message["content"]]


KEPT = ("type", "text", "thinking", "signature", "data", "id", "name", "input")

# ── random streams ───────────────────────────────────────────────────────────

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
objects = st.dictionaries(words, st.one_of(words, st.integers(-9, 9), st.booleans(), st.none()), max_size=3)


@st.composite
def pieces_of_call(draw: st.DrawFn, index: int) -> list[Delta]:
    """A call cut anywhere; id and name with the first piece, or the name later."""
    text = draw(st.sampled_from(["", " "])) + json.dumps(draw(objects)) + draw(st.sampled_from(["", "\n"]))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    late = draw(st.booleans())
    first = ToolCallDelta(
        index, "" if late else pieces[0], f"call_{index}", None if late else f"tool_{index}"
    )
    rest = [ToolCallDelta(index, piece) for piece in (pieces if late else pieces[1:])]
    if late:
        rest[0] = ToolCallDelta(index, pieces[0], None, f"tool_{index}")
    return [first, *rest]


@st.composite
def streams(draw: st.DrawFn) -> list[Delta]:
    """Calls whose pieces are mixed with each other, and with words, thoughts and empty pieces."""
    queues = [draw(pieces_of_call(index)) for index in range(draw(st.integers(0, 3)))]
    said = st.one_of(
        words.map(TextDelta),
        words.map(ThinkingDelta),
        st.builds(ThinkingDelta, words, st.sampled_from(["sig-a", "sig-b"])),
    )
    queues += [[delta] for delta in draw(st.lists(said, max_size=8))]
    deltas: list[Delta] = []
    begun = 0
    while queues:
        at = draw(st.integers(0, len(queues) - 1))
        call = queues[at][0]
        if isinstance(call, ToolCallDelta) and call.index > begun:
            at = next(
                n for n, q in enumerate(queues) if isinstance(q[0], ToolCallDelta) and q[0].index == begun
            )
            call = queues[at][0]
        if isinstance(call, ToolCallDelta) and call.index == begun:
            begun += 1
        deltas.append(queues[at].pop(0))
        queues = [queue for queue in queues if queue]
    return deltas


@st.composite
def batched(draw: st.DrawFn, deltas: list[Delta]) -> list[list[Delta]]:
    cuts = sorted(draw(st.lists(st.integers(0, len(deltas)), max_size=5)))
    return [deltas[a:b] for a, b in zip([0, *cuts], [*cuts, len(deltas)], strict=True)]


@given(streams(), st.data())
def test_any_stream_is_in_order_for_anthropic_clients_and_says_what_the_whole_answer_says(
    deltas: list[Delta], data: st.DataObject
) -> None:
    told = assembled(deltas)
    stream = streamed("anthropic", data.draw(batched(deltas)), told)
    message = order.message(stream)
    whole = json.loads(get("anthropic").render(told, head()))
    assert blocks(message) == blocks(whole)
    assert blocks(sdk_readers.anthropic_message(stream)) == blocks(whole)
    assert message["stop_reason"] == whole["stop_reason"]
    assert message["usage"] == whole["usage"]


@given(streams(), st.data())
def test_any_stream_is_read_by_openais_own_reader_as_the_whole_answer(
    deltas: list[Delta], data: st.DataObject
) -> None:
    told = assembled(deltas)
    body = {"stream_options": {"include_usage": True}}
    asked = Request((), origin=Origin("openai_chat", json.dumps(body).encode()))
    stream = streamed("openai_chat", data.draw(batched(deltas)), told, head(asked))
    read = sdk_readers.openai_completion(stream)
    whole = json.loads(get("openai_chat").render(told, head(asked)))
    mine, theirs = read["choices"][0]["message"], whole["choices"][0]["message"]
    assert (mine.get("content") or "") == (theirs["content"] or "")
    assert (mine.get("reasoning_content") or "") == theirs.get("reasoning_content", "")
    assert [_call(call) for call in mine.get("tool_calls") or ()] == [
        _call(call) for call in theirs.get("tool_calls") or ()
    ]
    assert read["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert read["usage"]["total_tokens"] == whole["usage"]["total_tokens"]


def _call(call: dict[str, Any]) -> tuple[Any, ...]:
    return call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])


# ── particular streams ───────────────────────────────────────────────────────


def test_mixed_pieces_of_parallel_calls_come_one_call_after_the_other() -> None:
    deltas: list[Delta] = [
        ToolCallDelta(0, "", "a", "read"),
        ToolCallDelta(1, "", "b", "run"),
        ToolCallDelta(0, '{"path":'),
        ToolCallDelta(1, '{"command":'),
        ToolCallDelta(0, '"x"}'),
        ToolCallDelta(1, '"ls"}'),
    ]
    message = order.message(streamed("anthropic", [[d] for d in deltas], assembled(deltas)))
    assert [(b["id"], b["name"], b["input"]) for b in message["content"]] == [
        ("a", "read", {"path": "x"}),
        ("b", "run", {"command": "ls"}),
    ]
    assert message["stop_reason"] == "tool_use"


def test_a_call_is_passed_on_piece_by_piece_while_it_is_written() -> None:
    renderer = get("anthropic").renderer(head())
    assert b'"name":"read"' in renderer.feed([ToolCallDelta(0, "", "a", "read")])
    assert b'"partial_json":"{\\"path\\":"' in renderer.feed([ToolCallDelta(0, '{"path":')])


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
def test_a_call_waits_for_its_name(dialect: str) -> None:
    renderer = get(dialect).renderer(head())
    assert renderer.feed([ToolCallDelta(0, "", "a", "")]) == b""
    told = renderer.feed([ToolCallDelta(0, "{}", None, "read")])
    assert b'"name":"read"' in told
    assert b'"id":"a"' in told


def chunk(*calls: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"tool_calls": list(calls)} if calls else {}, "finish_reason": finish}
    return {"id": "c", "model": "m", "choices": [choice]}


@pytest.mark.parametrize(
    "chunks",
    [
        [  # id and name repeated with every piece
            chunk({"index": 0, "id": "a", "function": {"name": "read", "arguments": '{"path":'}}),
            chunk({"index": 0, "id": "a", "function": {"name": "read", "arguments": '"x"}'}}),
        ],
        [  # an empty name first
            chunk({"index": 0, "id": "a", "function": {"name": "", "arguments": ""}}),
            chunk({"index": 0, "function": {"name": "read", "arguments": '{"path":"x"'}}),
            chunk({"index": 0, "function": {"arguments": "}"}}),
        ],
        [  # no index, and the arguments as an object
            chunk({"id": "a", "function": {"name": "read", "arguments": {"path": "x"}}}),
        ],
    ],
)
def test_what_vendors_make_of_a_call_reaches_a_caller_as_one(chunks: list[dict[str, Any]]) -> None:
    from llm_router import dialects

    decoder, renderer = dialects.get("openai_chat").decoder(), get("anthropic").renderer(head())
    data = b"".join(renderer.feed(decoder.feed(each)) for each in (*chunks, chunk(finish="stop")))
    message = order.message(data + renderer.end(decoder.answer()))
    assert message["content"] == [{"type": "tool_use", "id": "a", "name": "read", "input": {"path": "x"}}]
    assert message["stop_reason"] == "tool_use"


def test_words_after_a_call_are_told_after_it() -> None:
    deltas: list[Delta] = [ToolCallDelta(0, "{}", "a", "read"), TextDelta("Reading "), TextDelta("it.")]
    message = order.message(streamed("anthropic", [deltas], assembled(deltas)))
    assert [b["type"] for b in message["content"]] == ["tool_use", "text"]
    assert message["content"][1]["text"] == "Reading it."


def test_thinking_keeps_every_space_and_is_signed_by_who_thought() -> None:
    deltas: list[Delta] = [ThinkingDelta("  hm\n"), ThinkingDelta("\n"), TextDelta("So.")]
    message = order.message(streamed("anthropic", [deltas], assembled(deltas), head(issuer="deepseek")))
    assert message["content"][0]["thinking"] == "  hm\n\n"
    assert message["content"][0]["signature"] == "llmr.deepseek."


def test_anthropics_own_signatures_and_hidden_thoughts_pass_as_they_are() -> None:
    deltas: list[Delta] = [
        ThinkingDelta("hm"),
        ThinkingDelta("", "EqQB"),
        ThinkingDelta("", "redacted:AbC"),
        TextDelta("So."),
    ]
    message = order.message(streamed("anthropic", [deltas], assembled(deltas), head(issuer="anthropic")))
    assert message["content"][:2] == [
        {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "AbC"},
    ]


def test_who_forbade_thinking_is_shown_none() -> None:
    request = ask("hi", reasoning=Reasoning("none"))
    deltas: list[Delta] = [ThinkingDelta("hm"), TextDelta("So.")]
    told = assembled(deltas)
    message = order.message(streamed("anthropic", [deltas], told, head(request)))
    assert [b["type"] for b in message["content"]] == ["text"]
    assert blocks(json.loads(get("anthropic").render(told, head(request)))) == blocks(message)


def test_thinking_that_shall_not_be_shown_still_comes_back_to_its_maker() -> None:
    request = ask("hi", reasoning=Reasoning(shown=False))
    deltas: list[Delta] = [ThinkingDelta("secret thought"), ToolCallDelta(0, "{}", "a", "read")]
    told = assembled(deltas)
    stream = streamed("anthropic", [deltas], told, head(request, "deepseek"))
    assert b"secret thought" not in stream
    block = order.message(stream)["content"][0]
    assert block["thinking"] == ""
    assert json.loads(get("anthropic").render(told, head(request, "deepseek")))["content"][0] == block
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": [block, {"type": "tool_use", "id": "a", "name": "read", "input": {}}],
            },
        ],
    }
    back = get("anthropic").parse(get("anthropic").sketch(json.dumps(body).encode()))
    assert back.messages[1].parts[0] == Thinking("secret thought", None, "deepseek")


def test_shortened_names_of_tools_become_the_callers_again() -> None:
    from llm_router.dialects.encoding import wire_name

    name = "mcp__a_server_with_a_long_name__" + "x" * 60
    request = ask("hi", tools=(Tool(name),))
    deltas: list[Delta] = [ToolCallDelta(0, "{}", "a", wire_name(name))]
    for dialect in ("anthropic", "openai_chat"):
        assert name.encode() in streamed(dialect, [deltas], assembled(deltas), head(request))
        assert name.encode() in get(dialect).render(assembled(deltas), head(request))


def test_usage_is_an_estimate_first_and_the_truth_at_the_end() -> None:
    stream = streamed("anthropic", [[TextDelta("a")]], answer(Text("a")))
    first, *_, delta, _ = order.events(stream)
    assert first["message"]["usage"]["input_tokens"] == 12
    assert delta["usage"] == {
        "input_tokens": 13,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 5,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 3},
    }


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
def test_a_vendor_who_counts_nothing_leaves_our_estimate(dialect: str) -> None:
    origin = Origin(dialect, b'{"stream_options": {"include_usage": true}}')
    given_head = head(Request((), origin=origin))
    told = answer(Text("a"), usage=Usage(output_tokens=3, estimated=True))
    name = {"anthropic": "input_tokens", "openai_chat": "prompt_tokens"}[dialect]
    assert json.loads(get(dialect).render(told, given_head))["usage"][name] == 12
    assert f'"{name}":12'.encode() in streamed(dialect, [[TextDelta("a")]], told, given_head)[-250:]


def test_every_reply_has_an_id_of_its_own() -> None:
    ids = {json.loads(get("anthropic").render(answer(Text("a")), head()))["id"] for _ in range(50)}
    assert len(ids) == 50
    assert all(each.startswith("msg_") for each in ids)


@pytest.mark.parametrize(
    ("stop", "anthropic", "chat"),
    [
        ("end", "end_turn", "stop"),
        ("length", "max_tokens", "length"),
        ("stop_sequence", "stop_sequence", "stop"),
        ("refusal", "refusal", "content_filter"),
    ],
)
def test_reasons_to_stop(stop: Any, anthropic: str, chat: str) -> None:
    told = answer(Text("a"), stop=stop, stop_sequence="END" if stop == "stop_sequence" else None)
    message = order.message(streamed("anthropic", [[TextDelta("a")]], told))
    assert message["stop_reason"] == anthropic
    assert message["stop_sequence"] == told.stop_sequence
    completion = sdk_readers.openai_completion(streamed("openai_chat", [[TextDelta("a")]], told))
    assert completion["choices"][0]["finish_reason"] == chat


def test_a_call_under_a_plain_end_is_still_a_reason_to_run_it() -> None:
    told = answer(ToolCall("a", "read", "{}"), stop="end")
    assert json.loads(get("anthropic").render(told, head()))["stop_reason"] == "tool_use"
    assert json.loads(get("openai_chat").render(told, head()))["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
def test_an_answer_that_was_told_only_at_the_end_is_streamed_then(dialect: str) -> None:
    told = answer(Text("a"), ToolCall("c1", "f", "{}"), ToolCall("c2", "g", '{"x":1}'), stop="tool_use")
    stream = streamed(dialect, [], told)
    assert b'"c1"' in stream
    assert b'"c2"' in stream
    if dialect == "anthropic":
        assert [b["type"] for b in order.message(stream)["content"]] == ["text", "tool_use", "tool_use"]


def test_pings_come_after_the_message_has_begun() -> None:
    renderer = get("anthropic").renderer(head())
    data = (
        renderer.ping() + renderer.feed([TextDelta("a")]) + renderer.ping() + renderer.end(answer(Text("a")))
    )
    assert order.message(data)["content"] == [{"type": "text", "text": "a"}]
    assert data.count(b"event: ping") == 2
    assert get("openai_chat").renderer(head()).ping().startswith(b":")


def test_a_broken_stream_ends_with_an_error_and_nothing_after_it() -> None:
    broken = UpstreamError(FailureKind.OVERLOADED, "Busy.", status=529)
    renderer = get("anthropic").renderer(head())
    data = renderer.feed([TextDelta("a")]) + renderer.error(broken)
    assert order.error(data) == {"type": "overloaded_error", "message": "Busy."}
    assert renderer.error(broken) == renderer.ping() == b""
    chat = get("openai_chat").renderer(head())
    data = chat.feed([TextDelta("a")]) + chat.error(broken)
    assert b"[DONE]" not in data
    assert json.loads(data.rsplit(b"data: ", 1)[1])["error"]["message"] == "Busy."
    assert chat.error(broken) == chat.ping() == b""


def test_openais_client_raises_the_error_of_a_broken_stream() -> None:
    import httpx2
    from openai import APIError, Stream
    from openai import OpenAI as Client

    chat = get("openai_chat").renderer(head())
    data = chat.feed([TextDelta("a")]) + chat.error(UpstreamError(FailureKind.OVERLOADED, "Busy."))
    from openai.types.chat import ChatCompletionChunk

    with Client(api_key="k", base_url="http://127.0.0.1:9") as client:
        response = httpx2.Response(200, content=data, request=httpx2.Request("POST", "http://127.0.0.1:9"))
        stream = Stream(cast_to=ChatCompletionChunk, response=response, client=client)
        with pytest.raises(APIError, match="Busy"):
            list(stream)


def test_usage_chunks_go_only_to_who_asked_for_them() -> None:
    plain = streamed("openai_chat", [[TextDelta("a")]], answer(Text("a")))
    assert b"usage" not in plain
    for block in plain.decode().split("\n\n")[:-2]:
        assert json.loads(block[6:])["choices"]
