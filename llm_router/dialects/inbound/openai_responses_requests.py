"""Reading OpenAI Responses: the little that routing needs, and the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from llm_router.dialects.inbound.bodies import limit, read, refused, untranslatable
from llm_router.dialects.inbound.openai_responses_items import Conversation, content
from llm_router.dialects.inbound.openai_responses_tools import Toolbox, chosen, refuse_hosted, toolbox
from llm_router.dialects.inbound.sizes import Media, tokens
from llm_router.dialects.inbound.sketches import EFFORTS, SILENCE, needs, own_words
from llm_router.dialects.json_schema import ANY_OBJECT
from llm_router.dialects.reading import record, records, string
from llm_router.nouns import JsonDict, Message, Origin, Reasoning, Request, Text

_ABSENT = msgspec.Raw()
_BRINGS_TOOLS = (b'"tool_search_output"', b'"additional_tools"')
_MEDIA = ("input_image", "input_file", "input_audio")
# What a user did not write, although it stands under his name: Codex tells of the surroundings in such messages.
_SURROUNDINGS = ("<environment_context>", "<user_instructions>", "<turn_aborted>", "# AGENTS.md instructions")


class _Settings(msgspec.Struct):
    """What both readings share."""

    model: str = ""
    stream: bool | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning: dict[str, Any] | None = None
    text: dict[str, Any] | None = None
    tools: msgspec.Raw = _ABSENT
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    prompt_cache_key: str | None = None
    client_metadata: dict[str, Any] | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    background: bool | None = None
    include: list[Any] | None = None
    top_logprobs: int | None = None


class _Item(msgspec.Struct):
    """What of an item may be words or media; to look for these in the bytes would cost more."""

    type: str | None = None
    role: str | None = None
    content: Any = None
    output: Any = None


class _Head(_Settings, kw_only=True):
    input: str | list[_Item]


class _Tools(msgspec.Struct):
    tools: msgspec.Raw = _ABSENT


class _Whole(_Settings, kw_only=True):
    input: str | list[dict[str, Any]]


_HEAD = msgspec.json.Decoder(_Head)
_WHOLE = msgspec.json.Decoder(_Whole)
_TOOLS = msgspec.json.Decoder(_Tools)


def sketch(body: bytes) -> Request:
    head = read(body, _HEAD)
    if head.background:
        raise refused("background", "responses are answered while you wait; use `stream: true` for long ones")
    if not head.model:
        raise refused("model", "Field required")
    if head.input == []:
        raise refused("input", "at least one item is required")
    media = _media(head.input)
    box = toolbox(bytes(head.tools) or b"null")
    choice, tools = chosen(head.tool_choice, box, parallel=head.parallel_tool_calls is not False)
    schema, calls = _schema(record(record(head.text).get("format"))), bool(tools) and choice.mode != "none"
    return Request(
        messages=_last_words(head.input),
        model=head.model,
        max_output_tokens=limit(head.max_output_tokens, "max_output_tokens"),
        temperature=head.temperature,
        top_p=head.top_p,
        schema=schema,
        reasoning=_reasoning(record(head.reasoning)),
        web_search=box.web_search,
        tool_choice=choice,
        stream=bool(head.stream),
        door="gateway",
        session=string(record(head.client_metadata).get("session_id")) or head.prompt_cache_key,
        origin=Origin("openai_responses", body),
        input_tokens=tokens(len(body), media),
        needs=needs(media, tools=calls, schema=schema, web=None if calls else box.web_search),
    )


def parse(sketched: Request) -> Request:
    """Raises UsageError, or UpstreamError(UNSUPPORTED) for what only OpenAI can do."""
    if sketched.origin is None:
        return sketched
    whole = read(sketched.origin.body, _WHOLE)
    _refuse_what_openai_remembers(whole)
    word = string(record(whole.reasoning).get("effort"))
    if word and word not in EFFORTS:
        raise refused("reasoning.effort", f"Input should be one of {', '.join(EFFORTS)}, not {word!r}")
    if whole.top_logprobs or "message.output_text.logprobs" in (whole.include or ()):
        raise untranslatable("top_logprobs, message.output_text.logprobs")
    box = toolbox(bytes(whole.tools) or b"null")
    _, tools = chosen(whole.tool_choice, box, parallel=True)  # the choice itself is in the sketch
    refuse_hosted(box)
    conversation = Conversation()
    messages = conversation.messages(whole.input)
    if not messages:
        raise refused("input", "at least one item is required")
    if whole.instructions:
        messages = (Message("system", (Text(whole.instructions),)), *messages)
    known = {tool.name for tool in tools}
    late = [offer.tool for offer in conversation.found if offer.tool.name not in known]
    choice = sketched.tool_choice
    if choice.name is not None and choice.name not in known | {tool.name for tool in late}:
        raise refused("tool_choice", f"there is no tool {choice.name!r} among the tools of the request")
    return replace(sketched, messages=messages, tools=(*tools, *late))


def offers(body: bytes) -> Toolbox:
    """The tools of a request again, for whoever renders its answer: those the conversation brought up, too."""
    box = toolbox(bytes(read(body, _TOOLS).tools) or b"null")
    if not any(mark in body for mark in _BRINGS_TOOLS):
        return box
    conversation = Conversation()
    conversation.messages(read(body, _WHOLE).input)
    return replace(box, offers=(*box.offers, *conversation.found))


def _refuse_what_openai_remembers(whole: _Settings) -> None:
    for name in ("previous_response_id", "conversation", "prompt"):
        if getattr(whole, name):
            raise untranslatable(
                f"{name}: what only OpenAI has stored",
                fix="Send the whole conversation as `input`, with the reasoning items "
                '(`include: ["reasoning.encrypted_content"]`), or name a model of OpenAI.',
            )


def _reasoning(wish: JsonDict) -> Reasoning | None:
    if not wish:
        return None
    word = string(wish.get("effort"))
    if word and word not in EFFORTS:
        return None  # a new one of OpenAI's own
    shown = bool(wish.get("summary") or wish.get("generate_summary"))
    return Reasoning(EFFORTS.get(word), shown=shown)


def _schema(form: JsonDict) -> JsonDict | None:
    if form.get("type") == "json_object":
        return ANY_OBJECT
    if form.get("type") != "json_schema":
        return None
    schema = form.get("schema")
    if not isinstance(schema, dict):
        raise refused("text.format.schema", "Field required")
    return cast("JsonDict", schema)


def _media(items: str | Sequence[_Item]) -> Media:
    media = Media()
    for at, item in enumerate(() if isinstance(items, str) else items):
        told: Any = item.output if item.content is None else item.content
        if isinstance(told, list):
            for block in records(cast("object", told)):
                if block.get("type") in _MEDIA:
                    _weigh(block, media, f"input.{at}.content")
    return media


def _weigh(block: JsonDict, media: Media, path: str) -> None:
    if block.get("file_id"):  # of a file that OpenAI has; `parse` says so to others
        (media.picture if block["type"] == "input_image" else media.document)(0)
    elif block["type"] == "input_audio":
        media.recording(len(string(record(block.get("input_audio")).get("data"))))
    else:
        media.add(content([block], path))


def _last_words(items: str | Sequence[_Item]) -> tuple[Message, ...]:
    """What the user wrote last, not what his client told in his name."""
    if isinstance(items, str):
        return (Message("user", (Text(items),)),)
    for at in range(len(items) - 1, -1, -1):
        item = items[at]
        if item.role == "user" and item.type in (None, "message"):
            said = [item.content] if isinstance(item.content, str) else records(item.content)
            texts = [each if isinstance(each, str) else string(each.get("text")) for each in said]
            if own := own_words([text for text in texts if text], _SURROUNDINGS):
                return own
    return SILENCE
