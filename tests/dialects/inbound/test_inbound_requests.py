"""What callers send, read: nothing lost, in whatever form they say it; and sent on to every vendor."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_router import dialects
from llm_router.dialects.inbound import get
from llm_router.dialects.inbound.signatures import tagged
from llm_router.errors import UpstreamError, UsageError
from llm_router.nouns import (
    Document,
    FailureKind,
    Image,
    JsonDict,
    Message,
    Model,
    Reasoning,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebSearch,
)

PIXEL = "iVBORw0KGgo="
WEATHER: JsonDict = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def sketched(dialect: str, **fields: Any) -> Request:
    body = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], **fields}
    return get(dialect).sketch(json.dumps(body, ensure_ascii=False).encode())


def read(dialect: str, **fields: Any) -> Request:
    return get(dialect).parse(sketched(dialect, **fields))


def anthropic(*turns: tuple[str, Any], **fields: Any) -> Request:
    return read(
        "anthropic", messages=[{"role": role, "content": content} for role, content in turns], **fields
    )


def encoded(
    request: Request, dialect: str = "openai_chat", provider: str = "custom", **fields: Any
) -> JsonDict:
    return dialects.get(dialect).encode(request, Model(provider, "model-1", **fields), stream=False)


def told(request: Request) -> list[tuple[str, tuple[Any, ...]]]:
    return [(message.role, message.parts) for message in request.messages]


# ── Anthropic: what is said ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    "system",
    [
        "Be brief.\n\nBe kind.",
        [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cc_entrypoint=cli;"},
            {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": "Be kind."},
        ],
        "x-anthropic-billing-header: cc_version=2.1\nBe brief.\n\nBe kind.",
    ],
)
def test_system_text_in_every_form_without_the_billing_header(system: Any) -> None:
    request = anthropic(("user", "hi"), system=system)
    assert told(request)[0] == ("system", (Text("Be brief.\n\nBe kind."),))
    assert "cache_control" not in json.dumps(encoded(request))


def test_system_messages_inside_the_conversation_stay_in_their_place() -> None:
    request = anthropic(
        ("user", "hi"),
        ("system", "The environment."),
        ("assistant", "hello"),
        ("system", [{"type": "text", "text": "A hook says."}]),
        ("user", "go on"),
    )
    assert [role for role, _ in told(request)] == ["user", "system", "assistant", "system", "user"]
    sent = encoded(request, provider="openai")["messages"]
    assert [(m["role"], m["content"]) for m in sent] == [
        ("user", "hi"),
        ("system", "The environment."),
        ("assistant", "hello"),
        ("system", "A hook says."),
        ("user", "go on"),
    ]


def test_every_kind_of_block_is_read() -> None:
    request = anthropic(
        (
            "user",
            [
                {"type": "text", "text": "Look."},
                {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PIXEL}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
                },
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "notes"},
                    "title": "n",
                },
                {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
                {
                    "type": "document",
                    "source": {"type": "content", "content": [{"type": "text", "text": "inner"}]},
                },
                {
                    "type": "search_result",
                    "source": "https://e.com",
                    "title": "t",
                    "content": [{"type": "text", "text": "found"}],
                },
            ],
        )
    )
    assert told(request)[0][1] == (
        Text("Look."),
        Image("image/jpeg", data=PIXEL),
        Image(url="https://example.com/a.png"),
        Document("application/pdf", data="JVBE"),
        Document("text/plain", text="notes", title="n"),
        Document(url="https://example.com/a.pdf"),
        Document("text/plain", text="inner"),
        Document("text/plain", text="https://e.com\nfound", title="t"),
    )


def test_calls_and_results_single_parallel_failed_and_with_pictures() -> None:
    request = anthropic(
        ("user", "go"),
        (
            "assistant",
            [
                {"type": "text", "text": "Two."},
                {"type": "tool_use", "id": "a", "name": "read", "input": {"path": "x", "n": 1.50}},
                {"type": "tool_use", "id": "b", "name": "run", "input": {}},
            ],
        ),
        (
            "user",
            [
                {
                    "type": "tool_result",
                    "tool_use_id": "a",
                    "content": [
                        {"type": "text", "text": "seen"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
                        },
                    ],
                },
                {"type": "tool_result", "tool_use_id": "b", "content": "no such file", "is_error": True},
                {"type": "text", "text": "Go on."},
            ],
        ),
    )
    assert told(request)[1][1][1] == ToolCall("a", "read", '{"path": "x", "n": 1.5}')
    assert told(request)[2][1] == (
        ToolResult("a", (Text("seen"), Image(data=PIXEL))),
        ToolResult("b", (Text("no such file"),), is_error=True),
        Text("Go on."),
    )
    sent = encoded(request)["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert [c["id"] for c in sent[1]["tool_calls"]] == ["a", "b"]
    assert sent[2]["content"] == "seen"
    assert sent[3]["content"] == "Error: no such file"
    assert sent[4]["content"][0]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
    assert sent[4]["content"][1]["text"] == "Go on."


def test_a_system_message_never_separates_calls_from_their_results() -> None:
    request = anthropic(
        ("user", "go"),
        ("assistant", [{"type": "tool_use", "id": "a", "name": "read", "input": {}}]),
        ("system", "A hook."),
        ("user", [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]),
    )
    roles = [m["role"] for m in encoded(request, provider="openai")["messages"]]
    assert roles == ["user", "assistant", "tool", "system"]


def test_thinking_is_its_issuers_alone() -> None:
    blocks = [
        {"type": "thinking", "thinking": "own", "signature": "EqQB"},
        {"type": "thinking", "thinking": "foreign", "signature": tagged(Thinking("foreign"), "deepseek")},
        {"type": "redacted_thinking", "data": "AbC"},
        {"type": "tool_use", "id": "a", "name": "read", "input": {}},
    ]
    request = anthropic(("user", "go"), ("assistant", blocks))
    assert told(request)[1][1][:3] == (
        Thinking("own", "EqQB", "anthropic"),
        Thinking("foreign", None, "deepseek"),
        Thinking("", "redacted:AbC", "anthropic"),
    )
    assert encoded(request, provider="deepseek")["messages"][1]["reasoning_content"] == "foreign"
    assert "foreign" not in json.dumps(encoded(request, "anthropic", "anthropic"))
    assert "EqQB" not in json.dumps(encoded(request))


# ── Anthropic: tools ─────────────────────────────────────────────────────────


def test_tools_without_a_schema_get_one() -> None:
    request = anthropic(("user", "go"), tools=[{"name": "now", "input_schema": {}}, {"name": "then"}])
    for tool in encoded(request)["tools"]:
        assert tool["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("choice", "read_as", "sent"),
    [
        ({"type": "auto"}, ToolChoice("auto"), "auto"),
        ({"type": "any"}, ToolChoice("any"), "required"),
        ({"type": "none"}, ToolChoice("none"), "none"),
        (
            {"type": "tool", "name": "now", "disable_parallel_tool_use": True},
            ToolChoice("tool", "now", parallel=False),
            {"type": "function", "function": {"name": "now"}},
        ),
    ],
)
def test_the_choice_of_tools(choice: JsonDict, read_as: ToolChoice, sent: Any) -> None:
    request = anthropic(("user", "go"), tools=[{"name": "now", "input_schema": {}}], tool_choice=choice)
    assert request.tool_choice == read_as
    body = encoded(request)
    assert body["tool_choice"] == sent
    assert body.get("parallel_tool_calls") == (None if read_as.parallel else False)


def test_long_names_are_shortened_alike_everywhere() -> None:
    name = "mcp__server__" + "x" * 80
    request = anthropic(
        ("user", "go"),
        ("assistant", [{"type": "tool_use", "id": "a", "name": name, "input": {}}]),
        ("user", [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]),
        tools=[{"name": name, "input_schema": {}}],
        tool_choice={"type": "tool", "name": name},
    )
    body = encoded(request)
    short = body["tools"][0]["function"]["name"]
    assert len(short) <= 64
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == short
    assert body["tool_choice"]["function"]["name"] == short


def test_deferred_tools_are_offered_once_the_conversation_names_them() -> None:
    tools = [
        {"name": "Read", "input_schema": {}},
        {"name": "DeferredToolPlaceholder", "input_schema": {}},
        {"name": "Fetch", "input_schema": {}, "defer_loading": True},
        {"name": "Draw", "input_schema": {}, "defer_loading": True},
    ]
    before = anthropic(("user", "go"), tools=tools)
    assert [tool.name for tool in before.tools] == ["Read"]
    found = [{"type": "tool_reference", "tool_name": "Fetch"}]
    after = anthropic(
        ("user", "go"),
        ("assistant", [{"type": "tool_use", "id": "a", "name": "ToolSearch", "input": {}}]),
        ("user", [{"type": "tool_result", "tool_use_id": "a", "content": found}]),
        tools=tools,
    )
    assert [tool.name for tool in after.tools] == ["Read", "Fetch"]
    assert "Fetch" in encoded(after)["messages"][2]["content"]


def test_tools_that_anthropic_would_have_searched_are_all_offered() -> None:
    tools = [
        {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"},
        {"name": "Fetch", "input_schema": {}, "defer_loading": True},
    ]
    assert [tool.name for tool in anthropic(("user", "go"), tools=tools).tools] == ["Fetch"]


def test_web_search_becomes_a_wish_and_other_tools_of_the_vendor_are_refused_by_name() -> None:
    search = {
        "type": "web_search_20250305",
        "name": "web_search",
        "max_uses": 3,
        "allowed_domains": ["a.com"],
    }
    request = anthropic(("user", "go"), tools=[search])
    assert (request.web_search, request.tools) == (WebSearch(3, ("a.com",)), ())
    assert request.needs == {"web"}
    sent = encoded(request, "anthropic", "anthropic")["tools"]
    assert sent == [
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3, "allowed_domains": ["a.com"]}
    ]
    with pytest.raises(UpstreamError, match="search of the web"):
        encoded(request)
    with pytest.raises(UpstreamError, match="code_execution_20250825") as caught:
        anthropic(("user", "go"), tools=[{"type": "code_execution_20250825", "name": "code_execution"}])
    assert caught.value.kind is FailureKind.UNSUPPORTED


def test_tools_that_anthropic_defines_and_the_caller_runs_are_explained_to_others() -> None:
    request = anthropic(("user", "go"), tools=[{"type": "bash_20250124", "name": "bash"}])
    assert set(encoded(request)["tools"][0]["function"]["parameters"]["properties"]) == {"command", "restart"}


# ── Anthropic: settings ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "reasoning", "sent"),
    [
        ({}, None, None),
        ({"thinking": {"type": "adaptive"}}, Reasoning(), None),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Reasoning(shown=False), None),
        ({"thinking": {"type": "enabled", "budget_tokens": 31_999}}, Reasoning(None, 31_999), "high"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1_024}}, Reasoning(None, 1_024), "low"),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, Reasoning("none"), "none"),
        ({"output_config": {"effort": "medium"}}, Reasoning("medium"), "medium"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, Reasoning("max"), "max"),
    ],
)
def test_thinking_becomes_effort(fields: JsonDict, reasoning: Reasoning | None, sent: str | None) -> None:
    request = anthropic(("user", "go"), **fields)
    assert request.reasoning == reasoning
    body = dialects.get("openai_chat").encode(request, Model("openai", "gpt-6-luna"), stream=False)
    assert body.get("reasoning_effort") == sent
    assert "thinking" not in body
    assert "reasoning" not in body


def test_settings_of_the_answer() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    request = anthropic(
        ("user", "go"),
        max_tokens=77,
        temperature=0.3,
        top_p=0.9,
        top_k=5,
        stop_sequences=["</severity>"],
        stream=True,
        output_config={"format": {"type": "json_schema", "schema": schema}},
        metadata={"user_id": json.dumps({"device_id": "d", "session_id": "s-1"})},
        context_management={"edits": []},
        something_new={"a": 1},
    )
    assert (request.max_output_tokens, request.temperature, request.top_p, request.top_k) == (77, 0.3, 0.9, 5)
    assert (request.stop, request.stream, request.schema, request.session) == (
        ("</severity>",),
        True,
        schema,
        "s-1",
    )
    body = encoded(request, provider="openai")
    assert body["response_format"]["json_schema"]["schema"] == schema
    assert (body["stop"], body["top_p"], body["prompt_cache_key"]) == (["</severity>"], 0.9, "s-1")
    assert not {"top_k", "context_management", "something_new", "metadata", "output_config"} & body.keys()


def test_safeguards_are_refused_by_name_where_they_cannot_be_answered() -> None:
    fields = {"safeguards": [{"type": "dangerous_tool_use", "classifier_context": "x"}]}
    request = sketched("anthropic", **fields)
    with pytest.raises(UsageError, match="safeguards"):
        get("anthropic").parse(request)
    assert read("anthropic", safeguards=[]).messages


# ── sketches ─────────────────────────────────────────────────────────────────


def test_the_prompt_is_what_the_user_wrote_last() -> None:
    request = sketched(
        "anthropic",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "<system-reminder>\nrules\n</system-reminder>"},
                    {"type": "text", "text": "Fix the bug."},
                ],
            },
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "read", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "long"}]},
            {"role": "system", "content": "A hook."},
        ],
    )
    assert request.prompt == "Fix the bug."
    assert len(request.messages) == 1
    assert request.origin is not None


@pytest.mark.parametrize(
    ("dialect", "content", "need"),
    [
        (
            "anthropic",
            [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "A" * 400_000},
                }
            ],
            "vision",
        ),
        (
            "anthropic",
            [
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "A" * 400_000},
                }
            ],
            "documents",
        ),
        (
            "openai_chat",
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}],
            "vision",
        ),
        (
            "openai_chat",
            [{"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 400_000}}],
            "documents",
        ),
    ],
)
def test_pictures_and_documents_are_counted_apart(dialect: str, content: Any, need: str) -> None:
    request = sketched(dialect, messages=[{"role": "user", "content": content}])
    assert request.needs == {need}
    assert request.input_tokens is not None
    assert 500 < request.input_tokens < 20_000


def test_words_about_pictures_are_no_pictures() -> None:
    said = 'The block is {"type": "image", "source": {"type": "base64"}} and "web_search_20250305".'
    request = sketched("anthropic", messages=[{"role": "user", "content": said}], tools=[])
    assert request.needs == frozenset()


def test_a_sketch_estimates_all_of_the_body() -> None:
    small = sketched("anthropic").input_tokens or 0
    tools = [{"name": "t", "description": "x" * 4_000, "input_schema": {}}]
    large = sketched("anthropic", system="y" * 4_000, tools=tools).input_tokens or 0
    assert 2_000 <= large - small <= 2_100
    assert sketched("anthropic", tools=tools).needs == {"tools"}
    assert sketched("anthropic", tools=tools, tool_choice={"type": "none"}).needs == frozenset()


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
def test_what_is_null_or_empty_counts_as_left_out(dialect: str) -> None:
    for tools in (None, []):
        fields = dict.fromkeys(("tool_choice", "temperature", "stop", "metadata", "system", "thinking"))
        request = read(dialect, tools=tools, **fields)
        assert (request.needs, request.tools, request.tool_choice) == (frozenset(), (), ToolChoice())


# ── what is no request ───────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "no JSON object"),
        (b'{"messages": []}', "model: Field required"),
        (b'{"model": "m"}', "messages: Field required"),
        (b'{"model": "m", "messages": []}', "messages"),
        (b'{"model": 3, "messages": [{"role": "user", "content": "hi"}]}', "model: Expected"),
        (b"[" * 100_000, "JSON"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "\xff"}]}', "valid JSON"),
    ],
)
def test_a_sketch_says_what_is_wrong(dialect: str, body: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        get(dialect).sketch(body)


@pytest.mark.parametrize(
    ("dialect", "messages", "words"),
    [
        ("anthropic", [{"role": "robot", "content": "x"}], "messages.0.role"),
        ("anthropic", [{"role": "user", "content": 3}], "messages.0.content"),
        ("anthropic", [{"role": "user", "content": [{"type": "text"}]}], "messages.0.content.0.text"),
        ("anthropic", [{"role": "user", "content": [{"type": "image"}]}], "messages.0.content.0.source"),
        ("anthropic", [{"role": "user", "content": [{"type": "tool_result"}]}], "tool_use_id"),
        ("anthropic", [{"role": "assistant", "content": [{"type": "tool_use", "id": "a"}]}], "name"),
        ("openai_chat", [{"role": "robot", "content": "x"}], "messages.0.role"),
        ("openai_chat", [{"role": "tool", "content": "x"}], "messages.0.tool_call_id"),
        ("openai_chat", [{"role": "user", "content": [{"type": "smell"}]}], "messages.0.content.0.type"),
        ("openai_chat", [{"role": "user", "content": [{"type": "image_url"}]}], "image_url"),
    ],
)
def test_a_reading_names_the_place(dialect: str, messages: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read(dialect, messages=messages)


def test_an_answer_needs_a_limit_for_anthropic() -> None:
    with pytest.raises(UsageError, match="max_tokens: Field required"):
        read("anthropic", max_tokens=None)


# ── Chat Completions ─────────────────────────────────────────────────────────


def chat(*messages: JsonDict, **fields: Any) -> Request:
    return read("openai_chat", messages=list(messages), **fields)


def test_a_chat_is_read_with_roles_media_calls_and_results() -> None:
    request = chat(
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look."},
                {
                    "type": "image_url",
                    "image_url": {"url": f"data:image/jpeg;base64,{PIXEL}", "detail": "low"},
                },
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"},
                },
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": " hm ",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "read", "arguments": '{"path":"x"}'}},
                {"id": "b", "type": "function", "function": {"name": "now", "arguments": ""}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "text"}]},
        {"role": "tool", "tool_call_id": "b", "content": "noon"},
        {"role": "user", "content": "And?"},
    )
    assert told(request) == [
        ("system", (Text("Be brief."),)),
        (
            "user",
            (
                Text("Look."),
                Image("image/jpeg", data=PIXEL),
                Image(url="https://example.com/a.png"),
                Document("application/pdf", data="JVBE", title="a.pdf"),
            ),
        ),
        (
            "assistant",
            (Thinking(" hm "), ToolCall("a", "read", '{"path":"x"}'), ToolCall("b", "now", "")),
        ),
        ("user", (ToolResult("a", (Text("text"),)), ToolResult("b", (Text("noon"),)))),
        ("user", (Text("And?"),)),
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_completion_tokens": 9}, {"max_output_tokens": 9}),
        ({"stop": "END"}, {"stop": ("END",)}),
        ({"stop": ["A", "B"]}, {"stop": ("A", "B")}),
        ({"response_format": {"type": "json_object"}}, {"schema": {"type": "object"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": WEATHER}}},
            {"schema": WEATHER},
        ),
        ({"reasoning_effort": "minimal"}, {"reasoning": Reasoning("minimal")}),
        ({"reasoning": {"max_tokens": 4_000}}, {"reasoning": Reasoning(None, 4_000)}),
        ({"reasoning": {"enabled": False}}, {"reasoning": Reasoning("none")}),
        ({"thinking": {"type": "disabled"}}, {"reasoning": Reasoning("none")}),
        ({"tool_choice": "required"}, {"tool_choice": ToolChoice("any")}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": False},
            {"tool_choice": ToolChoice("tool", "f", parallel=False)},
        ),
        ({"web_search_options": {}}, {"web_search": WebSearch()}),
        ({"prompt_cache_key": "s-1"}, {"session": "s-1"}),
        ({"seed": 7, "presence_penalty": 0.5}, {"sampling": {"seed": 7, "presence_penalty": 0.5}}),
        ({"seed": None, "frequency_penalty": 0}, {"sampling": {"frequency_penalty": 0}}),
        ({"seed": None}, {"sampling": None}),
        (
            {"temperature": 0.1, "top_p": 0.2, "stream": True},
            {"temperature": 0.1, "top_p": 0.2, "stream": True},
        ),
    ],
)
def test_settings_of_a_chat(fields: JsonDict, expected: dict[str, Any]) -> None:
    request = read("openai_chat", **fields)
    assert {name: getattr(request, name) for name in expected} == expected


def test_tools_of_a_chat_new_old_and_narrowed() -> None:
    tools = [
        {
            "type": "function",
            "function": {"name": "a", "description": "d", "parameters": WEATHER, "strict": True},
        },
        {"type": "function", "function": {"name": "b"}},
    ]
    assert read("openai_chat", tools=tools).tools == (Tool("a", "d", WEATHER, strict=True), Tool("b"))
    narrowed = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]},
    }
    request = read("openai_chat", tools=tools, tool_choice=narrowed)
    assert (request.tools, request.tool_choice) == ((Tool("b"),), ToolChoice("any"))
    old = chat(
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "done"},
        functions=[{"name": "f", "parameters": WEATHER}],
    )
    assert old.tools == (Tool("f", "", WEATHER),)
    assert told(old)[1][1][0].id == told(old)[2][1][0].call_id


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n": 2}, "n: 2"),
        ({"modalities": ["text", "audio"]}, "audio"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "custom"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
            "input_audio",
        ),
    ],
)
def test_what_only_openai_can_do_is_named(fields: JsonDict, words: str) -> None:
    with pytest.raises(UpstreamError, match=words) as caught:
        read("openai_chat", **fields)
    assert caught.value.kind is FailureKind.UNSUPPORTED


# ── to every vendor ──────────────────────────────────────────────────────────

UPSTREAMS = {
    "anthropic": "anthropic",
    "openai_chat": "openai",
    "openai_responses": "openai",
    "gemini": "gemini",
    "ollama": "ollama",
}


def full_anthropic() -> Request:
    return anthropic(
        ("user", [{"type": "text", "text": "SAID-1"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]),
        ("system", "SAID-2"),
        (
            "assistant",
            [
                {"type": "thinking", "thinking": "t", "signature": "sig"},
                {"type": "text", "text": "SAID-3"},
                {"type": "tool_use", "id": "a", "name": "read", "input": {"path": "SAID-4"}},
                {"type": "tool_use", "id": "b", "name": "run", "input": {}},
            ],
        ),
        (
            "user",
            [
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "SAID-5"}]},
                {"type": "tool_result", "tool_use_id": "b", "content": "SAID-6", "is_error": True},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "SAID-7"}},
                {"type": "text", "text": "SAID-8"},
            ],
        ),
        system=[{"type": "text", "text": "SAID-9", "cache_control": {"type": "ephemeral"}}],
        tools=[{"name": "read", "description": "SAID-10", "input_schema": WEATHER}, {"name": "run", "input_schema": {}}],
        thinking={"type": "adaptive"},
        max_tokens=4_000,
    )  # fmt: skip


def full_chat() -> Request:
    return chat(
        {"role": "system", "content": "SAID-1"},
        {"role": "user", "content": [{"type": "text", "text": "SAID-2"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]},
        {"role": "assistant", "content": "SAID-3", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "read", "arguments": '{"path":"SAID-4"}'}}]},
        {"role": "tool", "tool_call_id": "a", "content": "SAID-5"},
        {"role": "developer", "content": "SAID-6"},
        {"role": "user", "content": "SAID-7"},
        tools=[{"type": "function", "function": {"name": "read", "description": "SAID-8", "parameters": WEATHER}}],
        reasoning_effort="high",
        max_completion_tokens=4_000,
    )  # fmt: skip


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize(("build", "said"), [(full_anthropic, 10), (full_chat, 8)])
def test_everything_said_reaches_every_vendor(upstream: str, build: Any, said: int) -> None:
    body = json.dumps(encoded(build(), upstream, UPSTREAMS[upstream]))
    missing = [n for n in range(1, said + 1) if f"SAID-{n}" not in body]
    assert missing == []
    assert PIXEL in body
    assert '"cache_control"' not in body or upstream == "anthropic"


def test_a_conversation_survives_the_way_there_and_back() -> None:
    """Anthropic -> Chat -> nouns: the same, but for what the other format has no place for."""
    request = full_anthropic()
    body = encoded(request, provider="openai") | {"model": "m"}
    back = get("openai_chat").parse(get("openai_chat").sketch(json.dumps(body).encode()))
    assert back.tools == (
        Tool("read", "SAID-10", WEATHER),
        Tool("run", "", {"type": "object", "properties": {}}),
    )
    texts = [part.text for message in back.messages for part in message.parts if isinstance(part, Text)]
    assert texts[:4] == ["SAID-9", "SAID-1", "SAID-2", "SAID-3"]
    calls = [part for message in back.messages for part in message.parts if isinstance(part, ToolCall)]
    assert [(call.id, call.name) for call in calls] == [("a", "read"), ("b", "run")]
    again = encoded(back, provider="openai") | {"model": "m"}
    assert again["messages"] == body["messages"]


# ── the prompt cache of Anthropic ────────────────────────────────────────────


def cached(request: Request, provider: str = "anthropic") -> list[str]:
    body = encoded(request, "anthropic", provider)
    found = ["system"] if "cache_control" in json.dumps(body.get("system", "")) else []
    found += ["tools"] if "cache_control" in json.dumps(body.get("tools", "")) else []
    return found + [
        f"message {n}" for n, m in enumerate(body["messages"]) if "cache_control" in json.dumps(m)
    ]


def test_a_long_conversation_of_an_openai_caller_is_cached_where_it_pays() -> None:
    tools = [{"type": "function", "function": {"name": "read"}}]
    system: JsonDict = {"role": "system", "content": "x" * 8_000}
    question: JsonDict = {"role": "user", "content": "go"}
    assert cached(chat(system, question, tools=tools)) == ["system", "message 0"]
    assert cached(chat({"role": "user", "content": "y" * 8_000}, tools=tools)) == ["tools", "message 0"]
    assert cached(chat(system, question)) == []
    assert cached(chat(system, question, {"role": "assistant", "content": "a"}, question)) == [
        "system",
        "message 2",
    ]
    assert cached(chat(question, tools=tools)) == []
    assert cached(chat(system, question, tools=tools), provider="proxy") == []


# ── Claude's generations ─────────────────────────────────────────────────────

SHOWN: JsonDict = {
    "type": "adaptive",
    "display": "summarized",
}  # since 4.7 it is hidden from who does not ask


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "config"),
    [
        ("claude-sonnet-5-5", "high", SHOWN, {"effort": "high"}),
        ("claude-opus-4-7", "xhigh", SHOWN, {"effort": "xhigh"}),
        ("claude-sonnet-5-5", "none", {"type": "disabled"}, None),
        ("claude-opus-5-5", "none", None, {"effort": "low"}),
        ("claude-opus-4-6", "xhigh", {"type": "adaptive"}, {"effort": "high"}),
        ("claude-haiku-4-5-20251001", "low", {"type": "enabled", "budget_tokens": 4_000}, None),
        ("claude-haiku-4-5-20251001", "none", {"type": "disabled"}, None),
        ("claude-3-7-sonnet-20250219", "medium", {"type": "enabled", "budget_tokens": 6_976}, None),
    ],
)
def test_effort_is_said_as_each_claude_takes_it(
    model: str, effort: str, thinking: JsonDict | None, config: JsonDict | None
) -> None:
    request = chat({"role": "user", "content": "go"}, reasoning_effort=effort, max_completion_tokens=8_000)
    body = dialects.get("anthropic").encode(request, Model("anthropic", model), stream=False)
    assert body.get("thinking") == thinking
    assert body.get("output_config") == config


def test_a_turn_that_began_without_thinking_goes_on_without_it() -> None:
    request = chat(
        {"role": "user", "content": "go"},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "x"},
        tools=[{"type": "function", "function": {"name": "f"}}],
        reasoning_effort="high",
        max_completion_tokens=30_000,
    )
    older = dialects.get("anthropic").encode(request, Model("anthropic", "claude-haiku-4-5"), stream=False)
    newer = dialects.get("anthropic").encode(request, Model("anthropic", "claude-sonnet-5-5"), stream=False)
    assert "thinking" not in older
    assert newer["thinking"] == SHOWN


def test_a_call_is_not_demanded_of_a_claude_that_refuses_it() -> None:
    request = chat(
        {"role": "user", "content": "go"},
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice="required",
    )
    with pytest.raises(UpstreamError, match="order to call a tool"):
        dialects.get("anthropic").encode(request, Model("anthropic", "claude-opus-5-5"), stream=False)


@pytest.mark.parametrize(
    ("provider", "model", "off", "high"),
    [
        ("openai", "gpt-6-luna", {"reasoning_effort": "none"}, {"reasoning_effort": "high"}),
        ("openai", "gpt-5-mini", {"reasoning_effort": "minimal"}, {"reasoning_effort": "high"}),
        ("openai", "o4-mini", {"reasoning_effort": "low"}, {"reasoning_effort": "high"}),
        ("deepseek", "deepseek-v4-pro", {"thinking": {"type": "disabled"}}, {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ("zai", "glm-5.3", {"thinking": {"type": "disabled"}}, {"thinking": {"type": "enabled"}}),
        ("qwen", "qwen3.8-max", {"enable_thinking": False}, {"enable_thinking": True}),
        ("openrouter", "x/y", {"reasoning": {"enabled": False}}, {"reasoning": {"effort": "high"}}),
        ("groq", "openai/gpt-oss-20b", {}, {"reasoning_effort": "high"}),
        ("groq", "qwen/qwen3.8-27b", {"reasoning_effort": "none"}, {}),
        ("mistral", "m", {"reasoning_effort": "none"}, {"reasoning_effort": "high"}),
        ("vllm", "m", {}, {"reasoning_effort": "high"}),
        ("perplexity", "sonar", {}, {}),
    ],
)  # fmt: skip
def test_effort_is_said_as_each_vendor_takes_it(
    provider: str, model: str, off: JsonDict, high: JsonDict
) -> None:
    names = ("reasoning_effort", "thinking", "enable_thinking", "thinking_budget", "reasoning")
    for effort, expected in (("none", off), ("high", high)):
        request = chat({"role": "user", "content": "go"}, reasoning_effort=effort)
        body = dialects.get("openai_chat").encode(request, Model(provider, model), stream=False)
        assert {name: body[name] for name in names if name in body} == expected
    without = Model(provider, model, features=frozenset({"tools"}))
    assert not set(names) & dialects.get("openai_chat").encode(request, without, stream=False).keys()


def test_nouns_of_a_sketch_without_a_body_are_kept() -> None:
    request = Request((Message("user", (Text("hi"),)),))
    assert get("anthropic").parse(request) is request
    assert get("openai_chat").parse(request) is request
