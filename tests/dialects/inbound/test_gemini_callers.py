"""Callers of Gemini: what is read of their requests, and what they are sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
import random_streams
import sdk_clients
from hypothesis import given, settings
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
    ToolCall,
    ToolResult,
    Usage,
    ask,
)
from llm_router.ports import Head

GEMINI, ARRAY = inbound.get("gemini"), inbound.get("gemini_array")
PIXEL = "iVBORw0KGgo="


def sketched(contents: Any = ({"parts": [{"text": "hi"}]},), **fields: Any) -> Request:
    return GEMINI.sketch(json.dumps({"contents": contents, **fields}).encode(), model="m", stream=True)


def parsed(contents: Any = ({"parts": [{"text": "hi"}]},), **fields: Any) -> Request:
    return GEMINI.parse(sketched(contents, **fields))


def head(request: Request | None = None, issuer: str = "anthropic") -> Head:
    return Head(request or ask("hi", reasoning=Reasoning()), "shown-model", 12, issuer)


def turn(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


# ── requests ─────────────────────────────────────────────────────────────────


def test_a_conversation_with_calls_by_id_and_by_name() -> None:
    request = parsed(
        [
            turn("user", {"text": "Look."}),
            turn(
                "model",
                {"text": "hm", "thought": True},
                {"functionCall": {"name": "read", "args": {"a": 1}}, "thoughtSignature": "U2ln"},
                {"functionCall": {"name": "read", "args": {"a": 2}}},
                {"functionCall": {"id": "x", "name": "run"}},
            ),
            turn(
                "user",
                {"functionResponse": {"id": "x", "name": "run", "response": {"error": "no such file"}}},
                {"functionResponse": {"name": "read", "response": {"output": "one"}}},
                {"functionResponse": {"name": "read", "response": {"rows": [1], "more": False}}},
            ),
        ],
        systemInstruction={"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
    )
    assert request.messages == (
        Message("system", (Text("Be brief.\n\nBe kind."),)),
        Message("user", (Text("Look."),)),
        Message(
            "assistant",
            (
                Thinking("hm", None, "gemini"),
                Thinking("", "U2ln", "gemini"),
                ToolCall("call_0", "read", '{"a":1}'),
                ToolCall("call_1", "read", '{"a":2}'),
                ToolCall("x", "run", "{}"),
            ),
        ),
        Message(
            "user",
            (
                ToolResult("x", (Text("no such file"),), is_error=True),
                ToolResult("call_0", (Text("one"),)),
                ToolResult("call_1", (Text('{"rows":[1],"more":false}'),)),
            ),
        ),
    )


def test_media_in_both_spellings_and_inside_results() -> None:
    request = parsed(
        [
            turn("user", {"inlineData": {"mimeType": "image/jpeg", "data": "_9j-"}}, {"inline_data": {"mime_type": "application/pdf", "data": "JVBERg==", "display_name": "a.pdf"}}, {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}}, {"file_data": {"mime_type": "text/plain", "file_uri": "https://example.com/a.txt"}}, {"inlineData": {"mimeType": "text/plain", "data": "aGk="}}),
            turn("model", {"functionCall": {"name": "see"}}),
            turn("function", {"function_response": {"name": "see", "response": {"output": "ok"}, "parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}]}}),
        ]
    )  # fmt: skip
    assert request.messages[0].parts == (
        Image("image/jpeg", "/9j+"),
        Document("application/pdf", "JVBERg==", title="a.pdf"),
        Image("image/png", None, "https://example.com/a.png"),
        Document("text/plain", None, "https://example.com/a.txt"),
        Document("text/plain", text="hi"),
    )
    assert request.messages[2].parts == (ToolResult("call_0", (Text("ok"), Image("image/png", PIXEL))),)
    assert request.needs == {"vision", "documents"}


@pytest.mark.parametrize("snake", [False, True])
def test_settings_in_both_spellings(snake: bool) -> None:
    config = {
        "maxOutputTokens": 99,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40.0,
        "seed": 7,
        "presencePenalty": 0.5,
        "frequencyPenalty": -0.5,
        "stopSequences": ["END"],
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": True}}},
        "thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True},
    }
    tools = [{"functionDeclarations": [{"name": "read", "parameters": {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}}}]}]  # fmt: skip
    calling = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["read"]}}
    system = {"parts": [{"text": "Be brief."}]}
    if snake:
        request = parsed(
            generation_config=_snake(config),
            tools=_snake(tools),
            tool_config=_snake(calling),
            system_instruction=system,
        )
    else:
        request = parsed(generationConfig=config, tools=tools, toolConfig=calling, systemInstruction=system)
    assert (request.max_output_tokens, request.temperature, request.top_p, request.top_k) == (
        99,
        0.5,
        0.9,
        40,
    )
    assert request.sampling == {"seed": 7, "presence_penalty": 0.5, "frequency_penalty": -0.5}
    assert (request.stop, request.reasoning) == (("END",), Reasoning("high", shown=True))
    assert request.schema == {"type": "object", "properties": {"type": {"type": ["string", "null"]}}}
    assert (request.tool_choice.mode, request.tool_choice.name) == ("tool", "read")
    assert request.tools[0].parameters == {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert request.system == "Be brief."
    assert (request.model, request.stream) == ("m", True)


def _snake(value: Any) -> Any:
    """Keys in the other spelling; names that the caller made stay."""
    if isinstance(value, list):
        return [_snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        "".join(f"_{c.lower()}" if c.isupper() else c for c in key): _snake(v) for key, v in value.items()
    }


@pytest.mark.parametrize(
    ("thinking", "asked"),
    [
        ({"thinkingBudget": 0}, Reasoning("none", shown=False)),
        ({"thinkingBudget": -1, "includeThoughts": True}, Reasoning(None, None, shown=True)),
        ({"thinkingBudget": 2000}, Reasoning(None, 2000, shown=False)),
        ({"thinkingLevel": "low"}, Reasoning("low", shown=False)),
        ({}, None),
    ],
)
def test_how_much_to_think(thinking: dict[str, Any], asked: Reasoning | None) -> None:
    assert sketched(generationConfig={"thinkingConfig": thinking}).reasoning == asked


def test_json_schemas_may_have_types_in_capitals_too() -> None:
    schema = {"type": "OBJECT", "properties": {"a": {"enum": ["STRING"], "type": "STRING"}}}
    request = sketched(generationConfig={"responseJsonSchema": schema})
    assert request.schema == {
        "type": "object",
        "properties": {"a": {"enum": ["STRING"], "type": "string"}},
    }
    assert request.needs == {"schema"}


@pytest.mark.parametrize(
    ("calling", "mode", "names"),
    [
        ({}, "auto", ["a", "b"]),
        ({"mode": "NONE"}, "none", ["a", "b"]),
        ({"mode": "ANY"}, "any", ["a", "b"]),
        ({"mode": "any", "allowedFunctionNames": ["a", "b"]}, "any", ["a", "b"]),
        ({"mode": "VALIDATED"}, "auto", ["a", "b"]),
        ({"mode": "AUTO", "allowedFunctionNames": ["b"]}, "auto", ["b"]),
    ],
)
def test_every_mode_of_calling(calling: dict[str, Any], mode: str, names: list[str]) -> None:
    tools = [{"functionDeclarations": [{"name": "a"}, {"name": "b"}]}]
    request = parsed(tools=tools, toolConfig={"functionCallingConfig": calling})
    assert request.tool_choice.mode == mode
    assert [tool.name for tool in request.tools] == names


def test_a_search_of_the_web() -> None:
    alone = sketched(tools=[{"googleSearch": {"excludeDomains": ["b.example"]}}])
    assert alone.web_search is not None
    assert alone.web_search.blocked_domains == ("b.example",)
    assert alone.needs == {"web"}
    beside = sketched(tools=[{"google_search": {}}, {"functionDeclarations": [{"name": "a"}]}])
    assert beside.web_search is not None
    assert beside.needs == {"tools"}


def test_a_sketch_knows_what_routing_needs_of_a_body_it_has_not_read() -> None:
    request = sketched(
        [
            turn("user", {"text": "x" * 40_000}, {"inlineData": {"mimeType": "image/png", "data": "A" * 400_000}}),
            turn("user", {"text": "<session_context>\nfolders"}, {"text": "what is it?"}),
            turn("model", {"functionCall": {"name": "a"}}),
            turn("user", {"functionResponse": {"name": "a", "response": {"output": "no words of the user"}}}),
        ],
        tools=[{"functionDeclarations": [{"name": "a"}]}],
    )  # fmt: skip
    assert request.prompt == "what is it?"
    assert request.needs == {"tools", "vision"}
    assert 10_000 < (request.input_tokens or 0) < 13_000


def test_tokens_are_counted_of_a_wrapped_request_too() -> None:
    wrapped = {
        "generateContentRequest": {"model": "models/m", "contents": [turn("user", {"text": "x" * 400})]}
    }
    request = GEMINI.sketch(json.dumps(wrapped).encode(), model="m", stream=False)
    assert (request.input_tokens or 0) > 100
    assert len(GEMINI.parse(request).messages) == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"contents": []}, "contents: contents is not specified"),
        ({"contents": 7}, "contents: "),
        ({"contents": [turn("wizard", {"text": "a"})]}, "contents[0].role: "),
        ({"contents": [turn("user", {})]}, "contents[0].parts[0]: "),
        ({"contents": [turn("model", {"functionCall": {}}, {"functionCall": {"args": {}}})]}, "contents[0].parts"),
        ({"generationConfig": {"temperature": "hot"}}, "generation_config.temperature: "),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].function_declarations[0].name: "),
        ({"toolConfig": {"functionCallingConfig": {"mode": "SOMETIMES"}}}, "tool_config.function_calling"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_googles_form(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(**fields)
    assert caught.value.message.startswith(told)
    problem = GEMINI.problem(caught.value, "r")
    assert problem.status == 400
    assert json.loads(problem.body)["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"codeExecution": {}}]},
        {"tools": [{"url_context": {}}]},
        {"generationConfig": {"responseModalities": ["IMAGE"]}},
        {"generationConfig": {"candidateCount": 2}},
        {"cachedContent": "cachedContents/1"},
        {"contents": [turn("user", {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}})]},
    ],
)
def test_what_only_google_can_do_is_unsupported_by_others(fields: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError) as caught:
        parsed(**fields)
    assert caught.value.kind is FailureKind.UNSUPPORTED


def test_sound_and_film_are_counted_and_left_to_google() -> None:
    film = {"inlineData": {"mimeType": "video/mp4", "data": "A" * 400_000}}
    body = json.dumps({"contents": [turn("user", film, {"text": "what is it?"})]}).encode()
    request = GEMINI.sketch(body, model="m", stream=False)
    assert request.needs == frozenset()
    assert 500 < (request.input_tokens or 0) < 2_000


# ── answers ──────────────────────────────────────────────────────────────────


def streamed(speaks: Any, batches: list[list[Delta]], told: Answer, given_head: Head) -> bytes:
    renderer = speaks.renderer(given_head)
    out = b"".join(renderer.feed(batch) + renderer.ping() for batch in batches) + renderer.end(told)
    assert renderer.ping() == renderer.error(UsageError("late")) == b""
    return out


def chunks_of(data: bytes, *, array: bool = False) -> list[dict[str, Any]]:
    if array:
        return json.loads(data)
    return [json.loads(block[6:]) for block in data.decode().split("\r\n\r\n") if block.strip()]


def joined(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring pieces of one text as one, however they were cut."""
    out: list[dict[str, Any]] = []
    for part in parts:
        kind = part.get("thought"), "text" in part
        before = (out[-1].get("thought"), "text" in out[-1]) if out else None
        if "text" in part and kind == before and "thoughtSignature" not in part:
            out[-1] = out[-1] | part | {"text": out[-1]["text"] + part["text"]}
        elif part != {"text": ""}:
            out.append(dict(part))
    return out


