"""The parts of docs/ that are made from tables, docstrings and commands of the code."""

from __future__ import annotations

import inspect
import io
import os
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout, suppress

import click
from docs_parts.table import table

from llm_router import inventory
from llm_router.cli.main import ALIASES, COMMANDS, cli
from llm_router.mcp_server import options
from llm_router.mcp_server.static import HANDSHAKE, load_manifest
from llm_router.nouns import Billing, FailureKind, JsonDict
from llm_router.plan import breaker
from llm_router.plan.catalogue import Catalogue, data
from llm_router.providers import vendors as vendor_data
from llm_router.providers.vendors import Vendor
from llm_router.run import actions, attempts
from llm_router.sandbox import control as sandbox_control
from llm_router.sandbox import directives as sandbox_directives
from llm_router.sandbox.faults import Fault
from llm_router.sandbox.standins import codex, gemini
from llm_router.settings import RoutingSettings

_WIDTH = 100
_MEANS: Mapping[FailureKind, str] = {
    FailureKind.RATE_LIMITED: "429: too many requests, a quota of the minute or the day",
    FailureKind.OVERLOADED: "503, 529: too busy",
    FailureKind.SERVER_ERROR: "other 5xx, and errors that fit nowhere else",
    FailureKind.TIMEOUT: "no answer, or no first token, within the attempt's limit; 408, 504",
    FailureKind.CONNECTION: "nobody listens, no such host, the connection is refused or reset",
    FailureKind.AUTH: "401, 403, not logged in, no key",
    FailureKind.BILLING: "402: out of credit, a spending limit at the vendor",
    FailureKind.NOT_FOUND: "404: the vendor does not have this model",
    FailureKind.BAD_REQUEST: "400 that names no missing ability",
    FailureKind.CONTEXT_TOO_LONG: "413, or an error that says the prompt does not fit",
    FailureKind.UNSUPPORTED: "a parameter, image, tool or schema this model does not take",
    FailureKind.CONTENT_FILTER: "the vendor's filter refused prompt or answer",
    FailureKind.MALFORMED: "an answer that cannot be read",
    FailureKind.TRUNCATED: "a stream without its end mark, a body cut off",
    FailureKind.EMPTY: "200, and neither text nor a tool call",
    FailureKind.BUDGET: "the reservation does not fit under a cap",
    FailureKind.COOLING: "its breaker opened after the plan was made",
    FailureKind.CANCELLED: "the caller has gone",
}


def _block(text: str) -> str:
    return f"```text\n{text.strip()}\n```"


# ── what happens on failure ──────────────────────────────────────────────────


def failures() -> str:
    rows = (
        (
            f"`{kind}`",
            _MEANS[kind],
            str(actions.ACTIONS[kind]),
            "yes" if kind in actions.TRANSIENT else "no",
            *_opening(kind),
        )
        for kind in FailureKind
    )
    columns = ["failure", "what it stands for", "action", "retried", "opens the breaker", "rests"]
    return table(columns, rows)


def _opening(kind: FailureKind) -> tuple[str, str]:
    """After how many failures in a row, of what, and for how long: found by failing the breaker itself."""
    now, most = 0.0, 10
    for key, scope in ((("p", "m"), "of the model"), (("p", ""), "of the provider")):
        row = breaker.CLOSED
        for count in range(1, most):
            row = breaker.after_failure(row, key, kind, None, now)
            if row.is_open:
                rests = row.until - now
                doubles = breaker.after_failure(row, key, kind, None, row.until).cooldown_s > rests
                after = "at once" if count == 1 else f"after {count}"
                return f"{after}, {scope}", f"{_span(rests)}{', then doubled' if doubles else ''}"
    return "no", ""


def _span(seconds: float) -> str:
    """`30 s`, `10 min`, `0.25 s`."""
    return f"{seconds / 60:g} min" if seconds >= 120 else f"{seconds:g} s"


