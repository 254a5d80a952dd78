"""What the real Claude Code (2.1.329) sends, long texts cut short, through the gateway to an upstream of every dialect: what
the provider received, and what the client got, event by event.
"""

from __future__ import annotations

import json

import pytest
from asgi_calls import Ledger, call, gateway, order
from recordings import FOLDER, SIGNED, UPSTREAMS, recorded

from llm_router.sandbox import Sandbox

asynchronous = pytest.mark.asyncio(loop_scope="module")

SESSION = "00000000-0000-4000-8000-000000000000"
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


def test_every_recording_has_its_turn():
    found = {path.stem for path in FOLDER.glob("claude_code_*.json")}
    assert found == {f"claude_code_{name}" for name in TURNS}


@asynchronous
@pytest.mark.parametrize("dialect", UPSTREAMS)
@pytest.mark.parametrize("name", TURNS)
async def test_a_recorded_request_is_answered_in_order(name, dialect, played):
    path, body, headers = recorded(f"claude_code_{name}")
    if name in SAFEGUARDED and dialect != "anthropic":
        refused = await call(played.gateways[dialect], path, body, **headers)
        assert refused.status == 400
        assert "safeguards" in refused.json["error"]["message"]
        assert "home_dir" not in json.dumps(
            [request.body for request in played.box.answers(UPSTREAMS[dialect])]
        )
        del body["safeguards"]  # as the client does then
    answered, decision, request = await played.play(dialect, path, body, headers)
    message = order.message(answered.body) if body.get("stream") else answered.json
    assert message["usage"]["output_tokens"] > 0
    assert decision.request.session == SESSION
    if name in ("tool_results", "tool_loaded", "agent_notification"):
        assert decision.request.prompt.startswith("do [[call ")  # what a person said, not what came since
        assert decision.request.conversation.goes_on
    received(name, dialect, request.body, body)
    if dialect == "anthropic" or name not in SAFEGUARDED:
        assert decision.request.turn == TURNS[name]
    said(name, message)


@asynchronous
@pytest.mark.parametrize("name", sorted(SAFEGUARDED))
async def test_safeguards_reach_who_stands_for_anthropic(name, tmp_path):
    patch, ledger = pytest.MonkeyPatch(), Ledger()
    config = "providers: {office: {base_url: '%s/anthropic', api_key: sandbox-key-x, stands_for: anthropic}}"
    path, body, headers = recorded(f"claude_code_{name}")
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
