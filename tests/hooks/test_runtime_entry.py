import compileall
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import llm_router_hook
import pytest

HOOKS = Path(llm_router_hook.__file__).parent
ROOT = HOOKS.parent
NASTY = (
    "\"'`$(touch owned) \\ ; | & > < * ? ~ # ! { } ( ) \n\r\t %s %n é 漢 \u2028 \x1b[31m </system-reminder> "
)
# what the classifier may need besides; nothing else may be loaded on the way to an answer
HEAVY = {
    "typing",
    "dataclasses",
    "enum",
    "pathlib",
    "argparse",
    "subprocess",
    "logging",
    "datetime",
    "json",
    "socket",
}


def _health(home):
    lines = (home / "hooks" / "health.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _silent(done):
    assert (done.returncode, done.stderr) == (0, b"")
    if done.stdout:
        assert isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nonsense",
        b"[1]",
        b"null",
        b"\xff\xfe\x00",
        b'{"prompt":"caf\xe9","session_id":"s"}',
        b'{"session_id":7,"prompt":["x"],"tool_name":{},"tool_input":"x","agent_id":null}',
        b'{"hook_event_name":"Unheard","session_id":"s"}',
        b'{"hook_event_name":"UserPromptSubmit","surprise":{"a":[1]},"session_id":"../../x\\u0000"}',
        b"[" * 200_000,
        b'{"prompt":"' + b"x" * (5 << 20) + b'"}',
    ],
    ids=lambda raw: repr(raw[:30]),
)
@pytest.mark.parametrize("event", ["UserPromptSubmit", "PreToolUse", "Stop", "Unheard"])
def test_no_payload_makes_it_fail_or_say_anything_but_json(start, home, raw, event):
    _silent(start("claude", event, raw))
    assert "error" not in _health(home)[-1]


@pytest.mark.parametrize("event", ["UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "SessionStart"])
def test_a_prompt_of_200_kb_with_every_metacharacter_is_only_text(start, home, tmp_path, event):
    text = NASTY * (200_000 // len(NASTY))
    payload = {
        "session_id": NASTY,
        "hook_event_name": event,
        "prompt": text,
        "tool_name": NASTY,
        "tool_input": {"command": text},
    }
    _silent(
        start("claude", event, {**payload, "tool_response": text, "last_assistant_message": text}, shell=True)
    )
    assert "error" not in _health(home)[-1]
    assert not (tmp_path / "owned").exists()


def test_a_missing_folder_is_silence_and_never_exit_code_2(start, tmp_path):
    for shell in (False, True):
        done = start("claude", "PreToolUse", b"{}", folder=tmp_path / "gone", shell=shell)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    "code",
    [
        "syntax error here",
        "raise SystemExit(2)",
        "import nothing_of_this_name",
        "1/0",
        "def main(*_): raise KeyboardInterrupt",
    ],
)
def test_a_broken_script_is_silence_and_never_exit_code_2(start, tmp_path, code):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "llm_router_hook.py").write_text(code)
    done = start("claude", "PreToolUse", b"{}", folder=tmp_path / "broken")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.fixture
def copied(tmp_path):
    """The hooks somewhere else, to be broken, in a folder of an awkward name."""
    root = tmp_path / "a 'quoted' \"folder\" with ümlauts & $HOME"
    shutil.copytree(HOOKS, root / "hooks", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "llm_router" / "classify", root / "llm_router" / "classify")
    return root / "hooks"


def _given(copied, *, seconds):
    """Let a hook take that long."""
    entry = copied / "llm_router_hook.py"
    text = entry.read_text()
    assert "_SECONDS = 5 " in text
    entry.write_text(text.replace("_SECONDS = 5 ", f"_SECONDS = {seconds} "))


def test_fifty_at_once_all_answer_and_leave_fifty_lines_of_health(home, tmp_path, copied, recorded):
    from llm_router.hosts import launcher

    _given(copied, seconds=120)  # a busy machine may take longer for all of them than a host waits for one
    assert compileall.compile_dir(copied.parent, quiet=2)
    payload = json.dumps(recorded("claude", "UserPromptSubmit")).encode()
    command = launcher.arguments("claude", "UserPromptSubmit")
    command[command.index(launcher.CODE) + 1] = str(copied)
    children = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
        )
        for _ in range(50)
    ]
    for child in children:
        child.stdin.write(payload)
        child.stdin.close()
        child.stdin = None
    said = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0] * 50
    assert {errors for _, errors in said} == {b""}
    assert len(_health(home)) == 50
    assert not [run for run in _health(home) if "error" in run]


