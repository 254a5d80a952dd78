"""The three hosts that have hooks, each with ours and our MCP server set up, their model played by the sandbox.

The model is scripted through the project's instruction file (CLAUDE.md and its like), so that the prompt stays the one
sentence the hooks are to judge.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

from llm_router.hosts import events, launcher

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "What is a mutex?"
HINT = "MANDATORY ROUTE ─"
CLAUDE_EVENTS = (
    "SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "SubagentStart",
    "SubagentStop", "Stop", "SessionEnd",
)  # fmt: skip
CODEX_EVENTS = tuple(event for event in CLAUDE_EVENTS if event != "PostToolUseFailure")
GEMINI_EVENTS = ("SessionStart", "BeforeAgent", "BeforeTool", "AfterTool", "AfterAgent", "SessionEnd")


def copied_hooks(folder):
    """The hooks with the classifier beside them, as in a wheel, to be broken at will."""
    unwanted = shutil.ignore_patterns("__pycache__")
    hooks = Path(shutil.copytree(ROOT / "hooks", folder / "my package" / "_hooks", ignore=unwanted))
    shutil.copytree(ROOT / "llm_router" / "classify", hooks.parent / "classify", ignore=unwanted)
    return hooks


def call(tool, **arguments):
    return f"[[call {tool} {json.dumps(arguments)}]]"


def plain(content):
    """The text of a message, whether it came as a string or as blocks."""
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text") or block.get("content") or block) for block in content)


class Host:
    """One client in a project of its own. `ask` runs one headless turn; the records of the sandbox tell the rest."""

    name = ""
    events = ()
    instructions = ""

    def __init__(self, box, home, run, server, executable, hooks=None):
        self.box, self.home, self.start, self.server, self.find = box, home, run, server, executable
        self.hooks, self.interpreter = hooks, sys.executable
        self.project = home / "project"
        self.project.mkdir(exist_ok=True)
        self.state = home / ".llm-router"

    @contextmanager
    def installed(self):
        """The launcher as it is where these hooks and this interpreter are."""
        hooks = self.hooks or launcher.hooks_folder()
        with (
            patch.object(launcher, "hooks_folder", lambda: hooks),
            patch.object(sys, "executable", self.interpreter),
        ):
            yield launcher

    def arguments(self, event):
        with self.installed() as installed:
            return installed.arguments(self.name, event)

    def line(self, event):
        with self.installed() as installed:
            return installed.command_line(self.name, event)

    def script(self, *steps):
        """What the model does in its next turns: calls, those of one step at once."""
        (self.project / self.instructions).write_text(" [[then]] ".join(steps))

    def write(self, path, value):
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return file

    @property
    def ran(self):
        return (self.project / "ran").exists()

    @property
    def requests(self):
        return self.box.answers("host")

    def violations(self):
        log = self.state / "enforcement.log"
        return log.read_text().splitlines() if log.exists() else []

    def health(self):
        """What went wrong inside a hook: nothing, if all is well."""
        found = (self.state / "hooks").glob("health*") if (self.state / "hooks").is_dir() else ()
        return "\n".join(file.read_text() for file in found)

    def events_seen(self):
        """What the hooks reported, in the ledger, where the MCP server has carried some of it already."""
        events.drain(self.state)
        with closing(sqlite3.connect(self.state / "router.db")) as ledger:
            rows = ledger.execute("SELECT kind, facts FROM hook_events ORDER BY at").fetchall()
        return [{"kind": kind, **json.loads(facts)} for kind, facts in rows]

    def verdicts(self):
        """What became of the routed answers, as the savings report counts them."""
        self.events_seen()
        with closing(sqlite3.connect(self.state / "router.db")) as ledger:
            return [verdict for (verdict,) in ledger.execute("SELECT verdict FROM uses ORDER BY at")]


class Claude(Host):
    name, events, instructions = "claude", CLAUDE_EVENTS, "CLAUDE.md"
    shell, shell_argument = "Bash", "command"

    def set_up(self, *, hooked=True):
        hooks = {}
        for event in self.events if hooked else ():
            command, *arguments = self.arguments(event)
            hooks[event] = [
                {"hooks": [{"type": "command", "command": command, "args": arguments, "timeout": 10}]}
            ]
        allowed = ["Bash", "Read", "Edit", "Write", "Agent", "mcp__llm-router"]
        self.write(".claude/settings.json", {"hooks": hooks, "permissions": {"allow": allowed}})
        command, arguments, environ = self.server
        self.config = self.write(
            "mcp.json",
            {"mcpServers": {"llm-router": {"command": command, "args": arguments, "env": environ}}},
        )

    def environ(self, **more):
        return {
            "ANTHROPIC_API_KEY": "sk-ant-fake",
            "ANTHROPIC_BASE_URL": f"{self.box.url}/host",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            **more,
        }

    def ask(self, prompt, *options, **environ):
        return self.start(
            self.find("claude"), "-p", prompt, "--mcp-config", str(self.config), *options,
            cwd=self.project, **self.environ(**environ),
        )  # fmt: skip

    def told(self, request):
        """(role, text) of each message."""
        return [(m["role"], plain(m["content"])) for m in request.body["messages"]]

    def system(self, request):
        return json.dumps(request.body["system"], ensure_ascii=False)


class Codex(Host):
    name, events, instructions = "codex", CODEX_EVENTS, "AGENTS.md"
    shell, shell_argument = "exec_command", "cmd"

    def set_up(self, *, hooked=True):
        command, arguments, environ = self.server
        hooks = {
            event: [{"hooks": [{"type": "command", "command": self.line(event), "timeout": 10}]}]
            for event in (self.events if hooked else ())
        }
        self.write(".codex/hooks.json", {"hooks": hooks})
        inline = ", ".join(f"{name} = {json.dumps(value)}" for name, value in environ.items())
        self.write(
            ".codex/config.toml",
            f"""
