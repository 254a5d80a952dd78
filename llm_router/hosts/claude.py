"""Claude Code: servers in `.claude.json` or a project's `.mcp.json`, the rest in settings.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_router.hosts import brought, hook_groups
from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import Allowed, Hooks, Server, StatusLine


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


HOST = Host(
    name="claude",
    title="Claude Code",
    executables=("claude",),
    folders=_folders,
    files=_files,
    after=_after,
    brought=lambda machine: brought.claude(_folders(machine)[0]),
    comments=False,
)
