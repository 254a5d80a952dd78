"""Which kind of turn a request is, which model it goes to, and which conversation it belongs to."""

import json

import pytest
from msgspec.structs import replace

from llm_router.errors import UsageError
from llm_router.gateway.turns import Turns
from llm_router.nouns import Message, Origin, Reasoning, Request, Text, WebSearch
from llm_router.plan import Catalogue
from llm_router.settings import GatewaySettings, ProviderSettings, RoutingSettings, Settings, TurnSettings

CLAUDE_CODE = {"user-agent": "claude-cli/2.1.329 (external, cli)", "x-claude-code-session-id": "s-1"}
CODEX = {
    "user-agent": "codex_exec/0.169.0 (Debian)",
    "session-id": "c-1",
    "thread-id": "c-1",
    "x-codex-window-id": "c-1:0",
}
OPENCODES_AGENT = {
    "user-agent": "opencode/1.18.33 ai-sdk/provider-utils/4.0.23",
    "x-parent-session-id": "ses_1",
    "x-session-affinity": "ses_2",
    "x-session-id": "ses_2",
}
GEMINI_CLI = {"user-agent": "GeminiCLI-tui/0.61.0/gemini-3.1-pro-preview (linux)"}
TOOLS = [{"name": "Read", "input_schema": {"type": "object"}}]


def turns(*, anthropic=("anthropic",), last=0, keep=(), aliases=None, providers=None, **rules):
    settings = Settings(
        providers=providers or {},
        routing=RoutingSettings(turns=TurnSettings(**rules), aliases=aliases or {}),
        gateway=GatewaySettings(keep_models=keep),
    )
    return Turns(settings, Catalogue.load(settings), anthropic=lambda: anthropic, last_tokens=lambda _: last)


def sketched(prompt="fix the bug", *, model="claude-opus-5-5", body=None, dialect="anthropic", **fields):
    body = {"messages": [{"role": "user", "content": prompt}], "tools": TOOLS} | (body or {})
    known = {"input_tokens": 5_000, "needs": frozenset({"tools"}), "door": "gateway"}
    return Request(
        messages=(Message("user", (Text(prompt),)),),
        model=model,
        origin=Origin(dialect, json.dumps(body).encode()),
        **(known | fields),
    )


def read(sketch, headers=CLAUDE_CODE, **rules):
    return turns(**rules).read(sketch, headers)


# ── which kind ───────────────────────────────────────────────────────────────

TITLE = {"type": "object", "properties": {"title": {"type": "string"}}}
WHO_IS_NEXT = {"type": "object", "properties": {"reasoning": {}, "next_speaker": {"enum": ["user", "model"]}}}


