"""The handlers of a turn, fed with what the real clients send; the files they leave behind are looked at."""

import errno
import json
import re
import subprocess
import sys
import threading

import hosts
import pytest
import snapshot
import state
import turns

QUESTION = "What is a mutex?"
ANSWER = (
    "A mutex lets only one thread at a time enter a critical section; the others wait until its owner "
    "releases it. Use one whenever several threads read and write the same data in more than one step."
)


@pytest.fixture(autouse=True)
def no_plugin(monkeypatch):
    monkeypatch.delenv("CLAUDE_PLUGIN_ROOT", raising=False)


@pytest.fixture
def turn(home, recorded, monkeypatch):
    """turn("claude", "PreToolUse-Bash", tool_use_id="x"): the handler's result for that recorded payload."""
    handlers = {
        "UserPromptSubmit": turns.on_prompt,
        "PreToolUse": turns.on_pre_tool,
        "PostToolUse": turns.on_post_tool,
        "Stop": turns.on_stop,
        "SubagentStop": turns.on_stop,
    }

    def run(host, name, mode="smart", **changes):
        said = {**recorded(host, name), "session_id": "s1", **changes}
        if "agent_id" not in changes and "subagent" not in name and not name.startswith("Subagent"):
            said.pop("agent_id", None)
        payload = hosts.read({"gemini": "gemini-cli"}.get(host, host), "", json.dumps(said))
        monkeypatch.setenv("LLM_ROUTER_ENFORCE", mode)
        return handlers[payload["event"]](payload, str(home), snapshot.read(str(home)))

    return run


@pytest.fixture
def events(home):
    def read(*kinds):
        file = home / "hooks" / "events.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        found = [json.loads(line) for line in lines]
        return [event for event in found if event["kind"] in kinds] if kinds else found

    return read


@pytest.fixture
def log(home):
    def read():
        file = home / "enforcement.log"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    return read


def answered(text=ANSWER, decision="d_1", **more):
    facts = {
        "answer": text,
        "footer": "",
        "model": "ollama/qwen3",
        "tokens": 80,
        "cost_usd": 0.0,
        "decision": decision,
    }
    return json.dumps({**facts, **more})


def counts(home):
    return state.read(str(home), "s1")["counts"]


# ── the prompt ──


@pytest.mark.parametrize(
    ("host", "name", "call"),
    [
        ("claude", "UserPromptSubmit", "mcp__llm-router__llm_query"),
        ("codex", "UserPromptSubmit", "mcp__llm_router__llm_query"),
        ("gemini", "BeforeAgent", "mcp_llm-router_llm_query"),
    ],
)
def test_the_hint_names_the_call_as_this_host_knows_it(turn, events, host, name, call):
    said = turn(host, name, prompt=QUESTION)
    assert f"action: {call}(prompt=" in said["context"]
    (event,) = events("hinted")
    assert (event["task"], event["tool"], event["session"]) == ("query", "llm_query", "s1")


def test_the_plugin_has_its_own_name_for_the_call(turn, monkeypatch):
    monkeypatch.setenv("CLAUDE_PLUGIN_ROOT", "/opt/plugin")
    said = turn("claude", "UserPromptSubmit", prompt=QUESTION)
    assert "mcp__plugin_llm-router_llm-router__llm_query(prompt=" in said["context"]


def test_a_prompt_without_a_hint_says_nothing_and_leaves_nothing(turn, home, events):
    assert turn("claude", "UserPromptSubmit", prompt="fix the failing test above") == {}
    assert events() == []
    assert not list(home.rglob("*.json"))


def test_the_same_hook_installed_twice_hints_once(turn):
    assert "context" in turn("claude", "UserPromptSubmit", prompt=QUESTION)
    assert turn("claude", "UserPromptSubmit", prompt=QUESTION) == {}
    assert "context" in turn("claude", "UserPromptSubmit", prompt=QUESTION, prompt_id="another")


