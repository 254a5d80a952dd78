"""What the real Codex (0.169) and Gemini CLI (0.61) send, long texts cut short, through the gateway to an upstream of every
dialect: what the provider received, and what the client got, event by event.
"""

from __future__ import annotations

import json

import pytest
from asgi_calls import call
from recordings import FOLDER, SIGNED, UPSTREAMS, recorded

asynchronous = pytest.mark.asyncio(loop_scope="module")

SESSION = "00000000-0000-7000-8000-000000000000"
TURNS = {
    "codex_main": "default",
    "codex_tool_results": "default",
    "codex_unknown_model": "default",
    "codex_image": "image",
    "codex_schema": "default",
    "codex_compaction": "compaction",
    "gemini_cli_main": "default",
    "gemini_cli_tool_results": "default",
    "gemini_cli_image": "image",
    "gemini_cli_classifier": "background",
}
COUNTED = "gemini_cli_count"  # is answered by nobody but us
RESULTS = {"codex_tool_results", "codex_unknown_model", "gemini_cli_tool_results"}
# whom a recording reaches as it came; the custom endpoint has not all that Codex asks of OpenAI
NATIVE = {"codex": "openai_chat", "gemini_cli": "gemini"}
FOREIGN = ("installation_id", "client_metadata", "encrypted_content", "YjRlNTIyMWZjYWM2", "ZjFmZGNiYmY2YzUx")


def client(name):
    return "codex" if name.startswith("codex") else "gemini_cli"


def test_every_recording_is_played():
    found = {path.stem for path in FOLDER.glob("*.json") if not path.stem.startswith("claude_code_")}
    assert found == {*TURNS, COUNTED}


@asynchronous
@pytest.mark.parametrize("dialect", UPSTREAMS)
@pytest.mark.parametrize("name", TURNS)
async def test_a_recorded_request_is_answered_in_order(name, dialect, played):
    path, body, headers = recorded(name)
    answered, decision, request = await played.play(dialect, path, body, headers)
    texts, calls, usage = (read_responses if client(name) == "codex" else read_gemini)(answered.body)
    assert usage > 0
    assert decision.request.turn == TURNS[name]
    if client(name) == "codex":
        assert decision.request.session == SESSION
    assert decision.request.conversation.goes_on is (name in RESULTS)
    if dialect == NATIVE[client(name)]:
        received_as_it_came(name, request, body, headers)
    else:
        received_translated(name, dialect, request)
    said(name, texts, calls)


def received_as_it_came(name, request, sent, headers):
    got = request.body
    if client(name) == "gemini_cli":
        assert got == sent
        return
    # another model of OpenAI's may be asked, which thinks in its own way; what another vendor sealed stays here
    changed = {"model", "reasoning"}
    sent["input"] = [item for item in sent["input"] if "llmr" not in (item.get("encrypted_content") or "")]
    assert {key: got[key] for key in got if key not in changed} == {
        key: sent[key] for key in sent if key not in changed
    }
    assert got["reasoning"].keys() == sent["reasoning"].keys()
    for told in (
        "session_id",
        "x_codex_window_id",
        "x_codex_turn_metadata",
        "x_openai_internal_codex_responses_lite",
    ):
        assert request.headers.get(told.replace("_", "-")) == headers.get(told)


def received_translated(name, dialect, request):
    text = json.dumps(request.body)
    for foreign in FOREIGN:
        assert foreign not in text, foreign
    assert not [header for header in request.headers if header.startswith(("x-codex-", "x-openai-"))]
    if name in RESULTS:
        assert "broken" in text
        assert "three" in text
    if "image" in name:
        assert "iVBORw0KGgo" in text
    assert (SIGNED in text) is (name == "codex_unknown_model" and dialect == "anthropic")
    if name == "codex_main":
        assert "apply_patch" in text  # of the tools that stand in an item of the input
    if name == "codex_unknown_model":
        assert "exec_command" in text
    if client(name) == "gemini_cli" and "classifier" not in name:
        assert "run_shell_command" in text


def said(name, texts, calls):
    match name:
        case "codex_main":
            assert calls == ["exec"]
            assert texts == "First I read."
        case "gemini_cli_main":
            assert calls == ["read_file"]
            assert texts == "First I read."
        case "codex_schema":
            assert set(json.loads(texts)) == {"title"}
        case "gemini_cli_classifier":
            assert not calls
        case "codex_image" | "gemini_cli_image":
            assert texts == "I see it."
        case "codex_compaction":  # words, or a step of the script that the conversation is about
            assert texts or calls
        case _:
            assert texts == "All of it is done."
            assert not calls


@asynchronous
async def test_tokens_are_counted_without_asking_anybody(played):
    path, body, headers = recorded(COUNTED)
    played.box.forget()
    answered = await call(played.gateways["gemini"], path, body, **headers)
    assert 1_000 < answered.json["totalTokens"] < 3_000  # of which the picture is most
    assert not played.box.answers()


# ── strict readers ───────────────────────────────────────────────────────────


def read_responses(data):
    """Text, names of the tools called, and output tokens. AssertionError for anything out of order."""
    assert data.endswith(b"\n\n")
    events = []
    for block in data[:-2].split(b"\n\n"):
        if block.startswith(b":"):
            continue
        name, line = block.split(b"\n")
        event = json.loads(line.removeprefix(b"data: "))
        assert event["type"] == name.removeprefix(b"event: ").decode()
        events.append(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    opened, done = {}, {}
    for event in events:
        index = event.get("output_index")
        match event["type"]:
            case "response.output_item.added":
                assert index == len(opened)
                opened[index] = event["item"]
            case "response.output_item.done":
                assert event["item"]["id"] == opened[index]["id"]
                assert event["item"]["type"] == opened[index]["type"]
                done[index] = event["item"]
            case kind if kind.endswith((".delta", ".added")):
                assert index in opened
                assert index not in done
    response = events[-1]["response"]
    assert [done[index] for index in sorted(done)] == response["output"]
    assert opened.keys() == done.keys()
    told = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
    whole = "".join(
        part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"]
    )
    assert told == whole
    calls = [item["name"] for item in response["output"] if item["type"].endswith("_call")]
    return whole, calls, response["usage"]["output_tokens"]


def read_gemini(data):
    """Likewise, of a stream of chunks or of one answer."""
    if data.startswith(b"{"):
        chunks = [json.loads(data)]
    else:
        assert data.endswith((b"\r\n\r\n", b"\n\n"))
        blocks = data.replace(b"\r\n", b"\n").split(b"\n\n")
        chunks = [json.loads(block.removeprefix(b"data: ")) for block in blocks if block.strip()]
    candidates = [chunk["candidates"][0] for chunk in chunks if chunk.get("candidates")]
    finishes = [each["finishReason"] for each in candidates if each.get("finishReason")]
    assert finishes == ["STOP"]
    assert candidates[-1].get("finishReason")
    parts = [part for each in candidates for part in each.get("content", {}).get("parts", [])]
    text = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    calls = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
    return text, calls, chunks[-1]["usageMetadata"]["candidatesTokenCount"]
