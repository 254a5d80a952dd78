"""What is loaded of the MCP SDK, and that all of it is there for who asks."""

import subprocess
import sys

import pytest

UNUSED = {"mcp.client", "mcp.server.mcpserver", "cryptography", "httpx2"}


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nfrom llm_router.mcp_server import lean\n{code}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_of_the_sdk_only_what_serves_is_loaded():
    loaded = run("lean.prepare()\nimport llm_router.mcp_server.live\nprint(*sys.modules)")
    assert "mcp.server.lowlevel" in loaded
    assert not UNUSED & set(loaded)


@pytest.mark.parametrize(
    "wish",
    [
        "from mcp import ClientSession",
        "from mcp.server import MCPServer",
        "import mcp.types; mcp.ClientSession",
        "import mcp.server; mcp.server.MCPServer",
        "from mcp import *; ClientSession",
        "from mcp.client.stdio import stdio_client; from mcp import stdio_client as same; assert same is stdio_client",
    ],
)
@pytest.mark.parametrize("before", ["", "import llm_router.mcp_server.live"])
def test_who_asks_for_a_name_of_the_sdk_gets_it(before, wish):
    run(
        f"lean.prepare()\n{before}\n{wish}\nfrom mcp.server import Server\nfrom mcp.server.lowlevel import Server as S\nassert S is Server"
    )


def test_a_name_the_sdk_does_not_have_is_missing():
    run(
        "lean.prepare()\nimport mcp\n"
        "try: mcp.no_such_name\n"
        "except AttributeError as error: assert 'no_such_name' in str(error)\n"
        "else: sys.exit('it was there')"
    )


def test_an_sdk_that_is_loaded_stays_as_it_is():
    run(
        "import mcp\nbefore = dict(vars(mcp))\nlean.prepare()\nassert vars(mcp) == before and sys.modules['mcp'] is mcp"
    )
