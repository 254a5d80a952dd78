"""Reading Ollama's `/api/chat` and `/api/generate`: the little that routing needs, and the whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from llm_router.dialects.inbound.bodies import AnsweredError, read, refused, sampled, stops, untranslatable
from llm_router.dialects.inbound.ollama_messages import Conversation, said
from llm_router.dialects.inbound.sizes import Media, tokens
from llm_router.dialects.inbound.sketches import SILENCE, media_of_the_user, needs
from llm_router.dialects.json_schema import ANY_OBJECT
from llm_router.dialects.reading import record, sequence, string
from llm_router.errors import UsageError
from llm_router.nouns import (
    Effort,
    JsonDict,
    Message,
    Origin,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolChoice,
)

_ABSENT = msgspec.Raw()
_EFFORTS: dict[str, Effort] = {"low": "low", "medium": "medium", "high": "high", "max": "max"}
_NO_TOOLS = (b"", b"null", b"[]")


class _Settings(msgspec.Struct):
    """What both endpoints share. A stream is what a caller gets who does not say otherwise."""

    model: str = ""
    stream: bool | None = None
    options: dict[str, Any] | None = None
    format: Any = None
    think: bool | str | None = None
    keep_alive: Any = None
    logprobs: bool | None = None


class _Said(msgspec.Struct):
    role: str | None = None
    content: str | None = None
    images: list[str] | None = None


class _ChatHead(_Settings, kw_only=True):
    messages: list[_Said] | None = None
    tools: msgspec.Raw = _ABSENT


class _Chat(_Settings, kw_only=True):
    messages: list[dict[str, Any]] | None = None
    tools: msgspec.Raw = _ABSENT


class _Generate(_Settings, kw_only=True):
    prompt: str | None = None
    system: str | None = None
    images: list[str] | None = None
    suffix: str | None = None
    template: str | None = None
    context: Any = None
    raw: bool | None = None


_CHAT_HEAD = msgspec.json.Decoder(_ChatHead)
_CHAT = msgspec.json.Decoder(_Chat)
_TOOLS = msgspec.json.Decoder(list[dict[str, Any]])
_GENERATE = msgspec.json.Decoder(_Generate)


def sketch_chat(body: bytes) -> Request:
    head = read(body, _CHAT_HEAD)
    if not head.messages:
        raise _loaded(head, {"message": {"role": "assistant", "content": ""}})
    tools = bytes(head.tools) not in _NO_TOOLS
    return _request(
        head, _last_words(head.messages), Origin("ollama", body), _media(head.messages), tools=tools
    )


def parse_chat(sketched: Request) -> Request:
    """Raises UsageError."""
    if sketched.origin is None:
        return sketched
    whole = read(sketched.origin.body, _CHAT)
    if whole.logprobs:
        raise untranslatable("logprobs")
    messages = tuple(media_of_the_user(Conversation().messages(whole.messages or [])))
    tools = bytes(whole.tools)
    offered = () if tools in _NO_TOOLS else _tools(tools)
    return replace(sketched, messages=messages, tools=offered, tool_choice=ToolChoice())


def generate(body: bytes) -> Request:
    """One prompt: there is nothing to sketch."""
    whole = read(body, _GENERATE)
    if not whole.prompt:
        raise _loaded(whole, {"response": ""})
    for name in ("suffix", "template", "context", "raw"):
        if getattr(whole, name):
            raise refused(
                name, "only a local model takes it; send the text as `prompt`, earlier turns to /api/chat"
            )
    if whole.logprobs:
        raise refused("logprobs", "only a local model tells them; ask it through /api/chat")
    parts = said(whole.prompt, whole.images)
    messages = (Message("user", tuple(parts)),)
    if whole.system:
        messages = (Message("system", (Text(whole.system),)), *messages)
    media = Media()
    media.add(parts)
    return _request(whole, messages, Origin("ollama_generate", body), media)


def _request(
    head: _Settings, messages: tuple[Message, ...], origin: Origin, media: Media, *, tools: bool = False
) -> Request:
    if not head.model:
        raise refused("model", "Field required")
    options, schema = record(head.options), _schema(head.format)
    return Request(
        messages=messages,
        model=head.model,
        max_output_tokens=_limit(options),
        temperature=_number(options, "temperature"),
        top_p=_number(options, "top_p"),
        top_k=_limit(options, "top_k"),
        sampling=sampled(
            seed=None if (seed := _number(options, "seed")) is None else int(seed),
            presence_penalty=_number(options, "presence_penalty"),
            frequency_penalty=_number(options, "frequency_penalty"),
            repetition_penalty=_number(options, "repeat_penalty"),
            min_p=_number(options, "min_p"),
        ),
        stop=stops(given if isinstance(given := options.get("stop"), str) else sequence(given)),
        schema=schema,
        reasoning=_reasoning(head.think),
        stream=head.stream is not False,
        door="gateway",
        origin=origin,
        input_tokens=tokens(len(origin.body), media),
        needs=needs(media, tools=tools, schema=schema),
    )


def _loaded(head: _Settings, nothing: JsonDict) -> UsageError:
    """Who asks nothing wants the model loaded, or with `keep_alive: 0` unloaded. It is where it is."""
    if not head.model:
        return refused("model", "Field required")
    reason = "unload" if head.keep_alive in (0, "0", "0s") else "load"
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return AnsweredError(
        {"model": head.model, "created_at": now, **nothing, "done": True, "done_reason": reason}
    )


def _number(options: JsonDict, name: str) -> float | None:
    value = options.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise refused(f"options.{name}", f"must be a number, not {value!r}")
    return value


def _limit(options: JsonDict, name: str = "num_predict") -> int | None:
    """-1 and -2 mean: until the model is done, until the window is full."""
    value = _number(options, name)
    return int(value) if value is not None and value > 0 else None


def _schema(form: Any) -> JsonDict | None:
    if form in (None, ""):
        return None
    if form == "json":
        return ANY_OBJECT
    if not isinstance(form, dict):
        raise refused("format", 'must be "json" or a JSON schema')
    return cast("JsonDict", form)


def _reasoning(think: bool | str | None) -> Reasoning | None:
    if think is None:
        return None
    if isinstance(think, bool):
        return Reasoning() if think else Reasoning("none")
    if think not in _EFFORTS:
        raise refused("think", f"must be true, false or one of {', '.join(_EFFORTS)}, not {think!r}")
    return Reasoning(_EFFORTS[think])


@lru_cache(maxsize=32)  # a session sends the same ones with every turn
def _tools(raw: bytes) -> tuple[Tool, ...]:
    return tuple(_tool(tool, f"tools.{at}") for at, tool in enumerate(read(raw, _TOOLS, "tools")))


def _tool(tool: JsonDict, path: str) -> Tool:
    function = record(tool.get("function"))
    name = string(function.get("name"))
    if not name:
        raise refused(f"{path}.function.name", "Field required")
    return Tool(name, string(function.get("description")), record(function.get("parameters")))


def _media(messages: Sequence[_Said]) -> Media:
    media = Media()
    for message in messages:
        if message.images:
            media.add(said("", message.images))
    return media


def _last_words(messages: Sequence[_Said]) -> tuple[Message, ...]:
    for message in reversed(messages):
        if message.role == "user" and message.content and message.content.strip():
            return (Message("user", (Text(message.content),)),)
    return SILENCE
