import json
from pathlib import Path

import hosts
import pytest

PAYLOADS = Path(__file__).parent / "payloads"
RECORDED = sorted(PAYLOADS.glob("*/*.json"))
TYPES = {
    "host": str,
    "event": str,
    "native": str,
    "session": str,
    "agent": str,
    "cwd": str,
    "prompt": str,
    "tool": str,
    "ours": bool,
    "tool_input": dict,
    "tool_output": str,
    "failed": bool,
    "answer": dict,
    "tool_use_id": str,
    "last_message": str,
    "transcript": str,
    "source": str,
    "raw": dict,
}


def _read(host, name):
    return hosts.read(host, name.partition("-")[0], (PAYLOADS / host / f"{name}.json").read_bytes())


@pytest.mark.parametrize("file", RECORDED, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_every_recorded_payload_reads_into_the_one_shape(file):
    payload = hosts.read(file.parent.name, file.stem.partition("-")[0], file.read_bytes())
    assert {key: type(value) for key, value in payload.items()} == TYPES
    assert payload["session"]
    if "Tool" in payload["native"] and "Batch" not in payload["native"]:
        assert payload["event"] in ("PreToolUse", "PostToolUse")
        assert payload["tool"]


@pytest.mark.parametrize(
    ("host", "name"),
    [("claude", "UserPromptSubmit"), ("codex", "UserPromptSubmit"), ("gemini", "BeforeAgent")],
)
def test_the_prompt_is_found_whatever_the_host_calls_the_event(host, name):
    payload = _read(host, name)
    assert (payload["event"], payload["prompt"]) == ("UserPromptSubmit", "what is a mutex?")


@pytest.mark.parametrize(("host", "name"), [("claude", "Stop"), ("codex", "Stop"), ("gemini", "AfterAgent")])
def test_the_last_message_of_a_turn_is_found(host, name):
    payload = _read(host, name)
    assert payload["event"] == "Stop"
    assert "answering prompt" in payload["last_message"]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("claude", "PostToolUse-llm_query"),
        ("codex", "PostToolUse-llm_query"),
        ("gemini", "AfterTool-llm_query"),
    ],
)
def test_an_answer_of_our_tool_is_the_same_from_every_host(host, name):
    payload = _read(host, name)
    assert (payload["tool"], payload["ours"], payload["failed"]) == ("llm_query", True, False)
    answer = payload["answer"]
    assert answer["answer"].startswith("This is the sandbox's gpt-6-luna answering prompt")
    assert answer["answer"].endswith("“what is a mutex?”.")
    assert answer["model"] == "openai/gpt-6-luna"
    assert answer["footer"].startswith("openai/gpt-6-luna · 29 tokens")


def test_a_failed_call_of_our_tool_is_no_answer():
    payload = _read("claude", "PostToolUseFailure-llm_query")
    assert (payload["event"], payload["ours"], payload["failed"], payload["answer"]) == (
        "PostToolUse",
        True,
        True,
        {},
    )
    assert "Fix:" in payload["tool_output"]


def test_a_subagent_is_told_from_the_main_thread():
    assert _read("claude", "PreToolUse-Bash")["agent"] == ""
    assert _read("claude", "PreToolUse-Bash-subagent")["agent"].isdecimal()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mcp__llm-router__llm_query", ("llm_query", True)),
        ("mcp__llm_router__llm_query", ("llm_query", True)),
        ("mcp__plugin_llm-router_llm-router__llm_query", ("llm_query", True)),
        ("mcp__plugin_some_bundle_llm-router__llm_code", ("llm_code", True)),
        ("mcp_llm-router_llm_query", ("llm_query", True)),
        ("mcp_llm_router_llm_generate", ("llm_generate", True)),
        ("mcp__not-llm-router__llm_query", ("mcp__not-llm-router__llm_query", False)),
        ("mcp__github__llm-router__x", ("mcp__github__llm-router__x", False)),
        ("mcp__", ("mcp__", False)),
        ("llm_query", ("llm_query", False)),
        ("Bash", ("Bash", False)),
        ("run_shell_command", ("Bash", False)),
        ("apply_patch", ("Edit", False)),
        ("spawn_agent", ("Agent", False)),
        ("google_web_search", ("WebSearch", False)),
        ("", ("", False)),
    ],
)
def test_tool_names_of_all_hosts_mean_the_same(name, expected):
    assert hosts.tool(name) == expected


