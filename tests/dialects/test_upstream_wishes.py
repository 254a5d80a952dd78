"""What a caller asks for beside words and tools, as the upstreams of Responses, Gemini and Ollama are told it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.dialects import get
from llm_router.dialects.encoding import ONE_CALL, wire_name
from llm_router.dialects.gemini_models import thinking_config
from llm_router.dialects.stops import StopCut
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    FailureKind,
    Message,
    Model,
    Reasoning,
    Request,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebSearch,
    ask,
)

LONG = "mcp__" + "server" * 12 + "__search"
NOW = Tool("now", "The time.")


def thinker(dialect: str, model_id: str = "model-1", provider: str | None = None) -> Model:
    features = frozenset({"thinking", "tools", "schema", "vision"})
    return Model(provider or dialect, model_id, features=features)


def encode(dialect: str, request: Request, **model: Any) -> dict[str, Any]:
    return get(dialect).encode(request, thinker(dialect, **model), stream=True)


# ── reasoning ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model_id", "asked", "told"),
    [
        ("gemini-3.8-flash", Reasoning("none"), {"thinkingLevel": "minimal"}),
        ("gemini-3.1-pro", Reasoning("none"), {"thinkingLevel": "low"}),
        ("gemini-3.1-pro", Reasoning("medium", shown=False), {"thinkingLevel": "medium"}),
        ("gemini-3.1-pro", Reasoning("max"), {"thinkingLevel": "high", "includeThoughts": True}),
        ("gemini-3.1-pro", Reasoning(None, 1_000, shown=False), {"thinkingLevel": "low"}),
        ("gemini-4-argon", Reasoning(None, 31_999, shown=False), {"thinkingLevel": "high"}),
        ("gemini-4-argon", Reasoning(), {"includeThoughts": True}),
        ("gemini-2.5-flash", Reasoning("none"), {"thinkingBudget": 0}),
        ("gemini-2.5-pro", Reasoning("none"), {"thinkingBudget": 128}),
        ("gemini-2.5-flash", Reasoning(), {"thinkingBudget": -1, "includeThoughts": True}),
        ("gemini-2.5-flash", Reasoning(None, 100_000, shown=False), {"thinkingBudget": 24_576}),
        ("gemini-2.5-pro", Reasoning("low", shown=False), {"thinkingBudget": 1_024}),
        ("gemini-flash-latest", Reasoning("low", shown=False), {"thinkingLevel": "low"}),
        ("gemini-2.0-flash", Reasoning("high"), None),
        ("gemma-4-27b-it", Reasoning("high"), None),
        ("gemini-3.1-pro", None, None),
    ],
)
def test_each_generation_of_gemini_is_told_in_its_own_words_how_much_to_think(
    model_id: str, asked: Reasoning | None, told: dict[str, Any] | None
) -> None:
    assert thinking_config(asked, thinker("gemini", model_id)) == told


def test_a_model_that_does_not_think_is_not_told_to() -> None:
    plain = Model("gemini", "gemini-3-flash", features=frozenset({"tools"}))
    assert thinking_config(Reasoning("high"), plain) is None
    assert "think" not in get("ollama").encode(ask("a", reasoning=Reasoning()), plain, stream=True)
    assert "reasoning" not in get("openai_responses").encode(
        ask("a", reasoning=Reasoning("high")), plain, stream=True
    )


@pytest.mark.parametrize(
    ("model_id", "asked", "told"),
    [
        ("qwen-8b", Reasoning("none"), False),
        ("qwen-8b", Reasoning("low"), True),
        ("gpt-oss:20b", Reasoning("none"), "low"),
        ("gpt-oss:20b", Reasoning("max"), "high"),
        ("gpt-oss:20b", Reasoning("medium"), "medium"),
    ],
)
def test_ollama_has_a_switch_and_for_some_models_levels(
    model_id: str, asked: Reasoning, told: bool | str
) -> None:
    assert encode("ollama", ask("a", reasoning=asked), model_id=model_id)["think"] == told


def test_responses_are_told_effort_and_whether_a_summary_is_wanted() -> None:
    def told(asked: Reasoning) -> Any:
        return encode("openai_responses", ask("a", reasoning=asked), provider="openai")["reasoning"]

    assert told(Reasoning("high", shown=False)) == {"effort": "high"}
    assert told(Reasoning("low")) == {"effort": "low", "summary": "auto"}
    assert told(Reasoning(None, 30_000, shown=False)) == {"effort": "high"}
    assert told(Reasoning()) == {"summary": "auto"}


# ── sampling ─────────────────────────────────────────────────────────────────


def test_sampling_goes_where_it_is_known() -> None:
    request = ask("a", temperature=0.5, top_p=0.9, top_k=40)
    config = encode("gemini", request)["generationConfig"]
    assert (config["temperature"], config["topP"], config["topK"]) == (0.5, 0.9, 40)
    options = encode("ollama", request)["options"]
    assert (options["temperature"], options["top_p"], options["top_k"]) == (0.5, 0.9, 40)
    plain = Model("openai", "model-1", features=frozenset({"tools"}))
    body = get("openai_responses").encode(request, plain, stream=True)
    assert (body["temperature"], body["top_p"], "top_k" in body) == (0.5, 0.9, False)


FINER = {
    "seed": 7,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.25,
    "repetition_penalty": 1.1,
    "min_p": 0.1,
}


@pytest.mark.parametrize(
    ("dialect", "provider", "sent"),
    [
        ("openai_chat", "groq", {"seed": 7, "presence_penalty": 0.5, "frequency_penalty": 0.25}),
        ("openai_chat", "vllm", FINER),
        ("openai_chat", "mistral", {"random_seed": 7, "presence_penalty": 0.5, "frequency_penalty": 0.25}),
        ("openai_chat", "cerebras", {"seed": 7}),
        ("openai_chat", "openai", {"seed": 7}),  # a reasoning model
        ("openai_responses", "openai", {}),
        ("anthropic", "anthropic", {}),
        ("gemini", "gemini", {"seed": 7, "presencePenalty": 0.5, "frequencyPenalty": 0.25}),
        (
            "ollama",
            "ollama",
            {
                "seed": 7,
                "presence_penalty": 0.5,
                "frequency_penalty": 0.25,
                "repeat_penalty": 1.1,
                "min_p": 0.1,
            },
        ),
    ],
)
def test_the_finer_points_of_sampling_go_where_there_is_a_word_for_them(
    dialect: str, provider: str, sent: dict[str, float]
) -> None:
    model = Model(provider, "model-1", features=frozenset({"tools", "thinking"}))
    body = get(dialect).encode(ask("a", sampling=FINER), model, stream=False)
    told = body.get("generationConfig") or body.get("options") or body
    words = {"random_seed", "presencePenalty", "frequencyPenalty", "repeat_penalty", *FINER}
    assert {name: told[name] for name in told if name in words} == sent


# ── web search ───────────────────────────────────────────────────────────────


def test_a_web_search_is_the_vendors_own_tool() -> None:
    alone = ask("news?", web_search=WebSearch(allowed_domains=("a.example",), blocked_domains=("b.example",)))
    assert encode("openai_responses", alone)["tools"] == [
        {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}}
    ]
    body = encode("gemini", alone)
    assert body["tools"] == [{"googleSearch": {}}]
    assert "a.example" in body["systemInstruction"]["parts"][0]["text"]
    assert encode("gemini", alone, provider="vertex")["tools"] == [
        {"googleSearch": {"excludeDomains": ["b.example"]}}
    ]


def test_a_web_search_nobody_can_make_is_unsupported_unless_it_was_only_an_offer() -> None:
    with pytest.raises(UpstreamError) as caught:
        encode("ollama", ask("news?", web_search=WebSearch()))
    assert caught.value.kind is FailureKind.UNSUPPORTED
    assert [
        t["function"]["name"]
        for t in encode("ollama", ask("a", tools=(NOW,), web_search=WebSearch()))["tools"]
    ] == ["now"]
    assert encode("gemini", ask("a", tools=(NOW,), web_search=WebSearch()))["tools"] == [
        {"functionDeclarations": [{"name": "now", "description": "The time."}]}
    ]


@pytest.mark.parametrize(
    "found",
    [
        {"search_results": [{"title": "A", "url": "https://a.example"}, {"url": "https://b.example"}]},
        {"citations": ["https://a.example", "https://b.example"]},
    ],
)
def test_what_a_search_of_perplexity_found_is_listed_under_its_answer(found: dict[str, Any]) -> None:
    chunks = [
        {"id": "x", "choices": [{"index": 0, "delta": {"content": "Yes [1], no [2]."}}]} | found,
        {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]} | found,
    ]
    decoder = get("openai_chat").decoder()
    told = "".join(delta.text for chunk in chunks for delta in decoder.feed(chunk))  # type: ignore[union-attr]
    title = "A" if "search_results" in found else "https://a.example"
    listed = f"\n\nSources:\n1. [{title}](https://a.example)\n2. [https://b.example](https://b.example)"
    assert told == decoder.answer().text == "Yes [1], no [2]." + listed
    whole = {"id": "x", "choices": [{"index": 0, "message": {"content": "Yes."}, "finish_reason": "stop"}]}
    assert get("openai_chat").decode(whole | found).text == "Yes." + listed


def test_what_a_search_of_gemini_found_is_listed_under_its_answer() -> None:
    found = {"groundingChunks": [{"web": {"uri": "https://a.example/1", "title": "A"}}, {"web": {}}]}
    answer = get("gemini").decode(
        {
            "candidates": [
                {
                    "content": {"parts": [{"text": "Rain."}]},
                    "groundingMetadata": found,
                    "finishReason": "STOP",
                }
            ]
        }
    )
    assert answer.text == "Rain.\n\nSources:\n- [A](https://a.example/1)\n"


@pytest.mark.parametrize("dialect", ["openai_chat", "gemini"])
def test_nothing_is_listed_under_an_answer_that_must_be_json(dialect: str) -> None:
    candidate = {
        "content": {"parts": [{"text": '{"a": 1}'}]},
        "groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}]},
        "finishReason": "STOP",
    }
    choice = {"index": 0, "message": {"content": '{"a": 1}'}, "finish_reason": "stop"}
    body = {"candidates": [candidate], "choices": [choice], "citations": ["https://a.example"]}
    assert "Sources" in get(dialect).decode(body, ask("a")).text
    request = ask("a", schema={"type": "object", "properties": {"a": {"type": "integer"}}})
    assert get(dialect).decode(body, request).text == '{"a": 1}'
    decoder = get(dialect).decoder(request)
    decoder.feed(body)
    assert decoder.answer().text == '{"a": 1}'


# ── tools ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", ["openai_responses", "gemini", "ollama"])
def test_a_tools_name_that_is_too_long_is_the_same_short_one_everywhere(dialect: str) -> None:
    history = (
        Message("user", (Text("a"),)),
        Message("assistant", (ToolCall("call_1", LONG, "{}"),)),
        Message("user", (ToolResult("call_1", (Text("b"),)),)),
    )
    choice = ToolChoice() if dialect == "ollama" else ToolChoice("tool", LONG)
    body = encode(dialect, Request(history, tools=(Tool(LONG),), tool_choice=choice))
    short = wire_name(LONG)
    assert LONG not in str(body)
    assert str(body).count(short) == (3 if dialect == "openai_responses" else 4 if dialect == "gemini" else 3)


@pytest.mark.parametrize("name", ["1st", "-x", "naïve", "a.b/c", "", "_ok", "Fine-1"])
def test_a_tools_name_is_one_that_every_vendor_takes(name: str) -> None:
    told = wire_name(name)
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", told)
    assert (told == name) is (name in ("_ok", "Fine-1"))


@pytest.mark.parametrize("dialect", ["gemini", "ollama"])
def test_one_call_at_a_time_is_asked_for_in_words_where_there_is_no_field(dialect: str) -> None:
    choice = ToolChoice(parallel=False)
    for request in (
        ask("a", tools=(NOW,), tool_choice=choice),
        ask("a", system="Be brief.", tools=(NOW,), tool_choice=choice),
    ):
        assert ONE_CALL in str(encode(dialect, request))
    assert ONE_CALL not in str(encode(dialect, ask("a", tools=(NOW,))))


def test_a_schema_beside_functions_is_told_in_words_before_gemini_3() -> None:
    request = ask("a", tools=(NOW,), schema={"type": "object", "properties": {"city": {"type": "string"}}})
    old, new = (encode("gemini", request, model_id=name) for name in ("gemini-2.5-flash", "gemini-3-flash"))
    assert "responseJsonSchema" not in str(old)
    assert "city" in old["systemInstruction"]["parts"][0]["text"]
    assert "responseJsonSchema" in new["generationConfig"]


def test_strict_tools_are_strict_where_openai_would_take_them_so() -> None:
    closed = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    tools = (Tool("a", "", closed, strict=True), Tool("b", "", {"type": "object"}, strict=True), Tool("c"))
    sent = encode("openai_responses", ask("a", tools=tools))["tools"]
    assert [tool["strict"] for tool in sent] == [True, False, False]


# ── stop sequences ───────────────────────────────────────────────────────────


def responses_stream(*texts: str) -> list[dict[str, Any]]:
    item = {"type": "message", "content": [{"type": "output_text", "text": "".join(texts)}]}
    return [
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message"}},
        *({"type": "response.output_text.delta", "output_index": 0, "delta": text} for text in texts),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {
            "type": "response.completed",
            "response": {"output": [item], "usage": {"input_tokens": 3, "output_tokens": 9}},
        },
    ]


def test_an_answer_ends_at_a_stop_sequence_that_the_format_cannot_ask_for() -> None:
    request = ask("a", stop=("</block>",))
    decoder = get("openai_responses").decoder(request)
    told = [
        delta.text
        for event in responses_stream("<block>yes</b", "lock> and", " more")
        for delta in decoder.feed(event)
        if isinstance(delta, TextDelta)
    ]
    answer = decoder.answer()
    assert "".join(told) == answer.text == "<block>yes"
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "</block>")
    assert answer.usage.output_tokens == 9


def test_what_looked_like_a_stop_sequence_and_was_none_is_told() -> None:
    decoder = get("openai_responses").decoder(ask("a", stop=("</block>",)))
    for event in responses_stream("a </b", "old> c </bl"):
        decoder.feed(event)
    answer = decoder.answer()
    assert (answer.text, answer.stop_reason, answer.stop_sequence) == ("a </bold> c </bl", "end", None)


def test_of_many_stop_sequences_gemini_is_told_as_many_as_it_takes_and_we_look_for_the_rest() -> None:
    request = ask("a", stop=tuple("uvwxyz"))
    assert encode("gemini", request)["generationConfig"]["stopSequences"] == list("uvwxy")
    body = {"candidates": [{"content": {"parts": [{"text": "abzc"}]}, "finishReason": "STOP"}]}
    answer = get("gemini").decode(body, request)
    assert (answer.text, answer.stop_reason, answer.stop_sequence) == ("ab", "stop_sequence", "z")


@given(
    st.lists(st.text("ab<", max_size=4), max_size=12),
    st.lists(st.text("ab<", min_size=1, max_size=4), min_size=1, max_size=3),
)
def test_the_cut_is_where_the_first_stop_sequence_begins_however_the_text_was_cut(
    pieces: list[str], stops: list[str]
) -> None:
    text = "".join(pieces)
    cut = StopCut(stops)
    told = "".join(map(cut.feed, pieces))
    if cut.hit is None:
        assert told + cut.rest() == text
        assert all(stop not in text for stop in stops)
    else:
        assert text.startswith(told + cut.hit)
        assert all(stop not in told for stop in stops)
