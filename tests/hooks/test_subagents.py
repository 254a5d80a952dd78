"""A subagent's route is its own: begun by what it is asked, held and ended apart from the main thread's."""

import json

import llm_router_hook
import pytest
import state
import subagents
import turns

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


@pytest.mark.parametrize("host", ["claude", "codex"])
def test_what_a_subagent_is_asked_is_hinted_to_it_once_and_held_against_it_alone(tell, host):
    message = {"tool_input": {"message": QUESTION, "agent_type": "default"}}
    events = {
        "claude": (("PreToolUse-Agent", asked()), ("SubagentStart", {"agent_id": "a1"})),
        "codex": (
            ("PreToolUse-spawn_agent", message),
            ("SubagentStart", {"agent_id": "a1"}),
            ("UserPromptSubmit-subagent", {"agent_id": "a1", "prompt": QUESTION}),
        ),
    }[host]
    *silent, said = (tell(host, name, **given) for name, given in events)
    assert not any(silent)
    assert said["hookSpecificOutput"]["hookEventName"] == events[-1][0].partition("-")[0]
    assert HINT in hint_of(said)
    assert turns.call_name(host).format("llm_query") in hint_of(said)
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


def test_codex_tells_several_that_are_started_at_once_apart(tell):
    for agent, prompt in (("a1", QUESTION), ("a2", "Fix the failing test in app.py")):
        tell("codex", "SubagentStart", agent_id=agent)
        said = tell("codex", "UserPromptSubmit-subagent", agent_id=agent, prompt=prompt)
        assert (HINT in hint_of(said)) is (agent == "a1")


def test_a_subagent_of_codex_with_instructions_of_its_own_is_left_alone(tell):
    said = tell("codex", "UserPromptSubmit-subagent", agent_id="a1", agent_type="explorer", prompt=QUESTION)
    assert said == {}


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