model = "some-model"
model_provider = "box"
[model_providers.box]
name = "box"
base_url = "{self.box.url}/host/v1"
env_key = "BOX_KEY"
wire_api = "responses"
[mcp_servers.llm-router]
command = {json.dumps(command)}
args = {json.dumps(arguments)}
env = {{ {inline} }}
required = true
""",
        )

    def ask(self, prompt, *options, **environ):
        return self.start(
            self.find("codex"), "exec", "--skip-git-repo-check", "--dangerously-bypass-hook-trust",
            "-s", "danger-full-access", *options, prompt,
            cwd=self.project, BOX_KEY="sk-fake", **environ,
        )  # fmt: skip

    def told(self, request):
        items = (item for item in request.body["input"] if item["type"] == "message")
        return [(item["role"], plain(item["content"])) for item in items]

    def system(self, request):
        return str(request.body.get("instructions"))


class Gemini(Host):
    name, events, instructions = "gemini-cli", GEMINI_EVENTS, "GEMINI.md"
    shell, shell_argument = "run_shell_command", "command"

    def set_up(self, *, hooked=True):
        command, arguments, environ = self.server
        hooks = {
            event: [{"hooks": [{"type": "command", "command": self.line(event), "timeout": 10_000}]}]
            for event in (self.events if hooked else ())
        }
        self.write(
            ".gemini/settings.json",
            {
                "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
                "mcpServers": {
                    "llm-router": {"command": command, "args": arguments, "env": environ, "trust": True}
                },
                "hooks": hooks,
                "telemetry": {"enabled": False},
                "privacy": {"usageStatisticsEnabled": False},
            },
        )

    def ask(self, prompt, *options, **environ):
        return self.start(
            self.find("gemini"), "-m", "some-model", "--approval-mode", "yolo", *options, "-p", prompt,
            cwd=self.project, GEMINI_API_KEY="fake", GOOGLE_GEMINI_BASE_URL=f"{self.box.url}/host", **environ,
        )  # fmt: skip

    def told(self, request):
        return [(m["role"], plain(m["parts"])) for m in request.body["contents"]]

    def system(self, request):
        return json.dumps(request.body.get("systemInstruction"), ensure_ascii=False)


HOSTS = {kind.name: kind for kind in (Claude, Codex, Gemini)}
