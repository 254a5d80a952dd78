"""`costs` (also `usage`), `savings`, `stats`: what the ledger says about a span of time.

Unpriced calls are counted, never shown as $0; what a subscription answered is quota and counted apart; a saving is
shown only where both sides were measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal, cast

import click

from llm_router.cli import output
from llm_router.cli.books import ledger
from llm_router.cli.options import Command, json_option, moment
from llm_router.cli.output import money, usd
from llm_router.cli.render import table
from llm_router.record import queries
from llm_router.record.queries import By, Savings, UsageRow
from llm_router.windows import Window, bounds, local_text


def _span(command: Command) -> Command:
    """`window` and `since`, for the commands that speak of a span of time."""
    options: list[Callable[[Command], Command]] = [
        click.option("--daily", "window", flag_value="daily", help="Today."),
        click.option("--weekly", "window", flag_value="weekly", help="This ISO week."),
        click.option("--monthly", "window", flag_value="monthly", help="This month (the default)."),
        click.option(
            "--since", metavar="DATE|7d", help="From a date (2026-03-01), or so long ago (12h, 7d, 4w)."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _since(window: str | None, since: str | None) -> float:
    """Unix seconds."""
    return bounds(cast("Window", window or "monthly"), time.time()).since if since is None else moment(since)


@click.command()
@_span
@click.option(
    "--by", type=click.Choice(["model", "task", "provider", "project", "complexity", "day"]), default="model"
)
@json_option
def costs(window: str | None, since: str | None, by: str, as_json: bool) -> None:
    """What was used and what it cost; also called `usage`."""
    start = _since(window, since)
    with ledger() as connection:
        rows = queries.usage(connection, start, time.time(), cast("By", by))
        total = next(iter(queries.usage(connection, start, time.time())), None)
        saved = queries.savings(connection, start, time.time())
    if as_json:
        body = {"since": start, "by": by, "rows": [_facts(row) for row in rows]}
        output.emit(body | {"total": _facts(total) if total else None, "savings": _savings(saved)})
    elif total is None:
        output.say(f"nothing since {local_text(start)}")
    else:
        _print(by, rows, total)
        output.say(_told(saved))


def _print(by: str, rows: list[UsageRow], total: UsageRow) -> None:
    columns = [by, "calls", "failed", "input", "output", "local", "quota", "cost"]
    cells = [[row.key or "-", *_cells(row)] for row in rows]
    table(columns, [*cells, ["total", *_cells(total)]], right=columns[1:])


def _cells(row: UsageRow) -> list[str]:
    counts = (
        row.calls,
        row.failures,
        row.input_tokens,
        row.output_tokens,
        row.local_calls,
        row.subscription_calls,
    )
    return [*(f"{count:,}" for count in counts), _cost(row)]


def _cost(row: UsageRow) -> str:
    if not row.unpriced_calls:
        kinds = {row.local_calls: "free", row.subscription_calls: "subscription"}
        return money(row.cost) if row.cost else kinds.get(row.calls, "$0") if row.calls else "-"
    unpriced = f"{row.unpriced_calls:,} unpriced"
    return f"{money(row.cost)} + {unpriced}" if row.cost else unpriced


def _facts(row: UsageRow) -> dict[str, Any]:
    found = asdict(row)
    cost = found.pop("cost")
    return found | {"cost_usd": None if not cost and row.unpriced_calls else usd(cost)}


def _savings(saved: Savings) -> dict[str, Any]:
    money_fields = ("cost", "baseline_cost", "quota_baseline_cost", "unused_cost", "overhead")
    found = asdict(saved)
    dollars = {f"{name}_usd": usd(found.pop(name)) for name in money_fields}
    return found | dollars | {"saved_usd": usd(saved.saved)}


def _told(saved: Savings) -> str:
    baseline = " and ".join(saved.baselines) or "the baseline"
    if saved.saved is None:
        line = "saved: not measured (no priced answer with a known baseline that is known to have been used)"
    else:
        line = (
            f"saved: {money(saved.saved)} against {baseline} over {saved.measured:,} measured answers "
            f"({money(saved.cost)} instead of {money(saved.baseline_cost)})"
        )
    if saved.overhead:
        line += f"; {money(saved.overhead)} for the calls and for repeating the answers deducted"
    if saved.unused:
        line += f"; {saved.unused:,} reworked or ignored by the host, at {money(saved.unused_cost)} deducted"
    if saved.unmeasured:
        line += f"; {saved.unmeasured:,} not measured"
    if saved.unwatched:
        line += f" ({saved.unwatched:,} of tools where no hook sees whether they are used)"
    if saved.quota_calls:
        line += f"; {saved.quota_calls:,} by subscription, counted as quota and not as dollars"
    return line


@click.command()
@_span
@json_option
def savings(window: str | None, since: str | None, as_json: bool) -> None:
    """What routing saved against the baseline, where measured.

    An answer saves money only where it replaces one of the baseline model: behind a tool that is for its user to say.
    """
    start = _since(window, since)
    with ledger() as connection:
        saved = queries.savings(connection, start, time.time())
    if as_json:
        output.emit({"since": start} | _savings(saved))
    else:
        output.say(_told(saved))


@click.command()
@_span
@click.option("--by", type=click.Choice(["model", "provider", "task"]), default="model")
@json_option
def stats(
    window: str | None, since: str | None, by: Literal["model", "provider", "task"], as_json: bool
) -> None:
    """Calls, failures and latency."""
    start = _since(window, since)
    with ledger() as connection:
        rows = queries.usage(connection, start, time.time(), by)
    if as_json:
        output.emit({"since": start, "by": by, "rows": [_facts(row) for row in rows]})
        return
    columns = [by, "calls", "failed", "failure rate", "median ms"]
    table(columns, [[row.key or "-", *_speed(row)] for row in rows], right=columns[1:])


def _speed(row: UsageRow) -> list[str]:
    tried = row.calls + row.failures
    rate = f"{row.failures / tried:.0%}" if tried else "-"
    return [f"{row.calls:,}", f"{row.failures:,}", rate, "-" if row.ms_p50 is None else f"{row.ms_p50:,.0f}"]