@pytest.mark.parametrize(
    ("kind", "sketch", "headers"),
    [
        ("default", sketched(), CLAUDE_CODE),
        ("background", sketched(model="claude-haiku-5-5"), CLAUDE_CODE),
        ("background", sketched(model="claude-3-5-haiku-20241022"), CLAUDE_CODE),
        ("background", sketched(model="gemini-3.5-flash-lite", dialect="gemini"), GEMINI_CLI),
        ("background", sketched(model="gpt-6-mini", dialect="openai_responses"), CODEX),
        ("default", sketched(model="gemini-3.1-pro-preview", dialect="gemini"), GEMINI_CLI),
        ("default", sketched(model="claude-haiku-5-5"), {}),  # another client's own choice
        ("background", sketched(schema=TITLE, body={"tools": []}), CLAUDE_CODE),
        ("background", sketched(schema=WHO_IS_NEXT, body={"tools": []}, model="gemini-4-argon"), GEMINI_CLI),
        ("default", sketched(schema=TITLE), CLAUDE_CODE),  # with tools: an answer in a form
        ("background", sketched("quota", max_output_tokens=1), CLAUDE_CODE),
        ("background", sketched(body={"tools": [], "system": "You are a title generator. You output ONLY"}), {}),
        ("longContext", sketched(input_tokens=60_001), CLAUDE_CODE),
        ("default", sketched(input_tokens=60_000), CLAUDE_CODE),
        ("webSearch", sketched(web_search=WebSearch(), needs=frozenset()), CLAUDE_CODE),
        ("default", sketched(web_search=WebSearch(), model="gpt-6.1-terra"), CODEX),
        ("webSearch", sketched(needs=frozenset({"web"})), {}),
        ("image", sketched(needs=frozenset({"tools", "vision"})), CLAUDE_CODE),
        ("subagent", sketched(), CLAUDE_CODE | {"x-claude-code-agent-id": "a1"}),
        ("subagent", sketched(), CODEX | {"thread-id": "c-2", "x-openai-subagent": "collab_spawn"}),
        ("default", sketched(), CODEX | {"thread-id": "c-2", "x-openai-subagent": "review"}),
        ("subagent", sketched(model="auto"), OPENCODES_AGENT),
        ("think", sketched(reasoning=Reasoning("high")), CLAUDE_CODE),
        ("think", sketched(reasoning=Reasoning("xhigh"), model="gpt-6.1-terra"), CODEX),
        ("think", sketched(reasoning=Reasoning(budget_tokens=16_000), model="sonnet"), {}),
        ("default", sketched(reasoning=Reasoning("medium")), CLAUDE_CODE),
        ("default", sketched(reasoning=Reasoning(budget_tokens=31_999)), CLAUDE_CODE),  # what it sends unasked
        ("default", sketched(reasoning=Reasoning("high"), model="gemini-3.1-pro-preview"), GEMINI_CLI),
        ("compaction", sketched("CRITICAL: ... Your task is to create a detailed summary of the conversation so far, "), CLAUDE_CODE),
        ("compaction", sketched(), CODEX | {"x-codex-turn-metadata": '{"a":1,"request_kind":"compaction"}'}),
    ],
)  # fmt: skip
def test_what_kind_of_turn_it_is(kind, sketch, headers):
    assert read(sketch, headers).turn == kind


PLAN_MODE = (
    "# Environment\n...\nPlan mode is active. The user indicated that they do not want you to execute yet"
)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "a plan"}, {"role": "system", "content": [{"type": "text", "text": PLAN_MODE}]}],
        [{"role": "user", "content": [{"type": "text", "text": f"<system-reminder>{PLAN_MODE}</system-reminder>"}, {"type": "text", "text": "a plan"}]}],
    ],
)  # fmt: skip
def test_plan_mode_is_thinking_until_it_is_left(messages):
    assert read(sketched("a plan", body={"messages": messages})).turn == "think"
    later = [*messages, {"role": "assistant", "content": "done"}, {"role": "user", "content": "now do it"}]
    assert read(sketched("now do it", body={"messages": later})).turn == "default"


def test_a_conversation_that_was_long_is_long_until_it_shrinks():
    assert read(sketched(input_tokens=40_000), last=70_000).turn == "longContext"
    assert read(sketched(input_tokens=20_000), last=70_000).turn == "default"


# ── which model ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sketch", "model"),
    [
        (sketched(), "auto"),
        (sketched(model="claude-haiku-5-5"), "cheap"),
        (sketched(reasoning=Reasoning("max")), "best"),
        (sketched(input_tokens=100_000), "auto"),
    ],
)
def test_without_settings_an_agents_own_models_are_routed(sketch, model):
    request = read(sketch)
    assert (request.model, request.prefer, request.named) == (model, (), sketch.model)


RULES = {
    "default": "deepseek,deepseek-chat",
    "think": ["opus", "openai/gpt-6.1-sol"],
    "longContext": "gemini-pro",
    "background": "cheap",
}


@pytest.mark.parametrize(
    ("sketch", "headers", "model", "prefer"),
    [
        (sketched(), {}, "auto", ("deepseek/deepseek-chat",)),
        (sketched(reasoning=Reasoning("high")), {}, "auto", ("opus", "openai/gpt-6.1-sol")),
        (sketched(input_tokens=100_000), {}, "auto", ("gemini-pro",)),
        (sketched(model="claude-haiku-5-5"), {}, "cheap", ()),
        (sketched(needs=frozenset({"vision"})), {}, "auto", ("deepseek/deepseek-chat",)),  # no rule: the default's
        (sketched("Your task is to create a detailed summary of the conversation so far", input_tokens=70_000), {}, "auto", ("gemini-pro",)),
    ],
)  # fmt: skip
def test_rules_are_those_of_claude_code_router(sketch, headers, model, prefer):
    request = read(sketch, CLAUDE_CODE | headers, **RULES)
    assert (request.model, request.prefer) == (model, prefer)


