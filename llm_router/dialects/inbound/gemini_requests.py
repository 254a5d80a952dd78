"""Reading Gemini's `generateContent`: the little that routing needs, and the whole. Model and verb are in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import field
from msgspec.structs import replace

from llm_router.dialects.inbound.bodies import limit, read, refused, sampled, stops, untranslatable
from llm_router.dialects.inbound.gemini_contents import Conversation, media, pick, spellings
from llm_router.dialects.inbound.gemini_schema import json_schema
from llm_router.dialects.inbound.sizes import Media, tokens
from llm_router.dialects.inbound.sketches import SILENCE, media_of_the_user, needs, own_words
from llm_router.dialects.json_schema import ANY_OBJECT
from llm_router.dialects.reading import listed, record, sequence, string
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    Document,
    Effort,
    Image,
    JsonDict,
    Message,
    Origin,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolChoice,
    WebSearch,
)

_ABSENT = msgspec.Raw()
_LEVELS: dict[str, Effort] = {word: word for word in ("minimal", "low", "medium", "high", "xhigh")}
_SEARCHES = ("googleSearch", "googleSearchRetrieval", "enterpriseWebSearch")
_TRANSLATED = frozenset({name for each in ("functionDeclarations", *_SEARCHES) for name in spellings(each)})
# What a user did not write, although it stands in his turn: Gemini CLI tells of the surroundings there.
_SURROUNDINGS = ("<session_context>", "<hook_context>")


class _Settings(msgspec.Struct):
    """What both readings share, each in its two spellings."""

    system: Any = field(default=None, name="systemInstruction")
    system_instruction: Any = None
    config: dict[str, Any] | None = field(default=None, name="generationConfig")
    generation_config: dict[str, Any] | None = None
    tools: msgspec.Raw = _ABSENT
    calling: dict[str, Any] | None = field(default=None, name="toolConfig")
    tool_config: dict[str, Any] | None = None
    cached: str | None = field(default=None, name="cachedContent")
    cached_content: str | None = None


class _Result(msgspec.Struct):
    parts: list[dict[str, Any]] | None = None


class _Part(msgspec.Struct):
    """What of a part may be words or media; to look for these in the bytes would cost more."""

    text: str | None = None
    thought: bool | None = None
    inline: dict[str, Any] | None = field(default=None, name="inlineData")
    inline_data: dict[str, Any] | None = None
    file: dict[str, Any] | None = field(default=None, name="fileData")
    file_data: dict[str, Any] | None = None
    result: _Result | None = field(default=None, name="functionResponse")
    function_response: _Result | None = None


class _Content(msgspec.Struct):
    """Google takes one thing for a list of one, as its own examples write it."""

    role: str | None = None
    given: list[_Part] | _Part | None = field(default=None, name="parts")

    @property
    def parts(self) -> Sequence[_Part]:
        return [self.given] if isinstance(self.given, _Part) else self.given or ()


class _Head(_Settings, kw_only=True):
    contents: list[_Content] | _Content = field(default_factory=list[_Content])
    wrapped: msgspec.Raw = field(default=_ABSENT, name="generateContentRequest")


class _Whole(_Settings, kw_only=True):
    contents: list[dict[str, Any]] | dict[str, Any]


_HEAD = msgspec.json.Decoder(_Head)
_WHOLE = msgspec.json.Decoder(_Whole)
_TOOLS = msgspec.json.Decoder(list[dict[str, Any]] | dict[str, Any] | None)


def sketch(body: bytes, model: str, *, stream: bool, dialect: str = "gemini") -> Request:
    head = read(body, _HEAD)
    contents = [head.contents] if isinstance(head.contents, _Content) else head.contents
    if not contents and head.wrapped:  # as `countTokens` takes it
        return sketch(bytes(head.wrapped), model, stream=stream, dialect=dialect)
    if not contents:
        raise refused("contents", "contents is not specified")
    found, config = _media(contents), record(head.config) or record(head.generation_config)
    tools, web = _offered(bytes(head.tools) or b"null")
    choice, tools = _chosen(record(head.calling) or record(head.tool_config), tools)
    schema, calls = _schema(config), bool(tools) and choice.mode != "none"
    return Request(
        messages=_last_words(contents),
        model=model,
        max_output_tokens=limit(_integer(config, "maxOutputTokens"), "generation_config.maxOutputTokens"),
        temperature=_number(config, "temperature"),
        top_p=_number(config, "topP"),
        top_k=_integer(config, "topK"),
        sampling=sampled(
            seed=_integer(config, "seed"),
            presence_penalty=_number(config, "presencePenalty"),
            frequency_penalty=_number(config, "frequencyPenalty"),
        ),
        answers=_integer(config, "candidateCount") or 1,
        stop=stops(sequence(pick(config, "stopSequences"))),
        schema=schema,
        reasoning=_reasoning(record(pick(config, "thinkingConfig"))),
        web_search=web,
        tool_choice=choice,
        stream=stream,
        door="gateway",
        origin=Origin(dialect, body),
        input_tokens=tokens(len(body), found),
        needs=needs(found, tools=calls, schema=schema, web=None if calls else web),
    )


def parse(sketched: Request) -> Request:
    """Raises UsageError, or UpstreamError(UNSUPPORTED) for what only Google can do."""
    if sketched.origin is None:
        return sketched
    whole = read(sketched.origin.body, _WHOLE)
    _refuse_what_google_does(whole)
    tools, _ = _offered(bytes(whole.tools) or b"null")
    _, tools = _chosen(record(whole.calling) or record(whole.tool_config), tools)
    messages = tuple(media_of_the_user(Conversation().messages(listed(whole.contents))))
    if told := _system(whole):
        messages = (Message("system", (Text(told),)), *messages)
    return replace(sketched, messages=messages, tools=tools)


def _number(config: JsonDict, name: str) -> float | None:
    value = pick(config, name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise refused(f"generation_config.{name}", f"Invalid value, {value!r}")
    return value


def _integer(config: JsonDict, name: str) -> int | None:
    value = _number(config, name)
    return None if value is None else int(value)


def _schema(config: JsonDict) -> JsonDict | None:
    for name in ("responseJsonSchema", "_responseJsonSchema", "responseSchema"):
        if schema := record(pick(config, name)):
            return json_schema(schema)
    if pick(config, "responseMimeType") == "application/json":
        return ANY_OBJECT
    formats = [record(each.get("text")) for each in listed(pick(config, "responseFormat"))]
    text = next(filter(None, formats), dict[str, Any]())
    if schema := record(text.get("schema") or text.get("jsonSchema")):
        return json_schema(schema)
    return ANY_OBJECT if pick(text, "mimeType") in ("APPLICATION_JSON", "application/json") else None


def _reasoning(wish: JsonDict) -> Reasoning | None:
    if not wish:
        return None
    shown = pick(wish, "includeThoughts") is True
    budget = pick(wish, "thinkingBudget")
    if budget == 0:
        return Reasoning("none", shown=shown)
    effort = _LEVELS.get(string(pick(wish, "thinkingLevel")).lower())
    tokens = budget if isinstance(budget, int) and budget > 0 else None  # -1: as it sees fit
    return Reasoning(effort, tokens, shown)


@lru_cache(maxsize=32)  # a session sends the same ones with every turn, 20 kB and more
def _offered(raw: bytes) -> tuple[tuple[Tool, ...], WebSearch | None]:
    tools: list[Tool] = []
    web: WebSearch | None = None
    for at, group in enumerate(listed(read(raw, _TOOLS))):
        for nth, each in enumerate(listed(pick(group, "functionDeclarations"))):
            tools.append(_tool(each, f"tools[{at}].function_declarations[{nth}]"))
        for name in _SEARCHES:
            if (search := pick(group, name)) is not None:
                blocked = sequence(pick(record(search), "excludeDomains"))
                web = WebSearch(blocked_domains=tuple(d for d in blocked if isinstance(d, str)))
    return tuple(tools), web


def _tool(declared: JsonDict, path: str) -> Tool:
    name = string(declared.get("name"))
    if not name:
        raise refused(f"{path}.name", "Name cannot be empty.")
    schema = record(pick(declared, "parametersJsonSchema")) or record(declared.get("parameters"))
    return Tool(name, string(declared.get("description")), json_schema(schema))


def _chosen(config: JsonDict, tools: tuple[Tool, ...]) -> tuple[ToolChoice, tuple[Tool, ...]]:
    calling = record(pick(config, "functionCallingConfig"))
    mode = string(calling.get("mode")).upper() or "AUTO"
    names = [name for name in sequence(pick(calling, "allowedFunctionNames")) if isinstance(name, str)]
    if names:
        tools = tuple(tool for tool in tools if tool.name in names)
    match mode:
        case "NONE":
            return ToolChoice("none"), tools
        case "ANY" if len(names) == 1:
            return ToolChoice("tool", names[0]), tools
        case "ANY":
            return ToolChoice("any"), tools
        case "AUTO" | "VALIDATED" | "MODE_UNSPECIFIED":
            return ToolChoice(), tools
        case _:
            raise refused("tool_config.function_calling_config.mode", f"Invalid value, {mode!r}")


def _refuse_what_google_does(head: _Settings) -> None:
    if head.cached or head.cached_content:
        raise untranslatable(
            "cachedContent: what only Google has stored", fix="Send the contents themselves."
        )
    config = record(head.config) or record(head.generation_config)
    if (candidates := pick(config, "candidateCount")) not in (None, 1):
        raise untranslatable(f"generation_config.candidateCount: {candidates} answers at once")
    if pick(config, "responseMimeType") == "text/x.enum":
        raise untranslatable("generation_config.responseMimeType: text/x.enum")
    spoken = {str(kind).upper() for kind in sequence(pick(config, "responseModalities"))}
    if spoken - {"TEXT", "MODALITY_UNSPECIFIED"}:
        raise untranslatable(f"generation_config.responseModalities: {', '.join(sorted(spoken))}")
    formats = {
        name for each in listed(pick(config, "responseFormat")) for name in each if each[name] is not None
    }
    if others := sorted(formats - {"text"}):
        raise untranslatable(f"generation_config.responseFormat: {', '.join(others)}")
    if pick(config, "responseLogprobs"):
        raise untranslatable("generation_config.responseLogprobs")
    groups = listed(read(bytes(head.tools) or b"null", _TOOLS))
    if hosted := [
        name for group in groups for name in group if group[name] is not None and name not in _TRANSLATED
    ]:
        raise untranslatable(f"tools: {', '.join(hosted)}, which only Google has,")


def _system(head: _Settings) -> str:
    given = head.system if head.system is not None else head.system_instruction
    if isinstance(given, str):
        return given
    parts = listed(record(given).get("parts")) or [record(given)]
    return "\n\n".join(text for part in parts if (text := string(part.get("text"))))


def _media(contents: Sequence[_Content]) -> Media:
    found = Media()
    for at, content in enumerate(contents):
        for part in content.parts or ():
            if part.text is None:
                try:
                    found.add(_held(part, f"contents[{at}]"))
                except UpstreamError:  # sound and film, which only Google takes: `parse` says so to others
                    found.recording(len(string((part.inline or part.inline_data or {}).get("data"))))
    return found


def _held(part: _Part, path: str) -> list[Image | Document]:
    """The picture or file of a part, and those of a call's result."""
    parts: list[JsonDict] = []
    if inline := part.inline or part.inline_data:
        parts.append({"inlineData": inline})
    elif file := part.file or part.file_data:
        parts.append({"fileData": file})
    elif (result := part.result or part.function_response) is not None:
        parts += result.parts or ()
    return [item for each in parts if (item := media(each, path)) is not None]


def _last_words(contents: Sequence[_Content]) -> tuple[Message, ...]:
    """What the user wrote last: no tool's result, and not what his client told in his name."""
    for content in reversed(contents):
        if content.role in (None, "user"):
            texts = [part.text for part in content.parts or () if part.text]
            if own := own_words(texts, _SURROUNDINGS):
                return own
    return SILENCE
