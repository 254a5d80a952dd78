"""Put the router into hosts, take it out, and say where it is. Each host stands alone: one that fails stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from llm_router.errors import ConfigError, RouterError, UsageError
from llm_router.hosts import changes, executable, files, launcher
from llm_router.hosts.brought import Brought
from llm_router.hosts.changes import Change, State, Work
from llm_router.hosts.host import File, Host, Machine, Scope, Setup
from llm_router.hosts.known import HOSTS
from llm_router.hosts.pieces import Kind
from llm_router.hosts.receipts import Receipts

ALL: frozenset[Kind] = frozenset(("mcp", "hooks"))
_TEMPORARY = (
    "hooks are left out: this llm-router runs from a cache that may be emptied. "
    "For hooks: uv tool install llm-router, then llm-router install"
)


@dataclass(frozen=True)
class Outcome:
    """What was done for one host. `skipped` says why nothing was, `notes` what the user still has to do."""

    host: str
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def errors(self) -> list[RouterError]:
        return [change.error for change in self.changes if change.error]


@dataclass(frozen=True)
class Standing:
    """How a host stands in one scope. `found`: what shows that the host is on this machine, "" if nothing does.
    `mcp` and `hooks` are None where the host has no such thing; `errors` are those of its files.
    """

    host: str
    scope: Scope
    found: str
    mcp: State | None
    hooks: State | None
    files: tuple[Path, ...]
    backups: tuple[Path, ...]
    brought: Brought | None = None
    errors: tuple[RouterError, ...] = ()

    @property
    def ours(self) -> bool:
        return any(state in ("installed", "outdated") for state in (self.mcp, self.hooks))


def detected(machine: Machine, scope: Scope = "user") -> list[Host]:
    return [host for host in HOSTS.values() if scope in host.scopes and host.found(machine)]


def install(
    hosts: Iterable[Host],
    machine: Machine,
    home: Path,
    *,
    scope: Scope = "user",
    kinds: frozenset[Kind] = ALL,
    dry_run: bool = False,
) -> list[Outcome]:
    """Raises UsageError when no command can be named; what fails in one host is in its outcome."""
    setup = _setup(machine, scope)
    lasting = setup.server.lasting
    kinds, dropped = (kinds, False) if lasting else (kinds - {"hooks"}, "hooks" in kinds)
    with nullcontext() if dry_run else files.locked(home):
        receipts = Receipts(home)
        done = [_into(host, setup, kinds, receipts, dry_run=dry_run, dropped=dropped) for host in hosts]
    if not dry_run and "hooks" in kinds:
        launcher.compile_ahead()
    return done


def uninstall(
    hosts: Iterable[Host],
    machine: Machine,
    home: Path,
    *,
    scope: Scope = "user",
    kinds: frozenset[Kind] = ALL,
    dry_run: bool = False,
) -> list[Outcome]:
    setup = _setup(machine, scope, removing=True)
    done: list[Outcome] = []
    with nullcontext() if dry_run else files.locked(home):
        receipts = Receipts(home)
        for host in hosts:
            work = Work(host.name, kinds, receipts, dry_run)
            done.append(Outcome(host.name, tuple(changes.take(file, work) for file in _files(host, setup))))
        if not dry_run:
            receipts.tidy()
    return done


def status(
    machine: Machine, home: Path, *, hosts: Iterable[Host] | None = None, scopes: Sequence[Scope] = ("user",)
) -> list[Standing]:
    """How every host stands, whether it is on this machine or not. Changes nothing."""
    receipts = Receipts(home)
    return [
        _standing(host, _setup(machine, scope, removing=True), receipts)
        for host in (hosts or HOSTS.values())
        for scope in scopes
        if scope in host.scopes
    ]


def _setup(machine: Machine, scope: Scope, *, removing: bool = False) -> Setup:
    if scope == "project" and machine.project == machine.home:
        raise UsageError("the home folder is no project", fix="cd into one, or leave --scope project out")
    try:
        server = executable.find(machine.environ)
    except UsageError:
        if not removing:
            raise
        server = executable.Command(executable.NAME, ("mcp",))
    return Setup(machine, scope, server)


def _into(
    host: Host, setup: Setup, kinds: frozenset[Kind], receipts: Receipts, *, dry_run: bool, dropped: bool
) -> Outcome:
    if setup.scope not in host.scopes:
        return Outcome(host.name, skipped=f"{host.title} has no settings of a project")
    if brought := host.brought(setup.machine):
        return Outcome(host.name, skipped=f"{host.title} has {brought}")
    work = Work(host.name, kinds, receipts, dry_run, plain=not host.comments)
    wanted = [file for file in _files(host, setup) if any(piece.kind in kinds for piece in file.pieces)]
    # a host with hooks and no server to send requests to is worse than neither
    trial = replace(work, dry_run=True)
    refused = [tried for file in wanted if (tried := changes.put(file, trial)).error]
    if refused:
        return Outcome(host.name, tuple(refused))
    done = tuple(changes.put(file, work) for file in wanted)
    notes = [note for change in done for note in change.notes]
    if any(change.what in ("created", "changed") for change in done) and not dry_run:
        notes += host.after(setup)
        notes += [host.after_hooks] if host.after_hooks and "hooks" in kinds else []
    if dropped and any(piece.kind == "hooks" for file in _files(host, setup) for piece in file.pieces):
        notes.append(_TEMPORARY)
    return Outcome(host.name, done, tuple(notes))


def _files(host: Host, setup: Setup) -> Sequence[File]:
    try:
        return host.files(setup) if setup.scope in host.scopes else ()
    except FileNotFoundError as error:
        raise ConfigError(str(error), fix="install llm-router again") from None


def _standing(host: Host, setup: Setup, receipts: Receipts) -> Standing:
    found, errors = _files(host, setup), list[RouterError]()
    states: dict[Literal["mcp", "hooks"], State | None] = {"mcp": None, "hooks": None}
    for kind in states:
        told: list[State] = []
        for file in found:
            if any(piece.kind == kind for piece in file.pieces):
                try:
                    told.append(changes.state(file, kind))
                except RouterError as error:
                    told.append("unreadable")
                    errors.append(error)
        states[kind] = _worst(told)
    unlike = {error.message: error for error in errors}
    return Standing(
        host.name,
        setup.scope,
        host.found(setup.machine),
        states["mcp"],
        states["hooks"],
        tuple(file.path for file in found),
        tuple(backup for file in found for backup in receipts.backups(Path(file.path).resolve())),
        host.brought(setup.machine),
        tuple(unlike.values()),
    )


def _worst(told: Sequence[State]) -> State | None:
    """Of several files one answer: what is in some and not in all is out of date."""
    if not told:
        return None
    if "unreadable" in told:
        return "unreadable"
    return told[0] if len(set(told)) == 1 else "outdated"
