"""Callers of OpenAI Responses: what is read of their requests, and what they are sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
import random_streams
import sdk_clients
from hypothesis import given
from hypothesis import strategies as st

from llm_router.dialects import inbound
from llm_router.errors import BudgetError, UpstreamError, UsageError
from llm_router.nouns import (
    Answer,
    Delta,
    Document,
    FailureKind,
    Image,
    Message,
    Reasoning,
    Request,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
    ask,
)
from llm_router.ports import Head

RESPONSES = inbound.get("openai_responses")
PIXEL = "iVBORw0KGgo="
FUNCTION = {"type": "function", "name": "read", "parameters": {"type": "object"}}
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edit.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}
SPACE = {"type": "namespace", "name": "mcp__files", "tools": [{"type": "function", "name": "list"}]}
SEARCH = {"type": "tool_search", "execution": "client", "parameters": {"type": "object"}}
SHELL = {"type": "local_shell"}


def sketched(body: Any = "hi", **fields: Any) -> Request:
    return RESPONSES.sketch(json.dumps({"model": "m", "input": body, **fields}).encode())


def parsed(body: Any = "hi", **fields: Any) -> Request:
    return RESPONSES.parse(sketched(body, **fields))


def head(request: Request | None = None, issuer: str = "anthropic") -> Head:
    return Head(request or ask("hi", reasoning=Reasoning()), "shown-model", 12, issuer)


def user(*content: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": list(content)}


# ── requests ─────────────────────────────────────────────────────────────────


def test_a_text_is_what_the_user_says_and_instructions_stand_before_it() -> None:
    request = parsed("hi", instructions="Be brief.")
    assert request.messages == (
        Message(
            "system",
            (
                Text(
                    "Be brief.",
                ),
            ),
        ),
        Message("user", (Text("hi"),)),
    )


def test_the_items_of_one_side_in_a_row_are_one_turn_and_messages_of_the_developer_stay_in_their_place() -> (
    None
):
    request = parsed(
        [
            {"role": "developer", "content": "Rules."},
            user({"type": "input_text", "text": "Look."}),
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "ENC"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Looking."}]},
            {"type": "function_call", "call_id": "c1", "name": "read", "arguments": '{"a": 1}'},
            {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** Begin"},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}]},
            {"role": "system", "content": "More rules."},
            user({"type": "input_text", "text": "Go on."}),
        ]
    )  # fmt: skip
    assert request.messages == (
        Message("system", (Text("Rules."),)),
        Message("user", (Text("Look."),)),
        Message(
            "assistant",
            (
                Thinking("hm", "rs_1:ENC", "openai"),
                Text("Looking."),
                ToolCall("c1", "read", '{"a": 1}'),
                ToolCall("c2", "apply_patch", '{"input":"*** Begin"}'),
            ),
        ),
        Message("user", (ToolResult("c1", (Text("one"),)), ToolResult("c2", (Image("image/png", PIXEL),)))),
        Message("system", (Text("More rules."),)),
        Message("user", (Text("Go on."),)),
    )


def test_pictures_and_files_by_data_and_by_link() -> None:
    (message,) = parsed(
        [
            user(
                {"type": "input_image", "image_url": "https://example.com/a.png"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
                {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,aGk="},
            )
        ]
    ).messages  # fmt: skip
    assert message.parts == (
        Image(url="https://example.com/a.png"),
        Document(data="JVBERg==", title="a.pdf"),
        Document(url="https://example.com/a.pdf"),
        Document("text/plain", text="hi", title="a.txt"),
    )


def test_every_kind_of_tool_is_a_function_that_any_model_can_call() -> None:
    request = parsed(tools=[FUNCTION, PATCH, SPACE, SEARCH, SHELL, {"type": "web_search"}])
    assert [tool.name for tool in request.tools] == [
        "read",
        "apply_patch",
        "mcp__files__list",
        "tool_search",
        "local_shell",
    ]
    patch = request.tools[1]
    assert patch.parameters["required"] == ["input"]
    assert "start: /.+/" in patch.description
    assert request.web_search is not None


def test_tools_that_a_search_brought_up_are_offered_from_then_on() -> None:
    found = {"type": "tool_search_output", "call_id": "c1", "execution": "client", "tools": [SPACE]}
    request = parsed(
        [
            user(),
            {"type": "tool_search_call", "call_id": "c1", "arguments": {"query": "files"}},
            found,
            {
                "type": "function_call",
                "call_id": "c2",
                "name": "list",
                "namespace": "mcp__files",
                "arguments": "{}",
            },
        ],
        tools=[SEARCH],
    )
    assert [tool.name for tool in request.tools] == ["tool_search", "mcp__files__list"]
    calls = [part for m in request.messages for part in m.parts if isinstance(part, ToolCall)]
    assert [call.name for call in calls] == ["tool_search", "mcp__files__list"]
    told = RESPONSES.render(
        Answer((ToolCall("c3", "mcp__files__list", "{}"),), "tool_use", Usage()), head(request)
    )
    (item,) = json.loads(told)["output"]
    assert (item["name"], item["namespace"]) == ("list", "mcp__files")


@pytest.mark.parametrize(
    ("choice", "mode", "names"),
    [
        (None, "auto", ["read", "apply_patch"]),
        ("none", "none", ["read", "apply_patch"]),
        ("required", "any", ["read", "apply_patch"]),
        ({"type": "function", "name": "read"}, "tool", ["read", "apply_patch"]),
        ({"type": "custom", "name": "apply_patch"}, "tool", ["read", "apply_patch"]),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "read"}]},
            "any",
            ["read"],
        ),
    ],
)
def test_every_form_of_tool_choice(choice: Any, mode: str, names: list[str]) -> None:
    request = parsed(tools=[FUNCTION, PATCH], tool_choice=choice, parallel_tool_calls=False)
    assert (request.tool_choice.mode, request.tool_choice.parallel) == (mode, False)
    assert [tool.name for tool in request.tools] == names


def test_a_web_search_alone_or_forced_is_the_job_and_beside_tools_an_offer() -> None:
    search = {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}}
    alone, forced, beside = (
        sketched(tools=[search]),
        sketched(tools=[search, FUNCTION], tool_choice={"type": "web_search"}),
        sketched(tools=[search, FUNCTION]),
    )
    assert alone.web_search is not None
    assert alone.web_search.allowed_domains == ("a.example",)
    assert (alone.needs, forced.needs, beside.needs) == ({"web"}, {"web"}, {"tools"})


def test_settings() -> None:
    schema = {"type": "object", "properties": {}}
    request = sketched(
        reasoning={"effort": "high", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "a", "schema": schema}, "verbosity": "low"},
        max_output_tokens=99,
        temperature=0.5,
        top_p=0.9,
        stream=True,
        store=True,
        metadata={"a": "b"},
        service_tier="flex",
        client_metadata={"session_id": "s1"},
        something_new={"a": 1},
    )
    assert request.reasoning == Reasoning("high", shown=True)
    assert (request.schema, request.max_output_tokens, request.stream) == (schema, 99, True)
    assert (request.temperature, request.top_p, request.session) == (0.5, 0.9, "s1")
    assert sketched(reasoning={"effort": "low"}).reasoning == Reasoning("low", shown=False)
    assert sketched(prompt_cache_key="k").session == "k"


def test_a_sketch_knows_what_routing_needs_of_a_body_it_has_not_read() -> None:
    big = "x" * 40_000
    request = sketched(
        [
            user({"type": "input_text", "text": big}, {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 400_000}),
            user({"type": "input_text", "text": "what is it?"}),
            user({"type": "input_text", "text": "<environment_context>\n  <cwd>/home/me</cwd>"}),
            {"type": "function_call_output", "call_id": "c1", "output": "no words of the user"},
        ],
        tools=[FUNCTION],
    )  # fmt: skip
    assert request.prompt == "what is it?"
    assert request.needs == {"tools", "vision"}
    assert 10_000 < (request.input_tokens or 0) < 13_000
    assert not request.tools


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"background": True}, "background: "),
        ({"input": [{"role": "wizard", "content": "hi"}]}, "input.0.role: "),
        ({"input": [{"type": "function_call", "name": "x"}]}, "input.0.id: Field required"),
        ({"input": 7}, "input: "),
        ({"input": []}, "input: at least one item"),
        ({"model": ""}, "model: Field required"),
        ({"model": 7}, "model: Expected `str`"),
        ({"tools": [{"type": "function"}]}, "tools.0.name: Field required"),
        ({"tool_choice": "sometimes"}, "tool_choice: Input should be"),
        ({"tool_choice": {"type": "function", "name": "gone"}}, "tool_choice: there is no tool 'gone'"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort: "),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema: Field required"),
    ],
)
def test_what_cannot_be_is_refused_in_the_callers_words(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(
            **{"body": "hi", **{k: v for k, v in fields.items() if k != "input"}}
            | ({"body": fields["input"]} if "input" in fields else {})
        )
    assert caught.value.message.startswith(told)
    assert json.loads(RESPONSES.problem(caught.value, "r").body)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"model": "m"}', b'{"model":"m","input":"\xff"}']
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError):
        RESPONSES.sketch(body)


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]},
        {"tools": [{"type": "mcp", "server_label": "x"}]},
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"prompt": {"id": "p"}},
        {"body": [{"type": "compaction", "encrypted_content": "x"}]},
        {"body": [{"type": "item_reference", "id": "msg_1"}]},
        {"body": [user({"type": "input_image", "file_id": "file_1"})]},
        {"body": [user({"type": "input_audio", "input_audio": {}})]},
    ],
)
def test_what_only_openai_can_do_is_unsupported_by_others(fields: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError) as caught:
        parsed(**fields)
    assert caught.value.kind is FailureKind.UNSUPPORTED


def test_what_openai_adds_for_convenience_is_left_out() -> None:
    assert not parsed(tools=[{"type": "image_generation"}]).tools
    trace = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    assert [m.role for m in parsed([user({"type": "input_text", "text": "hi"}), trace]).messages] == ["user"]


# ── answers ──────────────────────────────────────────────────────────────────


def streamed(batches: list[list[Delta]], told: Answer, given_head: Head) -> bytes:
    renderer = RESPONSES.renderer(given_head)
    return b"".join(renderer.feed(batch) for batch in batches) + renderer.end(told)


def events(data: bytes) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = []
    for block in data.decode().split("\n\n"):
        if block and not block.startswith(":"):
            name, line = block.split("\n")
            read.append(json.loads(line.removeprefix("data: ")))
            assert name == f"event: {read[-1]['type']}"
    return read


def substance(response: dict[str, Any]) -> Any:
    """An answer without what differs between two renderings of it."""
    told = json.loads(json.dumps(response))
    for item in told["output"]:
        del item["id"]
    return {key: told[key] for key in ("status", "incomplete_details", "output", "usage", "model")}


def in_order(data: bytes) -> list[dict[str, Any]]:
    """Every item is announced once, filled only while it is open, and closed once, with what its deltas amount to."""
    told = events(data)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"] for event in told[:2]] == ["response.created", "response.in_progress"]
    opened: dict[int, dict[str, Any]] = {}
    closed: dict[int, dict[str, Any]] = {}
    pieces: dict[int, str] = {}
    for event in told[2:-1]:
        index = event["output_index"]
        assert index not in closed
        match event["type"]:
            case "response.output_item.added":
                assert index not in opened
                opened[index] = event["item"]
            case "response.output_item.done":
                assert event["item"]["id"] == opened[index]["id"]
                closed[index] = event["item"]
            case kind:
                assert event["item_id"] == opened[index]["id"]
                if kind.endswith(".delta"):
                    pieces[index] = pieces.get(index, "") + event["delta"]
    assert sorted(closed) == sorted(opened) == list(range(len(opened)))
    for index, item in closed.items():
        whole = {
            "message": lambda i=item: i["content"][0]["text"],
            "function_call": lambda i=item: i["arguments"],
            "custom_tool_call": lambda i=item: i["input"],
            "reasoning": lambda i=item: "".join(part["text"] for part in i["summary"]),
        }[item["type"]]()
        assert pieces.get(index, "") == whole
    assert told[-1]["response"]["output"] == [closed[index] for index in sorted(closed)]
    return told


CALLED = parsed(tools=[FUNCTION, PATCH], reasoning={"summary": "auto"})


@given(random_streams.deltas(names=("read", "apply_patch", "unknown")), st.data())
def test_any_stream_is_in_order_read_by_openais_client_and_the_same_as_the_whole_answer(
    deltas: list[Delta], data: st.DataObject
) -> None:
    told = random_streams.assembled(deltas)
    given_head = head(CALLED)
    stream = streamed(data.draw(random_streams.batches(deltas)), told, given_head)
    last = in_order(stream)[-1]["response"]
    whole = json.loads(RESPONSES.render(told, given_head))
    assert substance(last) == substance(whole)
    with sdk_clients.openai(stream, RESPONSES.content_type).responses.stream(
        model="m", input="hi"
    ) as reading:
        for _ in reading:
            pass
        final = reading.get_final_response()
    assert final.output_text == told.text
    assert [item.type for item in final.output] == [item["type"] for item in whole["output"]]


@given(random_streams.deltas())
def test_what_is_sent_comes_back_as_what_was_said(deltas: list[Delta]) -> None:
    told = random_streams.assembled(deltas)
    items = json.loads(RESPONSES.render(told, head(CALLED)))["output"]
    back = parsed([user({"type": "input_text", "text": "hi"}), *items]).messages[1:]
    parts = tuple(part for message in back for part in message.parts)
    kept = [p for p in told.parts if not (isinstance(p, Thinking) and not (p.text or p.signature))]
    assert [_said(part) for part in parts] == [_said(part) for part in kept]
    assert all(part.issuer == "anthropic" for part in parts if isinstance(part, Thinking))


def _said(part: Any) -> Any:
    match part:
        case Thinking(text, signature):
            return text, signature
        case ToolCall(call_id, name, arguments):
            return call_id, name, json.loads(arguments)
        case Text(text):
            return text


def test_thinking_nobody_wants_to_read_still_comes_back_to_its_maker() -> None:
    request = parsed(reasoning={"effort": "low"})
    told = Answer((Thinking("secret", None), ToolCall("c1", "read", "{}")), "tool_use", Usage())
    data = RESPONSES.render(told, head(request, "deepseek"))
    assert b"secret" not in data
    back = parsed([user({"type": "input_text", "text": "hi"}), *json.loads(data)["output"]])
    assert back.messages[-1].parts[0] == Thinking("secret", None, "deepseek")


def test_openais_own_reasoning_goes_back_to_it_as_it_came() -> None:
    told = Answer((Thinking("hm", "rs_9:ENC"), Text("a")), "end", Usage())
    unseen = head(parsed(reasoning={"effort": "low"}), "openai")
    item = json.loads(RESPONSES.render(told, unseen))["output"][0]
    assert (item["id"], item["encrypted_content"]) == ("rs_9", "ENC")


def test_a_freeform_tool_is_called_with_plain_text_however_the_model_wrote_it() -> None:
    for arguments in ('{"input": "*** Begin\\n"}', "*** Begin\n"):
        told = Answer((ToolCall("c1", "apply_patch", arguments),), "tool_use", Usage())
        (item,) = json.loads(RESPONSES.render(told, head(CALLED)))["output"]
        assert (item["type"], item["name"], item["input"]) == (
            "custom_tool_call",
            "apply_patch",
            "*** Begin\n",
        )
        assert item["id"].startswith("ctc_")


def test_a_search_for_tools_and_a_shell_are_called_in_their_own_forms() -> None:
    request = parsed(tools=[SEARCH, SHELL])
    calls = (
        ToolCall("c1", "tool_search", '{"query": "files"}'),
        ToolCall("c2", "local_shell", '{"command": ["ls"], "timeout_ms": 9}'),
    )
    search, shell = json.loads(RESPONSES.render(Answer(calls, "tool_use", Usage()), head(request)))["output"]
    assert (search["type"], search["execution"]) == ("tool_search_call", "client")
    assert search["arguments"] == {"query": "files"}
    assert shell["action"] == {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 9}


@pytest.mark.parametrize(
    ("stop", "status", "details"),
    [
        ("end", "completed", None),
        ("tool_use", "completed", None),
        ("stop_sequence", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("refusal", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_reasons_to_stop(stop: Any, status: str, details: Any) -> None:
    told = Answer((Text("a"),), stop, random_streams.USAGE)
    last = in_order(streamed([[TextDelta("a")]], told, head()))[-1]
    assert last["type"] == f"response.{status}"
    assert (last["response"]["status"], last["response"]["incomplete_details"]) == (status, details)
    assert last["response"]["usage"] == {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 29,
    }


def test_a_call_whose_name_comes_late_waits_for_it() -> None:
    deltas: list[Delta] = [
        ToolCallDelta(0, '{"a"', "c1"),
        ToolCallDelta(0, ": 1}", None, "read"),
        ThinkingDelta(""),
    ]
    told = Answer((ToolCall("c1", "read", '{"a": 1}'),), "tool_use", Usage())
    (item,) = in_order(streamed([[d] for d in deltas], told, head()))[-1]["response"]["output"]
    assert (item["name"], item["arguments"]) == ("read", '{"a": 1}')


def test_a_stream_that_breaks_fails_and_says_when_to_come_back() -> None:
    broken = UpstreamError(FailureKind.RATE_LIMITED, "Too many.", status=429, retry_after_s=6.2)
    renderer = RESPONSES.renderer(head())
    data = renderer.feed([TextDelta("a")]) + renderer.error(broken)
    *_, error, last = events(data)
    assert (error["type"], error["code"]) == ("error", "rate_limit_exceeded")
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {
        "code": "rate_limit_exceeded",
        "message": "Too many. Please try again in 7s.",
    }
    assert renderer.error(broken) == renderer.ping() == b""


def test_a_budget_is_a_limit_that_codex_does_not_run_against() -> None:
    problem = RESPONSES.problem(BudgetError("Used up.", resets_at=4_000_000_000.5), "req_1")
    assert problem.status == 429
    assert json.loads(problem.body)["error"] == {
        "message": "Used up.",
        "type": "usage_limit_reached",
        "param": None,
        "code": "insufficient_quota",
        "resets_at": 4_000_000_000,
    }
    assert problem.headers["x-should-retry"] == "false"
