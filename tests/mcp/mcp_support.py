"""What the tests of the MCP server share."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.waiting import LIMIT_S, wait_for

__all__ = ["ENVELOPE", "FAKE", "LIMIT_S", "PROGRAM", "SDKS", "telling_modules", "wait_for"]

SDKS = {"openai", "anthropic", "google.genai", "ollama"}

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


def telling_modules(path):
    """The server as a program that writes to this file, when it ends, what it had loaded."""
    dump = f"import atexit, sys; atexit.register(lambda: open({str(path)!r}, 'w').write('\\n'.join(sys.modules)))"
    return [sys.executable, "-c", f"{dump}\n{PROGRAM[-1]}"]