def limits() -> str:
    by_complexity = ", ".join(f"{name} {_span(limit)}" for name, limit in attempts.LIMITS_S.items())
    patience = attempts._PATIENCE  # noqa: SLF001 - of nobody's concern but ours
    factors = ", ".join(f"{billing} {factor}" for billing, factor in patience.items())
    rows = [
        (
            "the whole call",
            _span(RoutingSettings().deadline_seconds),
            "`routing.deadline_seconds`, or less by request",
        ),
        ("one attempt's first sign of life", by_complexity, "`routing.attempt_seconds`"),
        ("the same, times", factors, "loading a model takes time; a command-line client answers as a whole"),
        ("the same, when nobody else is left, times", str(attempts.LAST_FACTOR), ""),
        ("a gap after that", _span(attempts.GAP_S), "then the attempt has failed"),
        (
            "further tries of the only model left",
            f"{actions.MAX_RETRIES}, each after at most {_span(actions.LONGEST_WAIT_S)}",
            "those marked as retried above",
        ),
        ("a rest the upstream asked for", f"at most {_span(breaker.LONGEST_ASKED_S)}", "Retry-After"),
        ("a rest that doubles", f"at most {_span(breaker.LONGEST_S)}", ""),
        ("failures in a row", f"at most {_span(breaker.FORGOTTEN_S)} apart", "older ones are forgotten"),
        ("the probe of a half-open breaker", _span(breaker.LEASE_S), "then another may probe"),
        (
            "what a local server lists",
            f"kept {_span(inventory.FRESH_S)}",
            "then renewed while the old one serves",
        ),
        (
            "whether a command-line client is logged in",
            f"kept {_span(inventory.READY_FOR_S)}",
            "for all processes",
        ),
    ]
    return table(["limit", "value", ""], rows)


# ── the command line ─────────────────────────────────────────────────────────


def commands() -> str:
    with click.Context(cli, info_name="llm-router") as top:
        parts = [_command(name, cli.get_command(top, name)) for name in COMMANDS]
    return "\n\n".join(parts)


def _command(name: str, command: click.Command | None) -> str:
    assert command is not None
    also = "".join(f", `{alias}`" for alias, target in ALIASES.items() if target == name)
    texts = [f"### `{name}`{also}"]
    if name == "mcp":  # it parses for itself, to be quick
        return "\n\n".join([*texts, COMMANDS[name][1], _block(_mcp_help())])
    texts.append(inspect.cleandoc(command.help or ""))
    if isinstance(command, click.Group):
        used = [
            f"{sub.help}\n\n{_block(_usage(f'{name} {key}', sub))}" for key, sub in command.commands.items()
        ]
        return "\n\n".join([*texts, *used])
    return "\n\n".join([*texts, _block(_usage(name, command))])


def _usage(name: str, command: click.Command) -> str:
    """Of our own making, because click's differs from version to version."""
    arguments = [_argument(each) for each in command.params if isinstance(each, click.Argument)]
    shown = [each for each in command.params if isinstance(each, click.Option)]
    lines = [" ".join(["llm-router", name, *(["[OPTIONS]"] if shown else []), *arguments])]
    for option in shown:
        names = ", ".join([*option.opts, *option.secondary_opts])
        lead = f"  {names}{_value(option)}"
        text = option.help or ""
        lines += [lead, textwrap.indent(textwrap.fill(text, 70), " " * 26)] if len(lead) > 24 and text else []
        lines += [f"{lead:<26}{text}".rstrip()] if len(lead) <= 24 or not text else []
    return "\n".join(lines)


def _argument(argument: click.Argument) -> str:
    return argument.metavar or "|".join(_choices(argument)) or argument.human_readable_name


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    return f" {option.metavar or '|'.join(_choices(option)) or 'N'}"


def _choices(parameter: click.Parameter) -> list[str]:
    kind = parameter.type
    return [str(each) for each in kind.choices] if isinstance(kind, click.Choice) else []