def test_a_new_prompt_ends_what_was_pending(turn):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    turn("claude", "UserPromptSubmit", prompt="fix the failing test above", prompt_id="next")
    assert turn("claude", "PreToolUse-Bash") == {}


@pytest.mark.parametrize("prompt", ["\0\ud83d", "“$(touch x)`;|&'\"\n\r", "A" * 200_000, "what is " * 20_000])
def test_strange_prompts_are_no_obstacle(turn, prompt):
    assert turn("claude", "UserPromptSubmit", prompt=prompt) == {}


# ── the tools ──


@pytest.mark.parametrize(
    ("host", "prompt", "tool"),
    [
        ("claude", "UserPromptSubmit", "PreToolUse-Bash"),
        ("claude", "UserPromptSubmit", "PreToolUse-Edit"),
        ("claude", "UserPromptSubmit", "PreToolUse-WebSearch"),
        ("claude", "UserPromptSubmit", "PreToolUse-Agent"),
        ("codex", "UserPromptSubmit", "PreToolUse-Bash"),
        ("codex", "UserPromptSubmit", "PreToolUse-spawn_agent"),
        ("gemini", "BeforeAgent", "BeforeTool-run_shell_command"),
        ("gemini", "BeforeAgent", "BeforeTool-google_web_search"),
        ("gemini", "BeforeAgent", "BeforeTool-write_file"),
    ],
)
def test_a_pending_route_denies_the_tool_and_logs_it(turn, log, events, host, prompt, tool):
    turn(host, prompt, prompt=QUESTION)
    assert "llm_query" in turn(host, tool)["deny"]
    (line,) = log()
    assert re.fullmatch(
        r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] VIOLATION session=s1 expected=llm_query got=[A-Za-z]+", line
    )
    (event,) = events("violation")
    assert event["denied"] is True


def test_without_a_pending_route_nothing_is_held_back_or_written(turn, home):
    assert turn("claude", "PreToolUse-Bash") == {}
    assert not list(home.rglob("*"))


@pytest.mark.parametrize(
    ("mode", "hint", "denied", "logged", "event"),
    [
        ("smart", True, True, True, "violation"),
        ("hard", True, True, True, "violation"),
        ("soft", True, False, True, "violation"),
        ("shadow", False, False, False, "shadow"),
        ("off", False, False, False, None),
    ],
)
def test_each_mode_does_what_it_says(turn, log, events, mode, hint, denied, logged, event):
    said = turn("claude", "UserPromptSubmit", mode, prompt=QUESTION)
    assert ("context" in said) is hint
    assert ("deny" in turn("claude", "PreToolUse-Bash", mode)) is denied
    assert bool(log()) is logged
    assert bool(events("violation", "shadow")) is (event is not None)
    assert all(found["kind"] == event for found in events("violation", "shadow"))


def test_off_after_smart_opens_the_tools_at_once(turn):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    assert turn("claude", "PreToolUse-Bash", "off") == {}


@pytest.mark.parametrize(
    ("host", "prompt", "call", "tool"),
    [
        ("claude", "UserPromptSubmit", "PostToolUse-llm_query", "PreToolUse-Bash"),
        ("claude", "UserPromptSubmit", "PostToolUse-llm_query-plugin", "PreToolUse-Bash"),
        ("codex", "UserPromptSubmit", "PostToolUse-llm_query", "PreToolUse-Bash"),
        ("gemini", "BeforeAgent", "AfterTool-llm_query", "BeforeTool-run_shell_command"),
    ],
)
def test_a_routed_answer_opens_the_other_tools(turn, events, home, host, prompt, call, tool):
    turn(host, prompt, prompt=QUESTION)
    assert turn(host, call) == {}
    assert turn(host, tool) == {}
    (event,) = events("routed")
    assert (event["tool"], event["hinted"]) == ("llm_query", "llm_query")
    assert counts(home)["routed"] == 1


def test_a_failed_call_opens_the_other_tools_too_and_is_written_down(turn, events, home):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    assert turn("claude", "PostToolUseFailure-llm_query") == {}
    assert turn("claude", "PreToolUse-Bash") == {}
    (event,) = events("route_failed")
    assert "Input should be a valid string" in event["error"]
    assert "routed" not in counts(home)


