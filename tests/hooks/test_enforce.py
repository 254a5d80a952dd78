"""What may run while a route is pending. Pure: states and times are given, nothing is stored."""

import enforce
import pytest

NOW = 1_800_000_000.0


def pending(task="query", **more):
    tool = f"llm_{task}"
    return {"pending": {"task": task, "complexity": "simple", "tool": tool, "at": NOW, "blocked": 0, **more}}


def decide(tool, state, mode="smart", *, ours=False, given=None, now=NOW):
    return enforce.decide(tool, {"x": given}, ours, state, mode, now)


@pytest.mark.parametrize("tool", ["Bash", "Read", "Edit", "Write", "WebSearch", "WebFetch", "Agent"])
@pytest.mark.parametrize("task", ["query", "research", "analyze", "generate"])
def test_smart_denies_the_tools_that_would_do_the_work(tool, task):
    told, state = decide(tool, pending(task))
    assert "deny" in told
    assert told["violation"] == {"expected": f"llm_{task}", "got": tool}
    assert state["pending"]["blocked"] == state["violations"] == state["denied"] == 1
    assert state["recent"] == [tool]


@pytest.mark.parametrize("tool", ["Grep", "Glob", "LS", "Skill", "mcp__tracker__search"])
def test_smart_lets_other_tools_run(tool):
    state = pending()
    assert decide(tool, state) == ({}, state)


def test_smart_lets_code_tasks_investigate_and_hard_does_not():
    state = pending("code")
    assert decide("Bash", state) == ({}, state)
    assert "deny" in decide("Bash", state, "hard")[0]


@pytest.mark.parametrize("tool", ["Bash", "Grep", "Glob", "Skill", "mcp__tracker__search", "LS", "Monitor"])
def test_hard_denies_everything_until_routed(tool):
    assert "deny" in decide(tool, pending(), "hard")[0]


@pytest.mark.parametrize("mode", ["smart", "hard"])
@pytest.mark.parametrize(
    "tool",
    ["ToolSearch", "AskUserQuestion", "ExitPlanMode", "TodoWrite", "TaskUpdate", "update_plan", "ask_user"],
)
def test_what_loads_our_tools_or_speaks_to_the_user_always_runs(mode, tool):
    state = pending()
    assert decide(tool, state, mode) == ({}, state)


@pytest.mark.parametrize("mode", ["smart", "hard"])
def test_our_own_tools_always_run_and_a_name_like_ours_does_not_count(mode):
    state = pending()
    assert decide("llm_query", state, mode, ours=True) == ({}, state)
    assert decide("llm_health", state, mode, ours=True) == ({}, state)
    assert ("deny" in decide("llm_query", state, mode)[0]) == (mode == "hard")


def test_soft_logs_shadow_measures_off_does_nothing():
    told, state = decide("Bash", pending(), "soft")
    assert told == {"violation": {"expected": "llm_query", "got": "Bash"}}
    assert state["violations"] == 1
    told, state = decide("Bash", pending(), "shadow")
    assert told == {"shadow": {"expected": "llm_query", "got": "Bash"}}
    assert "violations" not in state
    assert decide("Bash", pending(), "off") == ({}, pending())


def test_a_suggestion_denies_nothing_even_in_hard_mode():
    state = pending("generate", soft=True)
    assert decide("Write", state, "hard") == ({}, state)


def test_the_reason_is_short_and_says_the_call_and_the_way_out():
    told, _ = decide("Bash", pending(call="mcp__llm-router__llm_query"))
    assert 'mcp__llm-router__llm_query(prompt="' in told["deny"]
    assert "LLM_ROUTER_ENFORCE=off" in told["deny"]
    assert len(told["deny"]) < 300


def test_after_two_denials_the_third_attempt_passes_as_a_loop():
    state = pending()
    for attempt in range(2):
        told, state = decide("Bash", state, now=NOW + attempt)
        assert "deny" in told
    told, state = decide("Bash", state, now=NOW + 2)
    assert "deny" not in told
    assert told["loop"] == 2
    assert told["violation"]["got"] == "Bash"
    assert "pending" not in state
    assert state["violations"] == 3
    assert state["failed"] == 1
    assert decide("Bash", state, now=NOW + 3) == ({}, state)


