"""The generated manifest: what the SDK server says, and small enough for a host's context."""

import asyncio
import json

import jsonschema
import pytest

from llm_router import __version__
from llm_router.mcp_server.manifest import make
from llm_router.mcp_server.static import MANIFEST, StaticAnswers, load_manifest


@pytest.fixture(scope="module")
def manifest():
    return load_manifest()


@pytest.fixture(scope="module")
def listing(manifest):
    return manifest["handshake"]["results"]["tools/list"]


@pytest.fixture(scope="module")
def tools(listing):
    return {tool["name"]: tool for tool in listing["tools"]}


def test_the_manifest_is_what_the_sdk_answers_in_every_protocol_version(monkeypatch, tmp_path):
    monkeypatch.setenv("LLM_ROUTER_HOME", str(tmp_path))
    made = asyncio.run(make())
    assert json.loads(MANIFEST.read_text()) == made, "run scripts/generate_manifest.py"
    assert made["handshake"]["versions"] == ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
    assert made["modern"]["versions"] == ["2026-07-28"]


def test_the_release_is_filled_in(manifest):
    assert manifest["handshake"]["initialize"]["serverInfo"] == {"name": "llm-router", "version": __version__}


def test_the_listing_stays_within_ten_kilobytes(manifest):
    for era in ("handshake", "modern"):
        listed = json.dumps(manifest[era]["results"]["tools/list"], separators=(",", ":"))
        assert len(listed.encode()) <= 10_000


def test_every_tool_is_read_only_strict_described_and_has_an_output_schema(tools):
    for tool in tools.values():
        assert tool["annotations"]["readOnlyHint"] is True
        assert tool["inputSchema"]["additionalProperties"] is False
        assert tool["outputSchema"]["type"] == "object"
        assert 10 < len(tool["description"]) < 130
        jsonschema.Draft202012Validator.check_schema(tool["inputSchema"])
        jsonschema.Draft202012Validator.check_schema(tool["outputSchema"])


def test_a_few_tools_are_always_loaded(tools):
    assert [n for n, t in tools.items() if t.get("_meta") == {"anthropic/alwaysLoad": True}] == [
        "llm_route",
        "llm_query",
        "llm_code",
    ]


def test_only_tools_that_ask_a_model_reach_the_open_world(tools):
    closed = [name for name, tool in tools.items() if not tool["annotations"]["openWorldHint"]]
    assert closed == ["llm_classify", "llm_usage", "llm_budget", "llm_health", "llm_rate"]


@pytest.mark.parametrize(
    ("tool", "arguments", "fits"),
    [
        (
            "llm_query",
            {"prompt": "x", "complexity": "simple", "profile": "budget", "max_cost_usd": 0.5},
            True,
        ),
        ("llm_query", {"prompt": "x", "dry_run": True}, False),
        ("llm_query", {}, False),
        ("llm_route", {"prompt": "x", "task": "code", "dry_run": True}, True),
        ("llm_route", {"prompt": "x", "task": "image"}, False),
        ("llm_usage", {"period": "week", "by": "provider"}, True),
        ("llm_usage", {"period": "hour"}, False),
        ("llm_budget", {"x": 1}, False),
    ],
)
def test_the_schemas_accept_what_the_tools_do(tools, tool, arguments, fits):
    validator = jsonschema.Draft202012Validator(tools[tool]["inputSchema"])
    assert validator.is_valid(arguments) is fits


def test_a_malformed_meta_is_left_to_the_sdk(manifest):
    answers = StaticAnswers(manifest)
    opening = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    assert answers.line_for({"id": 1, "method": "initialize", "params": opening}) is not None
    assert answers.line_for({"id": 2, "method": "tools/list", "params": {"_meta": 5}}) is None
    assert answers.line_for({"id": 3, "method": "tools/list", "params": {"cursor": "x"}}) is None


@pytest.mark.parametrize("missing", ["protocolVersion", "capabilities", "clientInfo"])
def test_a_doubtful_initialize_is_left_to_the_sdk(manifest, missing):
    opening = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    del opening[missing]
    assert StaticAnswers(manifest).line_for({"id": 1, "method": "initialize", "params": opening}) is None