def test_after_two_failures_in_a_row_no_hint_comes_until_a_call_succeeds(turn):
    for number in range(2):
        assert "context" in turn("claude", "UserPromptSubmit", prompt=QUESTION, prompt_id=f"p{number}")
        turn("claude", "PostToolUseFailure-llm_query", tool_use_id=f"t{number}")
    assert turn("claude", "UserPromptSubmit", prompt=QUESTION, prompt_id="p3") == {}
    turn("claude", "PostToolUse-llm_query", tool_use_id="t3")
    assert "context" in turn("claude", "UserPromptSubmit", prompt=QUESTION, prompt_id="p4")


def test_where_our_tools_are_missing_two_prompts_are_held_up_and_no_more(turn, monkeypatch):
    now = state.time.time()
    denied = []
    for number in range(4):
        turn("claude", "UserPromptSubmit", prompt=QUESTION, prompt_id=f"p{number}")
        for attempt in range(3):
            monkeypatch.setattr(
                state.time, "time", lambda now=now, later=10 * (3 * number + attempt): now + later
            )
            denied.append("deny" in turn("claude", "PreToolUse-Bash", tool_use_id=f"t{number}{attempt}"))
    assert denied == [True, True, False] * 2 + [False] * 6


@pytest.fixture
def attended(monkeypatch):
    """Claude Code's terminal, with somebody before it."""
    monkeypatch.setenv("CLAUDE_CODE_ENTRYPOINT", "cli")
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ATTENDED", "1")


def test_in_a_terminal_the_answer_is_shown_and_need_not_be_repeated(turn, events, attended):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    said = turn("claude", "PostToolUse-llm_query", tool_response=answered(footer="ollama/qwen3 · 80 tokens"))
    assert said["system"] == f"{ANSWER}\n\nollama/qwen3 · 80 tokens"
    assert "Do not write it again" in said["context"]
    turn("claude", "Stop", last_assistant_message="Done.")
    (verdict,) = events("used")
    assert (verdict["verdict"], verdict["kept"], verdict["shown"]) == ("used", 0.0, True)


@pytest.mark.parametrize(
    "case",
    ["nobody is there", "headless", "not hinted", "a suggestion", "a subagent", "too long", "failed", "shadow", "off", "unwanted"],
)  # fmt: skip
def test_where_an_answer_is_not_the_whole_of_what_was_asked_or_nobody_sees_it_it_is_not_shown(
    turn, home, attended, monkeypatch, case
):
    if case in ("nobody is there", "headless"):
        name, value = {"headless": ("ENTRYPOINT", "sdk-cli")}.get(case, ("SESSION_ATTENDED", "0"))
        monkeypatch.setenv(f"CLAUDE_CODE_{name}", value)
    if case == "unwanted":
        home.mkdir()
        (home / "snapshot.json").write_text('{"show_answers": false}')
    prompts = {
        "not hinted": "Fix the failing test in app.py",
        "a suggestion": "Write a changelog entry for our release",
    }
    mode = case if case in ("shadow", "off") else "smart"
    agent = {"agent_id": "a1", "agent_type": ""} if case == "a subagent" else {}
    turn("claude", "UserPromptSubmit", mode, prompt=prompts.get(case, QUESTION), **agent)
    if case == "failed":
        said = turn("claude", "PostToolUseFailure-llm_query")
    else:
        text = ANSWER * 60 if case == "too long" else ANSWER
        said = turn("claude", "PostToolUse-llm_query", mode, tool_response=answered(text), **agent)
    assert said == {}


def test_a_tool_of_ours_that_answers_nothing_does_not_settle_the_route(turn):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    turn("claude", "PostToolUse-llm_classify")
    assert "deny" in turn("claude", "PreToolUse-Bash")
    turn(
        "claude",
        "PostToolUse-llm_query",
        tool_name="mcp__llm-router__llm_route",
        tool_input={"prompt": "x", "dry_run": True},
    )
    assert "deny" in turn("claude", "PreToolUse-Read")


