"""A subagent's route is its own: begun by what it is asked, held and ended apart from the main thread's."""

import json

import llm_router_hook
import pytest
import state
import subagents

QUESTION = "What is a mutex?"
HINT = "MANDATORY ROUTE"


@pytest.fixture
def tell(home, recorded, monkeypatch):
    """tell("claude", "PreToolUse-Agent", ...): what the hook prints for that recorded payload, as a dict."""
    monkeypatch.delenv("CLAUDE_PLUGIN_ROOT", raising=False)

    def run(host, name, mode="smart", **changes):
        monkeypatch.setenv("LLM_ROUTER_ENFORCE", mode)
        said = {**recorded(host, name), "session_id": "s1", **changes}
        out = llm_router_hook.run(host, name.partition("-")[0], json.dumps(said).encode())
        return json.loads(out) if out else {}

    return run


def asked(prompt=QUESTION, kind="general-purpose"):
    return {"tool_input": {"description": "look", "prompt": prompt, "subagent_type": kind}}


def hint_of(said):
    return said.get("hookSpecificOutput", {}).get("additionalContext", "")


def denied(said):
    return said.get("hookSpecificOutput", {}).get("permissionDecision") == "deny"


@pytest.mark.parametrize(
    ("host", "start", "given", "call"),
    [
        ("claude", "PreToolUse-Agent", asked(), "mcp__llm-router__llm_query"),
        ("codex", "PreToolUse-spawn_agent", {"tool_input": {"message": QUESTION, "agent_type": "default"}}, "mcp__llm_router__llm_query"),
    ],
)  # fmt: skip
def test_what_a_subagent_is_asked_is_hinted_to_it_and_held_against_it_alone(tell, host, start, given, call):
    assert tell(host, start, **given) == {}
    said = tell(host, "SubagentStart", agent_id="a1")
    assert said["hookSpecificOutput"]["hookEventName"] == "SubagentStart"
    assert HINT in hint_of(said)
    assert call in hint_of(said)
    assert denied(tell(host, "PreToolUse-Bash-subagent", agent_id="a1"))
    assert tell(host, "PreToolUse-Bash-subagent", agent_id="a2") == {}
    assert tell(host, "PreToolUse-Bash") == {}
    tell(host, "PostToolUse-llm_query", agent_id="a1")
    assert tell(host, "PreToolUse-Bash-subagent", agent_id="a1", tool_use_id="later") == {}


@pytest.mark.parametrize(
    "given",
    [
        asked("Look through the repository for usages of the parser in src/app.py"),
        asked("yes"),
        asked(kind="code-reviewer"),  # may lack our tools, and has instructions of its own
        asked(prompt=7),
        {"tool_input": {}},
    ],
)
def test_other_subagents_are_left_alone(tell, given):
    tell("claude", "PreToolUse-Agent", **given)
    assert tell("claude", "SubagentStart", agent_id="a1") == {}
    assert tell("claude", "PreToolUse-Bash-subagent", "hard", agent_id="a1") == {}


def test_of_several_started_at_once_none_is_hinted_for_another(tell):
    for prompt in (QUESTION, "Fix the failing test in app.py", QUESTION):
        tell("claude", "PreToolUse-Agent", **asked(prompt))
    assert [tell("claude", "SubagentStart", agent_id=f"a{n}") for n in range(3)] == [{}] * 3
    tell("claude", "PreToolUse-Agent", **asked())
    assert HINT in hint_of(tell("claude", "SubagentStart", agent_id="a4"))


@pytest.mark.parametrize(
    ("mode", "hinted", "held"), [("soft", True, False), ("shadow", False, False), ("off", False, False)]
)
def test_the_modes_hold_for_subagents_too(tell, mode, hinted, held):
    tell("claude", "PreToolUse-Agent", mode, **asked())
    assert (HINT in hint_of(tell("claude", "SubagentStart", mode, agent_id="a1"))) is hinted
    assert denied(tell("claude", "PreToolUse-Bash-subagent", mode, agent_id="a1")) is held


def test_a_call_that_is_denied_starts_nobody(tell, home):
    tell("claude", "UserPromptSubmit", prompt=QUESTION)
    assert denied(tell("claude", "PreToolUse-Agent", **asked()))
    assert "starting" not in state.read(str(home), "s1")


def test_what_was_expected_long_ago_is_forgotten(tell, monkeypatch):
    tell("claude", "PreToolUse-Agent", **asked())
    now = subagents.time.time()
    monkeypatch.setattr(subagents.time, "time", lambda: now + 11)
    assert tell("claude", "SubagentStart", agent_id="a1") == {}


@pytest.mark.parametrize("broken", [7, [7], [{"at": "x"}], [{"at": 1e300, "text": 7, "route": 7}], {"at": 1}])
def test_a_broken_state_hints_nobody(tell, home, broken):
    state.update(str(home), "s1", "", lambda _own, whole: whole.update(starting=broken))
    assert tell("claude", "SubagentStart", agent_id="a1") == {}
    tell("claude", "PreToolUse-Agent", **asked())
    assert HINT in hint_of(tell("claude", "SubagentStart", agent_id="a1"))


def test_a_subagent_leaves_nothing_behind(tell, home):
    for agent in ("", "a1", "a2"):
        state.update(str(home), "s1", agent, lambda own, _whole: own.update(denied=1))
    tell("claude", "SubagentStop", agent_id="a1")
    assert set(state.read(str(home), "s1")["agents"]) == {"", "a2"}
    tell("claude", "PreToolUse-Agent", **asked("yes"))
    tell("claude", "SubagentStart", agent_id="a2")
    assert set(state.read(str(home), "s1")["agents"]) == {""}


def test_an_event_of_a_subagent_without_its_name_does_not_touch_the_main_thread(tell, home):
    state.update(str(home), "s1", "", lambda own, _whole: own.update(denied=1))
    tell("claude", "PreToolUse-Agent", **asked())
    for event in ("SubagentStart", "SubagentStop"):
        assert tell("claude", event, agent_id="") == {}
    assert state.read(str(home), "s1")["agents"] == {"": {"denied": 1}}
