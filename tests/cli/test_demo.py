"""The demo: what it shows, that it notices what goes wrong, and that it leaves the user's own things alone."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from llm_router.cli import demo
from llm_router.cli.demo_scenes import ACTS, KEYS, Act, Scene
from llm_router.record import SqliteLedger
from llm_router.sandbox import Fault

WAIT_S = 120
WIDTH = 80
SCENES = sum(len(act.scenes) for act in ACTS)
QUESTION = Scene(prompt="what is a mutex?", tried="gemini:ok")
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
COMMAND = [sys.executable, "-m", "llm_router", "demo"]

# runs the demo and tells, on stderr, whom it connected to and what it started
WATCHED = """
import json, sys
met, started = set(), []
def watch(event, args):
    if event == "socket.connect":
        met.add(str(args[1]))
    elif event == "socket.getaddrinfo":
        met.add(str(args[:2]))
    elif event == "subprocess.Popen":
        started.append(str(args[0]))
sys.addaudithook(watch)
from llm_router.cli.main import run
code = run(["demo", "--json"])
print(json.dumps({"met": sorted(met), "started": started}), file=sys.stderr)
sys.exit(code)
"""


def environment(tmp_path, **more):
    """A user's, with a temporary folder that can be looked into afterwards."""
    for name in ("home", "tmp", "bin"):
        (tmp_path / name).mkdir(exist_ok=True)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    return {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "PATH": path} | more


def left_behind(tmp_path):
    return sorted(path.name for folder in ("home", "tmp") for path in (tmp_path / folder).rglob("*"))


def play(*scenes, as_json=True):
    return demo.run(as_json, [Act("An act", KEYS, scenes)])


@pytest.fixture
def played(capsys):
    """`played(scenes...)` plays an act of them and gives the exit code and the JSON."""

    def run(*scenes):
        code = play(*scenes)
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """The demo in the environment of a user whose every key, address, proxy and setting would do harm."""
    tmp_path = tmp_path_factory.mktemp("poisoned")
    nowhere = "http://127.0.0.1:1"
    names = ("OPENAI", "ANTHROPIC", "GEMINI", "GROQ", "OLLAMA", "DEEPSEEK", "GOOGLE_GEMINI")
    poison = {f"{name}_BASE_URL": nowhere for name in names} | {
        f"{name}_API_KEY": f"canary-{name}" for name in names
    }
    poison |= {"OLLAMA_HOST": nowhere, "GOOGLE_API_KEY": "canary", "ANTHROPIC_AUTH_TOKEN": "canary"}
    poison |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy"), nowhere)
    poison |= {"ALL_PROXY": "socks5://127.0.0.1:1", "SSL_CERT_FILE": "/nonexistent", "CLAUDECODE": "1"}
    poison |= {
        "LLM_ROUTER_PROFILE": "nonsense",
        "LLM_ROUTER_BUDGET__DAILY": "0",
        "CODEX_SANDBOX_FAULT": "fail",
    }
    environ = environment(tmp_path, **poison)
    config = tmp_path / "home" / ".llm-router" / "config.yaml"
    config.parent.mkdir()
    config.write_text("budget: [nonsense\n")
    for name in ("codex", "gemini"):
        program = tmp_path / "bin" / name
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    result = subprocess.run(
        [sys.executable, "-c", WATCHED],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        timeout=WAIT_S,
        check=False,
    )
    return tmp_path, result


# ── all of it ────────────────────────────────────────────────────────────────


def test_every_scene_goes_as_intended(poisoned):
    _, result = poisoned
    assert result.returncode == 0, result.stdout + result.stderr
    body = json.loads(result.stdout)
    assert (body["schema_version"], body["ok"], len(body["scenes"])) == (1, True, SCENES)
    assert not [scene["problems"] for scene in body["scenes"] if scene["problems"]]


