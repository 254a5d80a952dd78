"""The official Anthropic SDK against the sandbox."""

from __future__ import annotations

import json

import anthropic
import httpx
import pytest

from llm_router.sandbox import Fault, digest

WEATHER = {
    "name": "mcp__rec__weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def client(box):
    with anthropic.Anthropic(
        api_key="sandbox-key-anthropic", base_url=box.base_url("anthropic"), max_retries=0, timeout=10
    ) as made:
        yield made


def asked(prompt, **more):
    return {"model": "claude-x", "max_tokens": 500, "messages": [{"role": "user", "content": prompt}]} | more


def test_a_message_names_the_model_and_the_prompt_and_has_an_id_of_its_own(client):
    first, second = (client.messages.create(**asked("Why?")) for _ in range(2))
    assert digest("Why?") in first.content[0].text
    assert first.content == second.content
    assert first.id != second.id
    assert (first.stop_reason, first.usage.input_tokens) == ("end_turn", 1)


def test_the_event_sequence_is_the_vendors(box):
    body = asked("Why?", stream=True)
    text = httpx.post(box.base_url("anthropic") + "/v1/messages?beta=true", json=body).text
    events = [dict(line.split(": ", 1) for line in part.split("\n")) for part in text.strip().split("\n\n")]
    assert all(json.loads(e["data"])["type"] == e["event"] for e in events)
    kinds = [e["event"] for e in events]
    deltas = kinds.count("content_block_delta")
    assert kinds == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * deltas,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert json.loads(events[-2]["data"])["usage"]["output_tokens"] > 1


def test_a_stream_accumulates_to_the_same_message(client):
    whole = client.messages.create(**asked("Why?"))
    with client.messages.stream(**asked("Why?")) as stream:
        final = stream.get_final_message()
    assert final.content[0].text == whole.content[0].text
    assert (final.stop_reason, final.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)


def test_a_renamed_tool_is_called_streamed_and_its_result_quoted(client):
    prompt = '<system-reminder>context</system-reminder>\n[[call weather {"city": "Rome"}]]'
    with client.messages.stream(**asked(prompt, tools=[WEATHER])) as stream:
        fragments = [e.partial_json for e in stream if e.type == "input_json"]
        final = stream.get_final_message()
    assert len(fragments) > 1
    call = final.content[0]
    assert (call.name, call.input, final.stop_reason) == ("mcp__rec__weather", {"city": "Rome"}, "tool_use")
    messages = [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": [call.to_dict()]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "sun"}]},
                {"type": "text", "text": "<system-reminder>be kind</system-reminder>"},
            ],
        },
    ]
    reply = client.messages.create(**asked("", messages=messages, tools=[WEATHER]))
    assert reply.content[0].text == "The tool answered: sun"


def test_thinking_comes_signed_and_only_its_own_signature_is_taken_back(client):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    with client.messages.stream(**asked("Hm", thinking=thinking, max_tokens=2048)) as stream:
        final = stream.get_final_message()
    block, text = final.content
    assert (block.type, text.type) == ("thinking", "text")
    assert block.thinking
    assert final.usage.output_tokens_details.thinking_tokens > 0

    def go_on(signature):
        said = [block.to_dict() | {"signature": signature}, text.to_dict()]
        turns = [{"role": "user", "content": "Hm"}, {"role": "assistant", "content": said}]
        return client.messages.create(**asked("", messages=[*turns, {"role": "user", "content": "And?"}]))

    assert digest("And?") in go_on(block.signature).content[0].text
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        go_on("c29tZWJvZHkgZWxzZQ==")


def test_a_wanted_format_gets_json_that_fits(client):
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    reply = client.messages.create(
        **asked("x"), extra_body={"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    )
    assert json.loads(reply.content[0].text) == {"title": "sandbox"}


def test_a_marked_prefix_is_written_to_the_cache_once_and_then_read(client):
    system = [{"type": "text", "text": "rules " * 1000, "cache_control": {"type": "ephemeral"}}]
    first, second = (client.messages.create(**asked(q, system=system)).usage for q in ("one", "two"))
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (1500, 0)
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, 1500)
    assert first.input_tokens < 10


def test_tokens_are_counted_and_models_listed(client):
    count = client.messages.count_tokens(model="claude-x", messages=[{"role": "user", "content": "a" * 40}])
    assert count.input_tokens == 10
    assert [m.id for m in client.models.list()] == ["sandbox-small", "sandbox-large"]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "must be non-empty"),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]},
            "unexpected `tool_use_id`",
        ),
        ({"messages": "hello"}, "expected an array"),
    ],
)
def test_what_the_vendor_would_refuse_is_refused_in_its_words(box, broken, words):
    body = {k: v for k, v in (asked("x") | broken).items() if v is not None}
    reply = httpx.post(box.base_url("anthropic") + "/v1/messages", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert words in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        (Fault("wrong_key"), anthropic.AuthenticationError, "authentication_error"),
        (Fault("status", status=402), anthropic.APIStatusError, "billing_error"),
        (Fault("out_of_credit"), anthropic.BadRequestError, "invalid_request_error"),
        (Fault("unknown_model"), anthropic.NotFoundError, "not_found_error"),
        (Fault("status", status=429, retry_after=60), anthropic.RateLimitError, "rate_limit_error"),
        (Fault("status", status=500), anthropic.InternalServerError, "api_error"),
        (Fault("status", status=529), anthropic.APIStatusError, "overloaded_error"),
    ],
)
def test_errors_have_the_vendors_types(box, client, fault, error, kind):
    box.fault("anthropic", fault)
    with pytest.raises(error) as caught:
        client.messages.create(**asked("x"))
    assert caught.value.body["error"]["type"] == kind
    assert caught.value.response.headers.get("retry-after") == (
        "60" if fault.retry_after is not None else None
    )


def test_a_prompt_that_does_not_fit_is_refused_with_both_numbers(box, client):
    box.fault("anthropic", Fault("context_too_long"))
    with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > \d+ maximum"):
        client.messages.create(**asked("x" * 2_000_000))


def test_an_error_event_inside_a_stream_reaches_the_sdk(box, client):
    box.fault("anthropic", Fault("error_event", status=529, after=2))
    seen = []
    with (
        pytest.raises(anthropic.APIStatusError, match="Overloaded"),
        client.messages.stream(**asked("x")) as s,
    ):
        seen.extend(s.text_stream)
    assert len(seen) == 2
