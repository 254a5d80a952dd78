"""The gateway as a service: `serve`, `start`, `stop`, `restart` and `reload`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from llm_router import config, paths
from llm_router.cli import output
from llm_router.cli.options import json_option
from llm_router.errors import RouterError
from llm_router.record.spool import Spool
from llm_router.service import process, units
from llm_router.service.state import Service, running
from llm_router.settings import GatewaySettings

Command = TypeVar("Command", bound=Callable[..., Any])
GRACE_S = 15.0  # beyond what answers under way get: closing the ledger, and a busy machine

_host = click.option(
    "--host", metavar="ADDRESS", help="Where to listen; beyond this machine only with an access key."
)
_port = click.option(
    "--port", type=click.IntRange(0, 65535), help="0 takes a free one. Default: gateway.port."
)


@click.command()
@_host
@_port
@click.option("--quiet", is_flag=True, help="Write the log file only, nothing to stderr.")
def serve(host: str | None, port: int | None, quiet: bool) -> int:
    """Serve in the foreground: the gateway, and MCP at /mcp.

    Until SIGTERM or Ctrl-C; answers under way may finish. SIGHUP reads the configuration again, as does any change of it.
    """
    from llm_router.cli.doors import mcp_application
    from llm_router.gateway.serve import main

    return main(host, port, echo=not quiet, make_mcp=mcp_application)


@click.command()
@_host
@_port
@click.option(
    "--at-login", is_flag=True, help="Also write and enable a systemd user unit or a launchd agent."
)
@click.option("--dry-run", is_flag=True, help="With --at-login: show the unit and write nothing.")
@json_option
def start(host: str | None, port: int | None, at_login: bool, dry_run: bool, as_json: bool) -> None:
    """Start the service in the background, and wait until it serves."""
    if at_login or dry_run:
        _at_login(host, port, dry_run=dry_run, as_json=as_json)
        return
    service, fresh = process.start(paths.home(), host=host, port=port)
    _tell("started" if fresh else "running already", service, as_json=as_json)


@click.command()
@click.option("--force", is_flag=True, help="At once: answers under way break off.")
@click.option("--at-login", is_flag=True, help="Also remove the unit that starts it at login.")
@json_option
def stop(force: bool, at_login: bool, as_json: bool) -> None:
    """Stop the service. Answers under way may finish first."""
    root = paths.home()
    removed = at_login and units.remove(units.unit(root, Path.home()))
    stopped = process.stop(root, settings().stop_seconds + GRACE_S, force=force)
    waiting = Spool(root).count()
    if as_json:
        output.emit({"stopped": stopped is not None, "unit_removed": removed, "waiting": waiting})
        return
    if removed:
        output.say("no longer started at login")
    output.say(f"stopped (pid {stopped.pid})" if stopped else "it was not running")
    if waiting:
        output.note(f"calls that wait on disk until the database takes them: {waiting} (llm-router doctor)")


@click.command()
@_host
@_port
@json_option
def restart(host: str | None, port: int | None, as_json: bool) -> None:
    """Stop it and start it anew, with the --host and --port it was started with, if there were any.

    A broken configuration leaves it running.
    """
    root = paths.home()
    _check_configuration(root)
    before = running(root)
    process.stop(root, settings().stop_seconds + GRACE_S)
    if before is not None:
        host, port = host or before.host, before.port if port is None else port
    service, _ = process.start(root, host=host, port=port)
    _tell("started", service, as_json=as_json)


@click.command()
@json_option
def reload(as_json: bool) -> None:
    """Make the service read its configuration again. Requests under way finish by the old one."""
    _check_configuration(paths.home())
    service = process.reload(paths.home())
    _tell("told to reload", service, as_json=as_json)


def _check_configuration(root: Path) -> None:
    """Raises ConfigError: what is wrong is said where it can be seen, and before anything was stopped."""
    config.load(root=root, cwd=root, environ=os.environ)


def settings() -> GatewaySettings:
    """Of the service: no project's. With a broken configuration the defaults, so that it can still be stopped."""
    root = paths.home()
    try:
        return config.load(root=root, cwd=root, environ=os.environ).settings.gateway
    except RouterError:
        return GatewaySettings()


def _tell(what: str, service: Service, *, as_json: bool) -> None:
    if as_json:
        output.emit({"state": what, "url": service.url, "pid": service.pid, "version": service.version})
    else:
        output.say(f"{what}: {service.url} (pid {service.pid})")


def _at_login(host: str | None, port: int | None, *, dry_run: bool, as_json: bool) -> None:
    options = [*(["--host", host] if host else []), *(["--port", str(port)] if port is not None else [])]
    unit = units.unit(paths.home(), Path.home(), options, stop_seconds=settings().stop_seconds)
    if not dry_run:
        units.write(unit)
    if as_json:
        output.emit({"path": str(unit.path), "text": unit.text, "written": not dry_run})
        return
    output.note(f"{'would write' if dry_run else 'wrote'} {unit.path}")
    if dry_run:
        sys.stdout.write(unit.text)
    else:
        keys = "~/.config/llm-router/environment (NAME=value lines) on Linux"
        output.note(
            f"note: a service does not see your shell's variables; put keys into config.yaml or {keys}"
        )