def test_it_calls_nobody_but_its_own_sandbox(poisoned):
    tmp_path, result = poisoned
    told = json.loads(result.stderr.splitlines()[-1])
    (address,) = told["met"]
    assert re.fullmatch(r"\('127\.0\.0\.1', \d{4,5}\)", address)
    programs = [Path(name) for name in told["started"] if Path(name).name in {"codex", "gemini"}]
    assert programs
    assert all(program.is_relative_to(tmp_path / "tmp") for program in programs)


def test_it_writes_nothing_into_the_home_and_leaves_no_folder(poisoned):
    tmp_path, result = poisoned
    assert left_behind(tmp_path) == [".llm-router", "config.yaml"]
    assert b"canary" not in result.stdout + result.stderr


def test_the_json_tells_each_scene_as_the_ledger_has_it(poisoned):
    scenes = json.loads(poisoned[1].stdout)["scenes"]
    limited = next(s for s in scenes if "Retry-After 60" in s["told"])["decision"]
    first, second = limited["attempts"]
    assert (first["outcome"], first["status"], first["retry_after_s"]) == ("rate_limited", 429, 60)
    assert second["outcome"] == "ok"
    assert limited["cost_usd"] < limited["baseline_cost_usd"]
    budget = next(s for s in scenes if s["error"] and s["error"]["code"] == "budget")
    assert budget["error"]["cap_usd"] == 0.05
    assert budget["error"]["resets_at"] > 0


def test_the_summary_adds_up(poisoned):
    body = json.loads(poisoned[1].stdout)
    found, scenes = body["summary"], body["scenes"]
    assert found["prompts"] == SCENES == found["answered"] + found["refused"]
    assert found["answered"] == found["free_calls"] + found["subscription_calls"] + found["paid_calls"]
    assert min(found["free_calls"], found["subscription_calls"], found["paid_calls"], found["refused"]) > 0
    assert found["attempts"] == sum(len(scene["decision"]["attempts"]) for scene in scenes)
    for name in ("answered", "failed", "input_tokens", "output_tokens", "cost_usd", "baseline_cost_usd"):
        assert found["total"][name] == pytest.approx(sum(row[name] for row in found["providers"]))
    assert found["total"]["cost_usd"] == pytest.approx(sum(scene["decision"]["cost_usd"] for scene in scenes))
    survived = [a for s in scenes if s["answer"] for a in s["decision"]["attempts"] if a["outcome"] != "ok"]
    assert found["failures_survived"] == len(survived)


def test_the_text_fits_80_columns_and_says_what_it_is(cli):
    result = cli("demo")
    assert (result.code, result.err) == (0, "")
    page, _, commands = result.out.partition("\nNext\n")
    assert max(map(len, page.splitlines())) <= WIDTH
    assert "\x1b" not in result.out
    assert [int(n) for n in re.findall(r"^ ?(\d+) “", page, re.MULTILINE)] == list(range(1, SCENES + 1))
    flat = " ".join(page.split())
    for sentence in (
        "no key, no network",
        "These were simulated upstreams",
        "Prices are list prices",
        "Only an answer that replaces work saves money",
        "quota and not dollars",
        "rate_limited 429, retry after 60 s",
        "cooling down until",
        "and the daily budget has",
    ):
        assert sentence in flat
    assert "doctor" in commands
    assert "claude mcp add" in commands


# ── what goes otherwise ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("scene", "problem"),
    [
        (replace(QUESTION, tried="groq:ok"), "expected the attempts 'groq:ok', saw 'gemini:ok'"),
        (
            replace(QUESTION, faults={"gemini": Fault("status", status=500)}),
            "saw 'gemini:server_error groq:ok'",
        ),
        (replace(QUESTION, asked={"model": "nonesuch"}, tried=""), "expected no error, got not_found"),
        (replace(QUESTION, code="budget"), "expected budget error, got none"),
        (replace(QUESTION, left_out="ollama*"), "expected 'ollama*' among those left out"),
        (replace(QUESTION, prompt="what is a mutex? [[say nothing]]"), "the answer is not to this prompt"),
        (replace(QUESTION, prompt="[[say {}]]", asked={"schema": SCHEMA}), "expected JSON of the schema"),
        (replace(QUESTION, prompt="[[say a]]", asked={"schema": SCHEMA}), "expected JSON of the schema"),
    ],
)
def test_a_scene_that_goes_otherwise_is_told_and_fails_the_demo(played, scene, problem):
    code, body = played(scene, replace(QUESTION, tried="*:ok"))
    assert (code, body["ok"], body["summary"]["not_as_intended"]) == (1, False, [1])
    assert problem in " ".join(body["scenes"][0]["problems"])