def test_somebody_elses_llm_query_does_not_settle_the_route(turn):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    turn("claude", "PostToolUse-llm_query", tool_name="mcp__other__llm_query")
    assert "deny" in turn("claude", "PreToolUse-Bash")


def test_a_loop_is_broken_and_written_down_as_one(turn, events):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    said = [turn("claude", "PreToolUse-Bash", tool_use_id=f"t{number}") for number in range(4)]
    assert ["deny" in each for each in said] == [True, True, False, False]
    (event,) = events("loop")
    assert event["denials"] == 2
    assert "went around" in said[2]["system"]


def test_a_subagent_is_not_held_by_its_parents_route(turn):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    assert turn("claude", "PreToolUse-Bash-subagent") == {}
    turn("claude", "UserPromptSubmit", prompt=QUESTION, agent_id="a1")
    assert "deny" in turn("claude", "PreToolUse-Bash", agent_id="a1")
    turn("claude", "PostToolUse-llm_query", agent_id="a1")
    assert turn("claude", "PreToolUse-Bash", agent_id="a1", tool_use_id="t2") == {}
    assert "deny" in turn("claude", "PreToolUse-Bash", tool_use_id="t3")


def test_calls_made_at_once_are_all_denied_and_all_logged(turn, recorded, home, start, log):
    """Real processes, started together, as the host starts them for the calls of one message."""
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    results = []

    def one(number):
        said = {
            **recorded("claude", "PreToolUse-Read"),
            "session_id": "s1",
            "tool_input": {"file_path": f"{number}"},
        }
        results.append(start("claude", "PreToolUse", said))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    decisions = [json.loads(each.stdout)["hookSpecificOutput"]["permissionDecision"] for each in results]
    assert decisions == ["deny", "deny"]
    assert [each.returncode for each in results] == [0, 0]
    assert len(log()) == 2
    assert counts(home)["violations"] == 2


# ── the end of the turn ──


@pytest.mark.parametrize(
    ("message", "verdict"),
    [(ANSWER, "used"), ("All 12 tests pass now; I removed the unused import.", "ignored")],
)
def test_the_end_of_a_turn_says_what_became_of_the_answer(turn, events, home, message, verdict):
    turn("claude", "PostToolUse-llm_query", tool_response=answered())
    assert turn("claude", "Stop", last_assistant_message=message) == {}
    (event,) = events("used")
    assert (event["decision"], event["verdict"], event["session"]) == ("d_1", verdict, "s1")
    assert 0 <= event["kept"] <= 1
    assert counts(home)[verdict] == 1
    assert turn("claude", "Stop", last_assistant_message=message) == {}
    assert len(events("used")) == 1


def test_an_answer_written_to_a_file_is_used_whatever_the_last_words(turn, events):
    turn("claude", "PostToolUse-llm_query", tool_response=answered())
    turn("claude", "PostToolUse-Write", tool_input={"file_path": "a.md", "content": f"# Mutex\n\n{ANSWER}\n"})
    turn("claude", "Stop", last_assistant_message="Done.")
    assert events("used")[0]["verdict"] == "used"


def test_work_done_again_with_other_tools_is_not_counted_as_use(turn, events, home):
    turn("claude", "PostToolUse-llm_query", tool_response=answered())
    turn("claude", "PostToolUse-Read")
    turn("claude", "Stop", last_assistant_message="The file has the details.")
    assert events("used")[0]["verdict"] == "reworked"
    assert counts(home) == {"routed": 1, "reworked": 1}


@pytest.mark.parametrize(
    ("host", "call", "end"),
    [("codex", "PostToolUse-llm_query", "Stop"), ("gemini", "AfterTool-llm_query", "AfterAgent")],
)
def test_the_other_hosts_tell_enough_to_judge(turn, events, host, call, end):
    said = (
        "This is the sandbox's gpt-6-luna answering prompt 78401a15cf7e (16 characters): “what is a mutex?”."
    )
    turn(host, call)
    turn(host, end, last_assistant_message=said, prompt_response=said)
    (event,) = events("used")
    assert event["verdict"] == "used"
    assert event["model"] == "openai/gpt-6-luna"


