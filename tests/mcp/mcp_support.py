"""What the tests of the MCP server share."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.waiting import LIMIT_S, wait_for

__all__ = ["ENVELOPE", "FAKE", "LIMIT_S", "PROGRAM", "wait_for"]

PROGRAM = [
    sys.executable,
    "-c",
    "import sys; from llm_router.mcp_server.front import main; sys.exit(main(sys.argv[1:]))",
]
FAKE = [sys.executable, str(Path(__file__).with_name("fake_server.py"))]
ENVELOPE = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}
