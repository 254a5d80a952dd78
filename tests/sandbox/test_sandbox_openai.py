"""The official OpenAI SDK against the sandbox: Chat Completions, Responses, listings."""

from __future__ import annotations

import json

import httpx
import openai
import pytest

from llm_router.sandbox import Fault, digest

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
FLAT = {"type": "function", "name": "weather", "parameters": WEATHER["function"]["parameters"]}


@pytest.fixture
def client(box):
    with openai.OpenAI(
        api_key="sandbox-key-groq", base_url=box.base_url("groq"), max_retries=0, timeout=10
    ) as made:
        yield made


def ask(text):
    return [{"role": "user", "content": text}]


def test_a_chat_answer_names_the_model_and_the_prompt_that_arrived(client):
    reply = client.chat.completions.create(model="m-1", messages=ask("Why is the sky blue?"))
    assert "m-1" in reply.choices[0].message.content
    assert digest("Why is the sky blue?") in reply.choices[0].message.content
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.prompt_tokens == 5
    assert reply.usage.completion_tokens > 10


def test_a_chat_stream_says_what_the_whole_answer_says_and_then_its_usage(client):
    whole = client.chat.completions.create(model="m", messages=ask("one and the same"))
    chunks = list(
        client.chat.completions.create(
            model="m", messages=ask("one and the same"), stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert len({c.id for c in chunks}) == 1


def test_a_chat_stream_without_include_usage_has_no_usage_and_ends_with_done(box):
    body = {"model": "m", "messages": ask("hi"), "stream": True}
    text = httpx.post(box.base_url("groq") + "/chat/completions", json=body).text
    assert '"usage"' not in text
    assert text.endswith("data: [DONE]\n\n")


def test_two_call_directives_become_two_parallel_calls_streamed_in_pieces(client):
    prompt = 'Please [[call weather {"city": "Paris"}]] and [[call weather {"city": "São Paulo"}]]'
    chunks = list(
        client.chat.completions.create(model="m", messages=ask(prompt), tools=[WEATHER], stream=True)
    )
    deltas = [call for c in chunks for call in c.choices[0].delta.tool_calls or []]
    arguments = {0: "", 1: ""}
    for delta in deltas:
        arguments[delta.index] += delta.function.arguments or ""
    assert [json.loads(a)["city"] for a in arguments.values()] == ["Paris", "São Paulo"]
    assert len(deltas) > 4
    assert [d.function.name for d in deltas if d.id] == ["weather", "weather"]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_calls_after_a_then_wait_for_the_results_of_those_before(client):
    messages = ask('[[call weather {"city": "Paris"}]] [[then]] [[call weather {"city": "Rome"}]]')
    cities = []
    for result in ("rain", "sun", None):
        reply = client.chat.completions.create(model="m", messages=messages, tools=[WEATHER])
        calls = reply.choices[0].message.tool_calls or []
        cities.append([json.loads(c.function.arguments)["city"] for c in calls])
        messages.append(reply.choices[0].message.to_dict())
        messages += [{"role": "tool", "tool_call_id": c.id, "content": result} for c in calls]
    assert cities == [["Paris"], ["Rome"], []]


def test_after_the_tool_answered_the_model_quotes_it_and_does_not_call_again(client):
    messages = ask('[[call weather {"city": "Paris"}]]')
    first = client.chat.completions.create(model="m", messages=messages, tools=[WEATHER])
    call = first.choices[0].message.tool_calls[0]
    messages += [
        first.choices[0].message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": "rain until noon"},
    ]
    second = client.chat.completions.create(model="m", messages=messages, tools=[WEATHER])
    assert "rain until noon" in second.choices[0].message.content
    assert second.choices[0].message.tool_calls is None


def test_a_later_prompt_is_not_answered_with_the_directives_of_an_earlier_one(client):
    messages = [*ask("[[say first]]"), {"role": "assistant", "content": "first"}, *ask("and now?")]
    reply = client.chat.completions.create(model="m", messages=messages)
    assert digest("and now?") in reply.choices[0].message.content


def test_a_tool_result_without_its_call_is_refused_as_the_vendor_does(client):
    with pytest.raises(openai.BadRequestError, match="role 'tool'"):
        client.chat.completions.create(
            model="m", messages=[*ask("x"), {"role": "tool", "tool_call_id": "call_9", "content": "y"}]
        )


def test_a_forced_tool_is_called_with_arguments_that_fit_its_schema(client):
    reply = client.chat.completions.create(
        model="m", messages=ask("hello"), tools=[WEATHER], tool_choice="required"
    )
    call = reply.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "sandbox"})


def test_a_response_format_gets_json_that_fits(client):
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"]}
    reply = client.chat.completions.create(
        model="m",
        messages=ask("a number"),
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    )
    assert json.loads(reply.choices[0].message.content) == {"n": 3}


def test_a_compatible_vendor_shows_its_reasoning_and_openai_only_counts_it(box, client):
    asked = {"model": "m", "messages": ask("think"), "reasoning_effort": "high"}
    shown = client.chat.completions.create(**asked)
    assert "thinks" in shown.choices[0].message.reasoning
    with openai.OpenAI(api_key="x", base_url=box.base_url("openai")) as own:
        counted = own.chat.completions.create(**asked)
    assert "reasoning" not in counted.choices[0].message.to_dict()
    assert counted.usage.completion_tokens_details.reasoning_tokens > 0


def test_the_output_limit_and_stop_sequences_are_honoured(client):
    cut = client.chat.completions.create(model="m", messages=ask("[[say 12345678901]]"), max_tokens=2)
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("12345678", "length")
    stopped = client.chat.completions.create(model="m", messages=ask("[[say one END two]]"), stop=" END")
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("one", "stop")


