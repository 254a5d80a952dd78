"""The stand-in command-line clients, run as a provider would run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from llm_router.sandbox import Sandbox, digest

EXEC = ["exec", "--json", "--skip-git-repo-check", "--ephemeral", "--ignore-user-config", "--ignore-rules"]
EXEC += ["-s", "read-only", "-m", "gpt-x", "-c", "features.shell_tool=false", "-c", 'web_search="disabled"']


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "bin with a space"


@pytest.fixture
def codex(folder):
    return Sandbox.codex(folder)


@pytest.fixture
def gemini(folder):
    return Sandbox.gemini_cli(folder)


def run(path, *arguments, prompt="", **env):
    return subprocess.run(
        [path, *arguments], input=prompt.encode(), capture_output=True, env=env, timeout=30, check=False
    )


def events(output):
    return [json.loads(line) for line in output.splitlines()]


def calls(folder, name="codex"):
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]


def test_codex_says_whether_it_is_logged_in(codex):
    assert run(codex, "login", "status").returncode == 0
    out = run(codex, "login", "status", CODEX_SANDBOX_LOGGED_OUT="1")
    assert (out.returncode, b"Not logged in" in out.stderr) == (1, True)


def test_codex_tells_its_turn_as_events_and_leaves_the_answer_in_a_file(codex, tmp_path):
    last = tmp_path / "last.txt"
    out = run(codex, *EXEC, "-o", str(last), "-", prompt="Why is it só?")
    told = events(out.stdout)
    assert out.returncode == 0
    assert [e["type"] for e in told] == [
        "thread.started",
        "turn.started",
        "item.completed",
        "item.completed",
        "turn.completed",
    ]
    item, usage = told[3]["item"], told[4]["usage"]
    assert item["type"] == "agent_message"
    assert digest("Why is it só?") in item["text"] == last.read_text("utf-8")
    assert usage["input_tokens"] > 0
    assert usage["output_tokens"] > 0


def test_codex_takes_a_megabyte_on_stdin_and_logs_its_call(codex, folder):
    prompt = "x" * 1_000_000
    out = run(codex, *EXEC, "-", prompt=prompt, SECRET="do not log me")
    assert digest(prompt) in events(out.stdout)[3]["item"]["text"]
    (call,) = calls(folder)
    assert (call["argv"], call["prompt"]) == ([*EXEC, "-"], prompt)
    assert "SECRET" in call["env"]
    assert "do not log me" not in (folder / "codex.jsonl").read_text("utf-8")


def test_codex_answers_in_the_wanted_schema(codex, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text(
        json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
    )
    out = run(codex, *EXEC, "--output-schema", str(schema), "-", prompt="n")
    assert json.loads(events(out.stdout)[3]["item"]["text"]) == {"n": 0}


@pytest.mark.parametrize(
    ("fault", "words"), [("fail", "500"), ("rate_limit", "usage limit"), ("unauthorized", "401")]
)
def test_codex_fails_with_a_failed_turn_and_exit_code_1(codex, fault, words):
    out = run(codex, *EXEC, "-", prompt="x", CODEX_SANDBOX_FAULT=fault)
    last = events(out.stdout)[-1]
    assert (out.returncode, last["type"]) == (1, "turn.failed")
    assert words in last["error"]["message"]


def test_codex_can_print_garbage_nothing_or_half_a_turn(codex):
    garbage = run(codex, *EXEC, "-", prompt="x", CODEX_SANDBOX_FAULT="garbage")
    with pytest.raises(ValueError, match=r".+"):
        events(garbage.stdout)
    empty = run(codex, *EXEC, "-", prompt="x", CODEX_SANDBOX_FAULT="empty")
    assert events(empty.stdout)[3]["item"]["text"] == ""
    half = run(codex, *EXEC, "-", prompt="x", CODEX_SANDBOX_FAULT="truncated")
    assert events(half.stdout)[-1]["type"] == "turn.started"


def test_codex_refuses_options_it_does_not_have(codex):
    assert run(codex, "exec", "--no-such-option").returncode == 2


@pytest.mark.parametrize("env", [{"CODEX_SANDBOX_FAULT": "hang"}, {"CODEX_SANDBOX_LOGGED_OUT": "1"}])
def test_codex_hangs_when_told_to_and_when_logged_out(codex, folder, env):
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([codex, *EXEC, "-"], input=b"x", capture_output=True, env=env, timeout=1, check=False)


@pytest.mark.parametrize(("fault", "deaf"), [("orphan", False), ("hang_tree", True)])
def test_codex_can_leave_a_child_that_dies_with_its_group(folder, fault, deaf):
    codex = Sandbox.codex(folder, fault=fault)
    child = subprocess.Popen(
        [codex, *EXEC, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={},
        start_new_session=True,
    )
    with child:
        try:
            child.stdin.write(b"x")
            child.stdin.close()
            if not deaf:
                assert child.wait(20) == 0
                os.kill(calls(folder)[0]["child"], 0)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
        child.stdout.read()  # ends only when nobody in the group holds it open


def test_defaults_are_written_into_the_executable_and_the_environment_overrides_them(folder):
    codex = Sandbox.codex(folder, logged_out=True)
    assert run(codex, "login", "status").returncode == 1
    assert run(codex, "login", "status", CODEX_SANDBOX_LOGGED_OUT="0").returncode == 0


def test_gemini_answers_as_json_with_its_tokens(gemini, folder):
    out = run(gemini, "-m", "flash", "-o", "json", prompt="Why?")
    told = json.loads(out.stdout)
    assert out.returncode == 0
    assert digest("Why?") in told["response"]
    assert told["stats"]["models"]["flash"]["tokens"]["prompt"] == 1
    assert calls(folder, "gemini")[0]["prompt"] == "Why?"


@pytest.mark.parametrize(
    ("env", "code", "kind"),
    [
        ({"GEMINI_SANDBOX_LOGGED_OUT": "1"}, 41, "FatalAuthenticationError"),
        ({"GEMINI_SANDBOX_FAULT": "rate_limit"}, 429 % 256, "Error"),
        ({"GEMINI_SANDBOX_FAULT": "fail"}, 500 % 256, "Error"),
    ],
)
def test_gemini_fails_with_an_error_as_json_and_the_status_as_exit_code(gemini, env, code, kind):
    out = run(gemini, "-m", "flash", "-o", "json", prompt="x", **env)
    assert out.returncode == code
    told = out.stderr.decode()
    assert json.loads(told[told.index('{\n  "session_id"') :])["error"]["type"] == kind


def test_both_tell_their_version(codex, gemini):
    assert run(codex, "--version").stdout == b"codex-cli 0.169.0\n"
    assert run(gemini, "--version").stdout == b"0.61.0\n"
