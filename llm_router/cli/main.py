"""The command table and the one place where an error becomes an exit code.

A command's module is imported when the command runs; `--help` imports click alone. Data go to stdout and the rest to
stderr; with `--json` an error is one JSON object on stdout too, so that a script reads one stream.

Exit codes: 0 ok, 1 internal, 2 usage or configuration, 3 credentials, 4 not found, 5 budget or rate limit,
6 upstream, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from llm_router import __version__
from llm_router.cli import output
from llm_router.errors import RouterError, UsageError

# name -> (module, what it does); the command is the function of that name (`_` for a reserved word)
COMMANDS = {
    "demo": ("doors", "See the whole path on the embedded sandbox: no key, no network."),
    "install": ("hosts", "Put the router into Claude Code, Codex, Gemini CLI and editors."),
    "uninstall": ("hosts", "Take the router out of them; their settings become what they were."),
    "status": ("hosts", "What the service is doing, and which hosts have the router."),
    "code": ("client_env", "Run Claude Code through the gateway; what follows `--` is for it."),
    "activate": ("client_env", "Print the variables that send clients of this shell through the gateway."),
    "env": (
        "client_env",
        "What each client needs to reach the gateway: variables, or the lines of its own file.",
    ),
    "start": ("service", "Start the service in the background, and wait until it serves."),
    "stop": ("service", "Stop the service. Answers under way may finish first."),
    "restart": (
        "service",
        "Stop it and start it anew, with the --host and --port it was started with, if there were any.",
    ),
    "reload": (
        "service",
        "Make the service read its configuration again. Requests under way finish by the old one.",
    ),
    "logs": (
        "logs",
        "What the service did: a line per request, with model, tokens, cost and time to the first token.",
    ),
    "serve": ("service", "Serve in the foreground: the gateway, and MCP at /mcp."),
    "ask": ("ask", "Route a prompt to the cheapest capable model and print its answer."),
    "classify": (
        "classify",
        "Say what kind of task a prompt is, how hard, and which tier of model can do it. No network.",
    ),
    "eval": (
        "eval",
        "Measure routing against fixed choices, on your own outcomes or on others'.",
    ),
    "explain": ("explain", "Tell the whole story of one request."),
    "rate": ("memory", "Say whether an answer was good; routing learns from it."),
    "memory": ("memory", "See, export or forget what was learned from your outcomes."),
    "train": ("memory", "Train a personal correction from your own outcomes; promoted only if it is better."),
    "costs": ("costs", "What was used and what it cost; also called `usage`."),
    "savings": ("costs", "What routing saved against the baseline, where measured."),
    "stats": ("costs", "Calls, failures and latency."),
    "budget": ("budget", "Show or set spending caps."),
    "providers": ("providers", "Which providers are set up and ready, and what the others need."),
    "models": ("providers", "Which models can be used, with aliases."),
    "health": ("providers", "Which models are cooling down after failures."),
    "doctor": ("doctor", "Find what is wrong, with the command that fixes it."),
    "config": ("config", "Check, show or describe the configuration."),
    "violations": ("hooks", "How often suggested routes were gone around, and what helps."),
    "hooks": ("hooks", "How the hooks inside hosts fare: runs, errors, latency."),
    "mcp": ("doors", "Serve MCP clients over stdio or HTTP."),
    "sandbox": ("doors", "Run simulated providers on 127.0.0.1 in the foreground."),
    "completion": ("completion", "Print the completion script of a shell."),
}
ALIASES = {"usage": "costs"}


class _Table(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"llm_router.cli.{COMMANDS[name][0]}")
        command: click.Command = getattr(module, name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = [*COMMANDS, *ALIASES]
        if args and args[0] not in known and not args[0].startswith("-"):
            fix = output.did_you_mean(args[0], known) or "see: llm-router --help"
            raise UsageError(f"no such command: {args[0]}", fix=fix)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table: the shell waits, so no command is imported."""
        names = [
            CompletionItem(n, help=text) for n, (_, text) in COMMANDS.items() if n.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=_Table,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 internal, 2 usage, 3 credentials, 4 not found, 5 budget or rate limit, "
    "6 upstream, 130 interrupted.",
)
@click.version_option(__version__, "-V", "--version", prog_name="llm-router", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Send every prompt to the cheapest model that can do it well."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Never raises."""
    output.use_utf8()
    code = _guarded(arguments, as_json=output.wants_json(arguments))
    try:
        sys.stdout.flush()
    except OSError:  # said already, or nobody listens
        output.abandon_stdout()
    return code


def _guarded(arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        code = _invoke(list(arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has read enough: `llm-router costs | head -1`
        output.abandon_stdout()
        return 0
    except (KeyboardInterrupt, click.Abort):
        return 130
    except RouterError as error:
        return _fail(error, as_json=as_json)
    except click.ClickException as error:
        fix = "see: llm-router --help"
        context = getattr(error, "ctx", None)
        if isinstance(context, click.Context):
            fix = f"see: {context.command_path} --help"
        return _fail(UsageError(error.format_message(), fix=fix), as_json=as_json)
    except Exception as error:
        if os.environ.get("LLM_ROUTER_DEBUG"):
            raise
        if isinstance(error, OSError):  # a full disk, a folder that is not ours
            what = f"{error.filename or 'the output'}: {error.strerror or error}"
            return _fail(RouterError(what, fix="see: llm-router doctor"), as_json=as_json)
        # a bug of ours: say so without a page of trace
        fix = "set LLM_ROUTER_DEBUG=1 to see where, and please report it"
        return _fail(RouterError(f"{type(error).__name__}: {error}", fix=fix), as_json=as_json)
    return code


def _invoke(arguments: list[str]) -> int:
    if "_LLM_ROUTER_COMPLETE" in os.environ:
        cli.main(arguments, prog_name="llm-router")
    try:
        with cli.make_context("llm-router", arguments) as context:
            result = cli.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    return result if isinstance(result, int) else 0


def _fail(error: RouterError, *, as_json: bool) -> int:
    try:
        output.show_error(error, as_json=as_json)
    except OSError:
        with suppress(OSError):
            output.show_error(error, as_json=False)
    return error.exit_code
