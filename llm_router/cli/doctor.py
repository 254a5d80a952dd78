"""`doctor`: everything that is wrong or missing, each with the command or the variable that fixes it.

Exit 0 when at least one provider can answer, 2 when the configuration is broken, else 3.
"""

from __future__ import annotations

import asyncio
import os
import platform
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from llm_router import __version__, config, paths
from llm_router.cli import output
from llm_router.cli.options import json_option
from llm_router.errors import ConfigError, CredentialsError

if TYPE_CHECKING:
    from llm_router.app import App

MARKS = {"ok": "✓", "warning": "!", "problem": "✗"}


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    status: Literal["ok", "warning", "problem"]
    detail: str
    fix: str = ""


@click.command()
@click.option("--repair", is_flag=True, help="Make the home folder private and bring spooled records home.")
@click.option("--hooks", is_flag=True, help="Look at the hooks inside hosts instead.")
@json_option
def doctor(repair: bool, hooks: bool, as_json: bool) -> int:
    """Find what is wrong, with the command that fixes it."""
    root = paths.home()
    if hooks:
        return _hooks(root, as_json=as_json)
    repaired = _repair(root) if repair else []
    loaded, problems = config.check(root=root, cwd=paths.here(), environ=os.environ)
    checks = [_python(), _classifier(), *_home(root), *_configuration(loaded, problems)]
    providers: list[dict[str, object]] = []
    if loaded is not None:
        found, providers = asyncio.run(_look())
        checks += found
    code = _exit_code(providers, broken=bool(problems))
    if as_json:
        body = {"ok": code == 0, "repaired": repaired, "checks": [asdict(c) for c in checks]}
        output.emit(body | {"providers": providers, "environment": _environment()})
    else:
        _print(checks, providers, repaired)
    return code


def _hooks(root: Path, *, as_json: bool) -> int:
    from llm_router.cli.doctor_hooks import checks

    found = list(checks(root))
    broken = any(check.status == "problem" for check in found)
    if as_json:
        output.emit({"ok": not broken, "checks": [asdict(check) for check in found]})
    else:
        _say(found)
    return ConfigError.exit_code if broken else 0


def _exit_code(providers: list[dict[str, object]], *, broken: bool) -> int:
    if broken:
        return ConfigError.exit_code
    return 0 if any(row["ready"] for row in providers) else CredentialsError.exit_code


def _repair(root: Path) -> list[str]:
    from llm_router.db import FAILURES
    from llm_router.record.repair import repair

    done: list[str] = []
    for path, mode in _too_open(root):
        path.chmod(mode)
        done.append(f"{path} is readable by you alone now")
    with suppress(*FAILURES):  # the check that follows says why
        result = repair(root)
        if result.moved_to:
            done.append(f"damaged ledger moved to {result.moved_to}, {result.salvaged} rows saved from it")
        if result.drained:
            done.append(f"{result.drained} waiting decisions written to the ledger")
    return done


def _too_open(root: Path) -> Iterator[tuple[Path, int]]:
    """What others can read and should not, with the mode it should have."""
    if os.name != "posix" or not root.is_dir():
        return
    private = [
        (root, 0o700),
        (root / "config.yaml", 0o600),
        (paths.database(root), 0o600),
        (paths.spool(root), 0o700),
    ]
    for path, mode in private:
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield path, mode


def _python() -> Check:
    return Check("llm-router", "ok", f"{__version__}, Python {platform.python_version()}, {sys.executable}")


def _classifier() -> Check:
    from llm_router.classify.judge import SHIPPED

    if SHIPPED.heads() is not None:
        return Check("classifier", "ok", "judges by the trained artefact and the rules")
    return Check(
        "classifier",
        "warning",
        f"the artefact {SHIPPED.path} is not used: {SHIPPED.problem}; the rules judge alone",
        fix="reinstall llm-router",
    )


