"""What callers of OpenAI's two dialects may ask for, as its SDK knows it: said to others, or refused in clear words."""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import pytest
from openai.types.responses import Response
from openai.types.responses.response_output_item import ResponseOutputItem
from openai.types.responses.tool_param import ToolParam
from pydantic import TypeAdapter

from llm_router import dialects
from llm_router.dialects.inbound import get
from llm_router.dialects.passing import get as passes
from llm_router.errors import UpstreamError, UsageError
from llm_router.nouns import Answer, Model, Request, Text, ToolCall, ToolChoice, ToolResult, Usage
from llm_router.ports import Head
from tests.dialects.inbound.test_every_word import place
from tests.dialects.inbound.test_odd_requests import encoded, parsed, sketched
from tests.dialects.inbound.test_responses_callers import events

# ── every tool of Responses ──────────────────────────────────────────────────

OFFERED = {"function", "custom", "namespace", "local_shell", "shell", "apply_patch"}
LEFT_OUT = {"image_generation", "programmatic_tool_calling", "tool_search"}  # the last where OpenAI searches
REFUSED = {"file_search", "computer", "computer_use_preview", "mcp", "code_interpreter"}
KINDS = [get_args(get_type_hints(tool)["type"])[0] for tool in get_args(ToolParam)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_tool_is_offered_left_out_or_refused_by_name(kind: str) -> None:
    place(kind, OFFERED, LEFT_OUT, REFUSED, ["web_search", "web_search_preview"])
    tool = {"type": kind, "name": "t", "tools": [{"type": "function", "name": "i"}]}
    if kind in REFUSED:
        with pytest.raises(UpstreamError, match=f"tools: {kind}"):
            parsed("openai_responses", tools=[tool])
        return
    request = parsed("openai_responses", tools=[tool])
    assert bool(request.tools) == (kind in OFFERED)
    assert (request.web_search is not None) == kind.startswith("web_search")


def test_a_shell_in_a_container_is_openais_own() -> None:
    with pytest.raises(UpstreamError, match="tools: shell"):
        parsed("openai_responses", tools=[{"type": "shell", "environment": {"type": "container_auto"}}])


# ── a shell and a patch, there and back ──────────────────────────────────────

SKILL = {"name": "pdf", "description": "Reads PDFs.", "path": "/skills/pdf"}
SHELL = {"type": "shell", "environment": {"type": "local", "skills": [SKILL]}}
TOOLS = [SHELL, {"type": "apply_patch"}]
RUN = {"commands": ["ls", "pwd"], "timeout_ms": 9, "max_output_length": None}
PATCH = {"type": "update_file", "path": "a.py", "diff": "@@\n-a\n+b"}
CALLS = (
    ToolCall("c1", "shell", json.dumps({"commands": ["ls", "pwd"], "timeout_ms": 9})),
    ToolCall("c2", "apply_patch", json.dumps(PATCH)),
)


def answered(calls: tuple[ToolCall, ...]) -> tuple[list[Any], list[Any]]:
    """The items of an answer, whole and as a stream announces and ends them."""
    head = Head(parsed("openai_responses", tools=TOOLS), "m", 1, "anthropic")
    answer, speaks = Answer(calls, "tool_use", Usage()), get("openai_responses")
    whole = json.loads(speaks.render(answer, head))
    Response.model_validate(whole)
    told = events(speaks.renderer(head).end(answer))
    items = [event["item"] for event in told if event["type"].startswith("response.output_item.")]
    for item in items:
        TypeAdapter[Any](ResponseOutputItem).validate_python(item)
    return whole["output"], items


def test_a_shell_and_a_patch_are_called_in_their_own_forms_and_their_results_read() -> None:
    (shell, patch), streamed = answered(CALLS)
    assert (shell["type"], shell["call_id"], shell["action"]) == ("shell_call", "c1", RUN)
    assert (patch["type"], patch["call_id"], patch["operation"]) == ("apply_patch_call", "c2", PATCH)
    assert [item["type"] for item in streamed].count("apply_patch_call") == 2
    exit_1 = {"stdout": "x", "stderr": "no", "outcome": {"type": "exit", "exit_code": 1}}
    late = {"stdout": "", "stderr": "", "outcome": {"type": "timeout"}}
    results: list[Any] = [
        {"type": "shell_call_output", "call_id": "c1", "output": [exit_1, late]},
        {"type": "apply_patch_call_output", "call_id": "c2", "status": "failed", "output": "no such file"},
    ]
    conversation = [{"role": "user", "content": "go"}, shell, patch, *results]
    turns = parsed("openai_responses", input=conversation, tools=TOOLS).messages
    assert [ToolCall(c.id, c.name, json.loads(c.arguments)) for c in turns[1].parts] == [  # type: ignore[union-attr, arg-type]
        ToolCall(c.id, c.name, json.loads(c.arguments)) for c in CALLS
    ]
    assert turns[2].parts == (
        ToolResult("c1", (Text("x\nno\n(exit code 1)\n(timeout)"),)),
        ToolResult("c2", (Text("no such file"),), is_error=True),
    )


@pytest.mark.parametrize("arguments", ["", "{}", "ls", '{"commands": "ls"}', '{"type": "delete_file"}'])
def test_what_a_model_writes_for_them_is_always_a_call_that_openais_client_reads(arguments: str) -> None:
    answered((ToolCall("c1", "shell", arguments), ToolCall("c2", "apply_patch", arguments)))


def test_the_skills_of_a_shell_are_told() -> None:
    request = parsed("openai_responses", tools=[SHELL], tool_choice={"type": "shell"})
    assert "- pdf: Reads PDFs. (in /skills/pdf)" in request.tools[0].description
    assert request.tool_choice == ToolChoice("tool", "shell")


@pytest.mark.parametrize("kind", ["shell", "apply_patch", "custom", "local_shell"])
def test_other_vendors_of_responses_get_such_tools_as_functions(kind: str) -> None:
    request = sketched("openai_responses", tools=[{"type": kind, "name": "t"}])
    speaks = passes("openai_responses")
    assert speaks is not None
    assert speaks.takes(request, Model("openai", "m"))
    assert not speaks.takes(request, Model("xai", "m"))


def test_a_tool_that_the_conversation_brought_may_be_demanded() -> None:
    brought = {
        "type": "additional_tools",
        "role": "developer",
        "tools": [{"type": "function", "name": "late"}],
    }
    fields: dict[str, Any] = {"tool_choice": {"type": "function", "name": "late"}}
    conversation = [{"role": "user", "content": "go"}, brought]
    assert parsed("openai_responses", input=conversation, **fields).tool_choice == ToolChoice("tool", "late")
    with pytest.raises(UsageError, match="there is no tool 'late'"):
        parsed("openai_responses", input=conversation[:1], **fields)


# ── what an answer could not hold, and who speaks ────────────────────────────


@pytest.mark.parametrize(
    ("caller", "fields"),
    [
        ("openai_chat", {"logprobs": True, "top_logprobs": 2}),
        ("openai_responses", {"top_logprobs": 2}),
        ("openai_responses", {"include": ["message.output_text.logprobs"]}),
        ("gemini", {"generationConfig": {"responseLogprobs": True, "logprobs": 2}}),
        ("ollama", {"logprobs": True}),
    ],
)
def test_probabilities_are_not_promised_by_who_has_none(caller: str, fields: Any) -> None:
    request = sketched(caller, **fields)
    with pytest.raises(UpstreamError, match=r"(?i)logprobs"):
        get(caller).parse(request)
    speaks = passes(caller)
    assert speaks is not None
    body = json.loads(speaks.head(request, Model("openai" if "openai" in caller else caller, "m")))
    assert {name: body[name] for name in fields} == fields


def chat(*messages: Any, **fields: Any) -> Request:
    return parsed("openai_chat", messages=[*messages], **fields)


def test_of_several_users_each_is_named() -> None:
    ann, bob = ({"role": "user", "name": name, "content": "hi"} for name in ("Ann", "Bob"))
    seen = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    request = chat(
        ann, bob | {"content": [{"type": "text", "text": "look"}, seen]}, {"role": "system", **BRIEF}
    )
    assert [message.text for message in request.messages] == ["Ann: hi", "Bob: look", "Be brief."]


BRIEF = {"name": "house", "content": "Be brief."}


def test_what_was_said_aloud_is_only_openais_to_hear() -> None:
    with pytest.raises(UpstreamError, match=r"messages\.1\.audio"):
        chat({"role": "user", "content": "hi"}, {"role": "assistant", "audio": {"id": "audio_1"}})


CLOSED = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


@pytest.mark.parametrize(
    ("provider", "schema", "strict"), [("openai", CLOSED, True), ("openai", {}, None), ("own", CLOSED, None)]
)
def test_a_strict_tool_stays_strict_where_it_can_be(provider: str, schema: Any, strict: Any) -> None:
    request = parsed("anthropic", tools=[{"name": "t", "input_schema": schema, "strict": True}])
    (tool,) = encoded(request, "openai_chat", provider)["tools"]
    assert tool["function"].get("strict") is strict


# ── how OpenAI is asked ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "least", "most"),
    [
        ("gpt-5-mini", "minimal", "high"),
        ("gpt-5.1", "low", "high"),
        ("gpt-5.2", "low", "xhigh"),
        ("gpt-5.6-sol", "low", "max"),
        ("gpt-6.1-sol", "low", "max"),
        ("o4-mini", "low", "high"),
    ],
)
def test_every_generation_is_asked_in_the_words_it_takes(model: str, least: str, most: str) -> None:
    for effort, told in (("minimal", least), ("max", most)):
        request = parsed("openai_chat", reasoning_effort=effort)
        body = dialects.get("openai_chat").encode(request, Model("openai", model), stream=False)
        assert body["reasoning_effort"] == told


def test_a_session_finds_its_cache_in_both_dialects() -> None:
    request = parsed("openai_chat", prompt_cache_key="k" * 80)
    for dialect in ("openai_chat", "openai_responses"):
        assert encoded(request, dialect, "openai")["prompt_cache_key"] == "k" * 64
        assert "prompt_cache_key" not in encoded(request, dialect)


@pytest.mark.parametrize("caller", ["openai_chat", "openai_responses"])
def test_how_openai_shall_serve_a_request_is_not_told_to_others(caller: str) -> None:
    fields = {"prompt_cache_options": {"mode": "explicit"}, "moderation": {"model": "m"}}
    speaks, request = passes(caller), sketched(caller, **fields)
    assert speaks is not None
    assert not fields.keys() & json.loads(speaks.head(request, Model("xai", "m"))).keys()
    assert fields.keys() <= json.loads(speaks.head(request, Model("openai", "m"))).keys()