@settings(max_examples=50)
@given(random_streams.deltas(), st.data(), st.booleans())
def test_any_stream_says_what_the_whole_answer_says_and_is_read_by_googles_client(
    deltas: list[Delta], data: st.DataObject, shown: bool
) -> None:
    told = random_streams.assembled(deltas)
    given_head = head(ask("hi", reasoning=Reasoning(shown=shown)))
    batches = data.draw(random_streams.batches(deltas))
    whole = json.loads(GEMINI.render(told, given_head))
    for speaks in (GEMINI, ARRAY):
        stream = streamed(speaks, batches, told, given_head)
        chunks = chunks_of(stream, array=speaks is ARRAY)
        parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
        assert joined(parts) == joined(whole["candidates"][0]["content"]["parts"])
        assert [chunk["candidates"][0].get("finishReason") for chunk in chunks] == [None] * (
            len(chunks) - 1
        ) + ["STOP"]
        assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]
    client = sdk_clients.gemini(streamed(GEMINI, batches, told, given_head), GEMINI.content_type)
    read = list(client.models.generate_content_stream(model="m", contents="hi"))
    said = [p for r in read for p in r.candidates[0].content.parts if p.text and not p.thought]
    assert "".join(part.text for part in said) == told.text
    called = [call for r in read for call in r.function_calls or ()]
    assert [(call.id, call.name, call.args) for call in called] == [
        (part.id, part.name, json.loads(part.arguments)) for part in told.parts if isinstance(part, ToolCall)
    ]


