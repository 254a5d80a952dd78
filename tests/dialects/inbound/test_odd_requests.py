"""What clients send that no example shows: said as it was meant, passed on untouched, or refused in clear words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_router import dialects
from llm_router.dialects import passing
from llm_router.dialects.inbound import get
from llm_router.errors import UpstreamError, UsageError
from llm_router.nouns import Message, Model, Request, Text, ToolCall, ToolResult

MESSAGES = {"messages": [{"role": "user", "content": "hi"}]}
BODIES: dict[str, dict[str, Any]] = {
    "anthropic": MESSAGES | {"max_tokens": 100},
    "openai_chat": MESSAGES,
    "openai_responses": {"input": "hi"},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "ollama": MESSAGES,
}


def sketched(dialect: str, **fields: Any) -> Request:
    body = {"model": "m"} | BODIES[dialect] | fields
    return get(dialect).sketch(json.dumps(body).encode(), model="m", stream=False)


def parsed(dialect: str, **fields: Any) -> Request:
    return get(dialect).parse(sketched(dialect, **fields))


def encoded(request: Request, dialect: str, provider: str = "own") -> dict[str, Any]:
    features = frozenset({"tools", "schema", "vision", "documents"})
    return dialects.get(dialect).encode(request, Model(provider, "m", features=features), stream=False)


# ── how much, and where to stop ──────────────────────────────────────────────


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("anthropic", {"max_tokens": -1}),
        ("openai_chat", {"max_tokens": 0}),
        ("openai_chat", {"max_completion_tokens": 0}),
        ("openai_responses", {"max_output_tokens": -5}),
        ("openai_responses", {"max_output_tokens": 0}),
        ("gemini", {"generationConfig": {"maxOutputTokens": -1}}),
        ("gemini", {"generationConfig": {"maxOutputTokens": 0}}),
    ],
)
def test_less_than_nothing_is_refused_for_no_budget_could_set_it_aside(dialect: str, fields: Any) -> None:
    with pytest.raises(UsageError, match="greater than or equal"):
        sketched(dialect, **fields)


@pytest.mark.parametrize("dialect", ["openai_chat", "ollama"])
def test_minus_one_is_no_limit_where_local_servers_mean_that_by_it(dialect: str) -> None:
    fields: dict[str, Any] = (
        {"max_tokens": -1} if dialect == "openai_chat" else {"options": {"num_predict": -1}}
    )
    assert sketched(dialect, **fields).max_output_tokens is None


def test_a_cache_is_warmed_by_anthropic_alone() -> None:
    request = sketched("anthropic", max_tokens=0)
    assert request.max_output_tokens == 0
    speaks = passing.get("anthropic")
    assert speaks is not None
    assert json.loads(speaks.head(request, Model("anthropic", "m")))["max_tokens"] == 0
    with pytest.raises(UpstreamError, match="warms"):
        get("anthropic").parse(request)


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("anthropic", {"stop_sequences": ["", "x"]}),
        ("openai_chat", {"stop": ["", "x"]}),
        ("gemini", {"generationConfig": {"stopSequences": ["", "x"]}}),
        ("ollama", {"options": {"stop": ["", "x"]}}),
    ],
)
def test_an_empty_stop_sequence_is_none(dialect: str, fields: Any) -> None:
    assert sketched(dialect, **fields).stop == ("x",)
    assert sketched("openai_chat", stop="").stop == ()


# ── words that only the vendor knows ─────────────────────────────────────────

CUSTOM = {"type": "custom", "custom": {"name": "patch"}}
HOSTED = ["file_search", "code_interpreter", "shell", "apply_patch", "image_generation"]


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_effort": "default"},  # Groq's
        {"reasoning_effort": "unheard-of"},
        {"response_format": {"type": "grammar", "grammar": "root ::= x"}},
        {"tools": [CUSTOM], "tool_choice": CUSTOM},
    ],
)
def test_a_chat_passes_with_words_of_its_vendor(fields: Any) -> None:
    request = sketched("openai_chat", **fields)
    speaks = passing.get("openai_chat")
    assert speaks is not None
    body = json.loads(speaks.head(request, Model("openai", "m")))
    assert {name: body[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"reasoning_effort": "unheard-of"}, "reasoning_effort"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"tools": [CUSTOM], "tool_choice": CUSTOM}, "'custom'"),
    ],
)
def test_others_are_not_asked_for_what_they_do_not_know(fields: Any, words: str) -> None:
    with pytest.raises((UsageError, UpstreamError), match=words):
        parsed("openai_chat", **fields)


def test_groqs_default_effort_is_no_wish() -> None:
    assert parsed("openai_chat", reasoning_effort="default").reasoning is None


@pytest.mark.parametrize("kind", HOSTED)
def test_a_tool_that_openai_runs_may_be_demanded_of_it(kind: str) -> None:
    fields = {"tools": [{"type": kind}], "tool_choice": {"type": kind}}
    assert passed_responses(**fields) == fields


def test_a_server_of_openais_may_be_demanded_and_an_effort_from_the_future() -> None:
    server = {"type": "mcp", "server_label": "x", "server_url": "https://x.example"}
    fields = {"tools": [server], "tool_choice": {"type": "mcp", "server_label": "x", "name": "n"}}
    assert passed_responses(**fields) == fields
    assert passed_responses(reasoning={"effort": "unheard-of"}) == {"reasoning": {"effort": "unheard-of"}}
    with pytest.raises(UsageError, match=r"reasoning\.effort"):
        parsed("openai_responses", reasoning={"effort": "unheard-of"})


@pytest.mark.parametrize(
    ("block", "need"),
    [
        ({"type": "input_image", "file_id": "file_1"}, "vision"),
        ({"type": "input_file", "file_id": "file_1"}, "documents"),
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, None),
    ],
)
def test_a_file_that_openai_has_goes_to_openai(block: Any, need: str | None) -> None:
    words = {"type": "input_text", "text": "What is this?"}
    fields = {"input": [{"role": "user", "content": [block, words]}]}
    assert passed_responses(**fields) == fields
    request = sketched("openai_responses", **fields)
    assert request.prompt == "What is this?"
    assert request.needs == ({need} if need else set())
    with pytest.raises(UpstreamError, match="cannot be translated"):
        get("openai_responses").parse(request)


def passed_responses(**fields: Any) -> dict[str, Any]:
    """What OpenAI gets of these fields."""
    speaks = passing.get("openai_responses")
    assert speaks is not None
    request = sketched("openai_responses", **fields)
    assert speaks.takes(request, Model("openai", "m"))
    body = json.loads(speaks.head(request, Model("openai", "m")))
    return {name: body[name] for name in fields}


# ── Google's liberties ───────────────────────────────────────────────────────


def test_one_thing_stands_for_a_list_of_one() -> None:
    declared = {"name": "run", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}}
    request = parsed(
        "gemini",
        contents={"role": "user", "parts": {"text": "hi"}},
        systemInstruction={"parts": {"text": "Be brief."}},
        tools={"functionDeclarations": declared},
    )
    assert request.messages == (Message("system", (Text("Be brief."),)), Message("user", (Text("hi"),)))
    assert [tool.name for tool in request.tools] == ["run"]
    assert request.prompt == "hi"


@pytest.mark.parametrize("spelling", ["generationConfig", "generation_config"])
def test_json_without_a_schema_is_asked_for_too(spelling: str) -> None:
    name = "responseMimeType" if spelling == "generationConfig" else "response_mime_type"
    request = parsed("gemini", **{spelling: {name: "application/json"}})
    assert encoded(request, "openai_chat")["response_format"] == {"type": "json_object"}
    assert parsed("gemini", **{spelling: {name: "text/plain"}}).schema is None
    with pytest.raises(UpstreamError, match=r"x\.enum"):
        parsed("gemini", **{spelling: {name: "text/x.enum"}})


def test_a_list_at_the_root_is_asked_for_in_words_where_openai_refuses_it() -> None:
    listed = {"type": "ARRAY", "items": {"type": "STRING"}}
    request = parsed(
        "gemini", generationConfig={"responseMimeType": "application/json", "responseSchema": listed}
    )
    chat = encoded(request, "openai_chat", "openai")
    assert "response_format" not in chat
    assert '"array"' in chat["messages"][0]["content"]
    responses = encoded(request, "openai_responses", "openai")
    assert "text" not in responses
    assert '"array"' in responses["instructions"]
    assert encoded(request, "openai_chat", "vllm")["response_format"]["type"] == "json_schema"


def test_code_that_google_ran_is_told_to_others() -> None:
    ran = [
        {"executableCode": {"language": "PYTHON", "code": "print(6 * 7)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "42"}},
        {"text": "It is 42."},
    ]
    request = parsed("gemini", contents=[*BODIES["gemini"]["contents"], {"role": "model", "parts": ran}])
    told = "".join(part.text for part in request.messages[1].parts if isinstance(part, Text))
    assert told == "```python\nprint(6 * 7)\n```\n```\n42\n```\nIt is 42."


# ── calls and results ────────────────────────────────────────────────────────


def test_what_anthropic_ran_does_not_run_into_what_the_model_said() -> None:
    found = {"type": "web_search_result", "title": "Title", "url": "https://x.example"}
    blocks = [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [found]},
        {"type": "text", "text": "Found."},
    ]
    request = parsed("anthropic", messages=[*MESSAGES["messages"], {"role": "assistant", "content": blocks}])
    said = encoded(request, "openai_chat")["messages"][1]["content"]
    assert said == "(web_search_tool_result)\n- Title https://x.example\nFound."


@pytest.mark.parametrize("given", [{}, {"input": None}])
def test_a_call_without_input_has_an_empty_one(given: Any) -> None:
    call = {"type": "tool_use", "id": "t1", "name": "run", **given}
    request = parsed("anthropic", messages=[*MESSAGES["messages"], {"role": "assistant", "content": [call]}])
    assert request.messages[1].parts == (ToolCall("t1", "run", "{}"),)


def conversation(*, together: bool) -> Request:
    """Two calls of one tool, twice with the same ids, answered in the other order."""

    def turn(one: str, two: str) -> list[Message]:
        calls = (ToolCall("a", "run", '{"n": 1}'), ToolCall("b", "run", '{"n": 2}'))
        results = (ToolResult("b", (Text(two),)), ToolResult("a", (Text(one),)))
        answered = [Message("user", results)] if together else [Message("user", (each,)) for each in results]
        return [Message("assistant", calls), *answered]

    messages = (Message("user", (Text("go"),)), *turn("one", "two"), *turn("three", "four"))
    return Request(messages)


@pytest.mark.parametrize("together", [True, False])
def test_results_come_in_the_order_of_their_calls_where_only_that_tells_whose_they_are(
    together: bool,
) -> None:
    request = conversation(together=together)
    ollama = [m["content"] for m in encoded(request, "ollama", "ollama")["messages"] if m["role"] == "tool"]
    assert ollama == ["one", "two", "three", "four"]
    vertex = encoded(request, "gemini", "vertex")["contents"]
    told = [
        part["functionResponse"]["response"]["output"]
        for c in vertex
        for part in c["parts"]
        if "functionResponse" in part
    ]
    assert told == ["one", "two", "three", "four"]


def test_results_in_order_and_those_of_no_call_stay_where_they_are() -> None:
    stray = ToolResult("z", (Text("stray"),))
    results = (stray, ToolResult("a", (Text("one"),)))
    turns = Message("assistant", (ToolCall("a", "run", "{}"),)), Message("user", (*results, Text("so?")))
    request = Request(turns)
    written = encoded(request, "ollama", "ollama")["messages"]
    assert [m["content"] for m in written if m["role"] == "tool"] == ["one", "stray"]
    assert written[-1]["content"] == "so?"
