"""Gemini CLI: servers and hooks in settings.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_router.hosts import brought, hook_groups, variables
from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import Hooks, Server


def _folders(machine: Machine) -> Sequence[Path]:
    return (machine.folder("GEMINI_CLI_HOME", ".") / ".gemini",)


def _files(setup: Setup) -> Sequence[File]:
    """Every variable that looks like a secret is withheld from servers, so each is passed on by name: the value stays
    in the environment. Without `trust`, tools that would ask are removed where nobody can be asked.
    """
    folder = setup.machine.project / ".gemini" if setup.scope == "project" else _folders(setup.machine)[0]
    passed = {name: f"${{{name}:-}}" for name in variables.credentials()}
    entry = setup.entry(env=setup.environ | passed, trust=True)
    pieces = [Server(("mcpServers",), entry), Hooks(hook_groups.gemini_cli())]
    return (File(folder / "settings.json", pieces),)


def _after(setup: Setup) -> Sequence[str]:
    if setup.scope == "project":
        return ("its settings.json now holds paths of this machine: do not commit it",)
    return ("Gemini CLI starts servers only in folders you trust",)


HOST = Host(
    name="gemini-cli",
    title="Gemini CLI",
    executables=("gemini",),
    folders=_folders,
    files=_files,
    after=_after,
    brought=lambda machine: brought.gemini_cli(_folders(machine)[0]),
)
