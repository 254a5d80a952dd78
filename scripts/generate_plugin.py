"""Write what the plugin hosts read of this repository, from one table: versions, hooks, the MCP server.

python scripts/generate_plugin.py            write the files
python scripts/generate_plugin.py --check    say which are out of date, exit 1 if any is

.claude-plugin/*.json, hooks/hooks.json, .mcp.json               Claude Code; Codex reads the marketplace too
.codex-plugin/plugin.json, extensions/codex/*.json               Codex
extensions/gemini/gemini-extension.json, .../hooks/hooks.json    Gemini CLI; pack it with scripts/pack_extension.py
server.json                                                      the MCP registry
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llm_router.hosts import hook_groups, variables  # noqa: E402 - found by the line above

NAME = "llm-router"
REGISTRY_NAME = "io.github.llm-router/llm-router"
ABOUT = "Sends every prompt to the cheapest model that can do it well: free first, with budgets and an honest ledger."
SHORT = "Routes each prompt to the cheapest capable model: local first, failover, budgets, honest ledger."
SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
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
# The interpreter of the last session, which SessionStart noted: the one on PATH may be a slow wrapper.
NOTED = "${LLM_ROUTER_HOME:-$HOME/.llm-router}/hooks/python"
PYTHONS = "python3 python3.14 python3.13 python3.12 python3.11"

Json = dict[str, Any]


def version() -> str:
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "llm_router" / "__init__.py").read_text())
    if found is None:
        raise SystemExit("llm_router/__init__.py names no version")
    return found[1]


def command(hooks: str, host: str, event: str) -> str:
    """The line of a POSIX shell that runs one hook; `hooks` is the folder, as the host expands it."""
    return (
        f'p=; {{ read -r p <"{NOTED}"; }} 2>/dev/null; for p in "${{p:-python3}}" {PYTHONS}; do'
        f' "$p" -S -E -I -c \'{CODE}\' "{hooks}" {host} {event} 2>/dev/null && exit 0; done; exit 0'
    )


def hooks_of(host: str, hooks: str) -> Json:
    events = hook_groups.EVENTS[host]
    table = {event: [hook_groups.group(host, event, command=command(hooks, host, event))] for event in events}
    return {"hooks": table}


def manifest() -> Json:
    return {
        "name": NAME,
        "version": version(),
        "description": ABOUT,
        "author": {"name": NAME},
        "license": "MIT",
        "keywords": KEYWORDS,
    }


def claude_files() -> dict[str, Json]:
    offer = {"name": NAME, "source": "./", "description": ABOUT, "category": "productivity", "tags": KEYWORDS}
    return {
        ".claude-plugin/plugin.json": manifest(),
        ".claude-plugin/marketplace.json": {
            "name": NAME,
            "description": "The marketplace of llm-router itself.",
            "owner": {"name": NAME},
            "plugins": [offer],
        },
        "hooks/hooks.json": hooks_of("claude", "${CLAUDE_PLUGIN_ROOT}/hooks"),
        ".mcp.json": {"mcpServers": {NAME: {"command": "sh", "args": ["-c", SERVE]}}},
    }


def codex_files() -> dict[str, Json]:
    """Codex starts a server in the plugin's folder, with the variables that are named and no others."""
    server = {
        "command": "sh",
        "args": ["./extensions/mcp.sh"],
        "cwd": ".",
        "env_vars": variables.everything(),
        "startup_timeout_sec": 60,
        "tool_timeout_sec": 600,
    }
    parts = {
        "skills": "./skills",
        "mcpServers": "./extensions/codex/mcp.json",
        "hooks": "./extensions/codex/hooks.json",
    }
    return {
        ".codex-plugin/plugin.json": manifest() | parts,
        "extensions/codex/mcp.json": {"mcpServers": {NAME: server}},
        "extensions/codex/hooks.json": hooks_of("codex", "${PLUGIN_ROOT}/hooks"),
    }


def gemini_files() -> dict[str, Json]:
    """Gemini CLI withholds keys from a server unless its `env` names them; an unset one becomes empty, as if unset."""
    server = {
        "command": "sh",
        "args": ["${extensionPath}${/}mcp.sh"],
        "env": {name: f"${{{name}:-}}" for name in variables.credentials()},
    }
    extension = {
        "name": NAME,
        "version": version(),
        "description": ABOUT,
        "mcpServers": {NAME: server},
        "contextFileName": "GEMINI.md",
    }
    return {
        "extensions/gemini/gemini-extension.json": extension,
        "extensions/gemini/hooks/hooks.json": hooks_of("gemini-cli", "${extensionPath}/hooks"),
    }


def registry_files() -> dict[str, Json]:
    secrets = [
        {"name": n, "description": d, "isSecret": True, "isRequired": False} for n, d in SECRETS.items()
    ]
    package = {
        "registryType": "pypi",
        "identifier": NAME,
        "version": version(),
        "runtimeHint": "uvx",
        "transport": {"type": "stdio"},
        "packageArguments": [{"type": "positional", "value": "mcp"}],
        "environmentVariables": secrets,
    }
    server = {
        "$schema": SCHEMA,
        "name": REGISTRY_NAME,
        "title": NAME,
        "description": SHORT,
        "version": version(),
        "packages": [package],
    }
    return {"server.json": server}


def main() -> int:
    files = claude_files() | codex_files() | gemini_files() | registry_files()
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
