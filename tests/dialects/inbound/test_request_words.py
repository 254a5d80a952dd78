"""What callers may ask for, word for word as their vendors' SDKs know it: said to others, or refused in clear words."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from google.genai.types import ThinkingLevel
from google.genai.types import Tool as GoogleTool

from llm_router import dialects
from llm_router.dialects import passing
from llm_router.dialects.inbound import get
from llm_router.dialects.inbound.sketches import DRAWN
from llm_router.dialects.json_schema import ANY_OBJECT
from llm_router.errors import UpstreamError, UsageError
from llm_router.nouns import (
    Effort,
    Image,
    Message,
    Model,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolResult,
    WebSearch,
)
from tests.dialects.inbound.test_every_word import place
from tests.dialects.inbound.test_odd_requests import encoded, parsed, sketched


def anthropic(*turns: tuple[str, Any], **fields: Any) -> Request:
    messages = [
        {"role": role, **(said if isinstance(said, dict) else {"content": said})} for role, said in turns
    ]
    return parsed("anthropic", messages=messages, **fields)


def names(request: Request) -> list[str]:
    return [tool.name for tool in request.tools]


# ── Anthropic: a conversation that changes its own settings ──────────────────

HERE = [{"name": name, "input_schema": {}} for name in ("a", "b")]


def added(**tool: Any) -> dict[str, Any]:
    return {"type": "tool_addition", "tool": tool}


def removed(name: str) -> dict[str, Any]:
    return {"type": "tool_removal", "tool": {"type": "tool_reference", "name": name}}


INLINE = added(type="tool_definition", definition={"name": "c", "description": "C.", "input_schema": {}})
NAMED = added(type="tool_reference", name="a")


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ([removed("b")], ["a"]),
        ([removed("a"), NAMED], ["a", "b"]),
        ([INLINE], ["a", "b", "c"]),
        ([INLINE, removed("c")], ["a", "b"]),
        ([removed("a"), removed("b")], []),
    ],
)
def test_tools_come_and_go_in_the_course_of_a_conversation(changes: list[Any], left: list[str]) -> None:
    turns = [("user", "hi"), ("assistant", "yes"), ("user", "go"), ("system", changes)]
    assert names(anthropic(*turns, tools=HERE)) == left
    summary = {"type": "compaction", "content": "So far.", "tool_changes": changes}
    assert names(anthropic(("assistant", [summary]), ("user", "go"), tools=HERE)) == left


def test_a_tool_that_waits_is_offered_when_it_is_added_and_one_defined_anew_is_the_new_one() -> None:
    waiting = [{"name": "a", "input_schema": {}, "defer_loading": True}]
    assert names(anthropic(("user", "hi"), tools=waiting)) == []
    assert names(anthropic(("user", "hi"), ("system", [NAMED]), tools=waiting)) == ["a"]
    request = anthropic(("user", "hi"), ("system", [INLINE]), tools=[{"name": "c", "input_schema": {}}])
    assert request.tools == (Tool("c", "C."),)


def test_a_search_that_is_withdrawn_is_none() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert anthropic(("user", "hi"), tools=[search]).web_search is not None
    assert anthropic(("user", "hi"), ("system", [removed("web_search")]), tools=[search]).web_search is None


NOTE = {"content": "Only now.", "clear_at": "next_user_message"}


def test_a_note_for_one_turn_is_gone_with_the_next() -> None:
    shown = anthropic(("user", "hi"), ("system", NOTE))
    assert [message.text for message in shown.messages] == ["hi", "Only now."]
    gone = anthropic(("user", "hi"), ("system", NOTE), ("assistant", "yes"), ("user", "go"))
    assert [message.text for message in gone.messages] == ["hi", "yes", "go"]


RESULT = [{"type": "tool_result", "tool_use_id": "1", "content": "x"}]
CALL = [{"type": "tool_use", "id": "1", "name": "a", "input": {}}]
LOW = {"output_config": {"effort": "low"}}


@pytest.mark.parametrize(
    ("turns", "effort"),
    [
        ([("user", "hi"), ("system", LOW)], "low"),
        ([("user", "hi"), ("system", LOW), ("assistant", CALL), ("user", RESULT)], "low"),
        ([("user", "hi"), ("system", LOW), ("assistant", "yes"), ("user", "go")], "max"),
    ],
)
def test_the_effort_of_one_turn(turns: list[Any], effort: str) -> None:
    request = anthropic(*turns, output_config={"effort": "max"})
    assert request.reasoning == Reasoning(effort)  # type: ignore[arg-type]
    assert anthropic(*turns, thinking={"type": "disabled"}).reasoning == Reasoning("none")


def test_what_changes_on_the_way_passes_to_claude_where_it_knows_that_and_else_is_told() -> None:
    speaks = passing.get("anthropic")
    assert speaks is not None
    request = sketched("anthropic", messages=[{"role": "user", "content": "hi"}, {"role": "system", **NOTE}])
    assert speaks.takes(request, Model("anthropic", "claude-opus-5"))
    assert not speaks.takes(request, Model("anthropic", "claude-sonnet-4-6"))


def test_only_a_system_message_may_hold_nothing() -> None:
    with pytest.raises(UsageError, match=r"messages\.0\.content: Field required"):
        anthropic(("user", {}))


# ── Anthropic: what else it has ──────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("thread", {"type": "create"}),
        ("thread", {"type": "continue", "previous_message_id": "msg_1"}),
        ("compaction", {"type": "summarize"}),
        ("mcp_servers", [{"type": "url", "name": "m", "url": "https://m.example"}]),
        ("tools", [{"type": "computer_20251124", "name": "computer"}]),
        ("tools", [{"type": "browser_toolset_20260801"}]),
        ("tools", [{"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-5"}]),
    ],
)
def test_what_only_anthropic_has_is_refused_by_name(field: str, value: Any) -> None:
    request = sketched("anthropic", **{field: value})
    with pytest.raises(UpstreamError, match=field) as raised:
        get("anthropic").parse(request)
    assert raised.value.kind == "unsupported"
    speaks = passing.get("anthropic")
    assert speaks is not None
    assert json.loads(speaks.head(request, Model("anthropic", "m")))[field] == value


def test_thinking_between_tools_is_for_others_as_for_claudes_that_know_it_not() -> None:
    assert parsed("anthropic", thinking={"type": "between_tools"}).reasoning == Reasoning("none")


def test_examples_of_input_are_told_with_the_tool() -> None:
    tool = {"name": "t", "description": "T.", "input_schema": {}, "input_examples": [{"a": 1}, {"a": 2}]}
    told = 'T.\n\nExamples of input:\n{"a":1}\n{"a":2}'
    assert parsed("anthropic", tools=[tool]).tools == (Tool("t", told),)


def test_what_vendors_tools_gave_is_read_in_every_form() -> None:
    given = {"type": "mcp_tool_result", "tool_use_id": "1", "content": "Rain."}
    request = anthropic(("user", "hi"), ("assistant", [given]), ("user", "go"))
    assert request.messages[1] == Message("assistant", (Text("(mcp_tool_result)\nRain.\n"),))
    tabs = [{"tab_id": 1, "url": "https://a.example", "title": "A", "active": True}]
    state = {**RESULT[0], "content": [{"type": "browser_state", "tabs": tabs}]}
    (result,) = anthropic(("user", "hi"), ("assistant", CALL), ("user", [state])).messages[-1].parts
    assert isinstance(result, ToolResult)
    assert "https://a.example" in json.dumps(encoded(anthropic(("user", [state])), "openai_chat"))


# ── Gemini ───────────────────────────────────────────────────────────────────

TOOLS_OF_GOOGLE = [field.alias or name for name, field in GoogleTool.model_fields.items()]
TRANSLATED = {"functionDeclarations", "googleSearch", "googleSearchRetrieval", "enterpriseWebSearch"}


def gemini(**config: Any) -> Request:
    return parsed("gemini", generationConfig=config)


@pytest.mark.parametrize("name", [name for name in TOOLS_OF_GOOGLE if name not in TRANSLATED])
def test_every_tool_that_only_google_has_is_refused_by_name(name: str) -> None:
    with pytest.raises(UpstreamError, match=name):
        parsed("gemini", tools=[{name: {}}, {"functionDeclarations": None}])


@pytest.mark.parametrize("name", ["googleSearch", "google_search", "enterpriseWebSearch"])
def test_a_search_by_every_name(name: str) -> None:
    request = parsed("gemini", tools=[{name: {"excludeDomains": ["b.example"]}}])
    assert request.web_search == WebSearch(blocked_domains=("b.example",))


@pytest.mark.parametrize(
    "level", [level.value for level in ThinkingLevel if "UNSPECIFIED" not in level.value]
)
def test_every_level_of_thinking(level: str) -> None:
    place(level.lower(), get_args(Effort))
    request = gemini(thinkingConfig={"thinkingLevel": level})
    assert request.reasoning == Reasoning(level.lower(), shown=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", [{"mimeType": "APPLICATION_JSON", "schema": {"type": "OBJECT"}}, {"schema": {}}]
)
def test_a_form_of_the_answer_in_the_newer_field(text: Any) -> None:
    schema = gemini(responseFormat=[{"text": text}]).schema
    assert schema == ({"type": "object"} if text["schema"] else None)
    assert gemini(responseFormat={"text": {"mimeType": "APPLICATION_JSON"}}).schema == ANY_OBJECT
    with pytest.raises(UpstreamError, match="responseFormat: audio"):
        gemini(responseFormat=[{"audio": {}}])


# ── how the web is searched ──────────────────────────────────────────────────

PLACE = {"city": "Rome", "country": "IT"}
NEAR = {"type": "approximate", **PLACE}
FROM: list[tuple[str, dict[str, Any]]] = [
    ("anthropic", {"tools": [{"type": "web_search_20260318", "name": "web_search", "user_location": NEAR}]}),
    ("openai_chat", {"web_search_options": {"user_location": {"type": "approximate", "approximate": PLACE}}}),
    ("openai_responses", {"tools": [{"type": "web_search", "user_location": NEAR}]}),
]


@pytest.mark.parametrize(("caller", "fields"), FROM)
def test_where_the_user_is_goes_with_a_search(caller: str, fields: Any) -> None:
    request = parsed(caller, **fields)
    assert encoded(request, "anthropic")["tools"][0]["user_location"] == NEAR
    assert encoded(request, "openai_responses")["tools"][0]["user_location"] == NEAR
    assert "Rome, IT" in encoded(request, "gemini")["systemInstruction"]["parts"][0]["text"]
    sonar = Model("perplexity", "sonar", features=frozenset({"web"}))
    sent = dialects.get("openai_chat").encode(request, sonar, stream=False)
    assert sent["web_search_options"] == {"user_location": PLACE}


def test_the_sites_of_a_search_reach_every_vendor_in_fields_or_in_words() -> None:
    tool = {"type": "web_search_20250305", "name": "web_search"}
    blocked = parsed("anthropic", tools=[tool | {"blocked_domains": ["b.example"]}])
    allowed = parsed("anthropic", tools=[tool | {"allowed_domains": ["a.example"]}])
    assert "b.example" in encoded(blocked, "openai_responses")["instructions"]
    assert "b.example" in encoded(blocked, "gemini")["systemInstruction"]["parts"][0]["text"]
    sonar = Model("perplexity", "sonar", features=frozenset({"web"}))
    filters = [dialects.get("openai_chat").encode(r, sonar, stream=False) for r in (blocked, allowed)]
    assert [body["search_domain_filter"] for body in filters] == [["-b.example"], ["a.example"]]
    other = Model("own", "m", features=frozenset({"web"}))
    head = dialects.get("openai_chat").encode(blocked, other, stream=False)["messages"][0]
    assert (head["role"], "b.example" in head["content"]) == ("system", True)


# ── pictures of the model's own ──────────────────────────────────────────────

PIXEL = "iVBORw0KGgo="
DRAWS = {
    "gemini": [{"role": "model", "parts": [{"text": "Here."}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]}],
    "ollama": [{"role": "assistant", "content": "Here.", "images": [PIXEL]}],
}  # fmt: skip
ASKS = {
    "gemini": [{"role": "user", "parts": [{"text": "Brighter."}]}],
    "ollama": [{"role": "user", "content": "Brighter."}],
}


@pytest.mark.parametrize("caller", DRAWS)
@pytest.mark.parametrize("upstream", ["anthropic", "openai_chat", "openai_responses", "gemini"])
def test_a_picture_that_the_model_made_is_shown_by_the_user(caller: str, upstream: str) -> None:
    name = "contents" if caller == "gemini" else "messages"
    request = parsed(caller, **{name: DRAWS[caller] + ASKS[caller]})
    model, user = request.messages
    assert (model.role, model.text) == ("assistant", "Here.")
    assert user == Message("user", (Text(DRAWN), Image("image/png", PIXEL), Text("Brighter.")))
    assert PIXEL in json.dumps(encoded(request, upstream))
    assert parsed(caller, **{name: DRAWS[caller]}).messages[-1].role == "user"