def test_the_whole_answer_is_read_by_googles_client() -> None:
    told = Answer(
        (Thinking("hm"), Text("Hello"), ToolCall("c1", "read", '{"a":1}')), "length", random_streams.USAGE
    )
    client = sdk_clients.gemini(GEMINI.render(told, head()))
    read = client.models.generate_content(model="m", contents="hi")
    assert read.candidates[0].finish_reason == "MAX_TOKENS"
    assert [part.thought for part in read.candidates[0].content.parts] == [True, None, None]
    counts = read.usage_metadata
    assert (counts.prompt_token_count, counts.candidates_token_count, counts.thoughts_token_count) == (
        20,
        6,
        3,
    )
    assert (counts.cached_content_token_count, counts.total_token_count) == (5, 29)


@pytest.mark.parametrize("issuer", ["anthropic", "gemini", "deepseek"])
@pytest.mark.parametrize("shown", [True, False])
def test_a_thought_comes_back_to_its_maker_on_the_part_that_followed_it(issuer: str, shown: bool) -> None:
    """Gemini CLI drops thoughts and keeps the signatures of calls."""
    signature = None if issuer == "deepseek" else "c2ln"
    told = Answer((Thinking("why", signature), ToolCall("c1", "read", "{}")), "tool_use", Usage())
    given_head = head(ask("hi", reasoning=Reasoning(shown=shown)), issuer)
    parts = json.loads(GEMINI.render(told, given_head))["candidates"][0]["content"]["parts"]
    kept = [part for part in parts if not part.get("thought")]
    back = parsed([turn("user", {"text": "hi"}), turn("model", *kept)]).messages[1].parts
    text = "" if issuer == "gemini" else "why"
    assert back == (Thinking(text, signature, issuer), ToolCall("c1", "read", "{}"))