def test_several_answers_of_a_turn_are_judged_one_by_one(turn, events):
    other = "Deadlock means that two threads wait for each other's lock forever; take locks in one order."
    turn("claude", "PostToolUse-llm_query", tool_response=answered(), tool_use_id="t1")
    turn("claude", "PostToolUse-llm_query", tool_response=answered(other, "d_2"), tool_use_id="t2")
    turn("claude", "Stop", last_assistant_message=other)
    assert {e["decision"]: e["verdict"] for e in events("used")} == {"d_1": "ignored", "d_2": "used"}


def test_the_same_answer_seen_by_two_installed_hooks_counts_once(turn, events, home):
    for _ in range(2):
        turn("claude", "PostToolUse-llm_query", tool_response=answered(), tool_use_id="t1")
    turn("claude", "Stop", last_assistant_message=ANSWER)
    assert len(events("routed")) == len(events("used")) == 1
    assert counts(home)["routed"] == 1


def test_a_subagents_answers_are_judged_at_its_own_end(turn, events):
    agent = {"agent_id": "a1"}
    turn("claude", "PostToolUse-llm_query", tool_response=answered(), **agent)
    turn("claude", "Stop", last_assistant_message=ANSWER)
    assert events("used") == []
    turn("claude", "SubagentStop", last_assistant_message=ANSWER, **agent)
    assert events("used")[0]["agent"] == "a1"


def test_a_turn_that_was_cut_off_leaves_no_verdict(turn, events):
    turn("claude", "PostToolUse-llm_query", tool_response=answered())
    turn("claude", "UserPromptSubmit", prompt="fix the failing test above", prompt_id="next")
    turn("claude", "Stop", last_assistant_message=ANSWER)
    assert events("used") == []


def test_a_hint_nobody_followed_is_written_down(turn, events):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    turn("claude", "Stop", last_assistant_message="It is a lock.")
    (event,) = events("unrouted")
    assert event["tool"] == "llm_query"


def test_savings_are_what_the_call_and_the_repeating_leave_and_only_with_known_prices(turn, home, events):
    baseline = {"model": "m", "input_per_million": 5.0, "output_per_million": 25.0}
    home.mkdir()
    (home / "snapshot.json").write_text(json.dumps({"version": 1, "baseline": baseline}), encoding="utf-8")
    transcript = home / "transcript.jsonl"
    transcript.write_text('{"message":{"usage":{"input_tokens":8000,"output_tokens":5}}}\n')
    for number, (message, cost) in enumerate(((ANSWER, 0.0), (ANSWER, None), ("Something else.", 0.0))):
        turn(
            "claude",
            "PostToolUse-llm_query",
            tool_response=answered(cost_usd=cost),
            tool_use_id=f"t{number}",
            transcript_path=str(transcript),
        )
        turn("claude", "Stop", last_assistant_message=message)
    used, unpriced, ignored = events("used")
    assert all(event["overhead"] > 8000 * 0.1 * 5 for event in (used, unpriced, ignored))
    assert used["overhead"] == unpriced["overhead"] > ignored["overhead"]
    assert unpriced["saved"] is None
    assert ignored["saved"] == -ignored["overhead"]
    assert counts(home)["saved"] == used["saved"] + ignored["saved"]


def test_a_subagent_s_conversation_is_its_own(home, recorded):
    said = {**recorded("claude", "PreToolUse-Bash-subagent")}
    main = recorded("claude", "PreToolUse-Bash")
    assert hosts.read("claude", "", json.dumps(main))["transcript"] == main["transcript_path"]
    stem = said["transcript_path"].removesuffix(".jsonl")
    assert (
        hosts.read("claude", "", json.dumps(said))["transcript"]
        == f"{stem}/subagents/agent-{said['agent_id']}.jsonl"
    )
    codex = recorded("codex", "PreToolUse-Bash-subagent")
    assert hosts.read("codex", "", json.dumps(codex))["transcript"] == codex["transcript_path"]


