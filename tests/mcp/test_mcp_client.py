"""The stdio server under the official SDK's own client, which checks every result against the declared schemas."""

import sys

import pytest
from mcp import Client, StdioServerParameters
from mcp_support import FAKE, LIMIT_S


@pytest.mark.parametrize(
    ("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("2026-07-28",) * 2]
)
async def test_the_sdk_client_connects_lists_calls_and_reads_prompts(environ, tmp_path, mode, version):
    server = StdioServerParameters(
        command=sys.executable, args=FAKE[1:], env=environ | {"FAKE_NOTES": str(tmp_path / "notes")}
    )
    async with Client(server, mode=mode, read_timeout_seconds=LIMIT_S) as client:
        assert client.session.protocol_version == version
        assert len((await client.list_tools()).tools) == 11
        answered = await client.call_tool("llm_query", {"prompt": "hello"})
        assert answered.structured_content["answer"].startswith("query: hello")
        for prompt, is_error in (("fail", True), ("unpriced", False)):  # these too must fit the output schema
            result = await client.call_tool("llm_route", {"prompt": prompt})
            assert result.is_error is is_error
        choice = await client.call_tool("llm_route", {"prompt": "hello", "dry_run": True})
        assert choice.structured_content["chain"]
        assert [each.name for each in (await client.list_prompts()).prompts] == [
            "ask",
            "review",
            "explain-decision",
        ]
        rendered = await client.get_prompt("ask", {"question": "why?"})
        assert rendered.messages[0].role == "user"
        uris = [str(each.uri) for each in (await client.list_resources()).resources]
        assert uris == ["llm-router://usage", "llm-router://catalogue"]
