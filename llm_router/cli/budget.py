"""`budget`: the caps, how they stand, and setting them."""

from __future__ import annotations

import os
import time
from decimal import Decimal, InvalidOperation

import click

from llm_router import config, paths
from llm_router.admit.budgets import SqliteBudgets
from llm_router.admit.caps import CapStatus
from llm_router.cli import output, tell
from llm_router.cli.options import json_option
from llm_router.cli.render import table
from llm_router.config.edit import set_values
from llm_router.errors import NotFoundError, UsageError
from llm_router.windows import local_text

WINDOWS = ("daily", "weekly", "monthly")


@click.group(invoke_without_command=True)
@click.pass_context
def budget(context: click.Context) -> None:
    """Show or set spending caps.

    They are US dollars per calendar day, ISO week and month, in local time.
    """
    if context.invoked_subcommand is None:
        context.invoke(show)


@budget.command()
@json_option
def show(as_json: bool = False) -> None:
    """Every cap with what is spent, reserved and left."""
    root = paths.home()
    loaded = config.load(root=root, cwd=paths.here(), environ=os.environ)
    budgets = SqliteBudgets(paths.database(root), loaded.settings.budget)
    try:
        caps = budgets.status(time.time())
    finally:
        budgets.close()
    if as_json:
        output.emit({"caps": [_facts(one) for one in caps], "unpriced": loaded.settings.budget.unpriced})
    elif caps:
        columns = ["budget", "cap", "spent", "reserved", "left", "resets"]
        table(columns, [_row(one) for one in caps], right=columns[1:5])
    else:
        output.say("no caps; set one: llm-router budget set --daily 5")


def _facts(one: CapStatus) -> dict[str, object]:
    return {
        "window": one.cap.window,
        "provider": one.cap.provider,
        "cap_usd": one.cap.amount / 1e6,
        "spent_usd": one.spent / 1e6,
        "reserved_usd": one.reserved / 1e6,
        "left_usd": one.remaining / 1e6,
        "resets_at": one.resets_at,
    }


def _row(one: CapStatus) -> list[str]:
    amounts = (one.cap.amount, one.spent, one.reserved, one.remaining)
    return [one.cap.name, *(output.money(amount) for amount in amounts), local_text(one.resets_at)]


@budget.command(name="set")
@click.option("--daily", metavar="USD|none")
@click.option("--weekly", metavar="USD|none")
@click.option("--monthly", metavar="USD|none")
@click.option("--provider", metavar="NAME", help="For this provider alone.")
@json_option
def set_(provider: str | None, as_json: bool, **amounts: str | None) -> None:
    """Write caps into your configuration file, keeping its comments and order."""
    wanted = {window: _yaml(amount) for window in WINDOWS if (amount := amounts[window]) is not None}
    if not wanted:
        raise UsageError("no cap was given", fix="llm-router budget set --daily 5 (or `none`)")
    root = paths.home()
    file = paths.config_file(root)
    if root == file.parent:
        paths.ensure_home(root)
    above = ("budget", "providers", _known(provider)) if provider else ("budget",)
    changes = {(*above, window): value for window, value in wanted.items()}
    set_values(file, changes)
    tell.hooks()
    if as_json:
        output.emit({"file": str(file), "set": {".".join(keys): value for keys, value in changes.items()}})
        return
    output.note(f"written to {file}")
    loaded, _ = config.check(root=root, cwd=paths.here(), environ=os.environ)
    for keys in changes:
        source = loaded.sources.get(".".join(keys), "") if loaded else ""
        if source and not source.startswith(str(file)):
            output.note(f"warning: {source} sets {'.'.join(keys)} too, and comes above your file")


def _known(provider: str) -> str:
    """A cap on a name nobody has would guard nothing."""
    from llm_router.providers import vendors

    loaded, _ = config.check(root=paths.home(), cwd=paths.here(), environ=os.environ)
    names = [*vendors.load(), *(loaded.settings.providers if loaded else ())]
    if provider not in names:
        hint = output.did_you_mean(provider, names)
        raise NotFoundError(f"no such provider: {provider}", fix=hint or "see: llm-router providers --all")
    return provider


def _yaml(amount: str) -> str:
    if amount.lower() in {"none", "null", "off"}:
        return "null"
    try:
        value = Decimal(amount.removeprefix("$"))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise UsageError(f"{amount} is not an amount of US dollars", fix="write 5, 0.50 or none")
    return f"{value:f}"
