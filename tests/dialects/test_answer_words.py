"""What vendors' answers may hold and how they may end, word for word as their SDKs know it: nothing is taken for another."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from anthropic.types.beta.beta_stop_reason import BetaStopReason
from google.genai.types import FinishReason
from openai.types.responses import ResponseError
from openai.types.responses.response import IncompleteDetails

from llm_router.dialects import get, inbound, passing
from llm_router.dialects.failures import failure
from llm_router.errors import UpstreamError
from llm_router.nouns import Answer, FailureKind, Text, Usage, ask
from llm_router.ports import Head
from tests.dialects.inbound.test_every_word import place
from tests.dialects.inbound.test_odd_requests import BODIES, sketched

BLOCKED = {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"} | {
    *("IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION", "MODEL_ARMOR")
}
BROKEN = {
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "UNEXPECTED_TOOL_CALL",
    "MISSING_THOUGHT_SIGNATURE",
}
CUT = {"MAX_TOKENS", "CONTINUATION", "OTHER", "TOO_MANY_TOOL_CALLS"}
WHOLE = {"STOP", "NO_IMAGE", "IMAGE_OTHER", "FINISH_REASON_UNSPECIFIED"}


def message(*blocks: Any, **fields: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    return {"type": "message", "content": [*blocks], "stop_reason": "end_turn", "usage": usage} | fields


def said(*events: Any) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)


# ── how an answer ended ──────────────────────────────────────────────────────


@pytest.mark.parametrize("reason", get_args(BetaStopReason))
def test_every_reason_of_anthropics(reason: str) -> None:
    answer = get("anthropic").decode(message({"type": "text", "text": "x"}, stop_reason=reason))
    cut = {"max_tokens", "model_context_window_exceeded", "pause_turn"}
    own = {"stop_sequence", "tool_use", "refusal"}
    assert answer.stop_reason == ("length" if reason in cut else reason if reason in own else "end")


@pytest.mark.parametrize("reason", [reason.value for reason in FinishReason])
def test_every_reason_of_googles(reason: str) -> None:
    place(reason, BLOCKED, BROKEN, CUT, WHOLE, ["PUP_LIMITED_DISABLED"])
    candidate = {"content": {"parts": [{"text": "x"}]}, "finishReason": reason}
    if reason in CUT | WHOLE:
        stop = get("gemini").decode({"candidates": [candidate]}).stop_reason
        assert stop == ("length" if reason in CUT else "end")
        return
    with pytest.raises(UpstreamError) as raised:
        get("gemini").decode({"candidates": [candidate]})
    kinds = {FailureKind.CONTENT_FILTER: BLOCKED, FailureKind.MALFORMED: BROKEN}
    assert reason in kinds.get(raised.value.kind, {"PUP_LIMITED_DISABLED"})


def test_a_call_is_whole_whatever_ended_the_answer() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    body = {"candidates": [{"content": {"parts": [call]}, "finishReason": "OTHER"}]}
    assert get("gemini").decode(body).stop_reason == "tool_use"


@pytest.mark.parametrize(
    "reason", [*get_args(get_args(IncompleteDetails.model_fields["reason"].annotation)[0])]
)
def test_every_reason_of_openais_is_told_from_an_end(reason: str) -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": "x"}]}
    body = {"status": "incomplete", "incomplete_details": {"reason": reason}, "output": [item]}
    answer = get("openai_responses").decode(body)
    assert answer.stop_reason == ("refusal" if reason == "content_filter" else "length")


# ── what it holds ────────────────────────────────────────────────────────────

CITED = {
    "type": "web_search_result_location",
    "url": "https://a.example",
    "title": "A",
    "cited_text": "Rain.",
}


def test_the_pages_that_claude_cites_are_listed_under_an_answer_that_may_hold_them() -> None:
    text = {"type": "text", "text": "Rain.", "citations": [CITED, CITED | {"title": "A"}]}
    listed = "Rain.\n\nSources:\n- [A](https://a.example)\n"
    assert get("anthropic").decode(message(text), ask("a")).text == listed
    assert get("anthropic").decode(message(text), ask("a", schema={"type": "object"})).text == "Rain."
    decoder = get("anthropic").decoder(ask("a"))
    events = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Rain."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": CITED}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    ]
    told = "".join(delta.text for event in events for delta in decoder.feed(event))  # type: ignore[union-attr]
    assert told == decoder.answer().text == listed


def test_the_parts_of_a_summary_of_thoughts_stand_apart() -> None:
    decoder = get("openai_responses").decoder()
    events: list[Any] = []
    for part, text in enumerate(("One.", "Two.")):
        place = {"output_index": 0, "summary_index": part}
        events.append({"type": "response.reasoning_summary_part.added", **place})
        events.append({"type": "response.reasoning_summary_text.delta", "delta": text, **place})
    streamed = "".join(delta.text for event in events for delta in decoder.feed(event))  # type: ignore[union-attr]
    summary = [{"type": "summary_text", "text": text} for text in ("One.", "Two.")]
    whole = get("openai_responses").decode({"output": [{"type": "reasoning", "summary": summary}]})
    assert [streamed] == ["One.\n\nTwo."] == [part.text for part in whole.parts]  # type: ignore[union-attr]


SUMMARY = {"type": "compaction", "content": "So far.", "encrypted_content": None}
ANTHROPIC_SUMMARY = said(
    {"type": "message_start", "message": message() | {"content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "compaction", "content": None}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "compaction_delta", "content": "So far."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "compaction"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
)
SEALED = {"type": "compaction", "id": "cmp_1", "encrypted_content": "eA"}
OPENAI_SUMMARY = said(
    {"type": "response.output_item.added", "output_index": 0, "item": SEALED},
    {"type": "response.output_item.done", "output_index": 0, "item": SEALED},
    {"type": "response.completed", "response": {"status": "completed", "output": [SEALED]}},
)


@pytest.mark.parametrize(
    ("dialect", "stream"), [("anthropic", ANTHROPIC_SUMMARY), ("openai_responses", OPENAI_SUMMARY)]
)
def test_a_conversation_made_short_is_an_answer_and_passes(dialect: str, stream: bytes) -> None:
    speaks = passing.get(dialect)
    assert speaks is not None
    tap = speaks.tap(sketched(dialect), dialect.partition("_")[0], None)
    assert tap.feed(stream) + tap.close() == stream
    assert tap.begun
    assert not tap.error


def test_a_summary_alone_is_not_an_empty_answer() -> None:
    assert not get("anthropic").decode(message(SUMMARY, stop_reason="compaction")).empty


# ── what it cost ─────────────────────────────────────────────────────────────


def test_what_it_took_to_shorten_the_conversation_is_paid_too() -> None:
    passes = [
        {"type": "compaction", "input_tokens": 900, "output_tokens": 30, "cache_read_input_tokens": 100},
        {"type": "message", "input_tokens": 10, "output_tokens": 5},
    ]
    usage = {"input_tokens": 10, "output_tokens": 5, "iterations": passes}
    assert get("anthropic").decode(message(usage=usage)).usage == Usage(1_010, 35, cache_read_tokens=100)


@pytest.mark.parametrize("dialect", BODIES)
def test_every_caller_gets_our_estimate_where_the_upstream_counted_nothing(dialect: str) -> None:
    speaks, request = inbound.get(dialect), sketched(dialect, stream_options={"include_usage": True})
    answer, head = (
        Answer((Text("x"),), "end", Usage(output_tokens=1, estimated=True)),
        Head(request, "m", 4711),
    )
    assert b"4711" in speaks.render(answer, head)
    assert b"4711" in speaks.renderer(head).end(answer)


# ── what went wrong ──────────────────────────────────────────────────────────

PICTURES = ("invalid_image", "invalid_base64", "image_", "empty_image", "failed_to_download")
ERRORS = {
    "server_error": FailureKind.SERVER_ERROR,
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
    "vector_store_timeout": FailureKind.TIMEOUT,
    "data_residency_mismatch": FailureKind.AUTH,
    "unsupported_image_media_type": FailureKind.UNSUPPORTED,
    "image_content_policy_violation": FailureKind.CONTENT_FILTER,
} | dict.fromkeys(
    ("invalid_prompt", "bio_policy", "misalignment_policy_violation"), FailureKind.CONTENT_FILTER
)


@pytest.mark.parametrize("code", get_args(ResponseError.model_fields["code"].annotation))
def test_every_code_of_a_failed_response(code: str) -> None:
    if not code.startswith(PICTURES):
        place(code, ERRORS)
    kind = failure("openai", None, {}, {"error": {"code": code, "message": "No."}}).kind
    assert kind is ERRORS.get(code, FailureKind.BAD_REQUEST)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "enforced_spend_limit_reached", FailureKind.BILLING),
        (429, "contract_spend_limit_reached", FailureKind.BILLING),
        (429, "ramp_limit_exceeded", FailureKind.RATE_LIMITED),
        (400, "organization_on_hold", FailureKind.AUTH),
        (400, "cmek_key_disabled", FailureKind.AUTH),
        (400, "claude_code_version_too_old", FailureKind.BAD_REQUEST),
        (503, "cmek_key_unreachable", FailureKind.OVERLOADED),
    ],
)
def test_anthropic_names_the_cause_beside_the_kind(status: int, code: str, kind: FailureKind) -> None:
    error = {"type": "rate_limit_error", "message": "No.", "details": {"error_code": code}}
    assert failure("anthropic", status, {}, {"type": "error", "error": error}).kind is kind
