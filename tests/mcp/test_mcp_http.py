"""The server over streamable HTTP: both eras, the access key, and who is kept out."""

import json
import signal
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_support import ENVELOPE, LIMIT_S

KEY = "a-long-random-text"
ACCEPT = {"accept": "application/json, text/event-stream"}


@pytest.fixture
def server(fake):
    return fake("--http", "--port", "0")


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28", "auto"])
async def test_the_sdk_client_lists_and_calls_with_progress(server, mode):
    said = []

    async def heard(progress, total, message):
        said.append((progress, total, message))

    async with Client(server.url(), mode=mode, read_timeout_seconds=LIMIT_S) as client:
        assert "llm_query" in [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool("llm_query", {"prompt": "progress"}, progress_callback=heard)
    assert result.structured_content["model"] == "openai/gpt"
    assert [message for _, _, message in said] == [
        "trying ollama/qwen3",
        "ollama/qwen3: rate_limited (429)",
        "trying openai/gpt",
    ]


async def test_a_stateless_client_that_hangs_up_cancels_its_call(server):
    async with httpx2.AsyncClient(timeout=LIMIT_S) as http:
        params = {
            "name": "llm_query",
            "arguments": {"prompt": "hang"},
            "_meta": ENVELOPE["_meta"] | {"progressToken": 1},
        }
        headers = ACCEPT | {
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": "llm_query",
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        async with http.stream("POST", server.url(), json=body, headers=headers) as response:
            async for line in response.aiter_lines():
                if "trying ollama" in line:
                    break
        answer = await http.post(
            server.url(),
            json={"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": ENVELOPE},
            headers=ACCEPT | {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"},
        )
        assert answer.status_code == 200
    server.popen.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    assert server.notes()[:3] == ["asked hang", "cancelled hang", "closed hang"]


async def test_sigterm_ends_the_service_cleanly(server):
    server.url()
    server.popen.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    assert "Traceback" not in server.errors()


async def test_with_a_key_only_those_who_know_it_are_served(fake):
    server = fake("--http", "--port", "0", LLM_ROUTER_ACCESS_KEY=KEY)
    url = server.url()
    async with httpx2.AsyncClient(timeout=LIMIT_S) as http:
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"x-api-key": "wrong"},
            {"authorization": f"Basic {KEY}"},
        ):
            refused = await http.post(url, json={}, headers=ACCEPT | headers)
            assert refused.status_code == 401
            assert "LLM_ROUTER_ACCESS_KEY" in refused.json()["error"]
    for headers in ({"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
        async with (
            httpx2.AsyncClient(timeout=LIMIT_S, headers=headers) as http,
            Client(streamable_http_client(url, http_client=http), mode="legacy") as client,
        ):
            assert (await client.list_tools()).tools
    assert KEY not in server.errors()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_without_a_key_nothing_but_loopback_is_bound(fake, host):
    server = fake("--http", "--port", "0", "--host", host)
    assert server.wait() == 2
    assert "LLM_ROUTER_ACCESS_KEY" in server.errors()


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example"}, 421), ({"origin": "http://evil.example"}, 403), ({"origin": "null"}, 403)],
)
async def test_a_web_page_of_another_site_is_refused(server, headers, status):
    async with httpx2.AsyncClient(timeout=LIMIT_S) as http:
        answer = await http.post(server.url(), json={}, headers=ACCEPT | headers)
    assert answer.status_code == status


async def test_behind_a_wildcard_address_foreign_origins_stay_out(fake):
    server = fake("--http", "--port", "0", "--host", "0.0.0.0", LLM_ROUTER_ACCESS_KEY=KEY)
    url = server.url().replace("0.0.0.0", "127.0.0.1")
    known = ACCEPT | {"x-api-key": KEY}
    body = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": ENVELOPE}
    modern = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}
    async with httpx2.AsyncClient(timeout=LIMIT_S) as http:
        refused = await http.post(url, json=body, headers=known | modern | {"origin": "http://evil.example"})
        served = await http.post(url, json=body, headers=known | modern | {"host": "router.lan:1"})
    assert (refused.status_code, served.status_code) == (403, 200)


async def test_a_body_beyond_the_limit_is_refused(server):
    async with httpx2.AsyncClient(timeout=LIMIT_S) as http:
        answer = await http.post(
            server.url(),
            content=b"{" + b" " * (33 * 1024 * 1024) + b"}",
            headers=ACCEPT | {"content-type": "application/json"},
        )
    assert answer.status_code == 413


async def test_a_large_prompt_fits(server):
    async with Client(server.url(), mode="legacy", read_timeout_seconds=LIMIT_S) as client:
        result = await client.call_tool("llm_query", {"prompt": "size" + "x" * 5_000_000})
    assert result.structured_content["answer"].startswith("None: 5000004")


def test_a_taken_port_is_told_with_a_way_round(fake):
    first = fake("--http", "--port", "0")
    port = first.url().rsplit(":", 1)[1].removesuffix("/mcp")
    second = fake("--http", "--port", port)
    assert second.wait() == 2
    assert "--port 0" in second.errors()


async def test_a_call_over_http_is_of_no_session_of_ours(fake):
    server = fake("--http", "--port", "0", CLAUDE_CODE_SESSION_ID="s-1")
    async with Client(server.url(), mode="legacy", read_timeout_seconds=LIMIT_S) as client:
        result = await client.call_tool("llm_query", {"prompt": "hello"})
    assert result.structured_content["answer"].endswith("|None")


def test_the_address_comes_from_the_configuration(fake, environ):
    home = Path(environ["LLM_ROUTER_HOME"])
    home.mkdir()
    (home / "config.yaml").write_text(json.dumps({"gateway": {"host": "192.0.2.1"}}))
    server = fake("--http")
    assert server.wait() == 2
    assert "192.0.2.1" in server.errors()
