"""The hosts by name."""

from __future__ import annotations

from collections.abc import Sequence

from llm_router.errors import NotFoundError
from llm_router.hosts import (
    claude,
    claude_desktop,
    codex,
    cursor,
    gemini_cli,
    opencode,
    vscode,
    windsurf,
    zed,
)
from llm_router.hosts.host import Host

_MODULES = (claude, codex, gemini_cli, vscode, cursor, windsurf, opencode, zed, claude_desktop)
HOSTS: dict[str, Host] = {module.HOST.name: module.HOST for module in _MODULES}
ALIASES = {
    "claude-code": "claude",
    "codex-cli": "codex",
    "gemini": "gemini-cli",
    "code": "vscode",
    "vs-code": "vscode",
}


def named(names: Sequence[str]) -> list[Host]:
    """Raises NotFoundError with the names that there are."""
    found: dict[str, Host] = {}
    for name in names:
        host = HOSTS.get(ALIASES.get(name.lower(), name.lower()))
        if host is None:
            raise NotFoundError(f"no such host: {name}", fix=f"known: {', '.join(HOSTS)}")
        found[host.name] = host
    return list(found.values())