@pytest.mark.parametrize(
    ("name", "headers", "model"),
    [
        ("anthropic/claude-opus-5-5", CLAUDE_CODE, "anthropic/claude-opus-5-5"),
        ("ollama,qwen3", CLAUDE_CODE, "ollama/qwen3"),
        ("sonnet", CLAUDE_CODE, "sonnet"),
        ("gpt-6-luna", CLAUDE_CODE, "gpt-6-luna"),  # not what Claude Code names unasked
        ("cheap", CLAUDE_CODE, "cheap"),
        ("auto:best", CLAUDE_CODE, "auto:best"),
        ("gpt-6.1-sol", {}, "gpt-6.1-sol"),
        ("claude-opus-5-5", {"user-agent": "Anthropic/Python 2.11"}, "claude-opus-5-5"),
        ("gpt-6.1-sol", CODEX, "auto"),
        ("gemini-3.1-pro-preview", GEMINI_CLI, "auto"),
        ("auto", {}, "auto"),
        (None, {}, "auto"),
    ],
)
def test_which_names_are_taken_at_their_word(name, headers, model):
    assert read(sketched(model=name), headers).model == model


def test_kept_models_are_taken_at_their_word_from_agents_too():
    assert read(sketched(), keep=("claude-opus-*",)).model == "claude-opus-5-5"
    assert read(sketched(model="claude-sonnet-5-5"), keep=("claude-opus-*",)).model == "auto"


TAG = "<CCR-SUBAGENT-MODEL>openrouter,google/gemini-3.8-flash</CCR-SUBAGENT-MODEL>"
OURS = "<llm-router-model>ollama/qwen3</llm-router-model>"


@pytest.mark.parametrize(
    ("body", "model"),
    [
        ({"system": [{"type": "text", "text": "billing"}, {"type": "text", "text": f"{TAG}\nYou are an agent."}]}, "openrouter/google/gemini-3.8-flash"),
        ({"messages": [{"role": "user", "content": f"{OURS} look around"}, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "on"}]}, "ollama/qwen3"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": OURS}, {"type": "text", "text": "look"}]}]}, "ollama/qwen3"),
    ],
)  # fmt: skip
def test_a_tag_names_the_model_and_goes_no_further(body, model):
    request = read(sketched("look", body=body), CLAUDE_CODE | {"x-claude-code-agent-id": "a"})
    assert request.model == model
    assert b"-MODEL" not in request.origin.body
    assert b"llm-router-model" not in request.origin.body
    stripped = json.loads(request.origin.body)
    texts = json.dumps(stripped)
    assert "look" in texts or "agent" in texts
    assert '""' not in texts  # no block was left empty, which vendors refuse


def test_a_tag_in_the_prompt_is_taken_out_of_the_prompt():
    request = read(sketched(f"{OURS}\nwhat is a mutex?"))
    assert (request.model, request.prompt) == ("ollama/qwen3", "what is a mutex?")


def test_what_an_agent_only_talks_about_is_no_tag():
    """The main conversation launches a tagged subagent: its call stands in the history."""
    call = {"type": "tool_use", "id": "t", "name": "Agent", "input": {"prompt": f"{TAG} look"}}
    messages = [{"role": "user", "content": "start it"}, {"role": "assistant", "content": [call]}]
    sketch = sketched(body={"messages": [*messages, {"role": "user", "content": "and now?"}]})
    request = read(sketch)
    assert request.model == "auto"
    assert request.origin is sketch.origin


# ── what checks the client's actions ─────────────────────────────────────────

MONITOR = "You are a security monitor for autonomous AI coding agents. ..."


