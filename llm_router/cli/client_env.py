"""Clients behind the gateway: `code`, `activate` and `env`. They change no file of any client."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping

import click

from llm_router import paths
from llm_router.cli import output
from llm_router.cli.options import json_option
from llm_router.cli.render import table
from llm_router.cli.service import settings
from llm_router.errors import NotFoundError
from llm_router.service import process
from llm_router.service.clients import NO_KEY, Client, clients, for_claude_code, key_of
from llm_router.service.state import running

SHELLS = ("sh", "fish", "powershell")
_NAMES = click.Choice(["claude", "codex", "gemini", "openai", "anthropic", "ollama"])


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def code(arguments: tuple[str, ...]) -> int:
    """Run Claude Code through the gateway; what follows `--` is for it.

    Starts the service if need be. Only the environment of this one Claude Code is set; no file is written, so there is nothing to restore. Its exit code is ours.
    """
    program = shutil.which("claude")
    if program is None:
        raise NotFoundError("there is no `claude` on PATH", fix="npm install -g @anthropic-ai/claude-code")
    service, fresh = process.start(paths.home())
    if fresh:
        output.note(f"llm-router: started the service at {service.url}; `llm-router stop` ends it")
    environ = for_claude_code(service.url, settings(), os.environ)
    if os.name == "posix":
        os.execve(program, [program, *arguments], environ)  # noqa: S606 - no shell is wanted
    return subprocess.run([program, *arguments], env=environ, check=False).returncode


@click.command()
@click.argument("names", nargs=-1, type=_NAMES)
@click.option("--shell", type=click.Choice(SHELLS), help="Default: by $SHELL.")
@json_option
def activate(names: tuple[str, ...], shell: str | None, as_json: bool) -> None:
    """Print the variables that send clients of this shell through the gateway.

    Use it as `eval "$(llm-router activate)"`, in fish `llm-router activate | source`, in PowerShell `llm-router activate | Out-String | Invoke-Expression`. Without a NAME for Claude Code alone.
    """
    chosen = names or ("claude",)
    variables: dict[str, str] = {}
    for client in clients(_url()):
        if client.name in chosen:
            variables |= {**client.variables, **_keys(client)}
    if as_json:
        output.emit({"variables": variables})
        return
    for name, value in variables.items():
        output.say(_line(shell or _shell(), name, value))


@click.command()
@json_option
def env(as_json: bool) -> None:
    """What each client needs to reach the gateway: variables, or the lines of its own file.

    A key is shown by its variable's name only.
    """
    url, shown = _url(), {client.name: _shown(client) for client in clients(_url())}
    if as_json:
        told = {
            each.name: {
                "title": each.title,
                "variables": shown[each.name],
                "file": each.file,
                "text": each.text,
            }
            for each in clients(url)
        }
        output.emit({"url": url, "running": running(paths.home()) is not None, "clients": told})
        return
    rows = [[each.title, name, value] for each in clients(url) for name, value in shown[each.name].items()]
    table(["client", "variable", "value"], rows)
    for each in clients(url):
        if each.file:
            output.say(f"\n{each.title}: in {each.file}\n{each.text}")


def _url() -> str:
    """Of the service that runs, else where it would be."""
    service = running(paths.home())
    if service is not None:
        return service.url
    configured = settings()
    return f"http://{configured.host}:{configured.port}"


def _keys(client: Client) -> Mapping[str, str]:
    """A variable that holds the user's own key of a vendor is left alone where the gateway asks for none."""
    key = key_of(settings())
    if key is not None:
        return dict.fromkeys(client.keys, key)
    return {name: NO_KEY for name in client.keys if not os.environ.get(name)}


def _shown(client: Client) -> dict[str, str]:
    key = "$LLM_ROUTER_ACCESS_KEY" if key_of(settings()) is not None else f"{NO_KEY} (any text)"
    return {**client.variables, **dict.fromkeys(client.keys, key)}


def _shell() -> str:
    if os.name == "nt":
        return "powershell"
    return "fish" if os.environ.get("SHELL", "").endswith("fish") else "sh"


def _line(shell: str, name: str, value: str) -> str:
    if shell == "fish":
        return f"set -gx {name} {_fish(value)}"
    if shell == "powershell":
        quoted = value.replace("'", "''")
        return f"$env:{name} = '{quoted}'"
    return f"export {name}={shlex.quote(value)}"


def _fish(value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'"
