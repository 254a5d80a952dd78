"""What the real Codex (0.169) and Gemini CLI (0.61) send, recorded against a stand-in, long texts cut short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm_router import dialects
from llm_router.dialects import inbound, passing
from llm_router.nouns import Answer, Model, Reasoning, Request, ToolCall, ToolResult, Usage
from llm_router.ports import Head

RECORDED = Path(__file__).parent / "recorded"
UPSTREAMS = {
    "anthropic": "anthropic",
    "openai_chat": "groq",
    "openai_responses": "openai",
    "gemini": "gemini",
    "ollama": "ollama",
}


def recorded(name: str) -> tuple[str, dict[str, Any]]:
    data = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return (
        "gemini" if "generateContent" in data["path"].replace("streamG", "g") else "openai_responses"
    ), data["body"]


def asked(name: str) -> tuple[Request, Request]:
    dialect, body = recorded(name)
    speaks = inbound.get(dialect)
    sketch = speaks.sketch(json.dumps(body).encode(), model="m", stream=True)
    return sketch, speaks.parse(sketch)


def test_codex_with_a_model_it_knows() -> None:
    sketch, request = asked("codex_known_model")
    assert sketch.prompt == "Change hello to hi in a.txt"
    assert (sketch.stream, sketch.reasoning, sketch.needs) == (
        True,
        Reasoning("medium", shown=False),
        {"tools"},
    )
    assert sketch.session == "00000000-0000-7000-8000-000000000000"
    assert [m.role for m in request.messages] == ["system", "system", "user", "user", "assistant", "user", "assistant", "user"]  # fmt: skip
    assert {"exec_command", "apply_patch", "tool_search"} <= {tool.name for tool in request.tools}
    calls = [p for m in request.messages for p in m.parts if isinstance(p, ToolCall)]
    results = [p for m in request.messages for p in m.parts if isinstance(p, ToolResult)]
    assert [c.id for c in calls] == [r.call_id for r in results] == ["call_1", "call_2", "call_3"]
    assert json.loads(calls[2].arguments)["input"].startswith("*** Begin Patch")


def test_codex_with_a_model_it_does_not_know_has_namespaces_of_tools() -> None:
    _, request = asked("codex_unknown_model")
    assert "mcp__rec__ping" in {tool.name for tool in request.tools}
    told = Answer((ToolCall("c1", "mcp__rec__ping", '{"text":"x"}'),), "tool_use", Usage())
    body = inbound.get("openai_responses").render(told, Head(request, "m"))
    (item,) = json.loads(body)["output"]
    assert (item["namespace"], item["name"], item["arguments"]) == ("mcp__rec", "ping", '{"text":"x"}')


def test_gemini_cli_in_the_middle_of_its_work() -> None:
    sketch, request = asked("gemini_cli_turn")
    assert sketch.prompt == "Change hello to hi in a.txt"
    assert sketch.reasoning == Reasoning("high", shown=True)
    results = [p for m in request.messages for p in m.parts if isinstance(p, ToolResult)]
    assert [result.is_error for result in results] == [False, True, False]
    assert results[1].content[0].text.startswith("File not found")  # type: ignore[union-attr]


def test_gemini_clis_classifier_of_prompts_wants_json() -> None:
    sketch, _ = asked("gemini_cli_classifier")
    assert sketch.needs == {"schema"}
    assert sketch.schema is not None
    assert sketch.schema["properties"]["complexity_score"]["type"] == "integer"


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.iterdir()))
def test_every_upstream_can_be_asked_and_its_own_gets_the_body_as_it_is(name: str, upstream: str) -> None:
    dialect, body = recorded(name)
    sketch, request = asked(name)
    model = Model(UPSTREAMS[upstream], "theirs-1", features=frozenset({"tools", "thinking", "schema"}))
    sent = dialects.get(upstream).encode(request, model, stream=True)
    assert "Change hello to hi" in json.dumps(sent)
    if dialect == upstream:
        speaks = passing.get(dialect)
        assert speaks is not None
        assert speaks.takes(sketch, model)
        passed = json.loads(speaks.head(sketch, model))
        assert passed == (body if dialect == "gemini" else body | {"model": "theirs-1"})
