"""Golden streams of every dialect, whole and plain, broken off, and cut at random."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.dialects import NAMES, get, issued_by
from llm_router.dialects.reading import HIGHEST
from llm_router.errors import NotFoundError, UpstreamError
from llm_router.nouns import (
    Answer,
    FailureKind,
    Part,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)

STREAMS = Path(__file__).parent / "streams"
END_MARKS = {
    "anthropic": 2,
    "openai_chat": 2,
    "openai_responses": 1,
    "gemini": 1,
    "ollama": 1,
    "codex_cli": 1,
    "gemini_cli": 1,
}


def golden(name: str) -> dict[str, Any]:
    return json.loads((STREAMS / f"{name}.json").read_text(encoding="utf-8"))


def part(row: list[Any]) -> Part:
    kinds = {"text": Text, "thinking": Thinking, "call": ToolCall}
    return kinds[row[0]](*row[1:])


def expected(data: dict[str, Any]) -> Answer:
    parts = tuple(part(row) for row in data["parts"])
    return Answer(parts, data["stop_reason"], Usage(**data["usage"]), data["model"], data["id"])


def decode(name: str, events: list[dict[str, Any]]) -> Answer:
    decoder = get(name).decoder()
    for event in events:
        decoder.feed(event)
    return decoder.answer()


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_stream_gives_the_whole_answer(name: str) -> None:
    data = golden(name)
    assert decode(name, data["events"]) == expected(data)


@pytest.mark.parametrize("name", NAMES)
def test_the_deltas_of_a_golden_stream_are_the_answer_in_pieces(name: str) -> None:
    data = golden(name)
    decoder = get(name).decoder()
    deltas = [delta for event in data["events"] for delta in decoder.feed(event)]
    answer = decoder.answer()
    assert "".join(d.text for d in deltas if isinstance(d, TextDelta)) == answer.text
    assert "".join(d.text for d in deltas if isinstance(d, ThinkingDelta)) == "".join(
        p.text for p in answer.parts if isinstance(p, Thinking)
    )
    for index, call in enumerate(p for p in answer.parts if isinstance(p, ToolCall)):
        mine = [d for d in deltas if isinstance(d, ToolCallDelta) and d.index == index]
        assert (mine[0].id, mine[0].name) == (call.id, call.name)
        assert ("".join(d.arguments for d in mine) or "{}") == call.arguments


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_without_its_end_mark_is_truncated(name: str) -> None:
    events = golden(name)["events"]
    with pytest.raises(UpstreamError) as caught:
        decode(name, events[: -END_MARKS[name]])
    assert caught.value.kind is FailureKind.TRUNCATED


@pytest.mark.parametrize("name", NAMES)
def test_events_nobody_knows_are_passed_over(name: str) -> None:
    data = golden(name)
    strange: list[dict[str, Any]] = [
        {"type": "from.the.future", "delta": 3},
        {},
        {"event": "ping"},
        {"type": None},
    ]
    mixed = [event for known in data["events"] for event in (*strange, known)]
    assert decode(name, mixed) == expected(data)


def test_an_unknown_dialect_is_named_in_the_error() -> None:
    with pytest.raises(NotFoundError, match="esperanto"):
        get("esperanto")


def test_the_provider_that_spoke_is_marked_on_its_thinking() -> None:
    answer = issued_by(Answer((Thinking("hm", "s"), Text("a")), "end", Usage()), "anthropic")
    assert answer.parts == (Thinking("hm", "s", "anthropic"), Text("a"))


BODIES: dict[str, dict[str, Any]] = {
    "anthropic": {
        "id": "m",
        "model": "c",
        "content": [
            {"type": "text", "text": "Hi"},
            {"type": "text", "text": "there"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    },
    "openai_chat": {
        "id": "m",
        "model": "c",
        "choices": [
            {
                "index": 0,
                "message": {
                    "content": "Hithere",
                    "tool_calls": [{"id": "t", "function": {"name": "f", "arguments": '{"a": 1}'}}],
                },
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    },
    "openai_responses": {
        "id": "m",
        "model": "c",
        "status": "completed",
        "output": [
            {"type": "message", "content": [{"type": "output_text", "text": "Hithere"}]},
            {"type": "function_call", "call_id": "t", "name": "f", "arguments": '{"a": 1}'},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    },
    "gemini": {
        "responseId": "m",
        "modelVersion": "c",
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "Hithere"},
                        {"functionCall": {"id": "t", "name": "f", "args": {"a": 1}}},
                    ]
                },
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4},
    },
    "ollama": {
        "model": "c",
        "message": {
            "content": "Hithere",
            "tool_calls": [{"id": "t", "function": {"name": "f", "arguments": {"a": 1}}}],
        },
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 3,
        "eval_count": 4,
    },
}


@pytest.mark.parametrize("name", BODIES)
def test_a_plain_body_gives_text_calls_usage_and_a_stop_reason(name: str) -> None:
    answer = get(name).decode(BODIES[name])
    assert answer.text == "Hithere"
    assert answer.parts[-1] == ToolCall("t", "f", '{"a": 1}')
    assert (answer.stop_reason, answer.model) == ("tool_use", "c")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.estimated) == (3, 4, False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "body", [{}, {"unexpected": [1]}, {"content": "x", "choices": {}, "output": 3, "events": None}]
)
def test_a_body_of_another_shape_is_malformed(name: str, body: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError) as caught:
        get(name).decode(body)
    assert caught.value.kind is FailureKind.MALFORMED


EMPTY: dict[str, dict[str, Any]] = {
    "anthropic": {"content": [], "stop_reason": "end_turn"},
    "openai_chat": {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]},
    "openai_responses": {"output": [], "status": "completed"},
    "gemini": {"candidates": [{"finishReason": "STOP"}]},
    "ollama": {"message": {"content": ""}, "done": True},
    "gemini_cli": {"response": ""},
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_answer_is_read_as_empty_and_not_as_broken(name: str) -> None:
    assert get(name).decode(EMPTY[name]).empty


@pytest.mark.parametrize("name", EMPTY)
def test_usage_nobody_reported_is_estimated_and_marked_so(name: str) -> None:
    assert get(name).decode(EMPTY[name]).usage == Usage(estimated=True)


# ── any reply, cut anywhere ──────────────────────────────────────────────────

words = st.text(min_size=1, max_size=40)
call = st.tuples(
    st.uuids().map(lambda u: f"call_{u.hex[:8]}"),
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
    st.dictionaries(
        st.text(max_size=5), st.one_of(st.integers(), words, st.lists(st.booleans(), max_size=2)), max_size=3
    ),
)
replies = st.tuples(
    st.one_of(st.just(""), words),
    st.one_of(st.just(""), words),
    st.lists(call, max_size=3, unique_by=lambda c: c[0]),
)


class Cutter:
    """Splits text at random places, and shuffles pieces of parallel calls into each other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pieces(self, text: str) -> list[str]:
        places = (
            sorted(self.random.sample(range(1, len(text)), k=self.random.randrange(len(text))))
            if len(text) > 1
            else []
        )
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]

    def woven(self, rows: list[list[Any]]) -> list[Any]:
        order = [index for index, row in enumerate(rows) for _ in row]
        self.random.shuffle(order)
        queues = [iter(row) for row in rows]
        return [next(queues[index]) for index in order]