def test_it_is_said_loudly(capsys):
    assert play(replace(QUESTION, tried="groq:ok"), as_json=False) == 1
    last = " ".join(capsys.readouterr().out.split("Next")[-1].split())
    assert "NOT AS INTENDED" in last
    assert "scene 1: expected the attempts 'groq:ok', saw 'gemini:ok'" in last


def test_an_attempt_missing_in_the_ledger_fails_the_demo(played, monkeypatch):
    record = SqliteLedger.record
    monkeypatch.setattr(
        SqliteLedger, "record", lambda self, decision: record(self, structs.replace(decision, attempts=()))
    )
    code, body = played(QUESTION)
    assert code == 1
    assert "the ledger holds the attempts []" in body["scenes"][0]["problems"][0]


def test_a_decision_missing_in_the_ledger_fails_the_demo(played, monkeypatch):
    monkeypatch.setattr(SqliteLedger, "record", lambda _self, _decision: None)
    code, body = played(QUESTION)
    assert (code, body["scenes"][0]["decision"]) == (1, None)


def test_the_environment_of_the_process_is_given_back(played, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    before = dict(os.environ)
    assert played(QUESTION)[0] == 0
    assert dict(os.environ) == before


# ── as a process ─────────────────────────────────────────────────────────────


def test_an_interrupt_ends_it_and_cleans_up(tmp_path):
    process = subprocess.Popen(COMMAND, env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        for line in process.stdout:
            if line.startswith(b" 2 "):
                process.send_signal(signal.SIGINT)
                break
        process.communicate(timeout=WAIT_S)
    finally:
        process.kill()
    assert process.returncode == 130
    assert left_behind(tmp_path) == []


def test_a_reader_that_leaves_ends_it_and_cleans_up(tmp_path):
    process = subprocess.Popen(
        COMMAND, env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"llm-router demo\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(WAIT_S) == 0
    finally:
        process.kill()
        process.stderr.close()
    assert left_behind(tmp_path) == []


def on_terminal(tmp_path, columns, **more):
    """What a terminal of that width gets to see, and the exit code."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        COMMAND,
        env=environment(tmp_path, TERM="xterm", **more),
        cwd=tmp_path,
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    seen = b""
    try:
        while piece := _read(ours):
            seen += piece
        code = process.wait(WAIT_S)
    finally:
        process.kill()
        os.close(ours)
    return code, seen.decode()


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux ends a terminal so
        return b""


def test_a_terminal_gets_colours_and_whole_lines(tmp_path):
    code, seen = on_terminal(tmp_path, WIDTH)
    assert code == 0, seen
    assert "\x1b[31m✗" in seen
    assert "loading the vendors' SDKs …\r\x1b[2K" in seen
    assert widest(seen) <= WIDTH


def test_a_wide_terminal_is_used_and_no_color_means_none(tmp_path):
    code, seen = on_terminal(tmp_path, 100, NO_COLOR="1")
    assert code == 0, seen
    assert not re.search(r"\x1b\[(?:\d+;)*[34]\dm", seen)
    assert widest(seen) == 100


def widest(seen):
    page = COLOUR.sub("", seen.partition("Next")[0].replace("\x1b[2K", "")).replace("\r\n", "\n")
    return max(len(line.rpartition("\r")[2]) for line in page.split("\n"))