def test_the_stand_in_for_a_signature_is_none() -> None:
    part = {"functionCall": {"name": "a"}, "thoughtSignature": "skip_thought_signature_validator"}
    assert parsed([turn("model", part)]).messages[0].parts == (ToolCall("call_0", "a", "{}"),)


@pytest.mark.parametrize("speaks", [GEMINI, ARRAY])
def test_a_stream_that_breaks_ends_with_googles_error(speaks: Any) -> None:
    broken = UpstreamError(FailureKind.OVERLOADED, "Busy.", retry_after_s=6.2)
    renderer = speaks.renderer(head())
    data = renderer.feed([TextDelta("a")]) + renderer.error(broken)
    last = chunks_of(data, array=speaks is ARRAY)[-1]["error"]
    assert (last["code"], last["status"], last["message"]) == (503, "UNAVAILABLE", "Busy.")
    assert last["details"] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
    assert renderer.error(broken) == renderer.ping() == b""


def test_googles_client_raises_the_error_of_a_broken_stream() -> None:
    from google.genai.errors import APIError

    renderer = GEMINI.renderer(head())
    data = renderer.feed([TextDelta("a")]) + renderer.error(UpstreamError(FailureKind.OVERLOADED, "Busy."))
    client = sdk_clients.gemini(data, GEMINI.content_type)
    with pytest.raises(APIError, match="Busy"):
        list(client.models.generate_content_stream(model="m", contents="hi"))


def test_a_budget_is_a_quota_of_the_day_which_gemini_cli_does_not_run_against() -> None:
    problem = GEMINI.problem(BudgetError("Used up.", resets_at=4_000_000_000), "r")
    error = json.loads(problem.body)["error"]
    assert (problem.status, error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert "PerDay" in error["details"][0]["violations"][0]["quotaId"]


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        (FailureKind.RATE_LIMITED, 429, "RESOURCE_EXHAUSTED"),
        (FailureKind.AUTH, 401, "UNAUTHENTICATED"),
        (FailureKind.NOT_FOUND, 404, "NOT_FOUND"),
        (FailureKind.TIMEOUT, 504, "DEADLINE_EXCEEDED"),
        (FailureKind.CONTEXT_TOO_LONG, 400, "INVALID_ARGUMENT"),
        (FailureKind.SERVER_ERROR, 500, "INTERNAL"),
    ],
)
def test_errors_have_googles_words(kind: FailureKind, status: int, word: str) -> None:
    problem = GEMINI.problem(UpstreamError(kind, "No."), "r")
    told = json.loads(problem.body)["error"]
    assert (problem.status, told["code"], told["status"]) == (status, status, word)