Calls = list[tuple[str, str, dict[str, Any]]]


def anthropic_events(thought: str, text: str, calls: Calls, cut: Cutter) -> list[dict[str, Any]]:
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if thought:
        deltas = [{"type": "thinking_delta", "thinking": p} for p in cut.pieces(thought)]
        blocks.append(
            ({"type": "thinking", "thinking": ""}, [*deltas, {"type": "signature_delta", "signature": "sig"}])
        )
    if text:
        blocks.append(
            ({"type": "text", "text": ""}, [{"type": "text_delta", "text": p} for p in cut.pieces(text)])
        )
    for call_id, name, arguments in calls:
        deltas = [{"type": "input_json_delta", "partial_json": p} for p in cut.pieces(json.dumps(arguments))]
        blocks.append(({"type": "tool_use", "id": call_id, "name": name, "input": {}}, deltas))
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {"id": "m", "model": "c"}}]
    for index, (start, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    )
    return [*events, {"type": "message_stop"}]


def openai_chat_events(thought: str, text: str, calls: Calls, cut: Cutter) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"reasoning_content": p} for p in cut.pieces(thought)] if thought else []
    deltas += [{"content": p} for p in cut.pieces(text)] if text else []
    begun = [
        {"tool_calls": [{"index": i, "id": call_id, "function": {"name": name, "arguments": ""}}]}
        for i, (call_id, name, _) in enumerate(calls)
    ]
    rest = [
        [
            {"tool_calls": [{"index": i, "function": {"arguments": p}}]}
            for p in cut.pieces(json.dumps(arguments))
        ]
        for i, (_, _, arguments) in enumerate(calls)
    ]
    deltas += [*begun, *cut.woven(rest)]
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return [*chunks, {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}]


