"""Reading Anthropic Messages: the little that routing needs, and the whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from llm_router.dialects.inbound.anthropic_blocks import Block, Reader, Turn, system_text
from llm_router.dialects.inbound.anthropic_tools import tool_choice, toolbox
from llm_router.dialects.inbound.bodies import read, refused, untranslatable
from llm_router.dialects.inbound.sizes import Media, tokens
from llm_router.dialects.reading import record, string
from llm_router.errors import UsageError
from llm_router.nouns import (
    Effort,
    Feature,
    JsonDict,
    Message,
    Origin,
    Reasoning,
    Request,
    Text,
    ToolChoice,
)

REMINDER = "<system-reminder>"
_EFFORTS: dict[str, Effort] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_ABSENT = msgspec.Raw()


class _Settings(msgspec.Struct):
    """What both readings share."""

    model: str = ""
    max_tokens: int | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    thinking: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    output_format: dict[str, Any] | None = None  # what output_config.format was called as a beta
    metadata: dict[str, Any] | None = None
    tools: msgspec.Raw = _ABSENT
    tool_choice: msgspec.Raw = _ABSENT
    safeguards: msgspec.Raw = _ABSENT
    mcp_servers: msgspec.Raw = _ABSENT


class _Head(_Settings, kw_only=True):
    messages: list[msgspec.Raw]
    system: msgspec.Raw = _ABSENT


class _Whole(_Settings, kw_only=True):
    messages: list[Turn]
    system: str | list[Block] | None = None


class _SaidBlock(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Said(msgspec.Struct):
    """A message of which only the words count."""

    role: str
    content: str | list[_SaidBlock]


_HEAD = msgspec.json.Decoder(_Head)
_WHOLE = msgspec.json.Decoder(_Whole)
_SAID = msgspec.json.Decoder(_Said)
_TURN = msgspec.json.Decoder(Turn)
_OLD_SESSION = re.compile(r"session_([0-9A-Za-z-]+)$")


def sketch(body: bytes) -> Request:
    head = read(body, _HEAD)
    if not head.model:
        raise UsageError("model: Field required")
    if not head.messages:
        raise UsageError("messages: at least one message is required")
    media, needs = _media(body, head.messages), set[Feature]()
    request = _settings(head, body)
    if len(head.tools) > len(b"[]") and request.tool_choice.mode != "none":
        needs |= _tool_needs(bytes(head.tools))
    if request.schema is not None:
        needs.add("schema")
    return replace(
        request,
        messages=_last_words(head.messages),
        web_search=toolbox(bytes(head.tools)).web_search if "web" in needs else None,
        input_tokens=tokens(len(head.system) + len(head.tools) + sum(map(len, head.messages)), media),
        needs=frozenset(needs | media.needs),
    )


def parse(sketched: Request) -> Request:
    """Raises UsageError, or UpstreamError(UNSUPPORTED) for what only Anthropic can do."""
    if sketched.origin is None:
        return sketched
    whole = read(sketched.origin.body, _WHOLE)
    refuse_what_only_anthropic_answers(whole)
    if whole.max_tokens is None:
        raise refused("max_tokens", "Field required")
    reader = Reader()
    messages = list(reader.messages(whole.messages))
    if text := system_text(whole.system):
        messages.insert(0, Message("system", (Text(text),)))
    box = toolbox(bytes(whole.tools)) if whole.tools else toolbox(b"null")
    return replace(
        sketched,
        messages=tuple(messages),
        tools=box.offered(reader.named),
        web_search=box.web_search,
    )


def refuse_what_only_anthropic_answers(whole: _Settings) -> None:
    """Claude Code asks for `safeguards` and sends the request again without them when it reads their name in a 400."""
    if _given(whole.safeguards):
        raise UsageError("safeguards: this model's provider cannot answer them; send the request without")
    if _given(whole.mcp_servers):
        raise untranslatable("mcp_servers: what Anthropic itself connects to")


def _given(raw: msgspec.Raw) -> bool:
    return bytes(raw) not in (b"", b"null", b"[]", b"{}")


# ── the head ─────────────────────────────────────────────────────────────────


def _settings(head: _Settings, body: bytes) -> Request:
    return Request(
        messages=(),
        model=head.model,
        max_output_tokens=head.max_tokens,
        temperature=head.temperature,
        top_p=head.top_p,
        top_k=head.top_k,
        stop=tuple(head.stop_sequences or ()),
        schema=_schema(head),
        reasoning=_reasoning(head),
        tool_choice=tool_choice(bytes(head.tool_choice)) if head.tool_choice else ToolChoice(),
        stream=bool(head.stream),
        door="gateway",
        session=_session(head.metadata),
        origin=Origin("anthropic", body),
    )


def _reasoning(head: _Settings) -> Reasoning | None:
    thinking, config = record(head.thinking), record(head.output_config)
    effort = _EFFORTS.get(string(config.get("effort")))
    match thinking.get("type"):
        case "disabled":
            return Reasoning("none")
        case "enabled" | "adaptive":
            budget = thinking.get("budget_tokens")
            shown = thinking.get("display") != "omitted"
            return Reasoning(effort, budget if isinstance(budget, int) else None, shown)
        case _:
            return Reasoning(effort) if effort else None


def _schema(head: _Settings) -> JsonDict | None:
    form = record(record(head.output_config).get("format")) or record(head.output_format)
    if form.get("type") != "json_schema":
        return None
    return record(form.get("schema"))


def _session(metadata: dict[str, Any] | None) -> str | None:
    """Claude Code puts JSON into `metadata.user_id`; older versions `user_..._account_..._session_...`."""
    user = string(record(metadata).get("user_id"))
    if user.startswith("{"):
        try:
            return string(record(msgspec.json.decode(user)).get("session_id")) or None
        except msgspec.DecodeError:
            return None
    found = _OLD_SESSION.search(user)
    return found[1] if found else None


def _tool_needs(tools: bytes) -> set[Feature]:
    """Tools of the caller's own, the vendor's web search, or both."""
    if b'"web_search_' not in tools:  # in a description the quote would be escaped
        return {"tools"}
    box = toolbox(tools)
    needs = set[Feature]()
    if box.tools:
        needs.add("tools")
    if box.web_search is not None:
        needs.add("web")
    return needs


def _media(body: bytes, messages: Sequence[msgspec.Raw]) -> Media:
    """Only messages with a `source`, which pictures and documents have, are read."""
    media = Media()
    if b'"source"' in body:
        reader = Reader()
        for number, raw in enumerate(messages):
            if b'"source"' in bytes(raw):
                at = f"messages.{number}"
                media.add(reader.content(read(raw, _TURN, at).content, f"{at}.content"))
    return media


def _last_words(messages: Sequence[msgspec.Raw]) -> tuple[Message, ...]:
    """What the user wrote last: no tool's result, and not what the client adds to remind the model."""
    for number in range(len(messages) - 1, -1, -1):
        said = read(messages[number], _SAID, f"messages.{number}")
        if said.role != "user":
            continue
        content = said.content
        texts = [content] if isinstance(content, str) else [b.text or "" for b in content if b.type == "text"]
        own = [text for text in texts if text.strip() and not text.lstrip().startswith(REMINDER)]
        if own:
            return (Message("user", tuple(Text(text) for text in own)),)
    return (Message("user", (Text(""),)),)
