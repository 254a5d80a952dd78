"""What a caller named its tools, where a vendor was given shorter names."""

from __future__ import annotations

from llm_router.dialects.encoding import wire_name
from llm_router.kept import kept_for_each
from llm_router.nouns import Request, Tool

LIMITS = (64, 128)


def originals(request: Request) -> dict[str, str]:
    """The caller's own names by the names vendors may have been given; only where the two differ. Not to be changed."""
    return _originals(request.tools)


@kept_for_each(512)
def _originals(tools: tuple[Tool, ...]) -> dict[str, str]:
    return {
        short: tool.name
        for tool in tools
        for limit in LIMITS
        if (short := wire_name(tool.name, limit)) != tool.name
    }