def openai_responses_events(thought: str, text: str, calls: Calls, cut: Cutter) -> list[dict[str, Any]]:
    items: list[tuple[dict[str, Any], str, str]] = []
    if thought:
        done = {"type": "reasoning", "id": "rs", "summary": [{"text": thought}], "encrypted_content": "x"}
        items.append((done, "response.reasoning_summary_text.delta", thought))
    if text:
        done = {"type": "message", "content": [{"type": "output_text", "text": text}]}
        items.append((done, "response.output_text.delta", text))
    for call_id, name, arguments in calls:
        written = json.dumps(arguments)
        done = {"type": "function_call", "call_id": call_id, "name": name, "arguments": written}
        items.append((done, "response.function_call_arguments.delta", written))
    events: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": "m", "model": "c"}}]
    for index, (done, kind, told) in enumerate(items):
        begun = done | {"arguments": ""} if done["type"] == "function_call" else {"type": done["type"]}
        events.append({"type": "response.output_item.added", "output_index": index, "item": begun})
        events += [{"type": kind, "output_index": index, "delta": p} for p in cut.pieces(told)]
        events.append({"type": "response.output_item.done", "output_index": index, "item": done})
    usage = {"input_tokens": 1, "output_tokens": 1}
    return [
        *events,
        {
            "type": "response.completed",
            "response": {"output": [done for done, _, _ in items], "usage": usage},
        },
    ]


def gemini_events(thought: str, text: str, calls: Calls, cut: Cutter) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = (
        [{"text": p, "thought": True} for p in cut.pieces(thought)] if thought else []
    )
    parts += [{"text": p} for p in cut.pieces(text)] if text else []
    parts += [{"functionCall": {"id": call_id, "name": name, "args": args}} for call_id, name, args in calls]
    chunks: list[dict[str, Any]] = [{"candidates": [{"content": {"parts": [p]}}]} for p in parts]
    return [*chunks, {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1}}]


