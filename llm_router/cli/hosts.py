"""`install`, `uninstall` and `status`: the router inside other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from llm_router import paths
from llm_router.cli import output, tell
from llm_router.cli.options import json_option
from llm_router.cli.render import table
from llm_router.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from llm_router.hosts.changes import Change
    from llm_router.hosts.host import Host, Machine, Scope
    from llm_router.hosts.install import Outcome, Standing
    from llm_router.hosts.pieces import Kind

Command = TypeVar("Command", bound=Callable[..., Any])
_MISSING_HOST = "claude, codex, gemini-cli, vscode, cursor, windsurf, opencode, zed or claude-desktop"


def _options(command: Command) -> Command:
    for decorate in reversed(
        [
            click.option("--host", "hosts", multiple=True, metavar="NAME", help=f"{_MISSING_HOST}; repeatable."),
            click.option(
                "--scope", type=click.Choice(["user", "project"]), default="user", show_default=True,
                help="Your settings, or those of the folder you are in.",
            ),
            click.option("--dry-run", is_flag=True, help="Show what would change and write nothing."),
            click.option("--no-mcp", is_flag=True, help="Leave the MCP server and its permission alone."),
            click.option("--no-hooks", is_flag=True, help="Leave the hooks and the status line alone."),
            json_option,
        ]
    ):  # fmt: skip
        command = decorate(command)
    return command


@click.command()
@_options
def install(
    hosts: tuple[str, ...], scope: Scope, dry_run: bool, no_mcp: bool, no_hooks: bool, as_json: bool
) -> int:
    """Put the router into Claude Code, Codex, Gemini CLI and editors.

    Into those found on this machine, or those you name. Only our own entries are added; every other byte of a settings file stays, and a backup is kept. Twice is as once.
    """
    from llm_router.hosts.install import detected, install

    machine = _machine()
    chosen = _named(hosts) or detected(machine, scope)
    if not chosen:
        raise NotFoundError("no host was found on this machine", fix=f"name one: --host {_MISSING_HOST}")
    done = install(
        chosen, machine, paths.home(), scope=scope, kinds=_kinds(no_mcp, no_hooks), dry_run=dry_run
    )
    if not dry_run and any(change.what != "unchanged" for each in done for change in each.changes):
        tell.hooks()
    return _report(done, scope, dry_run=dry_run, as_json=as_json)


@click.command()
@_options
def uninstall(
    hosts: tuple[str, ...], scope: Scope, dry_run: bool, no_mcp: bool, no_hooks: bool, as_json: bool
) -> int:
    """Take the router out of them; their settings become what they were.

    Out of all, or of those you name. A settings file that nobody else has changed becomes byte for byte what it was; from others our entries are removed.
    """
    from llm_router.hosts.install import uninstall
    from llm_router.hosts.known import HOSTS

    chosen = _named(hosts) or list(HOSTS.values())
    done = uninstall(
        chosen, _machine(), paths.home(), scope=scope, kinds=_kinds(no_mcp, no_hooks), dry_run=dry_run
    )
    return _report(done, scope, dry_run=dry_run, as_json=as_json)


@click.command()
@click.option("--host", "hosts", multiple=True, metavar="NAME", help=f"{_MISSING_HOST}; repeatable.")
@click.option("--watch", is_flag=True, help="The service alone, every second; Ctrl-C ends it.")
@json_option
def status(hosts: tuple[str, ...], watch: bool, as_json: bool) -> int:
    """What the service is doing, and which hosts have the router.

    Of the service: where it is, what is under way, and what was lately: model, tokens, cost, time to the first token. Of the hosts: whether the router is up to date there, the settings files and the backups of them. With --host nothing of the service.
    """
    from llm_router.cli import live
    from llm_router.hosts.install import status

    if watch:
        live.watch(as_json=as_json)
    service = None if hosts else live.service_facts()
    machine = _machine()
    scopes: list[Scope] = ["user"] if machine.project == machine.home else ["user", "project"]
    standings = status(machine, paths.home(), hosts=_named(hosts) or None, scopes=scopes)
    shown = [each for each in standings if each.scope == "user" or each.ours or each.errors]
    errors = [error for each in shown for error in each.errors]
    if as_json:
        output.emit({"service": service, "hosts": [_standing(each) for each in shown]})
        return errors[0].exit_code if errors else 0
    if not hosts:
        live.show(service)
        output.say()
    _table(shown, machine)
    for error in errors:
        output.show_error(error, as_json=False)
    backups = [str(path) for each in shown for path in each.backups]
    if backups:
        output.say("\nBackups")
        for path in dict.fromkeys(backups):
            output.say(f"  {path}")
    if any("outdated" in (each.mcp, each.hooks) for each in shown):
        output.note("fix: llm-router install brings what is outdated up to date")
    return errors[0].exit_code if errors else 0


def _table(shown: Sequence[Standing], machine: Machine) -> None:
    rows = [
        [
            each.host + (" (project)" if each.scope == "project" else ""),
            "yes" if each.found else "no",
            "plugin" if each.brought else each.mcp or "-",
            "plugin" if each.brought else each.hooks or "-",
            ", ".join(_short(path, machine.home) for path in each.files),
        ]
        for each in shown
    ]
    table(["host", "found", "mcp", "hooks", "settings"], rows)


def _machine() -> Machine:
    from llm_router.hosts.host import Machine

    return Machine.here()


def _named(names: Sequence[str]) -> list[Host]:
    from llm_router.hosts.known import named

    return named(names)


def _kinds(no_mcp: bool, no_hooks: bool) -> frozenset[Kind]:
    kinds: set[Kind] = set()
    if not no_mcp:
        kinds.add("mcp")
    if not no_hooks:
        kinds.add("hooks")
    if not kinds:
        raise UsageError("--no-mcp and --no-hooks together leave nothing to do", fix="leave one out")
    return frozenset(kinds)


def _report(done: Sequence[Outcome], scope: Scope, *, dry_run: bool, as_json: bool) -> int:
    errors = [error for each in done for error in each.errors]
    if as_json:
        output.emit(
            {"ok": not errors, "scope": scope, "dry_run": dry_run, "hosts": [_outcome(each) for each in done]}
        )
    else:
        for each in done:
            _say(each, dry_run=dry_run)
        if not any(change.what != "unchanged" for each in done for change in each.changes):
            output.note("nothing to change")
    return errors[0].exit_code if errors else 0


def _say(each: Outcome, *, dry_run: bool) -> None:
    if each.skipped:
        output.say(f"{each.host}: nothing done. {each.skipped}")
    for change in each.changes:
        if change.error:
            output.show_error(change.error, as_json=False)
        elif dry_run and change.diff:
            output.say(change.diff)
        elif change.what != "unchanged":
            kept = f" (backup: {change.backup})" if change.backup else ""
            output.say(f"{each.host}: {change.what} {change.path}{kept}")
    for note in each.notes:
        output.note(f"{each.host}: {note}")


def _outcome(each: Outcome) -> dict[str, object]:
    return {
        "host": each.host,
        "files": [_change(change) for change in each.changes],
        "notes": each.notes,
        "skipped": each.skipped,
    }


def _change(change: Change) -> dict[str, object]:
    body: dict[str, object] = {"path": str(change.path), "change": change.what}
    if change.diff:
        body["diff"] = change.diff
    if change.backup:
        body["backup"] = str(change.backup)
    return body | (change.error.as_dict() if change.error else {})


def _standing(each: Standing) -> dict[str, object]:
    return {
        "host": each.host,
        "scope": each.scope,
        "found": each.found,
        "mcp": each.mcp,
        "hooks": each.hooks,
        "plugin": str(each.brought or ""),
        "files": [str(path) for path in each.files],
        "backups": [str(path) for path in each.backups],
        "problems": [error.as_dict() for error in each.errors],
    }


def _short(path: Path, home: Path) -> str:
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
