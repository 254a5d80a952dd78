"""Bytes that pass between a caller and an upstream of the same dialect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm_router.dialects import inbound, passing
from llm_router.dialects.inbound.signatures import tagged
from llm_router.dialects.passing import Passing, Tap
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind, Model, Request, Thinking

STREAMS = Path(__file__).parent / "streams"
DIALECTS = ("anthropic", "openai_chat")
PROVIDERS = {"anthropic": "anthropic", "openai_chat": "openai"}


def speaks(dialect: str) -> Passing:
    found = passing.get(dialect)
    assert found is not None
    return found


def asked(dialect: str, **fields: Any) -> Request:
    body = {"model": "asked-1", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], **fields}
    return inbound.get(dialect).sketch(json.dumps(body).encode())


def sent(dialect: str, request: Request, model: Model) -> dict[str, Any]:
    return json.loads(speaks(dialect).head(request, model))


def golden(dialect: str) -> tuple[list[dict[str, Any]], bytes]:
    data = json.loads((STREAMS / f"{dialect}.json").read_text(encoding="utf-8"))
    events = data["events"]
    lines = [
        (f"event: {event['type']}\n" if "type" in event else "") + f"data: {json.dumps(event)}\n\n"
        for event in events
    ]
    end = "data: [DONE]\n\n" if dialect == "openai_chat" else ""
    return data, ("".join(lines) + end).encode()


def pour(tap: Tap, stream: bytes, size: int) -> bytes:
    out = b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    return out + tap.end()


def test_a_dialect_without_bytes_does_not_pass() -> None:
    assert passing.get("codex_cli") is None


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_passes_unchanged_however_it_is_cut_and_tells_usage_stop_and_id(
    dialect: str, size: int
) -> None:
    data, stream = golden(dialect)
    tap = speaks(dialect).tap(
        asked(dialect, stream=True, stream_options={"include_usage": True}), PROVIDERS[dialect], None
    )
    assert pour(tap, stream, size) == stream
    answer = tap.answer()
    assert (answer.stop_reason, answer.id, answer.model) == (data["stop_reason"], data["id"], data["model"])
    assert vars_of(answer.usage) == {**vars_of(answer.usage), **data["usage"]}
    assert tap.begun
    assert tap.ended
    assert tap.error is None
    assert tap.seen_chars > 0


def vars_of(usage: Any) -> dict[str, Any]:
    return {name: getattr(usage, name) for name in usage.__slots__}


@pytest.mark.parametrize("size", [3, 100_000])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_models_name_is_the_one_the_caller_shall_read(dialect: str, size: int) -> None:
    data, stream = golden(dialect)
    tap = speaks(dialect).tap(
        asked(dialect, stream=True, stream_options={"include_usage": True}), PROVIDERS[dialect], "mine"
    )
    out = pour(tap, stream, size)
    assert json.dumps(data["model"]).encode() not in out
    assert b'"mine"' in out
    assert speaks(dialect).plain(
        b'{"id":"x","model": "theirs","content":"\\"model\\""}', PROVIDERS[dialect], "mine"
    ) == (b'{"id":"x","model": "mine","content":"\\"model\\""}')


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_event_that_the_upstream_cut_off_is_never_passed_on(dialect: str) -> None:
    _, stream = golden(dialect)
    tap = speaks(dialect).tap(asked(dialect, stream=True), PROVIDERS[dialect], None)
    out = pour(tap, stream[: stream.rindex(b"}") - 20], 50)
    assert out.endswith(b"\n\n")
    for block in out.strip().split(b"\n\n"):
        json.loads(block.split(b"data: ", 1)[1])


ERRORS = {
    "anthropic": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n',
    "openai_chat": b'data: {"error":{"message":"Busy","type":"server_error","code":"overloaded_error"}}\n\n',
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_error_inside_a_stream_is_held_back_and_told(dialect: str) -> None:
    _, stream = golden(dialect)
    half = stream[: stream.index(b"\n\n", len(stream) // 2) + 2]
    tap = speaks(dialect).tap(asked(dialect, stream=True), PROVIDERS[dialect], None)
    out = pour(tap, half + ERRORS[dialect] + b"data: more\n\n", 64)
    assert b"Busy" not in out
    assert tap.error is not None
    assert tap.error.message == "Busy"
    with pytest.raises(UpstreamError):
        tap.answer()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_without_its_end_is_truncated(dialect: str) -> None:
    _, stream = golden(dialect)
    tap = speaks(dialect).tap(asked(dialect, stream=True), PROVIDERS[dialect], None)
    pour(tap, stream[: len(stream) // 3], 64)
    with pytest.raises(UpstreamError) as caught:
        tap.answer()
    assert caught.value.kind is FailureKind.TRUNCATED


def test_the_usage_we_asked_for_is_not_shown_to_a_caller_who_did_not() -> None:
    request = asked("openai_chat", stream=True)
    body = sent("openai_chat", request, Model("openai", "gpt-x"))
    assert body["stream_options"] == {"include_usage": True}
    last = b'data: {"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
    tap = speaks("openai_chat").tap(request, "openai", None)
    first = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    assert pour(tap, first + last + b"data: [DONE]\n\n", 1000) == first + b"data: [DONE]\n\n"
    assert tap.usage is not None
    assert tap.usage.output_tokens == 4


def test_a_body_goes_to_the_model_chosen_with_everything_else_as_it_was() -> None:
    request = asked("anthropic", betas_of_the_future={"a": [1.0, 2]}, model="claude-opus-5-5")
    body = sent("anthropic", request, Model("anthropic", "claude-sonnet-5-5"))
    assert body == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hi"}],
        "betas_of_the_future": {"a": [1.0, 2]},
    }


def test_a_body_for_the_very_model_passes_byte_by_byte() -> None:
    request = asked("anthropic", model="claude-opus-5-5")
    assert request.origin is not None
    assert speaks("anthropic").head(request, Model("anthropic", "claude-opus-5-5")) is request.origin.body


def test_an_older_claude_is_asked_in_its_own_terms() -> None:
    request = asked(
        "anthropic",
        model="claude-opus-5-5",
        max_tokens=32_000,
        thinking={"type": "adaptive"},
        output_config={"effort": "high"},
        context_management={"edits": []},
        messages=[
            {"role": "user", "content": "hi"},
            {"role": "system", "content": "The tools have changed."},
        ],
    )
    body = sent("anthropic", request, Model("anthropic", "claude-haiku-4-5"))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 20_000}
    assert "output_config" not in body
    assert body["messages"][1] == {
        "role": "user",
        "content": [
            {"type": "text", "text": "<system-reminder>\nThe tools have changed.\n</system-reminder>"}
        ],
    }


def test_thinking_that_anthropic_did_not_sign_never_reaches_it() -> None:
    ours = tagged(Thinking("hm", "sig"), "gemini")
    request = asked(
        "anthropic",
        model="claude-opus-5-5",
        messages=[
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ours}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "own", "signature": "EqQB"},
                    {"type": "thinking", "thinking": "hm", "signature": ours},
                    {"type": "text", "text": "hello"},
                ],
            },
        ],
    )
    body = sent("anthropic", request, Model("anthropic", "claude-opus-5-5"))
    assert [m["role"] for m in body["messages"]] == ["user", "assistant"]
    assert [b["type"] for b in body["messages"][1]["content"]] == ["thinking", "text"]
    assert body["messages"][1]["content"][0]["signature"] == "EqQB"


def test_what_only_openai_knows_stays_with_openai() -> None:
    request = asked("openai_chat", store=True, seed=7, max_completion_tokens=50, reasoning_effort="xhigh")
    theirs = sent("openai_chat", request, Model("together", "m", features=frozenset({"thinking"})))
    assert "store" not in theirs
    assert "max_completion_tokens" not in theirs
    assert (theirs["seed"], theirs["max_tokens"], theirs["reasoning_effort"]) == (7, 50, "high")
    own = sent("openai_chat", request, Model("openai", "gpt-6-luna", features=frozenset({"thinking"})))
    assert (own["store"], own["seed"], own["max_completion_tokens"]) == (True, 7, 50)
    assert own["reasoning_effort"] == "xhigh"


@pytest.mark.parametrize(
    ("provider", "fields"),
    [
        ("groq", {"messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}]}),
        (
            "deepseek",
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
        ),
        ("zai", {"stop": ["a", "b"]}),
        ("groq", {"web_search_options": {}}),
    ],
)
def test_a_body_that_a_vendor_would_refuse_is_translated_instead(
    provider: str, fields: dict[str, Any]
) -> None:
    assert not speaks("openai_chat").takes(asked("openai_chat", **fields), Model(provider, "m"))
    assert speaks("openai_chat").takes(asked("openai_chat", **fields), Model("openai", "m"))


def test_a_call_cannot_be_demanded_of_every_claude() -> None:
    forced = asked("anthropic", tool_choice={"type": "any"}, tools=[{"name": "t", "input_schema": {}}])
    assert speaks("anthropic").takes(forced, Model("anthropic", "claude-sonnet-5-5"))
    assert not speaks("anthropic").takes(forced, Model("anthropic", "claude-opus-5-5"))


def test_what_another_vendor_signs_in_anthropics_dialect_is_marked_and_only_it_gets_it_back() -> None:
    _, stream = golden("anthropic")
    assert b'"signature_delta"' in stream
    tap = speaks("anthropic").tap(asked("anthropic", stream=True), "proxy", None)
    out = pour(tap, stream, 40)
    signature = next(
        json.loads(line[6:])["delta"]["signature"]
        for line in out.decode().split("\n")
        if line.startswith("data: ") and "signature_delta" in line
    )
    assert signature.startswith("llmr.proxy.")
    blocks = [
        {"type": "thinking", "thinking": "its", "signature": signature},
        {"type": "thinking", "thinking": "anthropic's", "signature": "EqQB"},
        {"type": "text", "text": "hello"},
    ]
    request = asked(
        "anthropic",
        messages=[{"role": "user", "content": "hi"}, {"role": "assistant", "content": blocks}],
    )
    given = sent("anthropic", request, Model("proxy", "claude-x"))["messages"][1]["content"]
    assert [block["type"] for block in given] == ["thinking", "text"]
    assert json.dumps(given[0]["signature"]).encode() in stream
    native = sent("anthropic", request, Model("anthropic", "claude-x"))["messages"][1]["content"]
    assert native == blocks[1:]
    plain = json.dumps({"model": "m", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}]})
    told = json.loads(speaks("anthropic").plain(plain.encode(), "proxy", None))
    assert told["content"][0]["signature"] == "llmr.proxy.cw"
    assert speaks("anthropic").plain(plain.encode(), "anthropic", None) == plain.encode()


CLOSED = {"anthropic": b'{"type":"message_stop"}', "openai_chat": b"[DONE]"}


@pytest.mark.parametrize("cut", ["before the last event", "inside its data", "inside its end"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_that_is_whole_is_closed_though_its_stream_was_cut(dialect: str, cut: str) -> None:
    _, stream = golden(dialect)
    last = stream.rindex(b"event: message_stop" if dialect == "anthropic" else b"data: [DONE]")
    at = {"before the last event": last, "inside its data": last + 8, "inside its end": len(stream) - 1}[cut]
    tap = speaks(dialect).tap(
        asked(dialect, stream=True, stream_options={"include_usage": True}), PROVIDERS[dialect], None
    )
    out = tap.feed(stream[:at]) + tap.close()
    assert tap.ended
    assert out.endswith(CLOSED[dialect] + b"\n\n") or json.loads(out.rsplit(b"data: ", 1)[1]) == {
        "type": "message_stop"
    }
    assert out.count(b"message_stop") == stream.count(b"message_stop")
    assert out.count(b"[DONE]") == stream.count(b"[DONE]")


def test_an_answer_that_speaks_of_the_last_event_is_closed_too() -> None:
    piece = {
        "id": "x",
        "choices": [{"index": 0, "delta": {"content": "It ends with [DONE]."}, "finish_reason": "stop"}],
    }
    tap = speaks("openai_chat").tap(asked("openai_chat", stream=True), "openai", None)
    assert (tap.feed(b"data: " + json.dumps(piece).encode() + b"\n\n") + tap.close()).endswith(
        b"data: [DONE]\n\n"
    )


def test_the_mark_at_the_start_of_a_stream_is_taken_off() -> None:
    _, stream = golden("openai_chat")
    tap = speaks("openai_chat").tap(
        asked("openai_chat", stream_options={"include_usage": True}), "openai", None
    )
    assert pour(tap, b"\xef\xbb\xbf" + stream, 64) == stream


SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
PICTURE = {
    "candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}}]
}
SOUND = {"choices": [{"index": 0, "delta": {"content": None, "audio": {"id": "audio_1", "data": "AA=="}}}]}


@pytest.mark.parametrize(
    ("dialect", "event"),
    [
        ("anthropic", {"type": "content_block_start", "index": 0, "content_block": SEARCH}),
        ("gemini", PICTURE),
        ("openai_chat", SOUND),
    ],
)
def test_what_is_neither_text_nor_a_call_may_be_an_answer_too(dialect: str, event: dict[str, Any]) -> None:
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    tap = speaks(dialect).tap(asked(dialect, contents=contents), "vendor", None)
    data = json.dumps(event).encode()
    assert tap.acts(data)
    assert tap.feed(b"data: %s\n\n" % data) == b"data: %s\n\n" % data
    assert tap.begun
    other = speaks(dialect).tap(asked(dialect, contents=contents), "vendor", None)
    words = json.dumps({"type": "ping", "text": data.decode()}).encode()
    other.feed(b"data: %s\n\n" % words)
    assert not other.begun