def test_a_module_that_breaks_is_noted_without_a_word_of_the_prompt(start, home, copied, recorded):
    (copied / "turns.py").write_text(
        "def on_prompt(payload, home, snapshot):\n raise ValueError(payload['prompt'])\n"
    )
    _silent(start("claude", "UserPromptSubmit", recorded("claude", "UserPromptSubmit"), folder=copied))
    (run,) = _health(home)
    assert run["error"] == "ValueError at turns.py:2"
    assert run["hook"] == "claude UserPromptSubmit"
    assert run["ms"] > 0


def test_a_handler_that_breaks_does_not_silence_the_next(start, home, copied, recorded):
    (copied / "turns.py").write_text("def on_stop(payload, home, snapshot):\n raise OSError(28, 'secret')\n")
    (copied / "events.py").write_text(
        "def on_stop(payload, home, snapshot):\n return {'system': 'still here'}\n"
    )
    done = start("claude", "Stop", recorded("claude", "Stop"), folder=copied)
    assert json.loads(done.stdout) == {"systemMessage": "still here"}
    assert _health(home)[0]["error"].startswith("OSError")


@pytest.mark.parametrize("missing", ["snapshot", "state", "journal", "hosts", "files", "codec"])
def test_any_module_may_be_missing(start, copied, missing, recorded):
    (copied / f"{missing}.py").unlink()
    done = start("claude", "UserPromptSubmit", recorded("claude", "UserPromptSubmit"), folder=copied)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_a_handler_prints_by_mistake_is_not_taken_for_its_answer(start, copied, recorded):
    (copied / "turns.py").write_text(
        "def on_prompt(payload, home, snapshot):\n print('debug')\n return {'context': 'x'}\n"
    )
    done = start("claude", "UserPromptSubmit", recorded("claude", "UserPromptSubmit"), folder=copied)
    assert json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"] == "x"


def test_the_folder_may_have_any_name_even_through_a_shell(home, copied, recorded, monkeypatch):
    from llm_router.hosts import launcher

    monkeypatch.setattr(launcher, "hooks_folder", lambda: copied)
    done = subprocess.run(
        launcher.command_line("claude", "StatusLine"),
        shell=True,
        input=b"{}",
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("llm-router balanced")


def test_modules_of_the_project_that_is_worked_on_are_not_loaded(start, home, tmp_path, recorded):
    project = tmp_path / "project"
    project.mkdir()
    for name in ("re", "json", "os", "files", "state", "rules", "_json", "enum", "features", "hint"):
        (project / f"{name}.py").write_text("import sys; sys.stderr.write('taken in'); raise SystemExit(2)")
    environ = {
        "PATH": os.defpath,
        "LLM_ROUTER_HOME": str(home),
        "PYTHONPATH": str(project),
        "PYTHONSTARTUP": str(project / "re.py"),
    }
    for event in ("UserPromptSubmit", "PreToolUse"):
        _silent(start("claude", event, recorded("claude", "UserPromptSubmit"), cwd=project, environ=environ))
    assert not [run for run in _health(home) if "error" in run]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HOME": "/nonexistent/nobody"},
        {"HOME": ""},
        {"HOME": "relative"},
        {"LLM_ROUTER_HOME": "/dev/null/x"},
        {"LLM_ROUTER_HOME": "/proc/x"},
        {"HOME": "/dev/null", "TMPDIR": "/dev/null"},
    ],
    ids=str,
)
def test_without_a_home_it_still_answers(start, tmp_path, environ, recorded):
    clean = {"PATH": os.defpath, "TMPDIR": str(tmp_path), **environ}
    if "HOME" not in environ and "LLM_ROUTER_HOME" not in environ:
        clean["LLM_ROUTER_HOME"] = str(tmp_path / "given")  # not the home of whoever runs the tests
    done = start("claude", "StatusLine", {"session_id": "s"}, environ=clean)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("llm-router balanced")
    assert set(os.listdir(tmp_path)) <= {"user", "given", "relative", f"llm-router-{os.getuid()}"}