@pytest.mark.parametrize(
    "sketch",
    [
        sketched(
            model="claude-sonnet-5-5", body={"system": [{"type": "text", "text": MONITOR}], "tools": []}
        ),
        sketched(model="claude-sonnet-5-5", stop=("</severity>",)),
        sketched(model="claude-sonnet-5-5", body={"safeguards": [{"type": "dangerous_tool_use"}]}),
    ],
)
def test_safety_checks_go_to_the_model_they_were_meant_for(sketch):
    request = read(sketch, default="cheap", background="cheap")
    assert (request.turn, request.model, request.prefer) == ("safety", "anthropic/claude-sonnet-5-5", ())
    unlisted = read(replace(sketch, model="claude-sonnet-5"))
    assert unlisted.model == "anthropic/claude-sonnet-5"


OFFICE = {"base_url": "https://a.example", "stands_for": "anthropic"}


@pytest.mark.parametrize(
    ("named", "models", "asked"),
    [
        ("claude-sonnet-5-5", (), "office/claude-sonnet-5-5"),
        ("claude-sonnet-5", (), "office/claude-sonnet-5"),  # in no list
        ("anthropic/claude-sonnet-5-5", (), "office/claude-sonnet-5-5"),
        ("office/claude-sonnet-5-5", (), "office/claude-sonnet-5-5"),
        ("claude-sonnet-5-5", ("claude-opus-5-5",), "office/claude-sonnet-5-5"),
        ("claude-sonnet-5-5", ("claude-sonnet-5-5",), "other/claude-sonnet-5-5"),
    ],
)
def test_safety_checks_go_to_who_stands_for_anthropic(named, models, asked):
    doors = {"office": ProviderSettings(**OFFICE)}
    if models:
        doors = {
            "office": ProviderSettings(**OFFICE, models=("claude-haiku-5-5",)),
            "other": ProviderSettings(**OFFICE, models=models),
        }
    sketch = sketched(model=named, body={"safeguards": [{"type": "dangerous_tool_use"}]})
    request = read(sketch, anthropic=tuple(doors), providers=doors)
    assert (request.turn, request.model) == ("safety", asked)


def test_a_door_that_was_named_is_the_one_for_safety_checks():
    doors = {"office": ProviderSettings(**OFFICE)}
    sketch = sketched(model="office/claude-sonnet-5-5", stop=("</severity>",))
    request = read(sketch, anthropic=("anthropic", "office"), providers=doors)
    assert (request.turn, request.model) == ("safety", "office/claude-sonnet-5-5")


def test_a_monitor_is_no_part_of_the_conversation_it_watches():
    assert read(sketched(stop=("</severity>",), model="claude-sonnet-5")).conversation is None
    assert read(sketched(body={"safeguards": [{"type": "dangerous_tool_use"}]})).conversation is not None


def test_without_anthropic_a_monitor_is_the_strongest_there_is():
    request = read(sketched(stop=("</severity>",), model="claude-sonnet-5"), anthropic=(), default="cheap")
    assert (request.turn, request.model) == ("safety", "best")


@pytest.mark.parametrize("model", ["claude-opus-5-5", "gpt-6-luna", "auto"])
def test_safeguards_never_leave_for_another_vendor(model):
    sketch = sketched(model=model, body={"safeguards": [{"classifier_context": {"home_dir": "/home/x"}}]})
    with pytest.raises(UsageError, match="safeguards"):
        read(sketch, anthropic=() if model == "claude-opus-5-5" else ("anthropic",))


def test_empty_safeguards_are_none():
    assert read(sketched(body={"safeguards": []}), anthropic=()).turn == "default"


