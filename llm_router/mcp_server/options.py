"""The options of `llm-router mcp`; imported only when there are any."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import dataclass

from llm_router.mcp_server.static import HANDSHAKE, load_manifest

TOOLSETS = ("core", "all")


@dataclass(frozen=True, slots=True)
class Options:
    """`tools` None = every tool; `host` and `port` None = as configured."""

    http: bool
    host: str | None
    port: int | None
    tools: Collection[str] | None


def parse(argv: list[str]) -> Options:
    """Exits with 2 and a line on stderr where the options are wrong."""
    parser = argparse.ArgumentParser(
        "llm-router mcp", description="Serve the router's tools to an MCP client."
    )
    parser.add_argument("--http", action="store_true", help="streamable HTTP at /mcp instead of stdio")
    parser.add_argument("--host", help="address to bind; beyond loopback only with LLM_ROUTER_ACCESS_KEY set")
    parser.add_argument("--port", type=_port, help="port to bind, 0 for any free one (default 8484)")
    parser.add_argument("--tools", type=_tools, help="core, all, or names separated by commas", metavar="SET")
    given = parser.parse_args(argv)
    if not given.http and (given.host is not None or given.port is not None):
        parser.error("--host and --port need --http")
    return Options(given.http, given.host, given.port, given.tools)


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return port


def _tools(text: str) -> Collection[str] | None:
    if text in TOOLSETS:  # the core tools are all there are so far
        return None
    known = [tool["name"] for tool in load_manifest()[HANDSHAKE]["results"]["tools/list"]["tools"]]
    names = [name for part in text.split(",") if (name := part.strip())]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        wrong = f"unknown: {', '.join(unknown)}; " if unknown else ""
        raise argparse.ArgumentTypeError(f"{wrong}choose from {', '.join((*TOOLSETS, *known))}")
    return frozenset(names)