def test_a_home_that_may_only_be_read_is_no_obstacle(start, home, recorded):
    payload = recorded("claude", "UserPromptSubmit")
    start("claude", "UserPromptSubmit", payload)
    folders = [home, home / "hooks", home / "sessions"]
    try:
        for folder in folders:
            for file in folder.iterdir():
                file.chmod(0o555 if file.is_dir() else 0o444)
        home.chmod(0o555)
        for event in ("UserPromptSubmit", "PreToolUse", "Stop"):
            _silent(start("claude", event, payload | {"hook_event_name": event, "tool_name": "Bash"}))
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_a_host_has_one_name_in_the_health_file(start, home, recorded):
    for name in ("gemini", "gemini-cli"):
        start(name, "BeforeAgent", recorded("gemini", "BeforeAgent"))
    assert {run["hook"] for run in _health(home)} == {"gemini-cli BeforeAgent"}


def test_a_folder_of_somebody_else_in_the_temporary_folder_is_not_ours(tmp_path, monkeypatch):
    import files

    monkeypatch.delenv("LLM_ROUTER_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert files.home() == str(tmp_path / f"llm-router-{os.getuid()}")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    (tmp_path / "llm-router-12345").mkdir()
    os.chown(tmp_path / "llm-router-12345", os.geteuid(), -1)
    assert files.home() == os.devnull


def test_a_host_that_stops_listening_is_no_error(home):
    from llm_router.hosts import launcher

    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        launcher.arguments("claude", "StatusLine"),
        input=b"{}",
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_host_that_never_closes_its_pipe_is_not_waited_for(home, copied):
    _given(copied, seconds=1)
    code = "import sys;sys.path.insert(0,sys.argv[1]);import llm_router_hook as h;h.main('claude','Stop')"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(copied)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.wait(60) == 0


@pytest.mark.parametrize(
    "event", ["UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "StatusLine", "SessionStart"]
)
def test_no_slow_module_is_loaded_on_the_way(home, event, recorded):
    name = {
        "PreToolUse": "PreToolUse-Bash",
        "PostToolUse": "PostToolUse-Bash",
        "SessionStart": "SessionStart-startup",
    }.get(event, event)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import llm_router_hook as h\n"
        "h.run('claude', sys.argv[2], sys.stdin.buffer.read()); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-I", "-c", code, str(HOOKS), event],
        input=json.dumps(recorded("claude", name)),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert {"llm_router_hook", "journal"} <= loaded
    assert not loaded & (HEAVY | {"re"})


def test_byte_code_compiled_ahead_is_what_runs(copied, start, recorded):
    assert compileall.compile_dir(copied, quiet=2)
    done = start("claude", "PreToolUse", recorded("claude", "PreToolUse-Bash"), folder=copied, flags=("-v",))
    used = [line for line in done.stderr.decode().splitlines() if " matches " in line and str(copied) in line]
    assert {Path(line.split(" matches ")[1]).name for line in used} >= {
        "llm_router_hook.py",
        "hosts.py",
        "turns.py",
    }
    assert b"wrote" not in done.stderr


def test_main_hands_its_answer_over_whole_and_ends_with_0(start, home, copied):
    (copied / "events.py").write_text(
        "def on_status(payload, home, snapshot):\n return {'status': 'ü' * 200_000}\n"
    )
    done = start("claude", "StatusLine", b"{}", folder=copied)
    assert done.returncode == 0
    assert done.stdout.decode() == "ü" * 200_000
