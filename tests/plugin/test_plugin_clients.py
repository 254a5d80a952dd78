"""The plugin in the real clients: valid, installed from this folder, its hooks fire, its server answers.

Needs the folder that LLM_ROUTER_CLIENTS names (see tests/clients/conftest.py); everything is on loopback.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llm_router import __version__
from llm_router.hosts import hook_health
from llm_router.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("LLM_ROUTER_CLIENTS") or "/nonexistent") / "node_modules" / ".bin"
pytestmark = [
    pytest.mark.skipif(not BIN.is_dir(), reason="set LLM_ROUTER_CLIENTS to an npm prefix with the clients"),
    pytest.mark.xdist_group("clients"),
]
SERVER = "llm-router"
CLAUDE_TOOL = "mcp__plugin_llm-router_llm-router__llm_query"
TRIES = 4  # Codex gives a server one second, then asks its model without it
QUESTION = "What is the capital of France?"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The repository as it is cloned: the clients copy all of the folder, hundreds of megabytes of a virtual
    environment too.
    """
    unwanted = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", "node_modules")
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("cloned") / "llm-router", ignore=unwanted)


@pytest.fixture
def box():
    with Sandbox() as box:
        yield box


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "a höme"
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / SERVER
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llm_router "$@"\n')
    program.chmod(0o755)
    (folder / "bin" / "python3").symlink_to(sys.executable)
    return folder