# ── which conversation ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("headers", "fields", "session", "key"),
    [
        (CLAUDE_CODE, {"session": "in the body"}, "s-1", "s-1"),
        (CLAUDE_CODE | {"x-claude-code-agent-id": "a7"}, {}, "s-1", "s-1/a7"),
        (CODEX, {"body": {"prompt_cache_key": "c-1"}}, "c-1", "c-1"),
        (CODEX | {"thread-id": "c-2"}, {}, "c-1", "c-1/c-2"),
        ({"x-session-id": "ses_1"}, {}, "ses_1", "ses_1"),
        (OPENCODES_AGENT, {}, "ses_1", "ses_1/ses_2"),
        ({}, {"session": "in the body"}, "in the body", "in the body"),
        ({}, {"body": {"prompt_cache_key": "k-1"}}, "k-1", "k-1"),
    ],
)
def test_a_session_is_known_by_what_its_client_says(headers, fields, session, key):
    request = read(sketched(**fields), headers)
    assert (request.session, request.conversation.key) == (session, key)


def test_a_session_nobody_names_is_known_by_how_it_begins():
    first = sketched("what is a mutex?")
    later = [
        {"role": "user", "content": "what is a mutex?"},
        {"role": "assistant", "content": "..."},
        {"role": "user", "content": "and a semaphore?"},
    ]
    second = sketched("and a semaphore?", body={"messages": later})
    other = sketched("what is a monad?")
    sessions = [read(each, {}).session for each in (first, second, other)]
    assert sessions[0] == sessions[1] != sessions[2]


def test_an_opening_changes_with_a_compaction():
    summary = [{"role": "user", "content": "This session is being continued from a previous conversation"}]
    openings = {
        read(sketched(), CLAUDE_CODE).conversation.opening,
        read(sketched(body={"messages": summary}), CLAUDE_CODE).conversation.opening,
        read(sketched(), CODEX).conversation.opening,
        read(sketched(), CODEX | {"x-codex-window-id": "c-1:1"}).conversation.opening,
    }
    assert len(openings) == 4


USED = {"type": "tool_use", "id": "t", "name": "Read", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "one"}
SAID = [{"role": "user", "content": "go"}]


@pytest.mark.parametrize(
    ("goes_on", "body"),
    [
        (False, {"messages": SAID}),
        (True, {"messages": [*SAID, {"role": "assistant", "content": [USED]}, {"role": "user", "content": [RESULT]}]}),
        (True, {"messages": [*SAID, {"role": "assistant", "content": [USED]}, {"role": "user", "content": [RESULT, {"type": "text", "text": "<system-reminder>x</system-reminder>"}]}, {"role": "system", "content": "more"}]}),
        (True, {"messages": [*SAID, {"role": "assistant", "content": [USED]}, {"role": "user", "content": [RESULT, {"type": "text", "text": "Tool loaded."}]}]}),
        (True, {"messages": [*SAID, {"role": "assistant", "content": "..."}, {"role": "user", "content": "<system-reminder>an agent is done</system-reminder>"}]}),
        (False, {"messages": [*SAID, {"role": "assistant", "content": [USED]}, {"role": "user", "content": [RESULT, {"type": "text", "text": "no, stop"}]}]}),
        (True, {"messages": [*SAID, {"role": "assistant", "content": None, "tool_calls": []}, {"role": "tool", "content": "one", "tool_call_id": "t"}]}),
        (True, {"messages": None, "input": [{"role": "user", "content": "go"}, {"type": "function_call", "call_id": "t"}, {"type": "function_call_output", "call_id": "t", "output": "one"}]}),
        (False, {"messages": None, "input": "go"}),
        (True, {"messages": None, "contents": [{"role": "user", "parts": [{"text": "go"}]}, {"role": "model", "parts": [{"functionCall": {}}]}, {"role": "user", "parts": [{"functionResponse": {"name": "x"}}]}]}),
        (False, {"messages": None, "contents": [{"parts": [{"text": "go"}]}]}),
    ],
)  # fmt: skip
def test_a_loop_goes_on_while_nobody_says_anything_new(goes_on, body):
    assert read(sketched(body=body)).conversation.goes_on is goes_on


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"messages":7}', b'{"messages":[7]}', b'{"messages":[{"content":[7]}]}', b"\xff"])  # fmt: skip
def test_a_body_that_cannot_be_read_is_left_to_its_parser(body):
    request = read(replace(sketched(), origin=Origin("anthropic", body)), {})
    assert request.turn == "default"
