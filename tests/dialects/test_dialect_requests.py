"""What each dialect sends: checked against the types of the vendors' own SDKs, and for its meaning."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import TypeAdapter

from llm_router.dialects import NAMES, get
from llm_router.dialects.encoding import ONE_CALL, seen_by
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    Document,
    FailureKind,
    Feature,
    Image,
    JsonDict,
    Message,
    Model,
    Part,
    Reasoning,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    ask,
)

HTTP = ("anthropic", "openai_chat", "openai_responses", "gemini", "ollama")
PROVIDERS = {
    "openai_chat": "openai",
    "openai_responses": "openai",
    "codex_cli": "codex",
    "gemini_cli": "gemini-cli",
}
PIXEL = "iVBORw0KGgo="
SCHEMA: JsonDict = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool(
    "weather", "The weather somewhere.", {"type": "object", "properties": {"city": {"type": "string"}}}
)
NOW = Tool("now")


def model(dialect: str, *features: Feature, **fields: Any) -> Model:
    provider = fields.pop("provider", PROVIDERS.get(dialect, dialect))
    return Model(provider, "model-1", features=frozenset(features), **fields)


def encode(
    dialect: str, request: Request, *features: Feature, stream: bool = False, **fields: Any
) -> JsonDict:
    return get(dialect).encode(request, model(dialect, *features, **fields), stream=stream)


def talk(*messages: tuple[Any, ...], **fields: Any) -> Request:
    return Request(tuple(Message(role, tuple(parts)) for role, *parts in messages), **fields)


def everything(dialect: str) -> Request:
    """A request that uses whatever the format can say."""
    issuer = PROVIDERS.get(dialect, dialect)
    media: list[Part] = [Image(data=PIXEL)]
    if dialect in ("anthropic", "openai_responses"):
        media += [Image(url="https://example.com/a.png"), Document(url="https://example.com/a.pdf")]
    if dialect != "ollama":
        media.append(Document(data="JVBERg==", title="a.pdf"))
    shown = () if dialect == "ollama" else (Image(data=PIXEL),)
    forced = ToolChoice("auto") if dialect == "ollama" else ToolChoice("tool", "weather", parallel=False)
    return talk(
        ("system", Text("Be brief.")),
        ("user", Text("Look."), *media, Document(text="notes", title="n", media_type="text/plain")),
        (
            "assistant",
            Thinking("hm", "U2ln" if dialect == "gemini" else "rs_1:sig", issuer),
            Text("Calling."),
            ToolCall("call_1", "weather", '{"city": "Oslo"}'),
            ToolCall("call_2", "now", ""),
        ),
        (
            "user",
            ToolResult("call_1", (Text("rain"), *shown)),
            ToolResult("call_2", (Text("broken"),), is_error=True),
        ),
        ("system", Text("Now in French.")),
        ("user", Text("And?")),
        tools=(WEATHER, NOW),
        tool_choice=forced,
        schema=SCHEMA,
        stop=() if dialect == "openai_responses" else ("END",),
        temperature=0.5,
        max_output_tokens=500,
    )


# ── the vendors' own types accept it ─────────────────────────────────────────


def accepted_by_anthropic(body: JsonDict) -> None:
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

    TypeAdapter(MessageCreateParamsNonStreaming).validate_python(body)


def accepted_by_openai_chat(body: JsonDict) -> None:
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

    TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(body)


def accepted_by_openai_responses(body: JsonDict) -> None:
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

    TypeAdapter(ResponseCreateParamsNonStreaming).validate_python(body)


def accepted_by_gemini(body: JsonDict) -> None:
    from google.genai import types

    known = {"contents", "systemInstruction", "generationConfig", "tools", "toolConfig"}
    assert set(body) <= known
    for content in (*body["contents"], *([body["systemInstruction"]] if "systemInstruction" in body else [])):
        types.Content.model_validate(content)
    for tool in body.get("tools", []):
        types.Tool.model_validate(tool)
    types.ToolConfig.model_validate(body.get("toolConfig", {}))
    types.GenerationConfig.model_validate(body.get("generationConfig", {}))


def accepted_by_ollama(body: JsonDict) -> None:
    from ollama._types import ChatRequest

    written = ChatRequest.model_validate(body).model_dump(exclude_none=True)
    assert written["messages"] == [
        {key: value for key, value in message.items() if value is not None} for message in body["messages"]
    ]


ACCEPTED = {
    "anthropic": accepted_by_anthropic,
    "openai_chat": accepted_by_openai_chat,
    "openai_responses": accepted_by_openai_responses,
    "gemini": accepted_by_gemini,
    "ollama": accepted_by_ollama,
}


@pytest.mark.parametrize("dialect", HTTP)
def test_a_request_with_everything_fits_the_vendors_own_types(dialect: str) -> None:
    ACCEPTED[dialect](encode(dialect, everything(dialect)))


@pytest.mark.parametrize("dialect", HTTP)
def test_a_bare_request_fits_the_vendors_own_types(dialect: str) -> None:
    ACCEPTED[dialect](encode(dialect, ask("hello", system="be kind")))


def test_the_golden_streams_fit_the_vendors_own_types() -> None:
    import json
    from pathlib import Path

    from anthropic.types import RawMessageStreamEvent
    from google.genai import types
    from ollama import ChatResponse
    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseStreamEvent

    readers: dict[str, Any] = {
        "anthropic": TypeAdapter(RawMessageStreamEvent).validate_python,
        "openai_chat": ChatCompletionChunk.model_validate,
        "openai_responses": TypeAdapter(ResponseStreamEvent).validate_python,
        "gemini": types.GenerateContentResponse.model_validate,
        "ollama": ChatResponse.model_validate,
    }
    for name, read in readers.items():
        data = json.loads((Path(__file__).parent / "streams" / f"{name}.json").read_text("utf-8"))
        for event in data["events"]:
            if event.get("type") != "ping":  # which the SDK takes out before its types see it
                read(event)


# ── where things go ──────────────────────────────────────────────────────────


def test_anthropic_gets_system_apart_and_turns_that_alternate() -> None:
    body = encode("anthropic", everything("anthropic"))
    assert body["system"] == "Be brief."
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    kinds = [block["type"] for block in body["messages"][2]["content"]]
    assert kinds == ["tool_result", "tool_result", "text", "text"]
    assert body["messages"][2]["content"][1]["is_error"] is True
    assert body["messages"][2]["content"][0]["content"][1]["source"]["data"] == PIXEL
    assert body["messages"][2]["content"][2]["text"] == "<system>\nNow in French.\n</system>"
    assert body["tool_choice"] == {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}
    assert body["output_config"]["format"]["schema"] == SCHEMA
    assert (body["max_tokens"], body["stop_sequences"], body["stream"]) == (500, ["END"], False)


def test_anthropic_itself_gets_no_temperature_and_compatible_vendors_do() -> None:
    request = ask("hi", temperature=0.3)
    assert "temperature" not in encode("anthropic", request)
    assert encode("anthropic", request, provider="minimax")["temperature"] == 0.3


@pytest.mark.parametrize(
    ("limit", "asked", "whole", "streamed"),
    [
        (None, None, 8192, 8192),
        (128_000, None, 16_384, 64_000),
        (4096, None, 4096, 4096),
        (4096, 9999, 4096, 4096),
        (None, 77, 77, 77),
    ],
)
def test_anthropic_always_gets_max_tokens_and_never_more_than_the_model_writes(
    limit: int | None, asked: int | None, whole: int, streamed: int
) -> None:
    request = ask("hi", max_output_tokens=asked)
    assert encode("anthropic", request, max_output=limit)["max_tokens"] == whole
    assert encode("anthropic", request, max_output=limit, stream=True)["max_tokens"] == streamed


def test_what_nobody_asked_for_leaves_the_prompt_its_room() -> None:
    request = ask("hi", input_tokens=150_000)
    body = encode("anthropic", request, max_output=64_000, context=200_000, stream=True)
    assert body["max_tokens"] < 50_000


def test_anthropic_blank_text_and_empty_turns_are_left_out() -> None:
    body = encode("anthropic", talk(("user", Text("a")), ("assistant", Text(" \n")), ("user", Text("b"))))
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]


def test_redacted_thinking_goes_back_as_it_came() -> None:
    answer = get("anthropic").decode({"content": [{"type": "redacted_thinking", "data": "abc"}]})
    thought = replace(answer.parts[0], issuer="anthropic")
    body = encode("anthropic", talk(("user", Text("a")), ("assistant", thought)))
    assert body["messages"][1]["content"] == [{"type": "redacted_thinking", "data": "abc"}]


def test_openai_chat_results_follow_their_calls_and_their_pictures_follow_as_user_content() -> None:
    body = encode("openai_chat", everything("openai_chat"), stream=True)
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "tool", "user", "system", "user"]
    assert body["messages"][2]["tool_calls"][1]["function"]["arguments"] == "{}"
    assert body["messages"][4]["content"] == "Error: broken"
    assert body["messages"][5]["content"][0]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert body["parallel_tool_calls"] is False
    assert body["response_format"]["json_schema"] == {"name": "answer", "schema": SCHEMA, "strict": True}
    assert body["stream_options"] == {"include_usage": True}
    assert body["max_completion_tokens"] == 500


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        ("openai", "max_completion_tokens"),
        ("azure", "max_completion_tokens"),
        ("groq", "max_tokens"),
        ("my-vllm", "max_tokens"),
    ],
)
def test_compatible_vendors_get_the_limit_under_the_name_they_know(provider: str, field: str) -> None:
    body = encode("openai_chat", ask("hi", max_output_tokens=9), provider=provider)
    assert body[field] == 9
    assert len({"max_tokens", "max_completion_tokens"} & set(body)) == 1


def test_mistral_gets_its_ids_its_way_and_no_stream_options() -> None:
    body = encode("openai_chat", everything("openai_chat"), provider="mistral", stream=True)
    made = [call["id"] for call in body["messages"][2]["tool_calls"]]
    assert all(len(made_id) == 9 and made_id.isalnum() for made_id in made)
    assert [m["tool_call_id"] for m in body["messages"] if m["role"] == "tool"] == made
    assert "stream_options" not in body
    assert [m["role"] for m in body["messages"]].count("system") == 1


def test_json_of_no_schema_is_spoken_of_where_nobody_has() -> None:
    anything = {"type": "object"}
    body = encode("openai_chat", ask("hi", schema=anything))
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON" in body["messages"][0]["content"]
    assert encode("openai_chat", ask("as JSON", schema=anything))["messages"] == [
        {"role": "user", "content": "as JSON"}
    ]


def test_a_vendor_without_schemas_is_told_the_schema_in_words() -> None:
    body = encode("openai_chat", ask("hi", system="be kind", schema=SCHEMA), provider="deepseek")
    assert body["response_format"] == {"type": "json_object"}
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"].startswith("be kind")
    assert '"city"' in body["messages"][0]["content"]
    assert (
        encode("openai_chat", ask("hi", schema=SCHEMA), provider="deepseek")["messages"][0]["role"]
        == "system"
    )


def test_reasoning_goes_back_only_to_the_vendor_that_wants_its_own() -> None:
    def sent(provider: str, issuer: str) -> JsonDict:
        said = ("assistant", Thinking("because", None, issuer), ToolCall("c", "now", "{}"))
        return encode("openai_chat", talk(("user", Text("a")), said), provider=provider)["messages"][1]

    assert sent("deepseek", "deepseek")["reasoning_content"] == "because"
    assert sent("deepseek", "anthropic")["reasoning_content"] == " "
    assert "reasoning_content" not in sent("groq", "groq")


def test_reasoning_models_of_openai_get_no_temperature() -> None:
    request = ask("hi", temperature=0.2)
    for dialect in ("openai_chat", "openai_responses"):
        assert "temperature" not in encode(dialect, request, "thinking")
        assert encode(dialect, request, "tools")["temperature"] == 0.2


def test_openai_responses_keeps_items_in_order_and_asks_for_its_reasoning_back() -> None:
    body = encode(
        "openai_responses",
        everything("openai_responses"),
        "thinking",
        "vision",
        "documents",
        "tools",
        "schema",
    )
    assert [item["type"] for item in body["input"]] == [
        "message",
        "reasoning",
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
        "message",
        "message",
    ]
    assert body["input"][1] == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "sig",
    }
    assert body["input"][5]["output"][1]["type"] == "input_image"
    assert body["input"][7]["role"] == "developer"
    assert (body["instructions"], body["store"]) == ("Be brief.", False)
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["text"]["format"]["strict"] is True
    assert body["tools"][0]["strict"] is False


def test_a_schema_that_strict_mode_refuses_is_sent_without_it() -> None:
    loose: JsonDict = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert encode("openai_chat", ask("hi", schema=loose))["response_format"]["json_schema"]["strict"] is False
    assert encode("openai_responses", ask("hi", schema=loose))["text"]["format"]["strict"] is False


def test_gemini_gets_its_results_first_and_its_names_back() -> None:
    body = encode("gemini", everything("gemini"))
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    said, answered = body["contents"][1]["parts"], body["contents"][2]["parts"]
    assert said[0] == {"text": "Calling.", "thoughtSignature": "U2ln"}
    assert said[1]["functionCall"] == {"name": "weather", "args": {"city": "Oslo"}, "id": "call_1"}
    assert answered[0]["functionResponse"] == {
        "name": "weather",
        "response": {"output": "rain"},
        "id": "call_1",
    }
    assert answered[1]["functionResponse"]["response"] == {"error": "broken"}
    assert answered[2]["inlineData"]["data"] == PIXEL
    assert body["systemInstruction"] == {"parts": [{"text": f"Be brief.\n\n{ONE_CALL}"}]}
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": ["weather"]}
    assert body["generationConfig"] == {
        "maxOutputTokens": 500,
        "temperature": 0.5,
        "stopSequences": ["END"],
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }
    assert "parametersJsonSchema" not in body["tools"][0]["functionDeclarations"][1]
    assert not {"model", "stream"} & set(body)


def test_a_signature_of_gemini_returns_on_the_part_it_came_with() -> None:
    from llm_router.dialects import issued_by

    parts = [
        {"text": "plan", "thought": True},
        {"functionCall": {"id": "1", "name": "now", "args": {}}, "thoughtSignature": "U2ln"},
        {"functionCall": {"id": "2", "name": "now", "args": {}}},
    ]
    answer = get("gemini").decode({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    body = encode("gemini", talk(("user", Text("a")), ("assistant", *issued_by(answer, "gemini").parts)))
    assert body["contents"][1]["parts"] == parts[1:]


def test_gemini_is_told_that_foreign_calls_have_no_signature() -> None:
    foreign = (
        "assistant",
        Thinking("x", "sig", "anthropic"),
        ToolCall("1", "now", "{}"),
        ToolCall("2", "now", "{}"),
    )
    said = encode("gemini", talk(("user", Text("a")), foreign))["contents"][1]["parts"]
    assert said[0]["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in said[1]


def test_ollama_gets_objects_names_and_a_window_that_holds_the_prompt() -> None:
    body = encode("ollama", replace(everything("ollama"), messages=everything("ollama").messages[2:]))
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == {"city": "Oslo"}
    assert body["messages"][0]["thinking"] == "hm"
    assert body["messages"][1] == {"role": "tool", "content": "rain", "tool_name": "weather"}
    assert body["format"] == SCHEMA
    assert body["options"] == {"num_ctx": 8192, "num_predict": 500, "temperature": 0.5, "stop": ["END"]}


def test_the_ceiling_of_a_coding_agent_neither_fills_a_window_nor_loads_one_of_its_size() -> None:
    request = ask("x" * 30_000, max_output_tokens=128_000, input_tokens=8_000)
    assert encode("openai_chat", request, context=40_000)["max_completion_tokens"] == 30_000
    assert encode("openai_chat", request, context=8_100)["max_completion_tokens"] == 1_024
    assert encode("ollama", request, context=131_072)["options"]["num_ctx"] == 32_768


@pytest.mark.parametrize(
    ("characters", "context", "window"),
    [(100, None, 8192), (60_000, None, 32_768), (60_000, 24_000, 24_000), (100, 4096, 4096)],
)
def test_the_window_of_ollama_grows_with_the_prompt_up_to_the_models_own(
    characters: int, context: int | None, window: int
) -> None:
    assert encode("ollama", ask("x" * characters), context=context)["options"]["num_ctx"] == window


def test_a_prompt_that_cannot_fit_ollama_is_refused_and_never_cut() -> None:
    with pytest.raises(UpstreamError) as caught:
        encode("ollama", ask("x" * 100_000), context=8192)
    assert caught.value.kind is FailureKind.CONTEXT_TOO_LONG


@pytest.mark.parametrize("dialect", HTTP)
def test_a_foreign_signature_is_never_sent(dialect: str) -> None:
    said = ("assistant", Thinking("secret thought", "foreign-sig", "somebody"), Text("ok"))
    body = str(encode(dialect, talk(("user", Text("a")), said, ("user", Text("b")))))
    assert "foreign-sig" not in body
    assert "secret thought" not in body


@pytest.mark.parametrize("dialect", HTTP)
def test_broken_arguments_survive_the_way_back_to_the_model(dialect: str) -> None:
    said = ("assistant", ToolCall("1", "now", '{"x": '))
    body = encode(dialect, talk(("user", Text("a")), said, ("user", ToolResult("1", (Text("bad"),)))))
    assert '{"x": ' in str(body).replace('\\"', '"')


@pytest.mark.parametrize("dialect", HTTP)
def test_an_id_no_vendor_takes_is_replaced_alike_in_call_and_result(dialect: str) -> None:
    strange = "functions.now:0/" + "x" * 80
    said = ("assistant", ToolCall(strange, "now", "{}"))
    body = str(encode(dialect, talk(("user", Text("a")), said, ("user", ToolResult(strange, (Text("3"),))))))
    if dialect != "gemini":  # which takes any
        assert strange not in body
    if dialect not in ("gemini", "ollama"):
        made = body[body.index("call_") :][:29]
        assert body.count(made) == 2


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses", "gemini", "anthropic"])
@pytest.mark.parametrize("mode", ["auto", "any", "none"])
def test_every_tool_choice_has_its_word(dialect: str, mode: Any) -> None:
    body = encode(dialect, ask("hi", tools=(WEATHER,), tool_choice=ToolChoice(mode)))
    ACCEPTED[dialect](body)
    words = {"openai_chat": mode, "openai_responses": mode, "anthropic": {"type": mode}}
    if mode == "any":
        words |= {"openai_chat": "required", "openai_responses": "required"}
    sent = (
        body["toolConfig"]["functionCallingConfig"]["mode"].lower()
        if dialect == "gemini"
        else body["tool_choice"]
    )
    assert sent == (mode if dialect == "gemini" else words[dialect])


@pytest.mark.parametrize(
    ("tools", "choice"), [((NOW, WEATHER), ToolChoice("tool", "weather")), ((WEATHER,), ToolChoice("any"))]
)
def test_ollama_is_ordered_to_call_a_tool_by_the_schema_of_its_arguments(
    tools: tuple[Tool, ...], choice: ToolChoice
) -> None:
    request = ask("hi", tools=tools, tool_choice=choice, schema={"type": "object", "properties": {"x": {}}})
    body = encode("ollama", request)
    ACCEPTED["ollama"](body)
    assert (body["format"], body.get("tools")) == (WEATHER.parameters, None)
    assert "tool weather" in body["messages"][0]["content"]
    decoder = get("ollama").decoder(request)
    for line in (
        {"message": {"thinking": "Bonn?"}},
        {"message": {"content": '{"city":'}},
        {"message": {"content": ' "Bonn"}'}},
        {"message": {"content": ""}, "done": True, "done_reason": "stop"},
    ):
        decoder.feed(line)
    thought, called = decoder.answer().parts
    assert thought == Thinking("Bonn?")
    assert (called.name, called.arguments) == ("weather", '{"city": "Bonn"}')  # type: ignore[union-attr]
    assert decoder.answer().stop_reason == "tool_use"


# ── what cannot be said ──────────────────────────────────────────────────────

IMPOSSIBLE: list[tuple[str, Request, tuple[Feature, ...]]] = [
    *((name, talk(("user", Text("a"), Image(data=PIXEL))), ("tools",)) for name in HTTP),
    *((name, talk(("user", Document(data="JVBERg=="))), ("vision",)) for name in HTTP),
    *((name, ask("a", tools=(NOW,)), ("vision",)) for name in HTTP),
    *((name, ask("a", schema=SCHEMA), ("vision",)) for name in HTTP),
    *((name, talk(("user", Image(data=PIXEL))), ()) for name in ("codex_cli", "gemini_cli")),
    *((name, ask("a", tools=(NOW,)), ()) for name in ("codex_cli", "gemini_cli")),
    *((name, ask("a", stop=("x",)), ()) for name in ("codex_cli", "gemini_cli")),
    ("openai_chat", ask("a", stop=tuple("abcdef")), ()),
    ("openai_chat", talk(("user", Document(url="https://example.com/a.pdf"))), ()),
    ("ollama", talk(("user", Image(url="https://example.com/a.png"))), ()),
    ("ollama", talk(("user", Document(data="JVBERg=="))), ()),
    ("ollama", ask("a", tools=(NOW, WEATHER), tool_choice=ToolChoice("any")), ()),
    (
        "anthropic",
        ask("a", schema={"$ref": "#/$defs/N", "$defs": {"N": {"properties": {"n": {"$ref": "#/$defs/N"}}}}}),
        (),
    ),
    ("codex_cli", ask("a", schema={"type": "object"}), ()),
]


@pytest.mark.parametrize(("dialect", "request_", "features"), IMPOSSIBLE)
def test_what_a_model_or_format_cannot_do_is_unsupported(
    dialect: str, request_: Request, features: tuple[Feature, ...]
) -> None:
    with pytest.raises(UpstreamError) as caught:
        encode(dialect, request_, *features)
    assert caught.value.kind is FailureKind.UNSUPPORTED
    assert caught.value.fix


@pytest.mark.parametrize("dialect", HTTP)
def test_with_features_unknown_the_vendor_decides(dialect: str) -> None:
    encode(dialect, talk(("user", Text("a"), Image(data=PIXEL)), tools=(NOW,), schema=SCHEMA))


@pytest.mark.parametrize("dialect", HTTP)
def test_tools_that_may_not_be_called_need_no_tool_support(dialect: str) -> None:
    encode(dialect, ask("a", tools=(NOW,), tool_choice=ToolChoice("none")), "vision")


def test_a_picture_inside_a_tool_result_needs_vision_too() -> None:
    with pytest.raises(UpstreamError):
        encode("anthropic", talk(("user", ToolResult("1", (Image(data=PIXEL),)))), "tools")


# ── command line clients ─────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", ["codex_cli", "gemini_cli"])
def test_a_single_prompt_reaches_a_client_word_for_word(dialect: str) -> None:
    body = encode(dialect, ask("  User: tricky\n\nprompt ", system="be kind"))
    assert body == {"model": "model-1", "prompt": "  User: tricky\n\nprompt ", "system": "be kind"}


def test_a_conversation_becomes_a_transcript_with_what_the_tools_said() -> None:
    request = talk(
        ("user", Text("How warm?")),
        ("assistant", ToolCall("1", "weather", '{"city": "Oslo"}')),
        ("user", ToolResult("1", (Text("12 degrees"),))),
        ("assistant", Text("It is 12.")),
        ("user", Text("Celsius?")),
    )
    prompt = encode("codex_cli", request)["prompt"]
    assert prompt.startswith("User: How warm?\n\nAssistant: [called the tool weather")
    assert "12 degrees" in prompt
    assert "User: Celsius?" in prompt


def test_a_schema_reaches_codex_as_a_file_and_gemini_in_words() -> None:
    request = ask("Where?", schema=SCHEMA)
    assert encode("codex_cli", request)["schema"] == SCHEMA
    assert '"city"' in encode("gemini_cli", request)["system"]


@pytest.mark.parametrize("dialect", NAMES)
def test_encoding_changes_nothing_of_the_request(dialect: str) -> None:
    schema: JsonDict = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    request = ask("hi", schema=schema)
    encode(dialect, request)
    assert schema == {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def test_an_endpoint_that_stands_for_a_vendor_is_asked_as_that_vendor() -> None:
    thought = Thinking("I must look.", "s", "deepseek")
    asked = talk(
        ("user", Text("go")),
        ("assistant", thought, ToolCall("c1", "look", "{}")),
        ("user", ToolResult("c1", (Text("there"),))),
        reasoning=Reasoning("none"),
    )
    office = {"provider": "office", "stands_for": "deepseek"}
    body = get("openai_chat").encode(asked, Model(id="m", **office), stream=False)
    assert body == get("openai_chat").encode(asked, Model("deepseek", "m"), stream=False)
    assert body["messages"][1]["reasoning_content"] == "I must look."
    assert body["thinking"] == {"type": "disabled"}
    plain = get("openai_chat").encode(asked, Model("office", "m"), stream=False)
    assert "reasoning_content" not in plain["messages"][1]


def test_what_anthropic_signed_is_shown_to_who_stands_for_it() -> None:
    asked = talk(
        ("user", Text("go")),
        ("assistant", Thinking("hm", "sig", "anthropic"), Text("so")),
        ("user", Text("on")),
    )
    for model, shown in (
        (Model("office", "m"), False),
        (Model("office", "m", stands_for="anthropic"), True),
    ):
        assert ("sig" in str(get("anthropic").encode(asked, model, stream=False))) is shown


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_where_there_is_only_a_system_message_it_is_the_turn(dialect: str) -> None:
    body = get(dialect).encode(talk(("system", Text("Say hello."))), model(dialect), stream=False)
    turns = body.get("messages") or body.get("contents")
    assert [turn["role"] for turn in turns] == ["user"]
    assert "Say hello." in str(turns)
    assert not {"system", "systemInstruction"} & body.keys()


@pytest.mark.parametrize("provider", ["deepseek", "moonshot", "zai"])
def test_every_call_comes_back_with_reasoning_where_the_vendor_insists_on_it(provider: str) -> None:
    def told(*parts: Any) -> Any:
        asked = talk(("user", Text("go")), ("assistant", *parts, ToolCall("c1", "look", "{}")))
        body = get("openai_chat").encode(asked, Model(provider, "m"), stream=False)
        return body["messages"][1]["reasoning_content"]

    assert told(Thinking("mine", None, provider)) == "mine"
    assert told(Thinking("whose?")) == "whose?"  # an OpenAI caller has no place to say it
    assert told(Thinking("another's", "s", "anthropic")) == " "
    assert told() == " "
    plain = talk(("user", Text("go")), ("assistant", Text("so")), ("user", Text("on")))
    assert "reasoning_content" not in str(
        get("openai_chat").encode(plain, Model(provider, "m"), stream=False)
    )


def test_an_agents_model_that_cannot_see_is_told_where_a_picture_was() -> None:
    blind = model("openai_chat", "tools")
    seen = ToolResult("c", (Text("a"), Image(data=PIXEL)))
    request = talk(
        ("user", Text("look")),
        ("assistant", ToolCall("c", "Read", "{}")),
        ("user", seen, Document(data="JVBERi0=")),
        tools=(Tool("Read"),),
    )
    told = seen_by(blind, request)
    body = json.dumps(get("openai_chat").encode(told, blind, stream=False))
    assert "A picture was here" in body
    assert "A document was here" in body
    assert PIXEL not in body
    assert seen_by(model("openai_chat", "tools", "vision", "documents"), request) is request
    assert seen_by(model("openai_chat"), request) is request  # nobody knows what it can
    asked = replace(request, tools=())  # no agent: the picture is what is asked about
    assert seen_by(blind, asked) is asked
    assert seen_by(blind, replace(request, messages=request.messages[:2])).messages == request.messages[:2]
