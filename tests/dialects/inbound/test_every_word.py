"""Every kind of tool, block, item and part that the vendors' SDKs know has a place here.

What a newer SDK brings is skipped, and so seen: a release of theirs breaks nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args, get_type_hints

import pytest
from anthropic.types.beta import BetaContentBlockParam, BetaToolUnionParam
from google.genai.types import Part
from openai.types.chat import ChatCompletionContentPartParam
from openai.types.responses import ResponseInputContentParam, ResponseInputItemParam

from llm_router.errors import UpstreamError, UsageError
from tests.dialects.inbound.test_odd_requests import parsed

OFFERED, SEARCH, SAID, SILENT, REFUSED = "offered", "search", "said", "silent", "refused"


def kinds(union: Any) -> set[str]:
    hints = [get_type_hints(each) for each in get_args(union) if hasattr(each, "__required_keys__")]
    return {word for hint in hints if "type" in hint for word in _words(hint["type"])}


def _words(hint: Any) -> list[str]:
    inner = get_args(hint)
    return [word for each in inner for word in ([each] if isinstance(each, str) else _words(each))]


def place(kind: str, *known: Iterable[str]) -> None:
    if not any(kind in each for each in known):
        pytest.skip(f"{kind} is new in the SDK: it needs a place")


def fate(caller: str, **fields: Any) -> str:
    """Whether it is said or offered in a request that holds little else."""
    try:
        request = parsed(caller, **fields)
    except (UsageError, UpstreamError):
        return REFUSED
    if request.web_search is not None:
        return SEARCH
    if request.tools:
        return OFFERED
    return SAID if len([part for message in request.messages for part in message.parts]) > 1 else SILENT


# ── Anthropic ────────────────────────────────────────────────────────────────

ONLY_CLAUDES = ("code_execution", "web_fetch", "computer", "browser", "advisor", "mcp_toolset")


OTHERS_CAN = ("web_search", "tool_search_tool", "bash", "text_editor", "memory")


@pytest.mark.parametrize("kind", sorted(kinds(BetaToolUnionParam)))
def test_every_tool_of_anthropics(kind: str) -> None:
    if not kind.startswith((*ONLY_CLAUDES, *OTHERS_CAN)):
        place(kind, ["custom"])
    told = fate("anthropic", tools=[{"type": kind, "name": "t", "mcp_server_name": "m", "model": "m"}])
    if kind.startswith("web_search"):
        assert told == SEARCH
    elif kind.startswith("tool_search_tool"):
        assert told == SILENT  # others are shown all tools
    else:
        assert told == (REFUSED if kind.startswith(ONLY_CLAUDES) else OFFERED)


RESULT = {"type": "text", "text": "found", "title": "A", "url": "https://a.example"}
BLOCK = {
    "text": "t",
    "thinking": "t",
    "signature": "s",
    "data": "d",
    "id": "1",
    "name": "n",
    "input": {},
    "tool_use_id": "1",
    "content": [RESULT],
    "source": {"type": "url", "url": "https://a.example/a"},
    "tool": {"type": "tool_reference", "name": "n"},
    "file_id": "f",
}
UNSAID = {"server_tool_use", "mcp_tool_use", "tool_addition", "tool_removal", "mcp_tool_listing", "fallback"}


SAID_BLOCKS = {
    "text",
    "image",
    "document",
    "search_result",
    "thinking",
    "redacted_thinking",
    "compaction",
} | {*("tool_use", "tool_result", "container_upload")}


@pytest.mark.parametrize("kind", sorted(kinds(BetaContentBlockParam)))
def test_every_block_of_anthropics(kind: str) -> None:
    if not kind.endswith("_tool_result"):
        place(kind, UNSAID, SAID_BLOCKS)
    source = {"source": "https://a.example"} if kind == "search_result" else {}
    given = BLOCK | source | {"type": kind}
    if kind in UNSAID:
        given.pop("text")
    turns = [{"role": "user", "content": "hi"}, {"role": "user", "content": [given]}]
    expected = SILENT if kind in UNSAID else REFUSED if kind == "container_upload" else SAID
    assert fate("anthropic", messages=turns) == expected


# ── OpenAI ───────────────────────────────────────────────────────────────────

TRACES = {"web_search_call", "file_search_call", "image_generation_call", "code_interpreter_call"} | {
    *("mcp_call", "mcp_list_tools", "program", "program_output")
}
OPENAIS = {"computer_call", "computer_call_output", "compaction", "compaction_trigger", "item_reference"} | {
    *("mcp_approval_request", "mcp_approval_response", "configuration_update")
}
ITEM = {
    "role": "user",
    "content": "hi",
    "call_id": "1",
    "id": "1",
    "name": "n",
    "arguments": "{}",
    "input": "x",
    "output": "x",
    "action": {"commands": []},
    "operation": {},
    "tools": [],
    "summary": [{"type": "summary_text", "text": "t"}],
}


CALLED = ("function_call", "custom_tool_call", "tool_search_call", "local_shell_call", "shell_call")
SAID_ITEMS = {
    "message",
    "reasoning",
    "additional_tools",
    "tool_search_output",
    "apply_patch_call",
    *CALLED,
} | {f"{kind}_output" for kind in (*CALLED, "apply_patch_call")}


@pytest.mark.parametrize("kind", sorted(kinds(ResponseInputItemParam)))
def test_every_item_of_a_response(kind: str) -> None:
    place(kind, TRACES, OPENAIS, SAID_ITEMS)
    told = fate("openai_responses", input=[{"role": "user", "content": "hi"}, ITEM | {"type": kind}])
    silent = kind in TRACES or kind == "additional_tools"
    assert told == (SILENT if silent else REFUSED if kind in OPENAIS else SAID)


@pytest.mark.parametrize("kind", sorted(kinds(ResponseInputContentParam)))
def test_every_part_of_an_input(kind: str) -> None:
    place(kind, ["input_text", "input_image", "input_file", "input_audio"])
    given = {"type": kind, "text": "t", "image_url": "https://a.example/a", "file_url": "https://a.example/a"}
    turn = {"role": "user", "content": [{"type": "input_text", "text": "hi"}, given]}
    assert fate("openai_responses", input=[turn]) == (REFUSED if kind == "input_audio" else SAID)


@pytest.mark.parametrize("kind", sorted(kinds(ChatCompletionContentPartParam)))
def test_every_part_of_a_chat(kind: str) -> None:
    place(kind, ["text", "image_url", "file", "input_audio"])
    url = "https://a.example/a"
    given = {"type": kind, "text": "t", "image_url": {"url": url}, "file": {"file_data": url}}
    turn = {"role": "user", "content": [{"type": "text", "text": "hi"}, given]}
    assert fate("openai_chat", messages=[turn]) == (REFUSED if kind == "input_audio" else SAID)


# ── Google ───────────────────────────────────────────────────────────────────

PARTS: dict[str, Any] = {
    "text": "t",
    "fileData": {"mimeType": "application/pdf", "fileUri": "https://a.example/a"},
    "inlineData": {"mimeType": "image/png", "data": "AA=="},
    "functionCall": {"name": "n", "args": {}},
    "functionResponse": {"name": "n", "response": {"output": "x"}},
    "executableCode": {"code": "1", "language": "PYTHON"},
    "codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"},
}
BESIDE = {
    "thought",
    "thoughtSignature",
    "videoMetadata",
    "mediaResolution",
    "partMetadata",
    "mediaProcessing",
} | {*("speechMetadata", "documentMetadata", "spreadsheetMetadata", "audioMetadata")}
GOOGLES = {"toolCall", "toolResponse"}


@pytest.mark.parametrize("name", [field.alias or name for name, field in Part.model_fields.items()])
def test_every_part_of_googles(name: str) -> None:
    place(name, PARTS, BESIDE, GOOGLES, ["audioTranscription"])
    given = {name: PARTS[name]} if name in PARTS else {name: {"x": "y"}}
    if name in BESIDE:  # tells something of a text or a file
        given = {"text": "t", name: "AA==" if name == "thoughtSignature" else True}
    turns = [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": [given]}]
    refused = name == "audioTranscription"
    assert fate("gemini", contents=turns) == (REFUSED if refused else SILENT if name in GOOGLES else SAID)