def test_a_server_that_only_resembles_ours_is_not_ours_where_the_host_names_it():
    context = {"server_name": "llm", "tool_name": "router_llm_query"}
    assert hosts.tool("mcp_llm-router_llm_query", context) == ("mcp_llm-router_llm_query", False)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"\xff\xfe{",
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"session_id": 7, "tool_name": [], "tool_input": "ls", "tool_response": 3, "hook_event_name": null}',
        b'{"tool_name":"mcp_x","mcp_context":{"server_name":1}, "agent_id":{}, "prompt":["a"]}',
        b'{"tool_name":"mcp__llm-router__llm_query","tool_response":{"content":[{"text":7},null,[[]]]}}',
    ],
)
def test_whatever_is_sent_reads_into_the_one_shape(raw):
    payload = hosts.read("claude", "PreToolUse", raw)
    assert {key: type(value) for key, value in payload.items()} == TYPES
    assert payload["event"] == "PreToolUse"


def test_a_denial_is_said_in_the_hosts_own_words():
    result = {"deny": "call llm_query first"}
    own = {
        "hookEventName": "PreToolUse",
        "permissionDecision": "deny",
        "permissionDecisionReason": "call llm_query first",
    }
    for host in ("claude", "codex"):
        assert json.loads(hosts.write(host, "PreToolUse", result)) == {"hookSpecificOutput": own}
    for host in ("gemini", "gemini-cli"):
        said = json.loads(hosts.write(host, "BeforeTool", result))
        assert said == {"decision": "deny", "reason": "call llm_query first"}


def test_only_a_tool_call_can_be_denied():
    for event in ("UserPromptSubmit", "PostToolUse", "Stop", "SessionStart", "AfterTool", "BeforeAgent"):
        assert hosts.write("claude", event, {"deny": "no"}) == ""
        assert hosts.write("gemini", event, {"deny": "no"}) == ""


def test_context_goes_out_under_the_hosts_own_name_of_the_event():
    for host, event in (
        ("claude", "UserPromptSubmit"),
        ("codex", "SessionStart"),
        ("gemini", "BeforeAgent"),
        ("claude", "PostToolUseFailure"),
    ):
        said = json.loads(hosts.write(host, event, {"context": "x"}))
        assert said == {"hookSpecificOutput": {"hookEventName": event, "additionalContext": "x"}}


@pytest.mark.parametrize("event", ["Stop", "SubagentStop", "SessionEnd", "AfterAgent"])
def test_the_end_of_a_turn_never_speaks_to_the_model(event):
    said = hosts.write("claude", event, {"context": "x", "deny": "y", "system": "z"})
    assert json.loads(said) == {"systemMessage": "z"}
    assert hosts.write("claude", event, {"context": "x"}) == ""


def test_what_a_model_wrote_does_not_steer_the_terminal_it_is_shown_in():
    said = hosts.write("claude", "PostToolUse", {"system": "a\n\tb\x1b]0;title\x07\x1b[2J\x9b1A\r\x7fé"})
    assert json.loads(said) == {"systemMessage": "a\n\tb]0;title[2J1Aé"}


def test_a_context_stays_below_what_the_host_would_swap_for_a_file():
    said = json.loads(hosts.write("claude", "UserPromptSubmit", {"context": "ä" * 50_000}))
    assert 9_000 < len(said["hookSpecificOutput"]["additionalContext"]) < 10_000


def test_nothing_to_say_is_no_byte():
    assert hosts.write("claude", "Stop", {}) == ""
    assert hosts.write("claude", "UserPromptSubmit", {"context": "", "system": None}) == ""