def ollama_events(thought: str, text: str, calls: Calls, cut: Cutter) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"thinking": p} for p in cut.pieces(thought)] if thought else []
    messages += [{"content": p} for p in cut.pieces(text)] if text else []
    messages += [
        {"tool_calls": [{"id": call_id, "function": {"name": name, "arguments": arguments}}]}
        for call_id, name, arguments in calls
    ]
    chunks: list[dict[str, Any]] = [{"message": message, "done": False} for message in messages]
    return [*chunks, {"message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 1}]


WRITERS = {
    "anthropic": anthropic_events,
    "openai_chat": openai_chat_events,
    "openai_responses": openai_responses_events,
    "gemini": gemini_events,
    "ollama": ollama_events,
}


@pytest.mark.parametrize("name", WRITERS)
@given(reply=replies, seed=st.integers(0, 10_000))
def test_any_reply_cut_anywhere_decodes_to_the_same_answer(
    name: str, reply: tuple[str, str, Calls], seed: int
) -> None:
    thought, text, calls = reply
    answer = decode(name, WRITERS[name](thought, text, calls, Cutter(seed)))
    assert "".join(p.text for p in answer.parts if isinstance(p, Thinking)) == thought
    assert answer.text == text
    read = [(p.id, p.name, json.loads(p.arguments)) for p in answer.parts if isinstance(p, ToolCall)]
    assert read == [(call_id, tool, arguments) for call_id, tool, arguments in calls]
    assert answer.stop_reason == ("tool_use" if calls else "end")
    assert answer.usage != Usage(estimated=True)


# ── liberties vendors take ───────────────────────────────────────────────────


def chat(*deltas: dict[str, Any], **last: Any) -> list[dict[str, Any]]:
    chunks: list[dict[str, Any]] = [{"choices": [{"delta": delta, "finish_reason": ""}]} for delta in deltas]
    return [*chunks, {"choices": [{"delta": {}, "finish_reason": "tool_calls"}], **last}]


def whole(name: str, call_id: str | None = None, **more: Any) -> dict[str, Any]:
    call = {"function": {"name": name, "arguments": f'{{"from": "{name}"}}'}, **more}
    return call | ({"id": call_id} if call_id else {})


@pytest.mark.parametrize(
    "deltas",
    [
        [{"tool_calls": [whole("a", "1", index=0)]}, {"tool_calls": [whole("b", "2", index=0)]}],
        [{"tool_calls": [whole("a", "1"), whole("b", "2")]}],
        [{"tool_calls": [whole("a"), whole("b")]}],
        [{"tool_calls": [whole("a", "1", index=None)]}, {"tool_calls": [whole("b", index=None)]}],
    ],
    ids=["every index 0", "no index", "no index, no id", "null index"],
)
def test_whole_calls_stay_apart_whatever_their_index(deltas: list[dict[str, Any]]) -> None:
    calls = [p for p in decode("openai_chat", chat(*deltas)).parts if isinstance(p, ToolCall)]
    assert [(c.name, c.arguments) for c in calls] == [("a", '{"from": "a"}'), ("b", '{"from": "b"}')]
    assert len({c.id for c in calls}) == 2


def test_fragments_without_index_and_id_continue_the_call_before_them() -> None:
    begun = {"tool_calls": [{"id": "1", "function": {"name": "a", "arguments": "{"}}]}
    more = {"tool_calls": [{"function": {"arguments": "}"}}]}
    assert decode("openai_chat", chat(begun, more)).parts == (ToolCall("1", "a", "{}"),)


def test_a_call_whose_id_is_repeated_with_every_fragment_stays_one_call() -> None:
    pieces = [
        {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "a", "arguments": p}}]} for p in "{}"
    ]
    assert decode("openai_chat", chat(*pieces)).parts == (ToolCall("1", "a", "{}"),)


def test_usage_in_every_chunk_counts_once_with_its_last_figures() -> None:
    chunks = chat({"content": "a"}, {"content": "b"}, usage={"prompt_tokens": 5, "completion_tokens": 2})
    chunks[0]["usage"] = {"prompt_tokens": 5, "completion_tokens": 1}
    assert decode("openai_chat", chunks).usage == Usage(5, 2)


def test_a_vendor_that_does_not_stream_sends_its_message_whole() -> None:
    whole = {"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}
    assert decode("openai_chat", [whole]).text == "a"


def test_a_message_repeated_at_the_end_of_a_stream_is_not_told_twice() -> None:
    last = {"choices": [{"index": 0, "message": {"content": "ab"}, "finish_reason": "stop"}]}
    assert decode("openai_chat", [*chat({"content": "a"}, {"content": "b"})[:2], last]).text == "ab"


def test_broken_tool_arguments_reach_the_caller_as_they_were_written() -> None:
    broken = {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "a", "arguments": '{"x": '}}]}
    assert decode("openai_chat", chat(broken)).parts == (ToolCall("1", "a", '{"x": '),)


@pytest.mark.parametrize("written", ["", None, "null", {}])
def test_a_call_without_arguments_has_none_however_a_vendor_writes_that(written: object) -> None:
    empty = {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "a", "arguments": written}}]}
    assert decode("openai_chat", chat(empty)).parts == (ToolCall("1", "a", "{}"),)
    pieces = [
        {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "a", "arguments": '{"x":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "null"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
    ]
    assert decode("openai_chat", chat(*pieces)).parts == (ToolCall("1", "a", '{"x":null}'),)


def test_a_server_that_says_which_stop_sequence_it_met_is_heard() -> None:
    chunks = chat({"content": "a"})
    chunks[-1]["choices"][0] |= {"finish_reason": "stop", "stop_reason": "END"}
    answer = decode("openai_chat", chunks)
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "END")
    chunks[-1]["choices"][0]["stop_reason"] = 128009  # the number of a token
    assert decode("openai_chat", chunks).stop_reason == "end"


