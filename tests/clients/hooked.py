"""The three hosts that have hooks, each with ours and our MCP server set up, their model played by the sandbox.

The model is scripted through the project's instruction file (CLAUDE.md and its like), so that the prompt stays the one
sentence the hooks are to judge.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

from llm_router import db
from llm_router.hosts import events, hook_groups, launcher
from llm_router.record import queries

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "What is a mutex?"
HINT = "MANDATORY ROUTE ─"
GEMINI_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
    "telemetry": {"enabled": False},
    "privacy": {"usageStatisticsEnabled": False},
}


def copied_hooks(folder):
    """The hooks with the classifier beside them, as in a wheel, to be broken at will."""
    unwanted = shutil.ignore_patterns("__pycache__")
    hooks = Path(shutil.copytree(ROOT / "hooks", folder / "my package" / "_hooks", ignore=unwanted))
    shutil.copytree(ROOT / "llm_router" / "classify", hooks.parent / "classify", ignore=unwanted)
    return hooks


def call(tool, **arguments):
    """A call inside the arguments of another is made by whoever is given them, and not by the reader of the whole."""
    inside = json.dumps(arguments).replace("[[", "\\u005b[")
    return f"[[call {tool} {inside}]]"


def plain(content):
    """The text of a message, whether it came as a string or as blocks."""
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text") or block.get("content") or block) for block in content)


class Host:
    """One client in a project of its own. `ask` runs one headless turn; the records of the sandbox tell the rest."""

    name = ""
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
            yield

    def entries(self):
        """The `hooks` of the host's settings as the installers write them."""
        table = {
            "claude": hook_groups.claude,
            "codex": hook_groups.codex,
            "gemini-cli": hook_groups.gemini_cli,
        }
        with self.installed():
            return {event: [group] for event, group in table[self.name]().items()}

    def script(self, *steps):
        """What the model does in its next turns: calls, those of one step at once."""
        (self.project / self.instructions).write_text(" [[then]] ".join(steps))

    def write(self, path, value):
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return file

    def keys(self):
        """The user's environment: what reaches our server, wherever the host lets it."""
        return {
            "OPENAI_API_KEY": "sk-fake",
            "OPENAI_BASE_URL": self.box.base_url("openai"),
            "OLLAMA_BASE_URL": "http://127.0.0.1:1",
        }

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

    def savings(self):
        self.events_seen()
        with closing(db.connect(self.state / "router.db")) as ledger:
            return queries.savings(ledger, 0, time.time())


class Claude(Host):
    name, instructions = "claude", "CLAUDE.md"
    shell, shell_argument = "Bash", "command"

    def set_up(self, *, hooked=True):
        hooks = self.entries() if hooked else {}
        allowed = ["Bash", "Read", "Edit", "Write", "Agent", "mcp__llm-router"]
        with self.installed():
            line = hook_groups.claude_status_line()
        settings = {"hooks": hooks, "permissions": {"allow": allowed}}
        self.write(".claude/settings.json", {**settings, "statusLine": line} if hooked else settings)
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
            "MCP_CONNECTION_NONBLOCKING": "0",  # else a server that is slow to start is missing in the first turn
            **more,
        }

    def own_settings(self):
        """Settings of a user who never heard of us."""
        self.write(
            ".claude/settings.json", '{\n    "permissions": {"allow": ["Bash"]},\n    "model": "opus"}\n'
        )
        self.write(".claude.json", '{"hasCompletedOnboarding":true, "numStartups": 3}')

    def ask(self, prompt, *options, **environ):
        return self.ask_plainly(prompt, "--mcp-config", str(self.config), *options, **environ)

    def ask_plainly(self, prompt, *options, **environ):
        """With nothing but what the settings say."""
        return self.start(
            self.find("claude"), "-p", prompt, *options, cwd=self.project, **self.environ(**environ)
        )

    def told(self, request):
        """(role, text) of each message."""
        return [(m["role"], plain(m["content"])) for m in request.body["messages"]]

    def system(self, request):
        return json.dumps(request.body["system"], ensure_ascii=False)


class Codex(Host):
    name, instructions = "codex", "AGENTS.md"
    shell, shell_argument = "exec_command", "cmd"

    def set_up(self, *, hooked=True):
        command, arguments, environ = self.server
        hooks = self.entries() if hooked else {}
        self.write(".codex/hooks.json", {"hooks": hooks})
        inline = ", ".join(f"{name} = {json.dumps(value)}" for name, value in environ.items())
        self.write(
            ".codex/config.toml",
            self.model()
            + f"""
[mcp_servers.llm-router]
command = {json.dumps(command)}
args = {json.dumps(arguments)}
env = {{ {inline} }}
required = true
""",
        )

    def model(self):
        return f"""
model = "some-model"
model_provider = "box" # ours
[model_providers.box]
name = "box"
base_url = "{self.box.url}/host/v1"
env_key = "BOX_KEY"
wire_api = "responses"
"""

    def own_settings(self):
        self.write(".codex/config.toml", self.model())

    ask_plainly = property(lambda self: self.ask)

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
    name, instructions = "gemini-cli", "GEMINI.md"
    shell, shell_argument = "run_shell_command", "command"

    def set_up(self, *, hooked=True):
        command, arguments, environ = self.server
        hooks = self.entries() if hooked else {}
        ours = {"command": command, "args": arguments, "env": environ, "trust": True}
        settings = {**GEMINI_SETTINGS, "mcpServers": {"llm-router": ours}, "hooks": hooks}
        self.write(".gemini/settings.json", settings)

    def own_settings(self):
        self.write(".gemini/settings.json", "// mine\n" + json.dumps(GEMINI_SETTINGS, indent=3) + "\n")

    ask_plainly = property(lambda self: self.ask)

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