def _home(root: Path) -> Iterator[Check]:
    try:
        paths.ensure_home(root)
        usable = os.access(root, os.R_OK | os.W_OK | os.X_OK)
        why = "" if usable else "not writable by you"
    except OSError as error:
        why = str(error.strerror or error)
    if why:
        yield Check("home", "problem", f"{root}: {why}", "set LLM_ROUTER_HOME to a folder you can write to")
        return
    too_open = list(_too_open(root))
    for path, mode in too_open:
        fix = f"chmod {mode:o} '{path}' (or: llm-router doctor --repair)"
        yield Check("home", "warning", f"{path} can be read by others", fix)
    if not too_open:
        yield Check("home", "ok", str(root))


def _configuration(loaded: config.Loaded | None, problems: tuple[ConfigError, ...]) -> Iterator[Check]:
    for problem in problems:
        yield Check("configuration", "problem", problem.message, problem.fix)
    if loaded is not None:
        for warning in loaded.warnings:
            yield Check("configuration", "warning", warning)
        yield Check("configuration", "ok", ", ".join(map(str, loaded.files)) or "no file: the defaults hold")


async def _look() -> tuple[list[Check], list[dict[str, object]]]:
    from llm_router.app import App
    from llm_router.cli.providers import states

    app = App.build()
    try:
        checks = [_ledger(app), *_settings(app)]
        rows = await states(app)
        app.keeper.touch()  # whoever doubts what the hooks know has them told again
        return checks, rows
    finally:
        await app.aclose()


def _ledger(app: App) -> Check:
    found = app.ledger.status(thorough=True)
    waiting = [
        f"{count} {what}"
        for count, what in (
            (found.spooled, "decisions wait in the spool"),
            (found.rejected_files, "spool files could not be read"),
            (found.lost, "decisions were lost"),
        )
        if count
    ]
    detail = ", ".join([f"{found.path}: {found.decisions} decisions", *waiting])
    if not found.writable:
        return Check("ledger", "problem", f"{detail}: {found.error}", found.fix)
    return Check(
        "ledger", "warning" if waiting else "ok", detail, "llm-router doctor --repair" if waiting else ""
    )


def _settings(app: App) -> Iterator[Check]:
    """Names in the settings that mean nothing: validated data cannot know the catalogue."""
    from llm_router.errors import NotFoundError

    known = set(app.providers.names())
    named = [("router.baseline", app.settings.router.baseline)]
    named += [(f"routing.pin.{task}", model) for task, model in app.settings.routing.pin.items()]
    for key, name in named:
        try:
            app.catalogue.resolve(name)
        except NotFoundError as error:
            yield Check("configuration", "warning", f"{key}: {error.message}", error.fix)
    for name in app.settings.budget.providers:
        if name not in known:
            fix = output.did_you_mean(name, sorted(known)) or "see: llm-router providers --all"
            yield Check("configuration", "warning", f"budget.providers.{name}: no such provider", fix)


def _environment() -> list[str]:
    """Names only: what is set, never to what."""
    from llm_router.providers import vendors

    known: set[str] = set()
    for vendor in vendors.load().values():
        known |= {*vendor.key_env, *vendor.base_url_variables}
        known |= {name for names in vendor.variables.values() for name in names}
    return sorted(name for name in os.environ if name in known or name.startswith("LLM_ROUTER_"))


def _say(checks: list[Check]) -> None:
    for check in checks:
        output.say(f"{MARKS[check.status]} {check.name}: {check.detail}")
        if check.fix:
            output.say(f"    fix: {check.fix}")


def _print(checks: list[Check], providers: list[dict[str, object]], repaired: list[str]) -> None:
    for line in repaired:
        output.say(f"repaired: {line}")
    _say(checks)
    output.say(f"  environment: {', '.join(_environment()) or 'no variable of ours or of a provider is set'}")
    for row in providers:
        mark = MARKS["ok"] if row["ready"] else MARKS["problem"] if row["configured"] else "·"
        output.say(f"{mark} {row['provider']}: {row['state']}, {row['detail']}")
        if row["fix"]:
            output.say(f"    fix: {row['fix']}")
    if providers:
        ready = sum(bool(row["ready"]) for row in providers)
        none = "nobody can answer yet: follow one fix above; `llm-router demo` needs none"
        output.say(f"{ready} of {len(providers)} providers ready" if ready else none)
