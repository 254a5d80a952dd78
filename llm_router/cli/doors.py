"""Commands that open something else: the demo, the sandbox, the MCP server; and what one door shows behind another."""

from __future__ import annotations

import sys
from typing import Any

import click

from llm_router.cli import output
from llm_router.cli.options import json_option
from llm_router.errors import UsageError


@click.command()
@json_option
def demo(as_json: bool) -> int:
    """See the whole path on the embedded sandbox: no key, no network."""
    from llm_router.cli.demo import run

    return run(as_json)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 (the default) takes a free one.")
@json_option
def sandbox(port: int, as_json: bool) -> None:
    """Run simulated providers on 127.0.0.1 in the foreground.

    Prints the variables that point llm-router, or any vendor's own client, at them. The keys are fake. Ctrl-C ends it.
    """
    from llm_router.sandbox import Sandbox, serve

    def ready(box: Sandbox) -> None:
        if as_json:
            output.emit({"url": box.url, "port": box.port, "environ": box.environ()})
        else:
            for name, value in box.environ().items():
                output.say(f"export {name}={value}")
        sys.stdout.flush()
        output.note(f"sandbox on {box.url}; paste the lines above into another shell; Ctrl-C ends it")

    try:
        serve(port, ready)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        what = f"port {port} cannot be used: {error.strerror or error}"
        raise UsageError(what, fix="choose another: --port 0 takes a free one") from None


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def mcp(arguments: tuple[str, ...]) -> int:
    """Serve MCP clients over stdio or HTTP."""  # `__main__` goes there without coming by here
    from llm_router.mcp_server.front import main

    return main(list(arguments))


def mcp_application() -> Any:
    """The MCP server as an ASGI application, for the gateway to serve at /mcp: doors do not import each other."""
    from llm_router.mcp_server.web import mounted

    return mounted()