@pytest.fixture
def run(box, home):
    """Run a client in a clean environment that leads nowhere but to the sandbox; (exit code, output)."""
    node = (BIN / "node") if (BIN / "node").exists() else Path(shutil.which("node") or "/usr/bin/node")
    clean = {
        "HOME": str(home),
        "PATH": f"{home / 'bin'}:{node.parent}:/usr/bin:/bin",
        "TERM": "dumb",
        "OPENAI_API_KEY": "sk-fake",
        "OPENAI_BASE_URL": box.base_url("openai"),
        "OLLAMA_BASE_URL": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "NO_PROXY": "127.0.0.1",
    }

    def start(name, *arguments, **environ):
        if not (BIN / name).exists():
            pytest.skip(f"{name} is not installed in {BIN}")
        done = subprocess.run(
            [str(BIN / name), *map(str, arguments)],
            env=clean | environ,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return start


@pytest.fixture
def noted(home):
    """The interpreter an earlier session noted; what it has been asked for."""
    program, asked = home / "my python", home / "asked"
    program.write_text(f'#!/bin/sh\necho "$*" >>"{asked}"\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    place = home / ".llm-router" / "hooks"
    place.mkdir(parents=True)
    (place / "python").write_text(f"{program}\n")
    return asked


def call(tool, prompt):
    return f"[[call {tool} {json.dumps({'prompt': prompt})}]]"


def fired(home):
    found = hook_health.read(home / ".llm-router")
    assert [one.last_error for one in found if one.errors] == []
    return {one.hook: one.runs for one in found}


# ── Claude Code ──────────────────────────────────────────────────────────────


@pytest.fixture
def claude(run, box):
    def start(*arguments, **environ):
        return run(
            "claude",
            *arguments,
            **environ,
            ANTHROPIC_BASE_URL=f"{box.url}/host",
            ANTHROPIC_API_KEY="fake",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            MCP_CONNECTION_NONBLOCKING="0",  # else a server that is slow to start is missing in the first turn
        )

    return start


@pytest.fixture
def installed(claude, source):
    for arguments in (("marketplace", "add", source), ("install", "llm-router@llm-router")):
        code, said = claude("plugin", *arguments)
        assert code == 0, said
    return claude


def test_claude_code_finds_nothing_to_complain_about(claude, source):
    for path in (source, source / ".claude-plugin" / "plugin.json"):
        code, said = claude("plugin", "validate", "--strict", path)
        assert code == 0, said
        assert "Validation passed" in said


def test_claude_code_installs_it_from_this_folder_and_connects(installed):
    _, said = installed("plugin", "list")
    assert f"Version: {__version__}" in said
    assert "enabled" in said
    _, said = installed("mcp", "list")
    assert "Connected" in said


def test_in_claude_code_hooks_fire_and_the_tool_answers(installed, home, noted):
    prompt = call(CLAUDE_TOOL, QUESTION)
    code, said = installed("-p", prompt, "--allowedTools", "mcp__plugin_llm-router_llm-router")
    assert code == 0, said
    assert "The tool answered" in said
    assert QUESTION in said
    runs = fired(home)
    for event in ("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop"):
        assert runs[f"claude {event}"] == 1
    assert "claude SessionStart" in noted.read_text()


@pytest.mark.parametrize(
    ("mode", "ran", "logged"), [("hard", False, 1), ("smart", False, 1), ("off", True, 0)]
)
def test_the_plugin_s_hooks_enforce_as_installed_ones_do(installed, home, box, mode, ran, logged):
    (home / "CLAUDE.md").write_text('[[call Bash {"command": "touch ran", "description": "x"}]]')
    code, said = installed("-p", QUESTION, "--allowedTools", "Bash", LLM_ROUTER_ENFORCE=mode)
    assert code == 0, said
    assert (home / "ran").exists() is ran, said
    log = home / ".llm-router" / "enforcement.log"
    lines = log.read_text().splitlines() if log.exists() else []
    assert len(lines) == logged
    assert all(line.endswith("expected=llm_query got=Bash") for line in lines)
    told = json.dumps([request.body for request in box.requests if "/host" in request.path])
    assert (f"route this request first: call {CLAUDE_TOOL}" in told) is not ran
    fired(home)


def test_a_hint_names_the_tool_as_the_plugin_has_it(installed, box):
    installed("-p", QUESTION)
    asked = [json.dumps(request.body) for request in box.requests if "/host" in request.path]
    assert asked
    assert sum(CLAUDE_TOOL in body and "MANDATORY ROUTE" in body for body in asked) == 1


def test_its_commands_and_skill_reach_the_model(installed, box):
    code, said = installed("-p", f"/llm-router:route {QUESTION}")
    assert code == 0, said
    bodies = [json.dumps(request.body) for request in box.requests if "/host" in request.path]
    assert any("word for word" in body and QUESTION in body for body in bodies)
    assert any("llm-router:llm-routing" in body for body in bodies)


# ── Codex ────────────────────────────────────────────────────────────────────


def test_codex_installs_it_and_runs_its_hooks_and_its_server(run, box, home, noted, source):
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(
        'model = "some-model"\nmodel_provider = "box"\n'
        f'[model_providers.box]\nname = "box"\nbase_url = "{box.url}/host/v1"\n'
        'env_key = "BOX_KEY"\nwire_api = "responses"\n'
    )
    for arguments in (("marketplace", "add", source), ("add", "llm-router@llm-router")):
        code, said = run("codex", "plugin", *arguments)
        assert code == 0, said
    ask = ("exec", "--skip-git-repo-check", "--dangerously-bypass-hook-trust", "-s", "workspace-write")
    said = ""
    for _ in range(TRIES):
        if "The tool answered" not in said:
            code, said = run("codex", *ask, call("llm_query", QUESTION), BOX_KEY="fake")
            assert code == 0, said
    assert "The tool answered" in said
    runs = fired(home)
    for event in ("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop"):
        assert runs[f"codex {event}"] >= 1
    assert "codex SessionStart" in noted.read_text()


# ── Gemini CLI ───────────────────────────────────────────────────────────────


def test_gemini_cli_installs_the_packed_extension_and_runs_its_hooks_and_its_server(
    run, box, home, noted, tmp_path
):
    packed = tmp_path / "extension"
    subprocess.run([sys.executable, ROOT / "scripts" / "pack_extension.py", packed], check=True, timeout=60)
    (home / ".gemini").mkdir()
    settings = {"security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}}}
    (home / ".gemini" / "settings.json").write_text(json.dumps(settings))
    environ = {"GEMINI_API_KEY": "fake", "GOOGLE_GEMINI_BASE_URL": f"{box.url}/host"}
    for arguments in (("validate", packed), ("install", packed, "--consent", "--skip-settings")):
        code, said = run("gemini", "extensions", *arguments, **environ)
        assert code == 0, said
    prompt = call("mcp_llm-router_llm_query", QUESTION)
    code, said = run("gemini", "--yolo", "-m", "some-model", "-p", prompt, **environ)
    assert code == 0, said
    assert "The tool answered" in said
    runs = fired(home)
    for event in ("SessionStart", "BeforeAgent", "BeforeTool", "AfterTool", "AfterAgent", "SessionEnd"):
        assert runs[f"gemini-cli {event}"] == 1
    assert "gemini-cli SessionStart" in noted.read_text()
