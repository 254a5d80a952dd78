"""Reading Chat Completions: the little that routing needs, and the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from llm_router.dialects.inbound.bodies import (
    holds,
    limit,
    read,
    refused,
    sampled,
    stops,
    untranslatable,
)
from llm_router.dialects.inbound.openai_chat_messages import ChatMessage, messages
from llm_router.dialects.inbound.openai_chat_tools import allowed, legacy, tool_choice, tools
from llm_router.dialects.inbound.sizes import Media, tokens
from llm_router.dialects.inbound.sketches import EFFORTS, REMINDER, SILENCE, needs, own_words
from llm_router.dialects.json_schema import ANY_OBJECT
from llm_router.dialects.reading import near, record, sequence, string
from llm_router.errors import UsageError
from llm_router.nouns import (
    JsonDict,
    Message,
    Origin,
    Reasoning,
    Request,
    WebSearch,
)

_FORMS = (None, "text", "json_object", "json_schema")
_ABSENT = msgspec.Raw()


class _Settings(msgspec.Struct):
    """What both readings share."""

    model: str = ""
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    logprobs: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    reasoning: dict[str, Any] | None = None  # OpenRouter's way to say it
    thinking: dict[str, Any] | None = None  # DeepSeek's
    tool_choice: str | dict[str, Any] | None = None
    function_call: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    web_search_options: dict[str, Any] | None = None
    modalities: list[str] | None = None
    prompt_cache_key: str | None = None
    metadata: dict[str, Any] | None = None
    tools: msgspec.Raw = _ABSENT
    functions: msgspec.Raw = _ABSENT


class _SketchedBlock(msgspec.Struct):
    """Of a content part only its words; what else it holds stays unread."""

    type: str = ""
    text: str | None = None
    image_url: msgspec.Raw = _ABSENT
    file: msgspec.Raw = _ABSENT


class _SketchedMessage(msgspec.Struct):
    role: str
    content: str | list[_SketchedBlock] | None = None


class _Head(_Settings, kw_only=True):
    messages: list[_SketchedMessage]


class _Whole(_Settings, kw_only=True):
    messages: list[ChatMessage]


_HEAD = msgspec.json.Decoder(_Head)
_WHOLE = msgspec.json.Decoder(_Whole)


def sketch(body: bytes) -> Request:
    head = read(body, _HEAD)
    if not head.model:
        raise UsageError("model: Field required")
    if not head.messages:
        raise UsageError("messages: at least one message is required")
    asked = head.tool_choice if head.tool_choice is not None else head.function_call
    choice = tool_choice(asked, parallel=head.parallel_tool_calls is not False)
    most = head.max_completion_tokens if head.max_completion_tokens is not None else head.max_tokens
    most = None if most is not None and most < 0 else most  # -1: no limit, locally
    schema, web_search, media = _schema(head.response_format), _web_search(head.web_search_options), Media()
    for message in head.messages:
        _weigh(message.content, media)
    offers = (holds(head.tools) or holds(head.functions)) and choice.mode != "none"
    return Request(
        messages=_last_words(head.messages),
        model=head.model,
        max_output_tokens=limit(most, "max_tokens"),
        temperature=head.temperature,
        top_p=head.top_p,
        top_k=head.top_k,
        sampling=sampled(
            seed=head.seed,
            presence_penalty=head.presence_penalty,
            frequency_penalty=head.frequency_penalty,
            repetition_penalty=head.repetition_penalty,
            min_p=head.min_p,
        ),
        answers=head.n or 1,
        stop=stops(head.stop),
        schema=schema,
        reasoning=_reasoning(head),
        web_search=web_search,
        tool_choice=choice,
        stream=bool(head.stream),
        door="gateway",
        session=head.prompt_cache_key or string(record(head.metadata).get("session_id")) or None,
        origin=Origin("openai_chat", body),
        input_tokens=tokens(len(body), media),
        needs=needs(media, tools=offers, schema=schema, web=web_search),
    )


def parse(sketched: Request) -> Request:
    """Raises UsageError, or UpstreamError(UNSUPPORTED) for what only OpenAI can do."""
    if sketched.origin is None:
        return sketched
    whole = read(sketched.origin.body, _WHOLE)
    _refuse_what_nobody_else_knows(whole)
    if whole.n is not None and whole.n > 1:
        raise untranslatable(f"n: {whole.n} answers at once")
    if "audio" in (whole.modalities or ()):
        raise untranslatable("modalities: an answer as audio")
    if whole.logprobs:
        raise untranslatable("logprobs")
    offered = tools(bytes(whole.tools)) if whole.tools else ()
    offered = offered or (legacy(bytes(whole.functions)) if whole.functions else ())
    return replace(
        sketched, messages=tuple(messages(whole.messages)), tools=allowed(offered, whole.tool_choice)
    )


def _refuse_what_nobody_else_knows(whole: _Settings) -> None:
    """Vendors have words of their own; to a body that passes they mean something."""
    form = record(whole.response_format).get("type")
    if form not in _FORMS:
        raise refused(
            "response_format.type", f"Input should be 'text', 'json_object' or 'json_schema', not {form!r}"
        )
    if whole.reasoning_effort not in (None, "default", *EFFORTS):
        raise refused("reasoning_effort", f"Input should be one of {', '.join(EFFORTS)}")


# ── the head ─────────────────────────────────────────────────────────────────


def _schema(form: dict[str, Any] | None) -> JsonDict | None:
    match record(form).get("type"):
        case "json_object":
            return ANY_OBJECT
        case "json_schema":
            named = record(record(form).get("json_schema"))
            return record(named.get("schema")) or ANY_OBJECT
        case _:
            return None


def _reasoning(head: _Settings) -> Reasoning | None:
    if head.reasoning_effort is not None:
        known = EFFORTS.get(head.reasoning_effort)
        return Reasoning(known) if known else None
    asked, thinking = record(head.reasoning), record(head.thinking)
    if asked.get("enabled") is False or thinking.get("type") == "disabled":
        return Reasoning("none")
    budget = asked.get("max_tokens") or thinking.get("budget_tokens")
    effort = EFFORTS.get(string(asked.get("effort")))
    if effort or isinstance(budget, int):
        return Reasoning(
            effort, budget if isinstance(budget, int) else None, asked.get("exclude") is not True
        )
    return Reasoning() if asked or thinking.get("type") in ("enabled", "adaptive") else None


def _web_search(options: dict[str, Any] | None) -> WebSearch | None:
    if options is None:
        return None
    domains = sequence(record(options.get("filters")).get("allowed_domains"))
    where = record(record(options.get("user_location")).get("approximate"))
    return WebSearch(allowed_domains=tuple(cast("list[str]", domains)), near=near(where))


def _weigh(content: str | list[_SketchedBlock] | None, media: Media) -> None:
    """Count the pictures and documents."""
    if isinstance(content, str) or not content:
        return
    for block in content:
        if block.image_url:
            media.picture(len(block.image_url))
        elif block.file:
            media.document(len(block.file))


def _last_words(messages: Sequence[_SketchedMessage]) -> tuple[Message, ...]:
    """What the user wrote last, without what a client adds to remind the model."""
    for message in reversed(messages):
        if message.role == "user":
            said = message.content or ""
            texts = [said] if isinstance(said, str) else [b.text or "" for b in said if b.type == "text"]
            if own := own_words(texts, REMINDER):
                return own
    return SILENCE
