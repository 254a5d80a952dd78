"""Codex CLI: servers in config.toml, hooks in hooks.json beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llm_router.hosts import brought, hook_groups, variables
from llm_router.hosts.host import File, Host, Machine, Setup
from llm_router.hosts.pieces import Hooks, TomlServer

_START_S = 30  # a cold uvx fetches the package first
_CALL_S = 600  # Codex' own limit of 300 s is also that of one routed call


def _folders(machine: Machine) -> Sequence[Path]:
    return (machine.folder("CODEX_HOME", ".codex"),)


def _files(setup: Setup) -> Sequence[File]:
    """A server gets only the variables that are named. `required` is left out: with it, a server that does not start
    keeps Codex itself from starting.
    """
    folder = setup.machine.project / ".codex" if setup.scope == "project" else _folders(setup.machine)[0]
    entry = setup.entry(
        env_vars=variables.everything(), startup_timeout_sec=_START_S, tool_timeout_sec=_CALL_S
    )
    return (
        File(folder / "config.toml", [TomlServer(("mcp_servers",), entry)]),
        File(folder / "hooks.json", [Hooks(hook_groups.codex())]),
    )


def _after(setup: Setup) -> Sequence[str]:
    return (
        ("Codex reads a project's settings only if the project is trusted",)
        if setup.scope == "project"
        else ()
    )


HOST = Host(
    name="codex",
    title="Codex CLI",
    executables=("codex",),
    folders=_folders,
    files=_files,
    after=_after,
    after_hooks="Codex runs hooks only once you trust them: start `codex` and look through /hooks",
    brought=lambda machine: brought.codex(_folders(machine)[0]),
)
