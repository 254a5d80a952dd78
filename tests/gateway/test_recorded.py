"""What the real Claude Code (2.1.329) sends, long texts cut short, through the gateway to an upstream of every dialect: what
the provider received, and what the client got, event by event.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytest_asyncio
from asgi_calls import Ledger, call, gateway, order

from llm_router.sandbox import Installed, Sandbox

asynchronous = pytest.mark.asyncio(loop_scope="module")

RECORDED = {
    path.stem.removeprefix("claude_code_"): path
    for path in (Path(__file__).parent / "recorded").glob("claude_code_*.json")
}
SIGNED = "c2FuZGJveD"  # how the signatures of the recorded thoughts begin
SESSION = "00000000-0000-4000-8000-000000000000"
CONFIG = """
providers:
  responder: {{dialect: openai_responses, base_url: "{url}/responder/v1", api_key: sandbox-key-x, models: [some-model]}}
"""
UPSTREAMS = {
    "anthropic": "anthropic",
    "openai_chat": "openai",
    "openai_responses": "responder",
    "gemini": "gemini",
    "ollama": "ollama",
}
ABLE = Installed("qwen3:8b", "qwen3", "8.2B", ("completion", "tools", "thinking"), 131_072, 5_000_000_000)
TURNS = {
    "main": "default",
    "tool_results": "default",
    "plan_mode": "safety",  # its safeguards decide, see below
    "auto_mode": "safety",
    "subagent": "subagent",
    "agent_notification": "default",
    "tool_search": "default",
    "tool_loaded": "default",
    "sonnet_4_5": "default",
    "compaction": "compaction",
    "title": "background",
    "haiku": "background",
    "monitor": "safety",  # what its automatic mode asks of a model before it runs a command, not streamed
    "monitor_again": "safety",
}
SAFEGUARDED = {"plan_mode", "auto_mode"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandboxed(tmp_path_factory):
    """One gateway for each upstream, which is the only one it has."""
    patch, ledger, gateways = pytest.MonkeyPatch(), Ledger(), {}
    with Sandbox(installed=(ABLE,)) as box:
        for dialect, vendor in UPSTREAMS.items():
            known = box.environ([vendor]) if vendor != "responder" else {}
            known.setdefault("OLLAMA_BASE_URL", "http://127.0.0.1:1")
            config = CONFIG.format(url=box.url) if vendor == "responder" else ""
            gateways[dialect] = gateway(tmp_path_factory.mktemp(dialect), known, config, ledger, patch)
        yield box, gateways, ledger
        for each in gateways.values():
            await each.current.aclose()
    patch.undo()


def recorded(name):
    data = json.loads(RECORDED[name].read_text(encoding="utf-8"))
    query = "&".join(f"{key}={value}" for key, value in data["query"].items())
    headers = {key.replace("-", "_"): value for key, value in data["headers"].items()}
    return f"{data['path']}?{query}", data["body"], headers


def test_every_recording_has_its_turn():
    assert set(RECORDED) == set(TURNS)


@asynchronous
@pytest.mark.parametrize("dialect", UPSTREAMS)
@pytest.mark.parametrize("name", TURNS)
async def test_a_recorded_request_is_answered_in_order(name, dialect, sandboxed):
    box, gateways, ledger = sandboxed
    path, body, headers = recorded(name)
    if name in SAFEGUARDED and dialect != "anthropic":
        refused = await call(gateways[dialect], path, body, **headers)
        assert refused.status == 400
        assert "safeguards" in refused.json["error"]["message"]
        assert "home_dir" not in json.dumps([request.body for request in box.answers(UPSTREAMS[dialect])])
        del body["safeguards"]  # as the client does then
    box.forget()
    ledger.decisions.clear()
    answered = await call(gateways[dialect], path, body, **headers)
    assert answered.status == 200, answered.body
    message = order.message(answered.body) if body.get("stream") else answered.json
    assert message["usage"]["output_tokens"] > 0
    (decision,) = ledger.decisions
    assert [(attempt.provider, attempt.ok) for attempt in decision.attempts] == [(UPSTREAMS[dialect], True)]
    assert decision.request.session == SESSION
    if name in ("tool_results", "tool_loaded", "agent_notification"):
        assert decision.request.prompt.startswith("do [[call ")  # what a person said, not what came since
        assert decision.request.conversation.goes_on
    (request,) = box.answers()
    received(name, dialect, request.body, body)
    if dialect == "anthropic" or name not in SAFEGUARDED:
        assert decision.request.turn == TURNS[name]
    said(name, message)


@asynchronous
@pytest.mark.parametrize("name", sorted(SAFEGUARDED))
async def test_safeguards_reach_who_stands_for_anthropic(name, tmp_path):
    patch, ledger = pytest.MonkeyPatch(), Ledger()
    config = "providers: {office: {base_url: '%s/anthropic', api_key: sandbox-key-x, stands_for: anthropic}}"
    path, body, headers = recorded(name)
    with Sandbox() as box:
        known = {"OLLAMA_BASE_URL": "http://127.0.0.1:1"}
        each = gateway(tmp_path, known, config % box.url, ledger, patch)
        answered = await call(each, path, body, **headers)
        await each.current.aclose()
        (request,) = box.answers()
    patch.undo()
    assert answered.status == 200, answered.body
    assert request.body["safeguards"] == body["safeguards"]
    assert "dangerous-tool-use" in request.headers["anthropic-beta"]
    assert ledger.decisions[0].request.turn == "safety"
    assert ledger.decisions[0].attempts[0].provider == "office"


def received(name, dialect, got, sent):
    """What the provider was sent of it."""
    text = json.dumps(got)
    if dialect == "anthropic":
        assert {
            key: got.get(key) for key in ("messages", "system", "tools", "metadata", "stop_sequences")
        } == {key: sent.get(key) for key in ("messages", "system", "tools", "metadata", "stop_sequences")}
        if name.startswith("monitor"):
            assert got["model"] == sent["model"]
        assert got.get("safeguards") == sent.get("safeguards")
        return
    for foreign in (
        "x-anthropic-billing-header",
        "cache_control",
        SIGNED,
        "device_id",
        "DeferredToolPlaceholder",
    ):
        assert foreign not in text, foreign
    if "# Environment" in json.dumps(sent["messages"]):
        assert "# Environment" in text  # it stands in a system message between the others
    if name == "tool_results":
        assert text.count("Exit code 1") == 1
        assert "three" in text
        assert "rror" in text  # told that this one failed
    if name == "tool_loaded":
        assert "WebFetch" in text
    if sent.get("tools"):
        assert "Read" in text


def said(name, message):
    """What the client got: the next step of the script in its prompt, or words."""
    calls = [block["name"] for block in message["content"] if block["type"] == "tool_use"]
    if name in ("main", "tool_search"):
        assert calls == [{"main": "Read", "tool_search": "ToolSearch"}[name]]
        assert message["stop_reason"] == "tool_use"
    elif name == "title":
        assert set(json.loads(message["content"][-1]["text"])) == {"title"}
    elif name not in ("auto_mode", "tool_loaded"):
        assert not calls
        assert message["stop_reason"] == "end_turn"
