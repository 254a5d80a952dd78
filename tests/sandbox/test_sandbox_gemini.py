"""The official Google SDK against the sandbox."""

from __future__ import annotations

import json

import httpx
import pytest
from google import genai
from google.genai import errors, types

from llm_router.sandbox import Fault, digest

WEATHER = types.Tool(
    function_declarations=[
        {
            "name": "weather",
            "parameters_json_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
        }
    ]
)


@pytest.fixture
def client(box):
    made = genai.Client(
        api_key="sandbox-key-gemini",
        http_options=types.HttpOptions(base_url=box.base_url("gemini"), timeout=10_000),
    )
    yield made
    made.close()


def test_content_is_generated_with_usage_and_a_finish_reason(client):
    reply = client.models.generate_content(model="flash", contents="Why is it so?")
    assert digest("Why is it so?") in reply.text
    assert reply.candidates[0].finish_reason == "STOP"
    assert reply.usage_metadata.prompt_token_count == 4
    assert reply.usage_metadata.total_token_count == 4 + reply.usage_metadata.candidates_token_count


def test_a_stream_says_the_same_and_ends_with_its_finish_reason(client):
    whole = client.models.generate_content(model="flash", contents="Why?")
    chunks = list(client.models.generate_content_stream(model="flash", contents="Why?"))
    assert "".join(c.text or "" for c in chunks) == whole.text
    assert [c.candidates[0].finish_reason for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].candidates[0].finish_reason == "STOP"
    assert chunks[-1].usage_metadata.total_token_count == whole.usage_metadata.total_token_count


def test_without_sse_the_stream_is_one_json_array(box):
    url = box.base_url("gemini") + "/v1beta/models/flash:streamGenerateContent"
    chunks = httpx.post(url, json={"contents": [{"parts": [{"text": "Why?"}]}]}).json()
    assert len(chunks) > 2
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize("prefix", ["/v1beta", "/v1", "/v1alpha", "/v1beta1/publishers/google", ""])
def test_any_version_prefix_will_do(box, prefix):
    body = {"contents": [{"role": "user", "parts": [{"text": "[[say yes]]"}]}]}
    reply = httpx.post(f"{box.url}/gemini{prefix}/models/flash:generateContent", json=body).json()
    assert reply["candidates"][0]["content"]["parts"] == [{"text": "yes"}]


@pytest.mark.parametrize("streamed", [False, True])
def test_tools_are_called_and_their_results_quoted(client, streamed):
    config = types.GenerateContentConfig(
        tools=[WEATHER], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    prompt = types.UserContent('[[call weather {"city": "Rome"}]] [[call weather {"city": "Bern"}]]')
    if streamed:
        chunks = client.models.generate_content_stream(model="flash", contents=[prompt], config=config)
        parts = [p for c in chunks for p in c.candidates[0].content.parts or []]
    else:
        parts = (
            client.models.generate_content(model="flash", contents=[prompt], config=config)
            .candidates[0]
            .content.parts
        )
    assert [p.function_call.args for p in parts] == [{"city": "Rome"}, {"city": "Bern"}]
    assert parts[0].thought_signature
    results = [
        types.Part.from_function_response(name="weather", response={"result": w}) for w in ("sun", "fog")
    ]
    history = [prompt, types.ModelContent(parts), types.UserContent(results)]
    reply = client.models.generate_content(model="flash", contents=history, config=config)
    assert reply.text == "The tool answered: sun\nThe tool answered: fog"


def test_thoughts_and_schemas_come_when_asked_for(client):
    config = types.GenerateContentConfig(
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=100)
    )
    reply = client.models.generate_content(model="flash", contents="Hm", config=config)
    assert [bool(p.thought) for p in reply.candidates[0].content.parts] == [True, False]
    assert reply.usage_metadata.thoughts_token_count > 0
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"response_mime_type": "application/json", "response_json_schema": schema}
    made = client.models.generate_content(model="flash", contents="n", config=wanted)
    assert json.loads(made.text) == {"n": 0}


def test_tokens_are_counted_and_models_listed(client):
    assert client.models.count_tokens(model="flash", contents="a" * 40).total_tokens == 10
    assert [m.name for m in client.models.list()] == ["models/sandbox-small", "models/sandbox-large"]


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault("wrong_key"), 400, "INVALID_ARGUMENT"),
        (Fault("unknown_model"), 404, "NOT_FOUND"),
        (Fault("status", status=429), 429, "RESOURCE_EXHAUSTED"),
        (Fault("status", status=503), 503, "UNAVAILABLE"),
        (Fault("context_too_long"), 400, "INVALID_ARGUMENT"),
    ],
)
def test_errors_have_the_vendors_status(box, client, fault, code, status):
    box.fault("gemini", fault)
    with pytest.raises(errors.APIError) as caught:
        client.models.generate_content(model="flash", contents="x")
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(
    ("where", "header", "body"), [("both", "60", "60s"), ("body", None, "60s"), ("header", "60", None)]
)
def test_the_time_to_wait_is_told_where_it_was_asked_to_be(box, where, header, body):
    box.fault("gemini", Fault("status", status=429, retry_after=60, retry_in=where))
    url = box.base_url("gemini") + "/v1beta/models/flash:generateContent"
    reply = httpx.post(url, json={"contents": [{"parts": [{"text": "x"}]}]})
    assert reply.headers.get("retry-after") == header
    delays = [d["retryDelay"] for d in reply.json()["error"]["details"] if "retryDelay" in d]
    assert delays == ([body] if body else [])


def test_an_error_inside_a_stream_reaches_the_sdk(box, client):
    box.fault("gemini", Fault("error_event", status=503, after=1))
    with pytest.raises(errors.ServerError, match="overloaded"):
        list(client.models.generate_content_stream(model="flash", contents="x"))


def test_a_refusal_has_a_safety_finish_and_no_text(box, client):
    box.fault("gemini", Fault("refusal"))
    reply = client.models.generate_content(model="flash", contents="x")
    assert (reply.candidates[0].finish_reason, reply.text) == ("SAFETY", None)