def _mcp_help() -> str:
    told, before = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(_WIDTH)
    try:
        with redirect_stdout(told), suppress(SystemExit):
            options.parse(["--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return told.getvalue().removeprefix("usage: ")


# ── MCP ──────────────────────────────────────────────────────────────────────


def _listed(method: str) -> JsonDict:
    return load_manifest()[HANDSHAKE]["results"][method]


def tools() -> str:
    rows = (
        (f"`{tool['name']}`", tool["description"], _arguments(tool), "yes" if "_meta" in tool else "")
        for tool in _listed("tools/list")["tools"]
    )
    return table(["tool", "for", "arguments (**required**)", "always in sight"], rows)


def _arguments(tool: JsonDict) -> str:
    schema = tool["inputSchema"]
    names = schema.get("properties", {})
    return (
        ", ".join(f"**{name}**" if name in schema.get("required", []) else name for name in names) or "none"
    )


def resources() -> str:
    found = [
        (f"`{each['uri']}`", "resource", each["description"])
        for each in _listed("resources/list")["resources"]
    ]
    for prompt in _listed("prompts/list")["prompts"]:
        taken = ", ".join(
            f"**{each['name']}**" if each.get("required") else each["name"] for each in prompt["arguments"]
        )
        found.append((f"`{prompt['name']}` ({taken})", "prompt", prompt["description"]))
    return table(["name", "kind", "what"], found)


# ── providers and plans ──────────────────────────────────────────────────────


def vendors() -> str:
    rows = (
        (f"`{each.name}`", each.title, _set_up(each), str(each.billing), each.dialect, _priced(each))
        for each in vendor_data.load().values()
    )
    return table(["name", "", "set up by", "paid", "dialect", "prices known"], rows)


def _set_up(vendor: Vendor) -> str:
    if vendor.is_cli:
        return f"`{vendor.executable}` on PATH, logged in"
    address = f"`{vendor.base_url_variables[1]}`"
    if vendor.assumed:
        return f"nothing, if it runs at {vendor.base_url}; else {address}"
    if vendor.key_optional:
        return f"{address} (its own default: {vendor.base_url})"
    keys = " or ".join(f"`{name}`" for name in vendor.key_env)
    needed = [f"`{names[0]}`" for name, names in vendor.variables.items() if f"{{{name}}}" in vendor.base_url]
    instead = [f"`{names[0]}`" for name, names in vendor.variables.items() if name == "project"]
    return f"{' and '.join([keys, *needed])}{''.join(f', or {name}' for name in instead)}"


def _priced(vendor: Vendor) -> str:
    if vendor.billing is not Billing.METERED:
        return ""
    return "yes" if vendor.prices else "no"


def chains() -> str:
    rows = (
        (f"`{profile}`", complexity, " → ".join(f"`{entry}`" for entry in row[complexity]))
        for profile, row in data("chains.toml")["profiles"].items()
        for complexity in attempts.LIMITS_S
    )
    return table(["profile", "complexity", "asked in this order"], rows)


def strategies() -> str:
    read = data("chains.toml")
    words = {
        name: [f"`{word}`" for word, meant in read["words"].items() if meant == name]
        for name in read["strategies"]
    }
    rows = (
        (
            ", ".join(words[name]),
            " → ".join(f"`{entry}`" for entry in row["any"]),
            "yes" if row["free_first"] else "no",
        )
        for name, row in read["strategies"].items()
    )
    return table(["named as model", "asked in this order", "free before paid"], rows)


def aliases() -> str:
    catalogue = Catalogue.load()
    names = ", ".join(f"`{alias}`" for alias in catalogue.aliases)
    return f"As of {catalogue.as_of}: {names}."


# ── the sandbox ──────────────────────────────────────────────────────────────


def faults() -> str:
    return _block(inspect.cleandoc(Fault.__doc__ or ""))


def directives() -> str:
    return _block("\n".join(_indented_part(sandbox_directives.__doc__)))


def control() -> str:
    return _block("\n".join(_indented_part(sandbox_control.__doc__)))


def standins() -> str:
    return "\n\n".join(_block(each.__doc__ or "") for each in (codex, gemini))


def _indented_part(docstring: str | None) -> Iterator[str]:
    """All but the first paragraph."""
    yield from (docstring or "").strip().splitlines()[2:]
