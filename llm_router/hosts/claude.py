"""Claude Code: servers in `.claude.json` or a project's `.mcp.json`, the rest in settings.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_router.errors import ConfigError
from llm_router.hosts import hook_groups, jsonc
from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import NAME, Allowed, Hooks, Server, StatusLine, as_object


def _folders(machine: Machine) -> Sequence[Path]:
    return (machine.folder("CLAUDE_CONFIG_DIR", ".claude"),)


def _files(setup: Setup) -> Sequence[File]:
    """A project's `.mcp.json` is shared with others; hooks name this machine's interpreter and are not."""
    machine = setup.machine
    server = Server(("mcpServers",), {"type": "stdio", **setup.entry()})
    behaviour = [Allowed(), Hooks(hook_groups.claude()), StatusLine(hook_groups.claude_status_line())]
    if setup.scope == "project":
        return (
            File(machine.project / ".mcp.json", [server]),
            File(machine.project / ".claude" / "settings.local.json", behaviour),
        )
    servers = machine.folder("CLAUDE_CONFIG_DIR", ".") / ".claude.json"
    return (
        File(servers, [server], host_lock=True),
        File(_folders(machine)[0] / "settings.json", behaviour),
    )


def _after(setup: Setup) -> Sequence[str]:
    if setup.scope == "project":
        return ("Claude Code asks for approval of .mcp.json when it is next started here",)
    return ("start a new session of Claude Code; `claude mcp list` must say Connected",)


def _plugin(machine: Machine) -> str:
    """Our plugin brings the same server and hooks; both together would hint twice."""
    try:
        root = jsonc.parse(
            (_folders(machine)[0] / "settings.json").read_text(encoding="utf-8"), "settings.json"
        )
    except (OSError, ValueError, ConfigError):
        return ""
    found = jsonc.find(root, ("enabledPlugins",))
    enabled = as_object(found.value if found else None)
    name = next((key for key, on in enabled.items() if on and key.partition("@")[0] == NAME), "")
    return f"its plugin {name}, which brings the server and the hooks itself" if name else ""


HOST = Host(
    name="claude",
    title="Claude Code",
    executables=("claude",),
    folders=_folders,
    files=_files,
    after=_after,
    brought=_plugin,
    comments=False,
)
