"""Bytes that pass between callers and upstreams of Responses, Gemini and Ollama."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from llm_router import dialects
from llm_router.dialects import inbound, passing
from llm_router.dialects.passing import Passing, Tap
from llm_router.errors import UpstreamError
from llm_router.nouns import Model, Request

STREAMS = Path(__file__).parent / "streams"
DIALECTS = ("openai_responses", "gemini", "ollama")
PROVIDERS = {"openai_responses": "openai", "gemini": "gemini", "ollama": "ollama"}
ENDS = {"openai_responses": b"\n\n", "gemini": b"\r\n\r\n", "ollama": b"\n"}
TAG = "llmr.anthropic.c2ln"
BODIES: dict[str, dict[str, Any]] = {
    "openai_responses": {"model": "asked-1", "input": "hi", "stream": True},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "ollama": {"model": "asked-1", "messages": [{"role": "user", "content": "hi"}]},
}


def speaks(dialect: str) -> Passing:
    found = passing.get(dialect)
    assert found is not None
    return found


def asked(dialect: str, **fields: Any) -> Request:
    body = json.dumps(BODIES[dialect] | fields).encode()
    return inbound.get(dialect).sketch(body, model="asked-1", stream=True)


def sent(dialect: str, request: Request, **model: Any) -> dict[str, Any]:
    provider = model.pop("provider", PROVIDERS[dialect])
    return json.loads(speaks(dialect).head(request, Model(provider, "theirs-1", **model)))


def golden(dialect: str) -> tuple[dict[str, Any], bytes]:
    data = json.loads((STREAMS / f"{dialect}.json").read_text(encoding="utf-8"))
    lines = [json.dumps(event).encode() for event in data["events"]]
    if dialect == "openai_responses":
        names = [event["type"].encode() for event in data["events"]]
        lines = [b"event: %b\ndata: %b" % pair for pair in zip(names, lines, strict=True)]
    elif dialect == "gemini":
        lines = [b"data: " + line for line in lines]
    return data, b"".join(line + ENDS[dialect] for line in lines)


def pour(tap: Tap, stream: bytes, size: int) -> bytes:
    out = b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    return out + tap.end()


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_passes_unchanged_however_it_is_cut_and_tells_how_it_ended(dialect: str, size: int) -> None:
    data, stream = golden(dialect)
    tap = speaks(dialect).tap(asked(dialect), "", None)
    assert pour(tap, stream, size) == stream
    answer = tap.answer()
    assert answer.model == data["model"]
    assert {name: getattr(answer.usage, name) for name in data["usage"]} == data["usage"]
    assert tap.begun
    assert tap.ended
    assert tap.error is None
    assert tap.seen_chars > 0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_last_event_counts_without_its_end_and_a_broken_one_does_not(dialect: str) -> None:
    _, stream = golden(dialect)
    tap = speaks(dialect).tap(asked(dialect), "", None)
    assert len(pour(tap, stream.rstrip(), 64)) >= len(stream.rstrip())
    assert tap.ended
    broken = speaks(dialect).tap(asked(dialect), "", None)
    out = pour(broken, stream[: stream.rindex(b"}") - 20], 50)
    assert out.endswith(ENDS[dialect])
    assert not broken.ended


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_models_name_is_the_one_the_caller_shall_read(dialect: str) -> None:
    data, stream = golden(dialect)
    out = pour(speaks(dialect).tap(asked(dialect), "", "mine"), stream, 64)
    assert json.dumps(data["model"]).encode() not in out
    assert b'"mine"' in out
    name = "modelVersion" if dialect == "gemini" else "model"
    plain = json.dumps({name: "theirs", "content": f'"{name}": "theirs"'}).encode()
    assert json.loads(speaks(dialect).plain(plain, "", "mine"))[name] == "mine"


ERRORS = {
    "openai_responses": b'event: error\ndata: {"type":"error","code":"overloaded","message":"Busy"}\n\n',
    "gemini": b'data: {"error":{"code":503,"message":"Busy","status":"UNAVAILABLE"}}\r\n\r\n',
    "ollama": b'{"error":"Busy"}\n',
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_error_inside_a_stream_is_held_back_and_told(dialect: str) -> None:
    _, stream = golden(dialect)
    end = ENDS[dialect]
    half = stream[: stream.index(end, len(stream) // 2) + len(end)]
    tap = speaks(dialect).tap(asked(dialect), "", None)
    assert b"Busy" not in pour(tap, half + ERRORS[dialect], 64)
    with pytest.raises(UpstreamError, match="Busy"):
        tap.answer()


def test_the_head_names_the_model_and_keeps_to_what_it_can_write() -> None:
    for dialect, name in (("openai_responses", "max_output_tokens"),):
        request = asked(dialect, **{name: 99_999}, metadata={"a": "b"}, something_new=[1])
        body = sent(dialect, request, max_output=4_096)
        assert (body["model"], body[name], body["something_new"]) == ("theirs-1", 4_096, [1])
    request = asked(
        "gemini", generationConfig={"maxOutputTokens": 99_999, "temperature": 1}, safetySettings=[]
    )
    body = sent("gemini", request, max_output=4_096)
    assert body["generationConfig"] == {"maxOutputTokens": 4_096, "temperature": 1}
    assert body["safetySettings"] == []
    request = asked("gemini", generationConfig={"maxOutputTokens": 99})
    assert speaks("gemini").head(request, Model("gemini", "m", max_output=4_096)) == request.origin.body  # type: ignore[union-attr]


def test_reasoning_that_another_vendor_sealed_is_not_shown_to_openai() -> None:
    items = [
        {"role": "user", "content": "hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": TAG},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "ENC"},
        {"type": "function_call", "call_id": "c1", "name": "a", "arguments": "{}"},
    ]
    body = sent("openai_responses", asked("openai_responses", input=items))
    assert [item.get("id") for item in body["input"]] == [None, "rs_2", None]


def test_signatures_of_other_vendors_are_not_shown_to_google() -> None:
    tag = base64.b64encode(TAG.encode()).decode()
    parts = [
        {"text": "a", "thoughtSignature": tag},
        {"text": "", "thoughtSignature": tag},
        {"functionCall": {"name": "f"}, "thoughtSignature": tag},
        {"functionCall": {"name": "g"}, "thoughtSignature": "U2ln"},
    ]
    body = sent("gemini", asked("gemini", contents=[{"role": "model", "parts": parts}]))
    assert body["contents"][0]["parts"] == [
        {"text": "a"},
        {"functionCall": {"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"},
        {"functionCall": {"name": "g"}, "thoughtSignature": "U2ln"},
    ]


@pytest.mark.parametrize(
    ("model", "sent_effort"),
    [("gpt-6-luna", "xhigh"), ("o4-mini", "high"), ("gpt-5", "high")],
)
def test_a_model_of_openai_is_told_to_think_as_it_takes_it(model: str, sent_effort: str) -> None:
    request = asked(
        "openai_responses",
        reasoning={"effort": "xhigh", "summary": "auto"},
        include=["reasoning.encrypted_content"],
    )
    able = Model("openai", model, features=frozenset({"tools", "thinking"}))
    body = json.loads(speaks("openai_responses").head(request, able))
    assert body["reasoning"] == {"effort": sent_effort, "summary": "auto"}
    plain = Model("openai", "gpt-4.1", features=frozenset({"tools"}))
    body = json.loads(speaks("openai_responses").head(request, plain))
    assert "reasoning" not in body
    assert body["include"] == []
    bare = asked("openai_responses", reasoning={"effort": "xhigh"})
    assert "include" not in json.loads(speaks("openai_responses").head(bare, plain))


def test_what_only_openai_knows_goes_to_openai_only() -> None:
    custom = asked("openai_responses", tools=[{"type": "custom", "name": "apply_patch"}])
    told = asked("openai_responses", input='say "type": "custom"', client_metadata={"session_id": "s"})
    takes = speaks("openai_responses").takes
    assert takes(custom, Model("openai", "m"))
    assert not takes(custom, Model("groq", "m"))
    assert takes(told, Model("groq", "m"))
    assert "client_metadata" not in sent("openai_responses", told, provider="groq")
    assert "client_metadata" in sent("openai_responses", told)


def test_ollama_is_given_a_window_that_holds_the_prompt_unless_the_caller_named_one() -> None:
    long = [{"role": "user", "content": "x" * 80_000}]
    body = sent("ollama", asked("ollama", messages=long))
    assert body["options"]["num_ctx"] == 32_768
    assert (body["truncate"], body["stream"], body["model"]) == (False, True, "theirs-1")
    named = sent("ollama", asked("ollama", messages=long, options={"num_ctx": 2_048, "seed": 1}))
    assert named["options"] == {"num_ctx": 2_048, "seed": 1}


@pytest.mark.parametrize(
    ("item", "name", "arguments"),
    [
        (
            {"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin"},
            "apply_patch",
            "*** Begin",
        ),
        ({"type": "tool_search_call", "arguments": {"query": "x"}}, "tool_search_call", '{"query": "x"}'),
        ({"type": "local_shell_call", "action": {"type": "exec"}}, "local_shell_call", '{"type": "exec"}'),
    ],
)
def test_every_kind_of_call_is_an_answer(item: dict[str, Any], name: str, arguments: str) -> None:
    whole = {"id": "x_1", "call_id": "c1", "status": "completed"} | item
    announced = {key: whole[key] for key in whole if key not in ("input", "arguments", "action")}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "r", "model": "m"}},
        {"type": "response.output_item.added", "output_index": 0, "item": announced},
        {"type": "response.output_item.done", "output_index": 0, "item": whole},
        {"type": "response.completed", "response": {"id": "r", "model": "m", "output": [whole]}},
    ]
    if "input" in whole:
        told = {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": whole["input"]}
        events.insert(2, told)
    tap = speaks("openai_responses").tap(asked("openai_responses"), "", None)
    stream = b"".join(
        b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events
    )
    assert pour(tap, stream, 50) == stream
    assert tap.begun
    decoder = dialects.get("openai_responses").decoder()
    for event in events:
        decoder.feed(event)
    (call,) = decoder.answer().parts
    assert (call.name, call.arguments) == (name, arguments)  # type: ignore[union-attr]
    assert decoder.answer().stop_reason == "tool_use"