def test_models_and_embeddings_are_listed_and_made(client):
    assert [m.id for m in client.models.list()] == ["sandbox-small", "sandbox-large"]
    made = client.embeddings.create(model="e", input=["a", "a", "b"])
    assert made.data[0].embedding == made.data[1].embedding != made.data[2].embedding


def test_responses_answer_plain_and_streamed_alike(client):
    whole = client.responses.create(model="m", input="Say something", instructions="Be brief.")
    assert digest("Say something") in whole.output_text
    assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens
    events = list(client.responses.create(model="m", input="Say something", stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    kinds = [e.type.removeprefix("response.") for e in events]
    deltas = kinds.count("output_text.delta")
    assert kinds == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * deltas,
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert "".join(e.delta for e in events if e.type.endswith("text.delta")) == whole.output_text
    assert events[-1].response.output_text == whole.output_text


def test_responses_stream_reasoning_and_tool_calls(client):
    with client.responses.stream(
        model="m",
        input='[[call weather {"city": "Oslo"}]]',
        tools=[FLAT],
        reasoning={"effort": "high", "summary": "auto"},
    ) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_response()
    assert {"response.reasoning_summary_text.delta", "response.function_call_arguments.delta"} <= kinds
    assert [item.type for item in final.output] == ["reasoning", "function_call"]
    assert json.loads(final.output[1].arguments) == {"city": "Oslo"}
    answered = client.responses.create(
        model="m",
        tools=[FLAT],
        input=[
            {"role": "user", "content": '[[call weather {"city": "Oslo"}]]'},
            *[item.to_dict() for item in final.output],
            {"type": "function_call_output", "call_id": final.output[1].call_id, "output": "snow"},
        ],
    )
    assert answered.output_text == "The tool answered: snow"


def test_a_namespaced_tool_is_called_by_its_short_name_with_its_namespace(client):
    tools = [{"type": "namespace", "name": "mcp__rec", "description": "", "tools": [FLAT]}]
    for wanted in ("weather", "mcp__rec__weather"):
        made = client.responses.create(model="m", input=f"[[call {wanted} {{}}]]", tools=tools)
        assert (made.output[0].name, made.output[0].namespace) == ("weather", "mcp__rec")


def test_a_tool_behind_a_client_side_search_is_called_once_the_search_has_found_it(client):
    search = {
        "type": "tool_search",
        "execution": "client",
        "description": "",
        "parameters": {"type": "object"},
    }
    prompt = {"role": "user", "content": '[[call tool_search {"query": "weather"}]] [[call weather {}]]'}
    first = client.responses.create(model="m", input=[prompt], tools=[search])
    assert [item.type for item in first.output] == ["tool_search_call"]
    found = {"type": "tool_search_output", "call_id": first.output[0].call_id, "execution": "client"}
    found |= {"status": "completed", "tools": [FLAT]}
    second = client.responses.create(
        model="m", input=[prompt, first.output[0].to_dict(), found], tools=[search]
    )
    assert [(item.type, item.name) for item in second.output] == [("function_call", "weather")]


def test_responses_that_hit_the_limit_are_incomplete(client):
    *_, last = client.responses.create(
        model="m", input="[[say 12345678901]]", max_output_tokens=2, stream=True
    )
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details.reason == "max_output_tokens"


def test_a_websocket_on_responses_gets_426(box):
    reply = httpx.get(box.base_url("openai") + "/responses", headers={"Upgrade": "websocket"})
    assert reply.status_code == 426


def test_an_error_inside_a_stream_reaches_the_sdk_in_both_protocols(box, client):
    box.fault("groq", Fault("error_event", status=500, after=1))
    with pytest.raises(openai.APIError, match="server had an error"):
        list(client.chat.completions.create(model="m", messages=ask("x"), stream=True))
    *_, last = client.responses.create(model="m", input="x", stream=True)
    assert (last.type, last.response.error.code) == ("response.failed", "server_error")


@pytest.mark.parametrize(
    ("vendor", "kind", "status", "code"),
    [
        ("openai", "wrong_key", 401, "invalid_api_key"),
        ("openai", "out_of_credit", 429, "insufficient_quota"),
        ("deepseek", "out_of_credit", 402, "invalid_request_error"),
        ("openai", "unknown_model", 404, "model_not_found"),
        ("openai", "context_too_long", 400, "context_length_exceeded"),
    ],
)
def test_refusals_carry_the_vendors_status_and_code(box, vendor, kind, status, code):
    box.fault(vendor, Fault(kind))
    with (
        openai.OpenAI(api_key="x", base_url=box.base_url(vendor), max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as caught,
    ):
        client.chat.completions.create(model="m", messages=ask("x"))
    assert (caught.value.status_code, caught.value.code) == (status, code)


def test_freeform_tools_offered_among_the_messages_are_called_with_text(client):
    exec_ = {"type": "custom", "name": "exec", "description": "runs it"}
    offer = {
        "type": "additional_tools",
        "role": "developer",
        "tools": [{"type": "namespace", "name": "functions", "tools": [exec_]}],
    }
    asked = {"role": "user", "content": '[[call exec {"input": "let a = 1"}]]'}
    first = client.responses.create(model="m", input=[offer, asked])
    (call,) = first.output
    assert (call.type, call.name, call.input) == ("custom_tool_call", "exec", "let a = 1")
    streamed = list(client.responses.create(model="m", input=[offer, asked], stream=True))
    pieces = [e.delta for e in streamed if e.type == "response.custom_tool_call_input.delta"]
    assert "".join(pieces) == "let a = 1"
    result = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "1"}
    second = client.responses.create(
        model="m", input=[offer, asked, call.model_dump(exclude_none=True), result]
    )
    assert second.output_text == "The tool answered: 1"
