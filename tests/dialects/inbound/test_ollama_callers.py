"""Callers of Ollama: what is read of their requests, and what they are sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
import random_streams
import sdk_clients
from hypothesis import given
from hypothesis import strategies as st

from llm_router.dialects import inbound
from llm_router.dialects.inbound.bodies import AnsweredError
from llm_router.errors import UpstreamError, UsageError
from llm_router.nouns import (
    Answer,
    Delta,
    FailureKind,
    Image,
    Message,
    Reasoning,
    Request,
    Text,
    TextDelta,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    ask,
)
from llm_router.ports import Head

CHAT, GENERATE = inbound.get("ollama"), inbound.get("ollama_generate")
HI = ({"role": "user", "content": "hi"},)
HEAD = Head(ask("hi", reasoning=Reasoning()), "shown-model", 12, "anthropic")


def sketched(messages: Any = HI, **fields: Any) -> Request:
    return CHAT.sketch(json.dumps({"model": "m", "messages": messages, **fields}).encode())


def parsed(messages: Any = HI, **fields: Any) -> Request:
    return CHAT.parse(sketched(messages, **fields))


def generated(**fields: Any) -> Request:
    return GENERATE.parse(GENERATE.sketch(json.dumps({"model": "m", "prompt": "hi", **fields}).encode()))


# ── requests ─────────────────────────────────────────────────────────────────


def test_a_conversation_whose_results_name_the_tool_or_the_call() -> None:
    def call(name: str, **fields: Any) -> dict[str, Any]:
        return {"function": {"name": name, "arguments": {"a": 1}}, **fields}

    request = parsed(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Look.", "images": ["/9j/AAAA", "data:image/png;base64,iVBORw0KGgo="]},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [call("read"), call("read"), call("run", id="x")]},
            {"role": "tool", "tool_call_id": "x", "content": "three"},
            {"role": "tool", "tool_name": "read", "content": "one"},
            {"role": "tool", "content": "two"},
        ]
    )  # fmt: skip
    assert request.messages == (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Look."), Image("image/jpeg", "/9j/AAAA"), Image("image/png", "iVBORw0KGgo="))),
        Message(
            "assistant",
            (
                Thinking("hm"),
                ToolCall("call_0", "read", '{"a":1}'),
                ToolCall("call_1", "read", '{"a":1}'),
                ToolCall("x", "run", '{"a":1}'),
            ),
        ),
        Message(
            "user",
            (
                ToolResult("x", (Text("three"),)),
                ToolResult("call_0", (Text("one"),)),
                ToolResult("call_1", (Text("two"),)),
            ),
        ),
    )
    assert request.needs == {"vision"}


def test_settings_and_that_a_stream_is_what_one_gets_who_does_not_say_otherwise() -> None:
    request = sketched(
        options={
            "num_predict": 99,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "stop": ["END"],
            "num_ctx": 4096,
        },
        keep_alive="5m",
        think="high",
        format={"type": "object"},
        stream=False,
    )
    assert (request.max_output_tokens, request.temperature, request.top_p, request.top_k) == (
        99,
        0.5,
        0.9,
        40,
    )
    assert (request.stop, request.schema, request.stream) == (("END",), {"type": "object"}, False)
    assert request.reasoning == Reasoning("high")
    assert sketched().stream
    assert sketched(options={"num_predict": -1, "stop": "x"}).max_output_tokens is None
    assert sketched(options={"stop": "x"}).stop == ("x",)
    assert [sketched(think=word).reasoning for word in (True, False, None)] == [
        Reasoning(),
        Reasoning("none"),
        None,
    ]
    assert sketched(format="json").schema == {"type": "object"}
    finer = {
        "seed": 7,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.25,
        "repeat_penalty": 1.1,
        "min_p": 0.1,
    }
    assert sketched(options=finer).sampling == {
        "repetition_penalty" if name == "repeat_penalty" else name: value for name, value in finer.items()
    }
    assert sketched().sampling is None


def test_tools() -> None:
    tools = [
        {
            "type": "function",
            "function": {"name": "read", "description": "Read.", "parameters": {"type": "object"}},
        }
    ]
    request = parsed(tools=tools)
    assert request.tools == (Tool("read", "Read.", {"type": "object"}),)
    assert request.needs == {"tools"}
    assert sketched(tools=[]).needs == frozenset()
    assert parsed(tools=tools).tools is request.tools  # a session's are read once


def test_one_prompt() -> None:
    request = generated(system="Be brief.", images=["/9j/AAAA"], options={"num_predict": 9}, stream=False)
    assert request.messages == (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("hi"), Image("image/jpeg", "/9j/AAAA"))),
    )
    assert (request.max_output_tokens, request.stream, request.needs) == (9, False, {"vision"})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"model": "", "messages": []}, "model: Field required"),
        ({"messages": [{"role": "wizard"}]}, "messages.0.role: "),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages.0.tool_calls"),
        ({"model": ""}, "model: Field required"),
        ({"think": "hard"}, "think: "),
        ({"format": "yaml"}, "format: "),
        ({"options": {"temperature": "hot"}}, "options.temperature: "),
        ({"tools": [{"type": "function"}]}, "tools.0.function.name: "),
    ],
)
def test_what_cannot_be_is_refused_in_ollamas_form(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        CHAT.parse(CHAT.sketch(json.dumps({"model": "m", "messages": HI, **fields}).encode()))
    problem = CHAT.problem(caught.value, "r")
    assert (problem.status, set(json.loads(problem.body))) == (400, {"error"})
    assert json.loads(problem.body)["error"].startswith(told)


@pytest.mark.parametrize(
    ("keep", "reason"), [({}, "load"), ({"keep_alive": "5m"}, "load"), ({"keep_alive": 0}, "unload")]
)
@pytest.mark.parametrize(
    ("speaks", "fields", "nothing"),
    [
        (CHAT, {"messages": []}, {"message": {"role": "assistant", "content": ""}}),
        (CHAT, {}, {"message": {"role": "assistant", "content": ""}}),
        (GENERATE, {"prompt": ""}, {"response": ""}),
        (GENERATE, {}, {"response": ""}),
    ],
)
def test_who_asks_nothing_wants_a_model_loaded(
    speaks: Any, fields: Any, nothing: Any, keep: Any, reason: str
) -> None:
    with pytest.raises(AnsweredError) as done:
        speaks.sketch(json.dumps({"model": "m"} | fields | keep).encode())
    told = done.value.answer
    assert told | nothing == told
    assert (told["model"], told["done"], told["done_reason"]) == ("m", True, reason)


@pytest.mark.parametrize("fields", [{"suffix": "x"}, {"raw": True}, {"context": [1]}])
def test_what_only_a_local_model_does_with_a_prompt_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        generated(**fields)


# ── answers ──────────────────────────────────────────────────────────────────


def streamed(speaks: Any, batches: list[list[Delta]], told: Answer) -> bytes:
    renderer = speaks.renderer(HEAD)
    out = b"".join(renderer.feed(batch) + renderer.ping() for batch in batches) + renderer.end(told)
    assert renderer.ping() == renderer.error(UsageError("late")) == b""
    return out


@given(random_streams.deltas(), st.data())
def test_any_stream_says_what_the_whole_answer_says_and_is_read_by_ollamas_client(
    deltas: list[Delta], data: st.DataObject
) -> None:
    told = random_streams.assembled(deltas)
    batches = data.draw(random_streams.batches(deltas))
    client = sdk_clients.ollama(streamed(CHAT, batches, told))
    read = list(client.chat("m", [{"role": "user", "content": "hi"}], stream=True))
    assert [chunk.done for chunk in read] == [False] * (len(read) - 1) + [True]
    whole = sdk_clients.ollama(CHAT.render(told, HEAD)).chat("m", [{"role": "user", "content": "hi"}])
    assert "".join(chunk.message.content or "" for chunk in read) == whole.message.content == told.text
    assert "".join(chunk.message.thinking or "" for chunk in read) == (whole.message.thinking or "")
    calls = [call.function for chunk in read for call in chunk.message.tool_calls or ()]
    assert calls == [call.function for call in whole.message.tool_calls or ()]
    assert [(call.name, call.arguments) for call in calls] == [
        (part.name, json.loads(part.arguments)) for part in told.parts if isinstance(part, ToolCall)
    ]
    for end in (read[-1], whole):
        assert (end.done_reason, end.prompt_eval_count, end.eval_count) == ("stop", 20, 9)
        assert (end.total_duration or 0) > 0


def test_one_prompt_is_answered_in_a_response() -> None:
    told = Answer((Thinking("hm"), Text("Hello")), "length", random_streams.USAGE)
    deltas: list[Delta] = [TextDelta("Hel"), TextDelta("lo")]
    client = sdk_clients.ollama(streamed(GENERATE, [deltas], told))
    read = list(client.generate("m", "hi", stream=True))
    assert "".join(chunk.response for chunk in read) == "Hello"
    assert read[-1].done_reason == "length"
    whole = sdk_clients.ollama(GENERATE.render(told, HEAD)).generate("m", "hi")
    assert (whole.response, whole.thinking) == ("Hello", "hm")


def test_thinking_that_was_switched_off_is_not_shown() -> None:
    quiet = Head(ask("hi", reasoning=Reasoning("none")), "m")
    told = Answer((Thinking("hm"), Text("a")), "end", Usage())
    assert b"thinking" not in CHAT.render(told, quiet)


def test_a_stream_that_breaks_ends_with_an_error_that_ollamas_client_raises() -> None:
    from ollama import ResponseError

    renderer = CHAT.renderer(HEAD)
    data = renderer.feed([TextDelta("a")]) + renderer.error(UpstreamError(FailureKind.OVERLOADED, "Busy."))
    assert json.loads(data.splitlines()[-1]) == {"error": "Busy."}
    with pytest.raises(ResponseError, match="Busy"):
        list(sdk_clients.ollama(data).chat("m", [{"role": "user", "content": "hi"}], stream=True))


def test_errors_have_a_status_and_say_when_to_come_back() -> None:
    problem = CHAT.problem(
        UpstreamError(FailureKind.RATE_LIMITED, "Slow.", status=429, retry_after_s=3), "r1"
    )
    assert (problem.status, json.loads(problem.body)) == (429, {"error": "Slow."})
    assert problem.headers == {"retry-after": "3", "x-request-id": "r1"}