def test_an_anthropic_stream_without_message_stop_is_whole_once_it_gave_its_stop_reason() -> None:
    events = [e for e in golden("anthropic")["events"] if e["type"] != "message_stop"]
    assert decode("anthropic", events) == expected(golden("anthropic"))


def test_an_event_name_outside_the_data_is_enough() -> None:
    events = [
        {"event": e["type"], **{k: v for k, v in e.items() if k != "type"}}
        for e in golden("anthropic")["events"]
    ]
    assert decode("anthropic", events) == expected(golden("anthropic"))


def test_a_response_told_only_at_its_end_is_read_from_there() -> None:
    last = golden("openai_responses")["events"][-1]
    assert decode("openai_responses", [last]) == expected(golden("openai_responses"))


ERRORS: list[tuple[str, dict[str, Any], FailureKind]] = [
    (
        "anthropic",
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        FailureKind.OVERLOADED,
    ),
    (
        "openai_chat",
        {"error": {"message": "slow down", "code": "rate_limit_exceeded"}},
        FailureKind.RATE_LIMITED,
    ),
    ("openai_chat", {"error": {"message": "Provider returned error", "code": 502}}, FailureKind.SERVER_ERROR),
    (
        "openai_chat",
        {"choices": [{"delta": {}, "finish_reason": "insufficient_system_resource"}]},
        FailureKind.OVERLOADED,
    ),
    (
        "openai_responses",
        {"type": "error", "code": "server_error", "message": "boom"},
        FailureKind.SERVER_ERROR,
    ),
    (
        "openai_responses",
        {
            "type": "response.failed",
            "response": {"error": {"code": "rate_limit_exceeded", "message": "Try again in 2s."}},
        },
        FailureKind.RATE_LIMITED,
    ),
    (
        "openai_chat",
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        FailureKind.BILLING,
    ),
    ("gemini", {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}, FailureKind.OVERLOADED),
    ("gemini", {"promptFeedback": {"blockReason": "SAFETY"}}, FailureKind.CONTENT_FILTER),
    ("gemini", {"candidates": [{"finishReason": "SAFETY"}]}, FailureKind.CONTENT_FILTER),
    ("gemini", {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}, FailureKind.MALFORMED),
    ("ollama", {"error": "model runner has unexpectedly stopped"}, FailureKind.SERVER_ERROR),
    (
        "codex_cli",
        {
            "type": "turn.failed",
            "error": {"message": "unexpected status 401 Unauthorized: no, url: http://x"},
        },
        FailureKind.AUTH,
    ),
    (
        "codex_cli",
        {"type": "error", "message": "Reconnecting... 1/5 (unexpected status 429 Too Many Requests)"},
        FailureKind.RATE_LIMITED,
    ),
    (
        "gemini_cli",
        {"error": {"type": "ApiError", "message": "quota", "code": 429}},
        FailureKind.RATE_LIMITED,
    ),
]


@pytest.mark.parametrize(("name", "event", "kind"), ERRORS)
def test_an_error_inside_a_stream_raises_what_it_means(
    name: str, event: dict[str, Any], kind: FailureKind
) -> None:
    decoder = get(name).decoder()
    decoder.feed(golden(name)["events"][0] if name != "gemini_cli" else {})
    with pytest.raises(UpstreamError) as caught:
        decoder.feed(event)
    assert caught.value.kind is kind


