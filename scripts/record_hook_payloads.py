"""Record what the real hosts send to hooks, into tests/hooks/payloads/<host>/<event>[-variant].json:

    npm install --prefix CLIENTS @anthropic-ai/claude-code @openai/codex @google/gemini-cli
    python scripts/record_hook_payloads.py CLIENTS [claude|codex|gemini ...]

The hosts run in a throw-away HOME against the sandbox, with `cat` as their only hook; nothing leaves this machine.
Paths, ids and times are replaced by fixed ones. Interactive scenes need tmux.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "tests" / "clients")]

from payload_scrub import scrubber, variant  # noqa: E402
from terminal import Terminal  # noqa: E402

from llm_router.sandbox import Fault, Sandbox  # noqa: E402

PAYLOADS = ROOT / "tests" / "hooks" / "payloads"
CLAUDE_EVENTS = (
    "SessionStart SessionEnd UserPromptSubmit UserPromptExpansion PreToolUse PostToolUse "
    "PostToolUseFailure PostToolBatch PermissionRequest PermissionDenied SubagentStart SubagentStop "
    "Stop StopFailure PreCompact PostCompact"
)
CODEX_EVENTS = (
    "SessionStart SessionEnd UserPromptSubmit PreToolUse PermissionRequest PostToolUse Stop "
    "SubagentStart SubagentStop PreCompact PostCompact"
)
# not the ones around the model: they run once for every streamed event
GEMINI_EVENTS = "SessionStart SessionEnd BeforeAgent AfterAgent BeforeTool AfterTool PreCompress Notification"


class Scene:
    """One host's stage: a HOME, a project, the sandbox as its model, and the folder its hooks write to."""

    def __init__(self, folder: Path, clients: Path, box: Sandbox) -> None:
        self.bin = clients.absolute() / "node_modules" / ".bin"
        self.home, self.project, self.raw = folder / "home", folder / "home" / "project", folder / "raw"
        self.box = box
        for each in (self.project, self.raw):
            each.mkdir(parents=True)
        (self.project / "notes.txt").write_text("one\ntwo\n")
        self.environ = {"HOME": str(self.home), "PATH": f"{self.bin}:/usr/bin:/bin", "TERM": "dumb"}
        self.server = {
            "command": sys.executable,
            "args": ["-m", "llm_router", "mcp"],
            "env": {
                "LLM_ROUTER_HOME": str(self.home / ".llm-router"),
                "OPENAI_API_KEY": "sk-fake",
                "LLM_ROUTER_OPENAI_BASE_URL": box.base_url("openai"),
                "OLLAMA_BASE_URL": "http://127.0.0.1:1",
            },
        }

    def hook(self, event: str) -> list[dict[str, Any]]:
        return [{"hooks": [{"type": "command", "command": self.recorder(event)}]}]

    def recorder(self, event: str) -> str:
        return f"cat > '{self.raw}/'$(date +%s%N)-{event}-$$.json"

    def write(self, path: str, value: Any) -> Path:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value if isinstance(value, str) else json.dumps(value, indent=1))
        return file

    def run(self, *command: str, **environ: str) -> str:
        done = subprocess.run(
            (str(self.bin / command[0]), *command[1:]), env={**self.environ, **environ}, cwd=self.project,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr


def call(tool: str, **arguments: Any) -> str:
    return f"[[call {tool} {json.dumps(arguments)}]]"


# ── Claude Code ──────────────────────────────────────────────────────────────


def claude(scene: Scene) -> None:
    scene.write(
        ".claude/settings.json",
        {
            "hooks": {event: scene.hook(event) for event in CLAUDE_EVENTS.split()},
            "permissions": {"allow": ["mcp__llm-router"]},
            "statusLine": {"type": "command", "command": scene.recorder("StatusLine")},
        },
    )
    scene.write(
        ".claude.json",
        {
            "hasCompletedOnboarding": True,
            "customApiKeyResponses": {"approved": ["sk-ant-fake"], "rejected": []},
            "projects": {str(scene.project): {"hasTrustDialogAccepted": True}},
            "mcpServers": {"llm-router": {"type": "stdio", **scene.server}},
        },
    )
    scene.write(".claude/commands/greet.md", "Say hello to $ARGUMENTS")
    environ = {
        "ANTHROPIC_API_KEY": "sk-ant-fake",
        "ANTHROPIC_BASE_URL": f"{scene.box.url}/host",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "MCP_CONNECTION_NONBLOCKING": "0",
        "ENABLE_TOOL_SEARCH": "false",  # else the model has to look for most tools first
    }
    for prompt in claude_prompts(scene):
        scene.run(
            "claude", "-p", prompt, "--permission-mode", "acceptEdits", "--allowedTools", "Bash", **environ
        )
    scene.run("claude", "-p", "and again", "--continue", **environ)
    # asks, so it is denied
    scene.run("claude", "-p", call("Bash", command="touch /x", description="x"), **environ)
    claude_interactive(scene, {**scene.environ, **environ})
    claude_plugin(scene, environ)


def claude_prompts(scene: Scene) -> Iterable[str]:
    notes = str(scene.project / "notes.txt")
    yield "what is a mutex?"
    yield call("Bash", command="true", description="Do nothing")
    yield call("Bash", command="exit 3", description="Fail")
    yield call("Bash", command="echo 1", description="one") + call(
        "Bash", command="echo 2", description="two"
    )
    yield call("Read", file_path=notes)
    yield (
        call("Read", file_path=notes)
        + "\n"
        + call("Edit", file_path=notes, old_string="two", new_string="three")
    )
    yield call("Write", file_path=str(scene.project / "new.txt"), content="new\n")
    yield call("Glob", pattern="*.txt")
    yield call("Grep", pattern="one")
    yield call("WebFetch", url=f"{scene.box.url}/x", prompt="what is it?")
    yield call("WebSearch", query="mutex")
    inner = 'please [[call Bash {"command": "echo inner", "description": "in the subagent"}]]'
    yield call(
        "Agent", description="look", prompt=inner, subagent_type="general-purpose", run_in_background=False
    )
    yield call("llm_query", prompt="what is a mutex?")
    yield call("llm_classify", prompt="what is a mutex?")
    yield call("llm_query", prompt=7)
    yield "/greet the world"
    yield "[[fault status status=403]]"


def claude_interactive(scene: Scene, environ: dict[str, str]) -> None:
    command = (str(scene.bin / "claude"), "--permission-mode", "default")
    with Terminal(command, environ, scene.project, scene.raw.parent / "tmux") as terminal:
        terminal.wait(lambda screen: "❯" in screen or "> " in screen, "the prompt")
        terminal.type("hello there [[say first-answer]]")
        terminal.wait(lambda screen: "● first-answer" in screen, "the answer")
        terminal.type(call("Bash", command="touch /tmp/none", description="x"))
        terminal.wait(lambda screen: "Do you want to proceed" in screen, "the permission prompt")
        terminal.keys("Escape")
        terminal.wait(lambda screen: "Do you want to proceed" not in screen, "the prompt to go")
        terminal.type("/compact")
        terminal.wait(lambda _: recorded(scene, "PostCompact"), "the end of compaction")
        terminal.type("/clear")
        terminal.wait(lambda _: recorded(scene, "SessionEnd", '"clear"'), "the cleared session")
        terminal.type("/exit")
        terminal.wait(lambda _: recorded(scene, "SessionEnd", '"prompt_input_exit"'), "the end")


def claude_plugin(scene: Scene, environ: dict[str, str]) -> None:
    scene.write("plugin/.claude-plugin/plugin.json", {"name": "llm-router"})
    scene.write("plugin/.mcp.json", {"mcpServers": {"llm-router": scene.server}})
    (scene.home / ".claude.json").unlink()  # its server would hide the plugin's
    question = call("llm_query", prompt="what is a mutex?")
    tools = (
        "--plugin-dir",
        str(scene.home / "plugin"),
        "--allowedTools",
        "mcp__plugin_llm-router_llm-router",
    )
    scene.run("claude", "-p", question, *tools, **environ)


def recorded(scene: Scene, event: str, having: str = "") -> bool:
    return any(having in file.read_text() for file in scene.raw.glob(f"*-{event}-*.json"))


# ── Codex ────────────────────────────────────────────────────────────────────


def codex(scene: Scene) -> None:
    scene.write(".codex/hooks.json", {"hooks": {event: scene.hook(event) for event in CODEX_EVENTS.split()}})
    inline = ", ".join(f"{k} = {json.dumps(v)}" for k, v in scene.server["env"].items())
    scene.write(
        ".codex/config.toml",
        f"""
model = "some-model"
model_provider = "box"
[model_providers.box]
name = "box"
base_url = "{scene.box.url}/host/v1"
env_key = "BOX_KEY"
wire_api = "responses"
[mcp_servers.llm-router]
command = {json.dumps(scene.server["command"])}
args = {json.dumps(scene.server["args"])}
env = {{ {inline} }}
required = true
""",
    )
    patch = "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: new.txt\n+new\n*** End Patch\nEOF"
    for prompt in (
        "what is a mutex?",
        call("exec_command", cmd="true"),
        call("exec_command", cmd="exit 3"),
        call("exec_command", cmd=patch),
        call("llm_query", prompt="what is a mutex?"),
        call("llm_query", prompt=7),
        call("spawn_agent", message="please " + call("exec_command", cmd="true"), agent_type="default")
        + call("exec_command", cmd="sleep 2"),
    ):
        out = scene.run(
            "codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-hook-trust", "-s", "workspace-write", prompt,
            BOX_KEY="sk-fake",
        )  # fmt: skip
        print(out, file=sys.stderr)


# ── Gemini CLI ───────────────────────────────────────────────────────────────


def gemini(scene: Scene) -> None:
    scene.write(
        ".gemini/settings.json",
        {
            "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
            "mcpServers": {"llm-router": {**scene.server, "trust": True}},
            "hooks": {event: scene.hook(event) for event in GEMINI_EVENTS.split()},
            "telemetry": {"enabled": False},
            "privacy": {"usageStatisticsEnabled": False},
        },
    )
    for prompt in gemini_prompts(scene):
        out = scene.run(
            "gemini", "-m", "some-model", "--approval-mode", "yolo", "-p", prompt,
            GEMINI_API_KEY="fake", GOOGLE_GEMINI_BASE_URL=f"{scene.box.url}/host",
        )  # fmt: skip
        print(out, file=sys.stderr)


def gemini_prompts(scene: Scene) -> Iterable[str]:
    notes = str(scene.project / "notes.txt")
    yield from (
        "what is a mutex?",
        call("run_shell_command", command="true", description="Do nothing"),
        call("run_shell_command", command="exit 3", description="Fail"),
        call("read_file", file_path=notes),
        call("replace", file_path=notes, instruction="x", old_string="two", new_string="three"),
        call("write_file", file_path=str(scene.project / "new.txt"), content="new\n"),
        call("web_fetch", prompt=f"read {scene.box.url}/x"),
        call("google_web_search", query="mutex"),
        call("llm_query", prompt="what is a mutex?"),
    )
    told = json.dumps(
        {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": "be brief"}}
    )
    settings = json.loads((scene.home / ".gemini/settings.json").read_text())
    settings["hooks"]["SessionStart"][0]["hooks"][0]["command"] += f"; echo '{told}'"
    scene.write(".gemini/settings.json", settings)
    yield "what is a mutex?"
    scene.box.fault("openai", Fault("status", status=401))
    yield call("llm_query", prompt="what is a semaphore?")


# ── what is kept ─────────────────────────────────────────────────────────────


def keep(scene: Scene, folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    plain = {
        str(scene.home): "/home/user",
        re.sub(r"[^A-Za-z0-9]", "-", str(scene.home)): "-home-user",
        str(scene.raw.parent): "/home",
        str(scene.bin.parent.parent): "/usr/lib",
        scene.server["command"]: "/usr/bin/python3",
        scene.box.url: "http://127.0.0.1:8080",
    }
    scrub, names = scrubber(plain), []
    for file in sorted(scene.raw.glob("*.json")):
        payload = json.loads(file.read_text() or "null")
        event = file.name.split("-")[1]
        name = "-".join(part for part in (event, variant(payload)) if part)
        if name not in names:
            names.append(name)
            (folder / f"{name}.json").write_text(
                scrub(json.dumps(payload, indent=2, ensure_ascii=False)) + "\n"
            )
    return names


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clients", type=Path, help="the npm prefix the clients are installed in")
    parser.add_argument("hosts", nargs="*", default=["claude", "codex", "gemini"])
    parser.add_argument("--out", type=Path, default=PAYLOADS)
    arguments = parser.parse_args()
    scenes: dict[str, Callable[[Scene], None]] = {"claude": claude, "codex": codex, "gemini": gemini}
    for host in arguments.hosts:
        with tempfile.TemporaryDirectory(prefix="hooks-") as folder, Sandbox() as box:
            scene = Scene(Path(folder), arguments.clients, box)
            scenes[host](scene)
            print(host, *keep(scene, arguments.out / host), sep="\n  ")


if __name__ == "__main__":
    main()