def test_where_a_host_shows_no_decision_the_event_tells_what_it_can_be_known_by(turn, events):
    turn("gemini", "AfterTool-llm_query")
    turn("claude", "PostToolUse-llm_query", tool_response=answered(), tool_use_id="t1")
    of_gemini, of_claude = events("routed")
    assert (of_gemini["model"], of_gemini["tokens"], of_gemini["ms"]) == ("openai/gpt-6-luna", 29, 12.0)
    assert "ms" not in of_claude


# ── what may be on the disk ──

BROKEN = [
    {
        "agents": {
            "": {"pending": 7, "answers": 7, "failed": "x", "violations": [], "prompt": [], "settled": {}}
        }
    },
    {"agents": {"": {"pending": {"at": "x", "tool": 7}, "answers": [{"marks": 7}], "recent": 7}}},
    {"agents": {"": {"pending": {"at": 1e300, "tool": "llm_query", "task": "query"}}}},
    {"agents": 7, "counts": {"routed": "many", "violations": None}},
]


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize(
    "name",
    [
        "UserPromptSubmit",
        "PreToolUse-Bash",
        "PostToolUse-llm_query",
        "PostToolUseFailure-llm_query",
        "PostToolUse-Write",
        "Stop",
    ],
)
@pytest.mark.parametrize("mode", ["smart", "hard"])
def test_a_state_of_wrong_types_neither_fails_nor_blocks(turn, home, broken, name, mode):
    path = home / "sessions" / "s1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(broken), encoding="utf-8")
    assert "deny" not in turn("claude", name, mode)
    turn("claude", "UserPromptSubmit", prompt=QUESTION, prompt_id="healed")
    assert "deny" in turn("claude", "PreToolUse-Bash", tool_use_id="after")


def test_a_home_that_cannot_be_written_blocks_nothing(turn, home):
    home.write_text("a file where the folder should be", encoding="utf-8")
    turn("claude", "UserPromptSubmit", prompt=QUESTION)
    assert turn("claude", "PreToolUse-Bash") == {}
    assert turn("claude", "PostToolUse-llm_query") == {}
    assert turn("claude", "Stop") == {}


def test_a_disk_that_fills_up_while_a_route_is_pending_blocks_nothing(turn, monkeypatch):
    turn("claude", "UserPromptSubmit", prompt=QUESTION)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state.files, "replace", full)
    assert turn("claude", "PreToolUse-Bash") == {}
    monkeypatch.undo()
    assert "deny" in turn("claude", "PreToolUse-Bash")


def test_the_state_stays_small_over_a_long_session(turn, home):
    for number in range(200):  # the same few keys each time: what would grow would have grown
        turn("claude", "UserPromptSubmit", prompt=QUESTION, prompt_id=f"p{number}")
        turn("claude", "PreToolUse-Bash", tool_use_id=f"b{number}")
        for call in range(6):
            turn(
                "claude",
                "PostToolUse-llm_query",
                tool_response=answered(ANSWER * 20),
                tool_use_id=f"{number}{call}",
            )
    assert (home / "sessions" / "s1.json").stat().st_size < 20_000


def test_the_tool_hook_loads_neither_the_classifier_nor_patterns():
    """What is imported before a pending route is known decides how long every tool call of a session waits."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import turns, hosts, snapshot, tempfile as _t;"
        "before = set(sys.modules); home = sys.argv[2];"
        'turns.on_pre_tool(hosts.read(\'claude\', \'PreToolUse\', b\'{"session_id": "s", "tool_name": "Bash"}\'), home, snapshot.read(home));'
        "print(sorted(set(sys.modules) - before))"
    ).replace(", tempfile as _t", "")
    ran = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code, turns.__file__.rpartition("/")[0], "/nonexistent"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ran.stdout.strip() == "[]"
