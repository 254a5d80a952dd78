"""Every caller's dialect on every upstream's: a conversation arrives as it was meant, and the answer comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_router import dialects
from llm_router.dialects import inbound
from llm_router.nouns import (
    Answer,
    Image,
    Model,
    Reasoning,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ask,
)
from llm_router.ports import Head, Inbound

UPSTREAMS = {
    "anthropic": "anthropic",
    "openai_chat": "groq",
    "openai_responses": "openai",
    "gemini": "gemini",
    "ollama": "ollama",
}
CALLERS = ("anthropic", "openai_chat", "openai_responses", "gemini", "ollama")
PIXEL = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
SYSTEM, ASKED, SAID, FOUND, FAILED, ONWARD = (
    "Be brief.",
    "Compare the two files.",
    "Reading both.",
    "contents of a",
    "no such file b",
    "Go on.",
)


def model(upstream: str) -> Model:
    features = frozenset({"vision", "documents", "tools", "thinking", "schema"})
    return Model(UPSTREAMS[upstream], "model-1", features=features, max_output=4_096)


# ── the same conversation in every caller's dialect ──────────────────────────


def _anthropic() -> dict[str, Any]:
    return {
        "model": "m",
        "max_tokens": 500,
        "stream": True,
        "system": [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "read", "description": "Read a file.", "input_schema": SCHEMA}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": ASKED}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "private", "signature": "c2ln"}, {"type": "text", "text": SAID}, {"type": "tool_use", "id": "call_a", "name": "read", "input": {"path": "a"}}, {"type": "tool_use", "id": "call_b", "name": "read", "input": {"path": "b"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_a", "content": FOUND}, {"type": "tool_result", "tool_use_id": "call_b", "content": FAILED, "is_error": True}, {"type": "text", "text": ONWARD}]},
        ],
    }  # fmt: skip


def _openai_chat() -> dict[str, Any]:
    def call(name: str) -> dict[str, Any]:
        return {"id": f"call_{name}", "type": "function", "function": {"name": "read", "arguments": json.dumps({"path": name})}}  # fmt: skip

    return {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 500,
        "tools": [{"type": "function", "function": {"name": "read", "description": "Read a file.", "parameters": SCHEMA}}],
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": [{"type": "text", "text": ASKED}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]},
            {"role": "assistant", "content": SAID, "tool_calls": [call("a"), call("b")]},
            {"role": "tool", "tool_call_id": "call_a", "content": FOUND},
            {"role": "tool", "tool_call_id": "call_b", "content": FAILED},
            {"role": "user", "content": ONWARD},
        ],
    }  # fmt: skip


def _openai_responses() -> dict[str, Any]:
    def call(name: str) -> dict[str, Any]:
        return {"type": "function_call", "call_id": f"call_{name}", "name": "read", "arguments": json.dumps({"path": name})}  # fmt: skip

    return {
        "model": "m",
        "stream": True,
        "max_output_tokens": 500,
        "instructions": SYSTEM,
        "tools": [{"type": "function", "name": "read", "description": "Read a file.", "parameters": SCHEMA}],
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": ASKED}, {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2ln"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": SAID}]},
            call("a"),
            call("b"),
            {"type": "function_call_output", "call_id": "call_a", "output": FOUND},
            {"type": "function_call_output", "call_id": "call_b", "output": FAILED},
            {"role": "user", "content": [{"type": "input_text", "text": ONWARD}]},
        ],
    }  # fmt: skip


def _gemini() -> dict[str, Any]:
    def call(name: str) -> dict[str, Any]:
        return {"functionCall": {"id": f"call_{name}", "name": "read", "args": {"path": name}}}

    def result(name: str, **response: str) -> dict[str, Any]:
        return {"functionResponse": {"id": f"call_{name}", "name": "read", "response": response}}

    return {
        "systemInstruction": {"parts": [{"text": SYSTEM}]},
        "generationConfig": {"maxOutputTokens": 500},
        "tools": [{"functionDeclarations": [{"name": "read", "description": "Read a file.", "parametersJsonSchema": SCHEMA}]}],
        "contents": [
            {"role": "user", "parts": [{"text": ASKED}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]},
            {"role": "model", "parts": [{"text": SAID}, call("a") | {"thoughtSignature": "c2ln"}, call("b")]},
            {"role": "user", "parts": [result("a", output=FOUND), result("b", error=FAILED)]},
            {"role": "user", "parts": [{"text": ONWARD}]},
        ],
    }  # fmt: skip


def _ollama() -> dict[str, Any]:
    def call(name: str) -> dict[str, Any]:
        return {"id": f"call_{name}", "function": {"name": "read", "arguments": {"path": name}}}

    return {
        "model": "m",
        "options": {"num_predict": 500},
        "tools": [{"type": "function", "function": {"name": "read", "description": "Read a file.", "parameters": SCHEMA}}],
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": ASKED, "images": [PIXEL]},
            {"role": "assistant", "content": SAID, "thinking": "private", "tool_calls": [call("a"), call("b")]},
            {"role": "tool", "tool_name": "read", "tool_call_id": "call_a", "content": FOUND},
            {"role": "tool", "tool_name": "read", "tool_call_id": "call_b", "content": FAILED},
            {"role": "user", "content": ONWARD},
        ],
    }  # fmt: skip


BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "anthropic": _anthropic,
    "openai_chat": _openai_chat,
    "openai_responses": _openai_responses,
    "gemini": _gemini,
    "ollama": _ollama,
}


def speaks(caller: str) -> Inbound:
    return inbound.get(caller)


def asked(caller: str) -> Request:
    body = json.dumps(BODIES[caller]()).encode()
    return speaks(caller).parse(speaks(caller).sketch(body, model="m", stream=True))


# ── the way there ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("caller", CALLERS)
def test_every_caller_says_the_same(caller: str) -> None:
    request = asked(caller)
    parts = [part for message in request.messages for part in message.parts if not isinstance(part, Thinking)]
    results = [part for part in parts if isinstance(part, ToolResult)]
    assert request.system == SYSTEM
    assert [p.text for p in parts if isinstance(p, Text)] == [SYSTEM, ASKED, SAID, ONWARD]
    assert [p.data for p in parts if isinstance(p, Image)] == [PIXEL]
    calls = [(p.id, p.name, json.loads(p.arguments)) for p in parts if isinstance(p, ToolCall)]
    assert calls == [("call_a", "read", {"path": "a"}), ("call_b", "read", {"path": "b"})]
    assert [(r.call_id, r.content) for r in results] == [
        ("call_a", (Text(FOUND),)),
        ("call_b", (Text(FAILED),)),
    ]
    assert results[1].is_error is (caller in ("anthropic", "gemini"))
    assert [(t.name, t.description, t.parameters) for t in request.tools] == [
        ("read", "Read a file.", SCHEMA)
    ]
    assert (request.max_output_tokens, request.stream, request.needs) == (500, True, {"vision", "tools"})


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("caller", CALLERS)
def test_every_upstream_is_told_all_of_it_in_order_and_nothing_of_what_another_vendor_thought(
    caller: str, upstream: str
) -> None:
    body = dialects.get(upstream).encode(asked(caller), model(upstream), stream=True)
    told = json.dumps(body)
    at = [told.find(word) for word in (ASKED, SAID, FOUND, FAILED, ONWARD)]
    assert -1 not in at
    assert at == sorted(at)
    for word in (SYSTEM, PIXEL, "Read a file.", "path"):
        assert word in told
    native = {"anthropic": "anthropic", "openai_responses": "openai", "gemini": "gemini"}.get(caller)
    own = native == UPSTREAMS[upstream]
    assert ("c2ln" in told) is own
    assert ("private" in told) is (own and caller == "anthropic")
    if caller in ("anthropic", "gemini"):  # who failed is known, and said
        assert '"is_error": true' in told or f"Error: {FAILED}" in told or f'"error": "{FAILED}"' in told


# ── the way back ─────────────────────────────────────────────────────────────


def streams() -> dict[str, tuple[list[dict[str, Any]], Answer]]:
    """What each upstream says when it thinks, speaks and calls two tools, and what that amounts to."""
    found: dict[str, tuple[list[dict[str, Any]], Answer]] = {}
    for upstream in UPSTREAMS:
        path = Path(__file__).parent.parent / "streams" / f"{upstream}.json"
        events = json.loads(path.read_text(encoding="utf-8"))["events"]
        decoder = dialects.get(upstream).decoder()
        for event in events:
            decoder.feed(event)
        found[upstream] = events, decoder.answer()
    return found


STREAMS = streams()


def relayed(caller: str, upstream: str, *, stream: bool) -> tuple[bytes, Answer]:
    request = asked(caller)
    events, _ = STREAMS[upstream]
    decoder = dialects.get(upstream).decoder(request)
    head = Head(request, "shown-model", 12, UPSTREAMS[upstream])
    renderer = speaks(caller).renderer(head)
    told = b"".join(renderer.feed(decoder.feed(event)) for event in events)
    answer = dialects.issued_by(decoder.answer(), UPSTREAMS[upstream])
    return (told + renderer.end(answer) if stream else speaks(caller).render(answer, head)), answer


def read_back(caller: str, data: bytes, *, stream: bool) -> Answer:
    """What the caller understands: by the decoder that reads this dialect from vendors."""
    decoder = dialects.get(caller).decoder()
    if not stream:
        return dialects.get(caller).decode(json.loads(data))
    if caller == "ollama":
        events = [json.loads(line) for line in data.splitlines()]
    else:
        blocks = data.decode().replace("\r\n", "\n").split("\n\n")
        lines = [line for block in blocks for line in block.split("\n") if line.startswith("data: ")]
        events = [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]
    for event in events:
        decoder.feed(event)
    return decoder.answer()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("caller", CALLERS)
def test_every_answer_reaches_every_caller(caller: str, upstream: str, *, stream: bool) -> None:
    data, answer = relayed(caller, upstream, stream=stream)
    back = read_back(caller, data, stream=stream)
    assert back.text == answer.text
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    back_calls = [part for part in back.parts if isinstance(part, ToolCall)]
    assert [(c.name, json.loads(c.arguments or "{}")) for c in back_calls] == [
        (c.name, json.loads(c.arguments or "{}")) for c in calls
    ]
    assert [c.id for c in back_calls] == [c.id for c in calls]
    assert back.stop_reason == answer.stop_reason
    assert (back.usage.input_tokens, back.usage.output_tokens) == (
        answer.usage.input_tokens,
        answer.usage.output_tokens,
    )
    assert back.model == "shown-model"


@pytest.mark.parametrize("upstream", ["anthropic", "openai_responses", "gemini"])
@pytest.mark.parametrize("caller", ["anthropic", "openai_responses", "gemini"])
def test_what_an_upstream_signed_comes_back_to_it_through_any_caller_that_keeps_signatures(
    caller: str, upstream: str
) -> None:
    """The next turn as the client would send it, encoded for the same upstream again."""
    thought = {
        "anthropic": Thinking("hm", "c2ln", "anthropic"),
        "openai_responses": Thinking("hm", "rs_1:c2ln", "openai"),
        "gemini": Thinking("", "c2ln", "gemini"),
    }[upstream]
    answer = Answer((thought, ToolCall("call_1", "read", "{}")), "tool_use", STREAMS[upstream][1].usage)
    head = Head(ask("hi", reasoning=Reasoning()), "m", 1, UPSTREAMS[upstream])
    reply = json.loads(speaks(caller).render(answer, head))
    body = {
        "anthropic": lambda: {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": reply["content"]}]},
        "openai_responses": lambda: {"model": "m", "input": [{"role": "user", "content": "hi"}, *reply["output"]]},
        "gemini": lambda: {"contents": [{"parts": [{"text": "hi"}]}, reply["candidates"][0]["content"]]},
    }[caller]()  # fmt: skip
    request = speaks(caller).parse(speaks(caller).sketch(json.dumps(body).encode(), model="m", stream=False))
    for other in UPSTREAMS:
        told = json.dumps(dialects.get(other).encode(request, model(other), stream=True))
        assert ("c2ln" in told) is (other == upstream)
        assert "llmr." not in told
