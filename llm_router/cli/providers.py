"""`providers`, `models`, `health`: who could answer, with what, and who is cooling down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from llm_router.cli import output
from llm_router.cli.options import json_option
from llm_router.cli.render import table
from llm_router.errors import NotFoundError
from llm_router.nouns import Billing, FailureKind, Model, Usage
from llm_router.ports import Readiness

if TYPE_CHECKING:
    from llm_router.app import App
    from llm_router.ports import HealthState

_OF_THE_KEY = {FailureKind.AUTH, FailureKind.BILLING}
_SAMPLE = 100_000  # tokens: below every long-context surcharge


@click.command()
@click.option("--all", "everyone", is_flag=True, help="Also those that are not set up.")
@json_option
def providers(everyone: bool, as_json: bool) -> None:
    """Which providers are set up and ready, and what the others need."""
    from llm_router.app import App

    app = App.build()
    rows = asyncio.run(_asked(app))
    if as_json:
        output.emit({"providers": rows})
        return
    shown = [row for row in rows if everyone or row["configured"]]
    columns = ["provider", "paid", "state", "what to do"]
    table(columns, [_short(row) for row in shown])
    if hidden := len(rows) - len(shown):
        output.note(f"{hidden} more are not set up: llm-router providers --all")


def _short(row: dict[str, object]) -> list[str]:
    told = row["detail"] if row["ready"] else row["fix"] or row["detail"]
    return [str(cell) for cell in (row["provider"], row["paid"], row["state"], told)]


async def _asked(app: App) -> list[dict[str, object]]:
    try:
        return await states(app)
    finally:
        await app.aclose()


async def states(app: App) -> list[dict[str, object]]:
    """Every provider, those that are set up asked whether they are ready. Ready ones first."""
    names = list(app.providers.names())
    configured = {name: app.providers.configured(name) for name in names}
    asked = [name for name in names if configured[name].ready]
    found = dict(zip(asked, await asyncio.gather(*(app.readiness(name) for name in asked)), strict=True))
    refused = {s.provider: s for s in app.health.states() if s.reason in _OF_THE_KEY and s.state == "open"}
    rows = [_state(app, name, configured[name], found.get(name), refused.get(name)) for name in names]
    return sorted(rows, key=lambda row: (not row["ready"], not row["configured"]))


def _state(
    app: App, name: str, configured: Readiness, found: Readiness | None, refused: HealthState | None
) -> dict[str, object]:
    said = found or configured
    if refused and said.ready:
        said = _refusal(app, refused)
    ready = found is not None and said.ready
    return {
        "provider": name,
        "paid": str(app.catalogue.billing.get(name, app.providers.vendor(name).billing)),
        "configured": configured.ready,
        "ready": ready,
        "state": "ready" if ready else "not ready" if configured.ready else "not set up",
        "detail": said.detail,
        "fix": said.fix,
    }


def _refusal(app: App, state: HealthState) -> Readiness:
    """What the last call was told is truer than that there is a key."""
    why = (
        "its key or login was refused" if state.reason == FailureKind.AUTH else "its account is out of credit"
    )
    until = time.strftime("%H:%M", time.localtime(state.until))
    vendor = app.providers.vendor(state.provider)
    where = vendor.install or f"{' or '.join(vendor.key_env)}, {vendor.help}"
    fix = f"put that right ({where}), then: llm-router health --reset {state.provider}"
    return Readiness(ready=False, detail=f"{why}; left alone until {until}", fix=fix)


@click.command()
@click.option("--provider", metavar="NAME", help="Of this provider alone.")
@click.option("--all", "everyone", is_flag=True, help="Also of providers that are not set up.")
@json_option
def models(provider: str | None, everyone: bool, as_json: bool) -> None:
    """Which models can be used, with aliases.

    Prices are US dollars per million tokens.
    """
    from llm_router.app import App

    app = App.build()
    names = list(app.providers.names())
    if provider is not None:
        _check_known(app, provider)
    found = asyncio.run(_models(app, [provider] if provider else names, everyone=everyone or bool(provider)))
    rows = [_model(app, one) for one in found]
    if as_json:
        output.emit({"as_of": app.catalogue.as_of, "models": rows, "aliases": dict(app.catalogue.aliases)})
        return
    if not rows:
        output.say("no model can be used; see: llm-router doctor")
        return
    columns = ["model", "tier", "paid", "context", "input", "output", "aliases"]
    table(columns, [_cells(row, columns) for row in rows], right=columns[3:6])


def _check_known(app: App, provider: str) -> None:
    names = list(app.providers.names())
    if provider not in names:
        hint = output.did_you_mean(provider, names)
        raise NotFoundError(f"no such provider: {provider}", fix=hint or "see: llm-router providers --all")


async def _models(app: App, names: Sequence[str], *, everyone: bool) -> list[Model]:
    try:
        installed = await app.installed()
    finally:
        await app.aclose()
    shown = [name for name in names if everyone or app.providers.configured(name).ready]
    return [one for name in shown for one in (installed.get(name) or app.catalogue.of(name))]


def _model(app: App, model: Model) -> dict[str, object]:
    prices = (
        app.prices.cost(model, Usage(input_tokens=_SAMPLE)),
        app.prices.cost(model, Usage(output_tokens=_SAMPLE)),
    )
    per_million = [None if micros is None else micros / _SAMPLE for micros in prices]
    return {
        "model": model.ref,
        "tier": model.tier,
        "paid": str(model.billing),
        "context": model.context,
        "max_output": model.max_output,
        "input": per_million[0],
        "output": per_million[1],
        "can": sorted(model.features),
        "aliases": [
            alias for alias, target in app.catalogue.aliases.items() if target in {model.ref, model.id}
        ],
    }


def _cells(row: dict[str, object], columns: Sequence[str]) -> list[str]:
    return [_cell(row, name) for name in columns]


def _cell(row: dict[str, object], name: str) -> str:
    value = row[name]
    if name in {"input", "output"}:
        if row["paid"] != Billing.METERED:
            return "-"
        return "unpriced" if value is None else f"${value:g}"
    if isinstance(value, list):
        return " ".join(str(each) for each in value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return "?" if value is None else str(value)


@click.command()
@click.argument("provider", required=False)
@click.option(
    "--reset", is_flag=True, help="Forget the failures: every model (of PROVIDER) may be tried again."
)
@json_option
def health(provider: str | None, reset: bool, as_json: bool) -> None:
    """Which models are cooling down after failures."""
    from llm_router.app import App

    app = App.build()
    if provider is not None:
        _check_known(app, provider)
    book = app.health
    try:
        forgotten = book.reset(provider) if reset else 0
        states = [state for state in book.states() if provider in {None, state.provider}]
        rows = [_health(state) for state in states if state.state != "closed" or state.failures]
    finally:
        book.close()
    if as_json:
        output.emit({"forgotten": forgotten, "states": rows})
    elif rows:
        columns = ["model", "state", "failures", "left", "reason"]
        table(columns, [[_left(row) if c == "left" else str(row[c]) for c in columns] for row in rows])
    else:
        output.say("every model may be tried")


def _health(state: HealthState) -> dict[str, object]:
    return {
        "model": f"{state.provider}/{state.model or '*'}",
        "state": state.state,
        "failures": state.failures,
        "until": state.until or None,
        "reason": state.reason,
    }


def _left(row: dict[str, object]) -> str:
    until = row["until"]
    seconds = until - time.time() if isinstance(until, float) else 0
    return f"{seconds:.0f} s" if seconds > 0 else ""