@pytest.mark.parametrize("mode", ["smart", "hard"])
def test_nobody_is_stuck_however_they_try(mode):
    state, denials = pending(), 0
    for attempt in range(20):
        told, state = decide(("Bash", "Read", "Write")[attempt % 3], state, mode, now=NOW + attempt)
        denials += "deny" in told
    assert denials == 2


def test_parallel_calls_are_denied_and_counted_once_each_and_are_one_block():
    state = pending()
    for number in range(5):
        told, state = decide("Read", state, given=number, now=NOW + number / 20)
        assert "deny" in told
    assert state["violations"] == state["denied"] == 5
    assert state["pending"]["blocked"] == 1
    told, state = decide("Read", state, given="later", now=NOW + 3)
    assert "deny" in told
    assert "loop" in decide("Read", state, given="last", now=NOW + 6)[0]


def test_the_very_same_call_again_is_a_loop_however_quickly_it_comes():
    state, said = pending(), []
    for number in range(4):
        told, state = decide("Bash", state, given="ls", now=NOW + number / 100)
        said.append("deny" in told)
    assert said == [True, True, False, False]


def test_different_calls_in_a_hurry_get_through_in_the_end():
    state, denials = pending(), 0
    for number in range(100):
        told, state = decide("Bash", state, given=number, now=NOW + number / 50)
        denials += "deny" in told
    assert denials <= 2 * 16


@pytest.mark.parametrize("later", [301.0, -3600.0, 10_000_000.0])
def test_a_route_expires_and_a_clock_that_jumps_ends_it(later):
    told, state = decide("Bash", pending(), now=NOW + later)
    assert told == {"expired": True}
    assert "pending" not in state


def test_a_route_holds_for_its_five_minutes():
    assert "deny" in decide("Bash", pending(), now=NOW + 299)[0]


@pytest.mark.parametrize(
    "broken",
    [
        {"pending": "yes"},
        {"pending": []},
        {"pending": {}},
        {"pending": {"at": "noon", "task": "query"}},
        {"pending": {"at": NOW, "task": ["query"]}},
        {
            "pending": {"at": NOW, "task": "query", "blocked": "many", "keys": 7},
            "violations": "x",
            "recent": {},
        },
    ],
)
@pytest.mark.parametrize("mode", enforce.MODES)
def test_a_state_of_wrong_types_is_no_obstacle(broken, mode):
    told, state = decide("Bash", broken, mode)
    assert isinstance(told, dict)
    assert isinstance(state, dict)


def test_the_given_state_is_not_changed():
    state = pending()
    decide("Bash", state)
    assert state == pending()


def test_what_is_kept_stays_small_over_a_long_session():
    state = pending()
    for number in range(1000):
        _, state = decide("Bash", state, "soft", given=number)
    assert len(state["recent"]) <= 8
    state, kept = pending(), []
    for number in range(1000):
        _, state = decide("Bash", state, given=number, now=NOW + number / 10_000)
        kept.append(len(state.get("pending", {}).get("keys", [])))
    assert max(kept) == 16


def test_the_calls_of_one_message_are_one_block_though_a_busy_machine_starts_their_hooks_late():
    state = pending()
    for number in range(8):
        told, state = decide("Bash", state, given=number, now=NOW + number * 0.5)
        assert "deny" in told
    assert state["pending"]["blocked"] == 1


def test_a_route_begun_at_a_host_that_tells_of_no_failure_opens_the_other_tools():
    told, state = decide("Bash", enforce.called(pending()), "hard")
    assert told == {}
    assert enforce.answered(state)[1]["called"]
    assert enforce.called({}) == {}


def test_the_user_is_warned_at_the_third_violation_once():
    assert [bool(enforce.escalation(n)) for n in range(6)] == [False, False, False, True, False, False]
    assert "LLM_ROUTER_ENFORCE" in enforce.escalation(3)
