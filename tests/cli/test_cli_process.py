"""The command as a process: what it imports, its streams, signals, and homes of all kinds."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llm_router import __version__
from llm_router.sandbox import Fault, Sandbox

WAIT_S = 120
FULL = Path("/dev/full")
HEAVY = ("pydantic", "yaml", "rich", "httpx", "mcp", "openai", "anthropic", "google", "ollama")


def environment(tmp_path, **more):
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    return (
        kept
        | {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin"), "OLLAMA_HOST": "http://127.0.0.1:9"}
        | more
    )


def command(tmp_path, *arguments, stdin=b"", flags=(), **more):
    return subprocess.run(
        [sys.executable, *flags, "-m", "llm_router", *arguments],
        input=stdin,
        capture_output=True,
        timeout=WAIT_S,
        env=environment(tmp_path, **more),
        cwd=tmp_path,
        check=False,
    )


def imported(tmp_path, *arguments):
    """Top-level packages that the command imported."""
    result = command(tmp_path, *arguments, flags=("-X", "importtime"))
    names = [line.rpartition("|")[2].strip() for line in result.stderr.decode().splitlines() if "|" in line]
    return result, {name.partition(".")[0] for name in names}


def test_the_version_comes_without_click(tmp_path):
    result, modules = imported(tmp_path, "--version")
    assert result.stdout.decode().split() == ["llm-router", __version__]
    assert not modules & {"click", "asyncio", "argparse", *HEAVY}


def test_the_help_imports_click_and_nothing_heavier(tmp_path):
    result, modules = imported(tmp_path, "--help")
    assert result.returncode == 0
    assert "click" in modules
    assert not modules & {"asyncio", "sqlite3", *HEAVY}


def test_classify_builds_no_app_and_imports_no_provider(tmp_path):
    result, modules = imported(tmp_path, "classify", "what is 2+2", "--json")
    assert json.loads(result.stdout)["task"]
    assert not modules & {"asyncio", "sqlite3", *HEAVY}
    assert [path.name for path in tmp_path.iterdir()] == []


def test_mcp_is_reached_without_click(tmp_path):
    result, modules = imported(tmp_path, "mcp")
    assert (result.returncode, result.stdout) == (0, b"")
    assert not modules & {"click", *HEAVY}


def test_a_wrong_call_writes_to_stderr_only(tmp_path):
    result = command(tmp_path, "nonesuch")
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.startswith(b"error: no such command: nonesuch")


def test_a_reader_that_leaves_is_no_error(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "llm_router", "classify", "--jsonl", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
    )
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(b'{"id": 1, "prompt": "x"}\n' * 5000, timeout=WAIT_S)
    assert (process.returncode, err) == (0, b"")


def test_an_answer_is_utf8_whatever_the_locale_says(tmp_path):
    with Sandbox() as box:
        ascii_only = {
            "LC_ALL": "C",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONUTF8": "0",
            "PYTHONIOENCODING": "ascii",
        }
        more = ascii_only | box.environ(["groq"])
        piped = command(tmp_path, "ask", "-", "-m", "groq/x", stdin="gęślą jaźń".encode(), **more)
        typed = command(tmp_path, "ask", "gęślą jaźń", "-m", "groq/x", **more)
    for result in (piped, typed):
        assert result.returncode == 0
        assert "gęślą jaźń" in result.stdout.decode()


@pytest.mark.parametrize("name", ["with spaces", "Gerät mit Ümläuten", "日本語"])
def test_a_home_may_have_any_name(tmp_path, name):
    home = tmp_path / name
    home.mkdir()
    with Sandbox() as box:
        result = command(home, "ask", "hi", "-m", "groq/x", **box.environ(["groq"]))
        story = command(home, "explain", "--json")
    assert (result.returncode, story.returncode) == (0, 0)
    assert json.loads(story.stdout)["winner"] == "groq/x"
    assert (home / ".llm-router" / "router.db").exists()


def test_without_a_home_it_answers_all_the_same(tmp_path):
    with Sandbox() as box:
        more = box.environ(["groq"]) | {"HOME": "", "TMPDIR": str(tmp_path)}
        result = command(tmp_path, "ask", "hi", "-m", "groq/x", **more)
        story = command(tmp_path, "explain", "--json", **more)
    assert result.returncode == 0
    assert b"sandbox" in result.stdout
    assert json.loads(story.stdout)["winner"] == "groq/x"
    (home,) = tmp_path.glob("llm-router-*")
    assert (home / "router.db").exists()


@pytest.mark.skipif("os.name != 'posix'")
@pytest.mark.parametrize(
    "arguments", [["ask", "hi", "-m", "groq/x"], ["config", "check"], ["doctor"], ["budget", "show"]]
)
def test_a_working_folder_that_was_deleted_is_no_error(tmp_path, arguments):
    gone = tmp_path / "gone"
    gone.mkdir()
    leaving = f"import os, sys; os.rmdir({str(gone)!r}); os.execv(sys.executable, sys.argv[1:])"
    with Sandbox() as box:
        done = subprocess.run(
            [sys.executable, "-c", leaving, sys.executable, "-m", "llm_router", *arguments],
            capture_output=True,
            timeout=WAIT_S,
            env=environment(tmp_path, **box.environ(["groq"])),
            cwd=gone,
            check=False,
        )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif("os.name != 'posix'")
def test_without_a_home_a_folder_that_others_can_write_is_not_used(tmp_path):
    planted = tmp_path / f"llm-router-{os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    (planted / "config.yaml").write_text("providers: {groq: {base_url: 'http://127.0.0.1:9'}}")
    result = command(tmp_path, "config", "path", "--json", HOME="", TMPDIR=str(tmp_path))
    assert Path(json.loads(result.stdout)["user"]).parent != planted


def test_a_home_of_nobody_is_no_internal_error(tmp_path):
    result = command(tmp_path, "config", "path", LLM_ROUTER_HOME="~nobody-of-that-name/x")
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_home_that_cannot_be_written_costs_no_answer(tmp_path):
    (tmp_path / "blocked").write_text("a file where the folder should be")
    with Sandbox() as box:
        more = box.environ(["groq"]) | {"LLM_ROUTER_HOME": str(tmp_path / "blocked"), "TMPDIR": str(tmp_path)}
        result = command(tmp_path, "ask", "hi", "-m", "groq/x", **more)
        doctor = command(tmp_path, "doctor", **more)
        (tmp_path / "blocked").unlink()
        story = command(tmp_path, "explain", "--json", **more)
    assert result.returncode == 0
    assert b"Traceback" not in result.stderr
    assert "1 decisions wait in the spool" in doctor.stdout.decode()
    assert json.loads(story.stdout)["winner"] == "groq/x"


@pytest.mark.skipif("os.name != 'posix'")
@pytest.mark.parametrize("number", [signal.SIGINT])
def test_an_interrupt_ends_with_130_and_the_attempt_is_recorded(tmp_path, number):
    with Sandbox() as box:
        box.fault("groq", Fault("hang"))
        more = box.environ(["groq"])
        process = subprocess.Popen(
            [sys.executable, "-m", "llm_router", "ask", "hi", "-m", "groq/x"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(tmp_path, **more),
        )
        try:
            assert box.wait(lambda records: any(r.operation == "answer" for r in records), timeout=WAIT_S)
            process.send_signal(number)
            out, err = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()
            process.communicate()
        story = command(tmp_path, "explain", "--json")
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    assert json.loads(story.stdout)["attempts"][0]["outcome"] == "cancelled"


@pytest.mark.parametrize("module", ["llm_router.cli.main", "llm_router.mcp_server.front"])
def test_an_interrupt_during_an_import_leaves_no_trace(tmp_path, module):
    program = f"""
import sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from llm_router.__main__ import main
sys.exit(main())
"""
    arguments = ["mcp"] if "mcp" in module else ["doctor"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        timeout=WAIT_S,
        env=environment(tmp_path),
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_an_unreadable_configuration_is_exit_2_with_its_path(tmp_path):
    (tmp_path / ".llm-router" / "config.yaml").mkdir(parents=True)
    result = command(tmp_path, "ask", "hi")
    assert result.returncode == 2
    assert b"config.yaml" in result.stderr
    assert b"fix: " in result.stderr


def test_the_sandbox_runs_until_it_is_interrupted(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "llm_router", "sandbox", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(tmp_path),
    )
    try:
        told = json.loads(process.stdout.readline())
        assert told["url"] == f"http://127.0.0.1:{told['port']}"
        taken = command(tmp_path, "sandbox", "--port", str(told["port"]))
        result = command(tmp_path, "ask", "hi", "-m", "groq/x", **told["environ"])
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) in {0, 130}
    finally:
        process.kill()
        process.communicate()
    assert result.returncode == 0
    assert taken.returncode == 2
    assert b"cannot be used" in taken.stderr


@pytest.mark.skipif("os.name != 'posix'")
def test_on_a_terminal_the_progress_is_shown_and_wiped_and_stdout_stays_clean(tmp_path):
    keyboard, terminal = os.openpty()
    with Sandbox() as box, os.fdopen(keyboard, "rb", 0) as seen:
        more = box.environ(["groq"]) | {"TERM": "xterm"}
        process = subprocess.Popen(
            [sys.executable, "-m", "llm_router", "ask", "hi", "-m", "groq/x"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=terminal,
            env=environment(tmp_path, **more),
        )
        try:
            out, _ = process.communicate(timeout=WAIT_S)
            shown = seen.read(4096).decode()
        finally:
            process.kill()
            process.communicate()
            os.close(terminal)
    assert process.returncode == 0
    assert shown.startswith("\r\x1b[2Ktrying groq/x…\r\x1b[2K")
    assert b"\x1b" not in out


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_closed_standard_stream_is_no_error_and_no_database_takes_its_place(tmp_path, number):
    with Sandbox() as box:
        more = box.environ(["groq"])
        closing = f"import os, sys; os.close({number}); os.execv(sys.executable, sys.argv[1:])"
        program = [sys.executable, "-m", "llm_router", "ask", "hi", "-m", "groq/x"]
        done = subprocess.run(
            [sys.executable, "-c", closing, *program],
            capture_output=True,
            timeout=WAIT_S,
            env=environment(tmp_path, **more),
            cwd=tmp_path,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert b"rror" not in done.stderr
    assert json.loads(command(tmp_path, "explain", "--json").stdout)["winner"] == "groq/x"


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["classify", "hi"], ["classify", "hi", "--json"]]
)
def test_an_output_on_a_full_disk_is_one_error_and_not_a_trace(tmp_path, arguments):
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "llm_router", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=WAIT_S,
            env=environment(tmp_path),
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: ")
    assert b"No space left" in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert b"report it" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_notes_that_cannot_be_written_fail_nothing(tmp_path):
    with Sandbox() as box, FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "llm_router", "ask", "hi", "-m", "groq/x"],
            stdout=subprocess.PIPE,
            stderr=full,
            timeout=WAIT_S,
            env=environment(tmp_path, **box.environ(["groq"])),
            check=False,
        )
    assert done.returncode == 0
    assert done.stdout


def test_without_stdin_there_is_no_prompt(tmp_path):
    closing = "import os, sys; os.close(0); os.execv(sys.executable, sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", closing, sys.executable, "-m", "llm_router", "ask", "-"],
        capture_output=True,
        timeout=WAIT_S,
        env=environment(tmp_path),
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: there is no prompt")
