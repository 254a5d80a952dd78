"""Reading Anthropic Messages: the little that routing needs, and the whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from llm_router.dialects.inbound.anthropic_blocks import Block, Reader, Turn, system_text
from llm_router.dialects.inbound.anthropic_tools import tool_choice, toolbox
from llm_router.dialects.inbound.bodies import holds, limit, read, refused, stops, untranslatable
from llm_router.dialects.inbound.sizes import Media, tokens
from llm_router.dialects.inbound.sketches import REMINDER, SILENCE, needs, own_words
from llm_router.dialects.reading import record, string
from llm_router.errors import UsageError
from llm_router.nouns import (
    Effort,
    JsonDict,
    Message,
    Origin,
    Reasoning,
    Request,
    Text,
    ToolChoice,
    WebSearch,
)

RESULT_NOTES = frozenset({"Tool loaded."})  # Claude Code's, beside what its tool search found
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
    thread: msgspec.Raw = _ABSENT
    compaction: msgspec.Raw = _ABSENT


class _SketchedBlock(msgspec.Struct):
    """Of a content block only its words; what else it holds stays unread."""

    type: str = ""
    text: str | None = None
    source: msgspec.Raw = _ABSENT
    content: msgspec.Raw = _ABSENT


class _SketchedTurn(msgspec.Struct):
    role: str
    content: str | list[_SketchedBlock] = ""  # a system message may hold nothing but how to go on


class _Head(_Settings, kw_only=True):
    messages: list[_SketchedTurn]


class _Whole(_Settings, kw_only=True):
    messages: list[Turn]
    system: str | list[Block] | None = None


class _Source(msgspec.Struct):
    type: str = ""


_HEAD = msgspec.json.Decoder(_Head)
_WHOLE = msgspec.json.Decoder(_Whole)
_BLOCKS = msgspec.json.Decoder(list[_SketchedBlock])
_SOURCE = msgspec.json.Decoder(_Source)
_OLD_SESSION = re.compile(r"session_([0-9A-Za-z-]+)$")


def sketch(body: bytes) -> Request:
    head = read(body, _HEAD)
    if not head.model:
        raise UsageError("model: Field required")
    if not head.messages:
        raise UsageError("messages: at least one message is required")
    choice = tool_choice(bytes(head.tool_choice)) if head.tool_choice else ToolChoice()
    schema, media = _schema(head), Media()
    for number, turn in enumerate(head.messages):
        if not isinstance(turn.content, str):
            _weigh(turn.content, media, f"messages.{number}.content")
    tools, web = _offers(bytes(head.tools)) if holds(head.tools) and choice.mode != "none" else (False, None)
    return Request(
        messages=_last_words(head.messages),
        model=head.model,
        max_output_tokens=limit(head.max_tokens, "max_tokens", least=0),
        temperature=head.temperature,
        top_p=head.top_p,
        top_k=head.top_k,
        stop=stops(head.stop_sequences),
        schema=schema,
        reasoning=_reasoning(head),
        web_search=web,
        tool_choice=choice,
        stream=bool(head.stream),
        door="gateway",
        session=_session(head.metadata),
        origin=Origin("anthropic", body),
        input_tokens=tokens(len(body), media),
        needs=needs(media, tools=tools, schema=schema, web=web),
    )


def parse(sketched: Request) -> Request:
    """Raises UsageError, or UpstreamError(UNSUPPORTED) for what only Anthropic can do."""
    if sketched.origin is None:
        return sketched
    whole = read(sketched.origin.body, _WHOLE)
    refuse_what_only_anthropic_answers(whole)
    if whole.max_tokens is None:
        raise refused("max_tokens", "Field required")
    if whole.max_tokens == 0:
        raise untranslatable("max_tokens: 0, which warms Anthropic's cache and asks for no answer,")
    reader = Reader()
    messages = list(reader.messages(whole.messages))
    if text := system_text(whole.system):
        messages.insert(0, Message("system", (Text(text),)))
    box = toolbox(bytes(whole.tools) or b"null")
    if reader.defined:
        box = box.joined(toolbox(msgspec.json.encode(reader.defined)))
    return replace(
        sketched,
        messages=tuple(messages),
        tools=box.offered(reader.named, reader.removed),
        web_search=None if "web_search" in reader.removed else box.web_search,
        reasoning=_in_this_turn(sketched.reasoning, reader.effort),
    )


def refuse_what_only_anthropic_answers(whole: _Settings) -> None:
    """Claude Code asks for `safeguards` and sends the request again without them when it reads their name in a 400."""
    if holds(whole.safeguards):
        raise UsageError("safeguards: this model's provider cannot answer them; send the request without")
    if holds(whole.mcp_servers):
        raise untranslatable("mcp_servers: what Anthropic itself connects to")
    if holds(whole.thread):
        raise untranslatable(
            "thread: a conversation that Anthropic holds",
            fix="Send the whole conversation as `messages`, or name a model of Anthropic.",
        )
    if holds(whole.compaction):
        raise untranslatable("compaction: a summary that Anthropic signs")


# ── the head ─────────────────────────────────────────────────────────────────


def _reasoning(head: _Settings) -> Reasoning | None:
    thinking, config = record(head.thinking), record(head.output_config)
    effort = _EFFORTS.get(string(config.get("effort")))
    match thinking.get("type"):
        case "disabled" | "between_tools":  # the nearest that others have, as with Anthropic's own fallbacks
            return Reasoning("none")
        case "enabled" | "adaptive":
            budget = thinking.get("budget_tokens")
            shown = thinking.get("display") != "omitted"
            return Reasoning(effort, budget if isinstance(budget, int) else None, shown)
        case _:
            return Reasoning(effort) if effort else None


def _in_this_turn(asked: Reasoning | None, word: str) -> Reasoning | None:
    effort = _EFFORTS.get(word)
    if effort is None or (asked is not None and asked.effort == "none"):
        return asked
    return replace(asked, effort=effort) if asked is not None else Reasoning(effort)


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


def _offers(tools: bytes) -> tuple[bool, WebSearch | None]:
    """Whether there are tools of the caller's own, and the vendor's web search."""
    if b'"web_search_' not in tools:  # in a description the quote would be escaped
        return True, None
    box = toolbox(tools)
    return bool(box.tools), box.web_search


def _weigh(blocks: Sequence[_SketchedBlock], media: Media, at: str) -> None:
    """Count the pictures and documents, those in the results of tools too."""
    for number, block in enumerate(blocks):
        if block.source and block.type == "image":
            media.picture(len(block.source))
        elif block.source and block.type == "document":
            path = f"{at}.{number}.source"
            if read(block.source, _SOURCE, path).type not in ("text", "content"):
                media.document(len(block.source))
        elif block.type == "tool_result" and bytes(block.content)[:1] == b"[":
            path = f"{at}.{number}.content"
            _weigh(read(block.content, _BLOCKS, path), media, path)


def _last_words(turns: Sequence[_SketchedTurn]) -> tuple[Message, ...]:
    """What the user wrote last: no tool's result, and not what the client adds to remind the model."""
    for turn in reversed(turns):
        if turn.role == "user":
            said = turn.content
            texts = [said] if isinstance(said, str) else [b.text or "" for b in said if b.type == "text"]
            if own := own_words([text for text in texts if text not in RESULT_NOTES], REMINDER):
                return own
    return SILENCE
