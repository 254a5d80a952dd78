"""`violations` and `hooks health|cleanup`: what the hooks inside hosts did, and how they fare."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click

from llm_router import paths
from llm_router.cli import output
from llm_router.cli.options import json_option
from llm_router.cli.render import table
from llm_router.errors import RouterError, UsageError
from llm_router.hosts import hook_health, violation_report
from llm_router.hosts import violations as log
from llm_router.windows import local_text


@click.command()
@click.option("--since", metavar="DATE|7d", help="From a date (2026-03-01), or so long ago (12h, 7d, 4w).")
@click.option(
    "--log", "logs", multiple=True, type=click.Path(path_type=Path), help="Another log than the home's."
)
@json_option
def violations(since: str | None, logs: tuple[Path, ...], as_json: bool) -> None:
    """How often suggested routes were gone around, and what helps.

    Writes a report to retrospectives/ in the home folder, unless with --json.
    """
    home, now = paths.home(), datetime.now().astimezone().replace(tzinfo=None)
    try:
        start = log.since(since, now) if since else ""
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {since}: neither a date nor a span", fix="write 2026-03-01, 12h, 7d or 4w"
        ) from None
    try:
        found = log.analyze(log.lines(logs or log.logs(home)), start)
        if as_json:
            output.emit(found.as_dict())
            return
        report = violation_report.write(home, found, now)
    except OSError as error:
        raise _unusable(error) from error
    for line in violation_report.summary(found):
        output.say(line)
    for pattern in found.patterns:
        output.say(f"  {pattern.name}: {pattern.count:,} ({pattern.share:.0%})")
        output.say(f"    fix: {pattern.fix}")
    output.say(f"report: {report}")


@click.group(invoke_without_command=True)
@click.pass_context
def hooks(context: click.Context) -> None:
    """How the hooks inside hosts fare: runs, errors, latency."""
    if context.invoked_subcommand is None:
        context.invoke(health)


@hooks.command()
@json_option
def health(as_json: bool = False) -> None:
    """Runs, errors and latency of each hook."""
    found = hook_health.read(paths.home())
    if as_json:
        output.emit({"hooks": [one.as_dict() for one in found]})
    elif found:
        columns = ["hook", "runs", "errors", "median ms", "p95 ms", "last run", "last error"]
        table(columns, [_row(one) for one in found], right=columns[1:5])
    else:
        output.say("no hook has run yet; see: llm-router doctor --hooks")


def _row(one: hook_health.Health) -> list[str]:
    times = [f"{ms:,.1f}" for ms in (one.ms_p50 or 0.0, one.ms_p95 or 0.0)]
    return [
        one.hook,
        f"{one.runs:,}",
        f"{one.errors:,}",
        *times,
        local_text(one.last_run),
        one.last_error or "-",
    ]


@hooks.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--remove", "names", multiple=True, metavar="NAME", help="This hook or host, however fresh.")
@click.argument("more", nargs=-1, metavar="[NAME]...")
@json_option
def cleanup(names: tuple[str, ...], more: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Remove the health records of hooks that have not run for 30 days, or of the ones named.

    A name is a hook as `hooks health` lists it ("claude Stop"), or a host ("claude").
    """
    if more and not names:
        raise UsageError(
            f"cleanup of {more[0]}: say what is meant", fix=f"hooks cleanup --remove {more[0]!r}"
        )
    try:
        done = hook_health.cleanup(paths.home(), (*names, *more), dry_run=dry_run, now=time.time())
    except OSError as error:
        raise _unusable(error) from error
    if as_json:
        output.emit(
            {"dry_run": dry_run, "removed": done.removed, "malformed": done.malformed, "kept": done.kept}
        )
        return
    for line in hook_health.told(done, dry_run=dry_run):
        output.say(line)


def _unusable(error: OSError) -> RouterError:
    return RouterError(
        f"{error.filename or paths.home()}: {error.strerror}",
        fix="llm-router doctor tells what is wrong with it",
    )
