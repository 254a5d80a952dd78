"""Commands that open something else: the demo, the sandbox, the MCP server."""

from __future__ import annotations

import click

from llm_router.cli import output
from llm_router.cli.options import json_option


@click.command()
@json_option
def demo(as_json: bool) -> int:
    """See the whole path on the embedded sandbox: no key, no network."""
    from llm_router.cli.demo import run

    return run(as_json)


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="First port; 0 lets the system choose."
)
@json_option
def sandbox(port: int, as_json: bool) -> None:
    """Run the simulated upstreams in the foreground, until Ctrl-C."""
    raise NotImplementedError


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def mcp(arguments: tuple[str, ...]) -> int:
    """Serve MCP clients over stdio or HTTP (`__main__` goes there directly)."""
    from llm_router.mcp_server.front import main

    return main(list(arguments))