STOPS: list[tuple[str, dict[str, Any], str]] = [
    ("anthropic", {"content": [], "stop_reason": "max_tokens"}, "length"),
    ("anthropic", {"content": [], "stop_reason": "stop_sequence"}, "stop_sequence"),
    ("anthropic", {"content": [], "stop_reason": "refusal"}, "refusal"),
    ("anthropic", {"content": [], "stop_reason": "something_new"}, "end"),
    ("openai_chat", {"choices": [{"message": {"content": "x"}, "finish_reason": "length"}]}, "length"),
    (
        "openai_chat",
        {"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]},
        "refusal",
    ),
    ("openai_chat", {"choices": [{"message": {"refusal": "No."}, "finish_reason": "stop"}]}, "refusal"),
    (
        "openai_responses",
        {"output": [], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        "length",
    ),
    (
        "openai_responses",
        {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]},
        "refusal",
    ),
    ("gemini", {"candidates": [{"finishReason": "MAX_TOKENS"}]}, "length"),
    ("ollama", {"message": {"content": "x"}, "done": True, "done_reason": "length"}, "length"),
]


@pytest.mark.parametrize(("name", "body", "stop"), STOPS)
def test_stop_reasons_have_one_meaning(name: str, body: dict[str, Any], stop: str) -> None:
    assert get(name).decode(body).stop_reason == stop


USAGES: list[tuple[str, dict[str, Any], Usage]] = [
    (
        "anthropic",
        {
            "content": [],
            "usage": {
                "input_tokens": 10,
                "cache_read_input_tokens": 100,
                "cache_creation_input_tokens": 5,
                "output_tokens": 7,
            },
        },
        Usage(115, 7, 100, 5),
    ),
    (
        "openai_chat",
        {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64},
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
        Usage(100, 20, 64, 0, 12),
    ),
    (
        "openai_chat",  # xAI: reasoning beside the completion
        {
            "prompt_tokens": 100,
            "completion_tokens": 8,
            "total_tokens": 120,
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
        Usage(100, 20, 0, 0, 12),
    ),
    (
        "openai_chat",  # DeepSeek
        {
            "prompt_tokens": 100,
            "completion_tokens": 8,
            "prompt_cache_hit_tokens": 60,
            "prompt_cache_miss_tokens": 40,
        },
        Usage(100, 8, 60),
    ),
    (
        "openai_chat",  # Moonshot
        {"prompt_tokens": 100, "completion_tokens": 8, "cached_tokens": 60},
        Usage(100, 8, 60),
    ),
    (
        "openai_chat",  # nulls instead of figures
        {"prompt_tokens": 3, "completion_tokens": None, "prompt_tokens_details": None},
        Usage(3, 0),
    ),
    (
        "openai_responses",
        {
            "output": [],
            "usage": {
                "input_tokens": 9,
                "output_tokens": 5,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
                "output_tokens_details": {"reasoning_tokens": 3},
            },
        },
        Usage(9, 5, 4, 2, 3),
    ),
    (
        "gemini",
        {
            "candidates": [{"finishReason": "STOP"}],
            "usageMetadata": {
                "promptTokenCount": 50,
                "toolUsePromptTokenCount": 5,
                "candidatesTokenCount": 10,
                "thoughtsTokenCount": 30,
                "cachedContentTokenCount": 40,
            },
        },
        Usage(55, 40, 40, 0, 30),
    ),
    ("ollama", {"message": {"content": "x"}, "done": True, "eval_count": 4}, Usage(0, 4)),
]


@pytest.mark.parametrize(("name", "body", "usage"), USAGES)
def test_usage_means_the_same_for_every_vendor(name: str, body: dict[str, Any], usage: Usage) -> None:
    if "prompt_tokens" in body:
        body = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": body}
    assert get(name).decode(body).usage == usage


@pytest.mark.parametrize("absurd", [10**40, float("inf"), 1e300])
def test_a_count_beyond_all_reason_is_the_highest_that_is_believed(absurd: float) -> None:
    chunks = chat({"content": "a"}, usage={"prompt_tokens": absurd, "completion_tokens": 1})
    assert decode("openai_chat", chunks).usage == Usage(HIGHEST, 1)


def test_usage_in_a_choice_or_in_groqs_own_field_is_found() -> None:
    usage = {"prompt_tokens": 2, "completion_tokens": 1}
    done = {"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}
    assert decode("openai_chat", [{"choices": [done | {"usage": usage}]}]).usage == Usage(2, 1)
    assert decode("openai_chat", [{"choices": [done], "x_groq": {"usage": usage}}]).usage == Usage(2, 1)


def test_an_estimate_of_usage_comes_from_the_length_of_the_answer() -> None:
    body = {"message": {"content": "12345678"}, "done": True}
    assert get("ollama").decode(body).usage == Usage(output_tokens=2, estimated=True)
