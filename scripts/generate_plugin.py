"""Write what the plugin hosts read of this repository, from one table: versions, hooks, the MCP server.

    python3 scripts/generate_plugin.py            write the files
    python3 scripts/generate_plugin.py --check    say which are out of date, exit 1 if any is

Standard library only. The files: .claude-plugin/*.json, hooks/hooks.json, .mcp.json (Claude Code, and Codex, which
reads the same ones), .codex-plugin/plugin.json and hooks/codex.json (Codex), extensions/gemini/** and server.json
(the MCP registry).
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NAME = "llm-router"
REGISTRY_NAME = "io.github.llm-router/llm-router"
ABOUT = "Sends every prompt to the cheapest model that can do it well: free first, with budgets and an honest ledger."
KEYWORDS = ["cost", "routing", "mcp", "hooks", "ollama"]
SECRETS = {
    "OPENAI_API_KEY": "Makes OpenAI's models available",
    "ANTHROPIC_API_KEY": "Makes Anthropic's models available",
    "GEMINI_API_KEY": "Makes Google's Gemini models available",
}

# Nothing here can block a prompt: a missing interpreter, an old one, a missing or broken script all end in exit 0.
# Inline, because a shell that cannot open a script file may exit 2, which Claude Code takes for "block".
CODE = """import sys
if sys.version_info<(3,11):sys.exit(1)
try:
 sys.path.insert(0,sys.argv[1]);import llm_router_hook as h;h.main(*sys.argv[2:])
except BaseException:pass"""
# Without braces, so that the variable is the shell's: opened as a project, this folder is no plugin and has none.
SERVE = (
    '[ -n "$CLAUDE_PLUGIN_ROOT" ] || CLAUDE_PLUGIN_ROOT=.; exec sh "$CLAUDE_PLUGIN_ROOT/extensions/mcp.sh"'
)
PYTHONS = "python3 python3.14 python3.13 python3.12 python3.11"

# event -> time-out in seconds; nothing of ours takes one
CLAUDE_EVENTS = {
    "SessionStart": 10,
    "UserPromptSubmit": 5,
    "PreToolUse": 5,
    "PostToolUse": 5,
    "SubagentStart": 5,
    "SubagentStop": 5,
    "Stop": 5,
    "SessionEnd": 10,
}
CODEX_EVENTS = {name: limit for name, limit in CLAUDE_EVENTS.items() if name != "SessionEnd"}
GEMINI_EVENTS = {
    "SessionStart": 10,
    "BeforeAgent": 5,
    "BeforeTool": 5,
    "AfterTool": 5,
    "AfterAgent": 5,
    "SessionEnd": 10,
}

Json = dict[str, Any]


def version() -> str:
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "llm_router" / "__init__.py").read_text())
    if found is None:
        raise SystemExit("llm_router/__init__.py names no version")
    return found[1]


def command(hooks: str, host: str, event: str) -> str:
    """The line of a POSIX shell that runs one hook; `hooks` is the folder, as the host expands it."""
    return f'for p in {PYTHONS}; do "$p" -S -E -I -c \'{CODE}\' "{hooks}" {host} {event} 2>/dev/null && exit 0; done; exit 0'


def hooks_of(host: str, hooks: str, events: dict[str, int], *, unit: int = 1) -> Json:
    """`unit` 1000 where a host counts milliseconds. SessionEnd is asynchronous where that exists: nobody waits for it."""
    table: Json = {}
    for event, limit in events.items():
        entry: Json = {
            "type": "command",
            "command": command(hooks, host, event),
            "timeout": limit * unit,
        }
        if host == "claude" and event == "SessionEnd":
            entry["async"] = True
        if host == "gemini":
            entry["name"] = f"{NAME}-{event}"
        table[event] = [{"hooks": [entry]}]
    return {"hooks": table}


def claude_files() -> dict[str, Json]:
    plugin = {
        "name": NAME,
        "version": version(),
        "description": ABOUT,
        "author": {"name": NAME},
        "license": "MIT",
        "keywords": KEYWORDS,
    }
    market = {
        "name": NAME,
        "description": "The marketplace of llm-router itself.",
        "owner": {"name": NAME},
        "plugins": [
            {"name": NAME, "source": "./", "description": ABOUT, "category": "productivity", "tags": KEYWORDS}
        ],
    }
    return {
        ".claude-plugin/plugin.json": plugin,
        ".claude-plugin/marketplace.json": market,
        "hooks/hooks.json": hooks_of("claude", "${CLAUDE_PLUGIN_ROOT}/hooks", CLAUDE_EVENTS),
        ".mcp.json": {"mcpServers": {NAME: {"command": "sh", "args": ["-c", SERVE]}}},
    }


def main() -> int:
    files = claude_files()
    stale = [name for name, body in files.items() if not _is(ROOT / name, body)]
    if "--check" in sys.argv[1:]:
        print("\n".join(f"out of date: {name}" for name in stale) or "up to date")
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text(files[name]), encoding="utf-8")
        print(f"written: {name}")
    return 0


def text(body: Json) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _is(path: Path, body: Json) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text(body)


if __name__ == "__main__":
    sys.exit(main())
