"""Every command with its options: for docs/command-line.md."""

from __future__ import annotations

import inspect
import io
import os
import textwrap
from contextlib import redirect_stdout, suppress

import click
from docs_parts.markdown import block

from llm_router.cli.main import ALIASES, COMMANDS, cli
from llm_router.mcp_server import options

_WIDTH = 100


def commands() -> str:
    with click.Context(cli, info_name="llm-router") as top:
        parts = [_command(name, cli.get_command(top, name)) for name in COMMANDS]
    return "\n\n".join(parts)


def _command(name: str, command: click.Command | None) -> str:
    assert command is not None
    also = "".join(f", `{alias}`" for alias, target in ALIASES.items() if target == name)
    texts = [f"### `{name}`{also}"]
    if name == "mcp":  # it parses for itself, to be quick
        return "\n\n".join([*texts, COMMANDS[name][1], block(_mcp_help())])
    texts.append(inspect.cleandoc(command.help or ""))
    if isinstance(command, click.Group):
        used = [
            f"{inspect.cleandoc(sub.help or '')}\n\n{block(_usage(f'{name} {key}', sub))}"
            for key, sub in command.commands.items()
        ]
        return "\n\n".join([*texts, *used])
    return "\n\n".join([*texts, block(_usage(name, command))])


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
