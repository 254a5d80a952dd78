"""Anthropic Messages: `POST /v1/messages`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from llm_router.dialects import anthropic_cache, json_schema
from llm_router.dialects.anthropic_models import abilities, effort, thinking
from llm_router.dialects.anthropic_stream import REDACTED, AnthropicDecoder
from llm_router.dialects.assembler import malformed
from llm_router.dialects.encoding import (
    JSON_ONLY,
    MOST_TOOLS,
    check_features,
    check_stops,
    inline_system,
    lists_sources,
    output_limit,
    own_thinking,
    same,
    sampling,
    split_turns,
    tool_schema,
    unsupported,
    wire_id,
    wire_name,
)
from llm_router.dialects.failures import failure
from llm_router.dialects.reading import arguments_object
from llm_router.kept import kept_for_each
from llm_router.nouns import (
    Answer,
    Document,
    Image,
    JsonDict,
    Message,
    Model,
    Part,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    WebSearch,
)

# `max_tokens` is mandatory. Long enough for most answers, short enough that a model without a known limit takes it.
DEFAULT_MAX_TOKENS = 8_192
# of an answer that comes whole, which the vendor's SDK refuses to wait for when it may take long
LONGEST_DEFAULT = 16_384
LONGEST_STREAMED = 64_000  # thinking counts in it, and agents write whole files

LONGEST_NAME = 128  # of a tool, characters
_SAMPLING = same("temperature", "top_p", "top_k")

# Since API version 2026-10-21 (what the SDK sends) a sampling parameter is a 400, even with its default value:
# https://platform.claude.com/docs/en/api/migration-2026-10-21
WITHOUT_SAMPLING = frozenset({"anthropic", "bedrock", "vertex"})


class Anthropic:
    name = "anthropic"

    def encode(self, request: Request, model: Model, *, stream: bool) -> JsonDict:
        check_features(request, model)
        check_stops(request, model, 8_191)
        system, messages = split_turns(request.messages)
        body: JsonDict = {
            "model": model.id,
            "max_tokens": _max_tokens(request, model, LONGEST_STREAMED if stream else LONGEST_DEFAULT),
            "messages": _turns(messages, model),
            "stream": stream,
        }
        if system:
            body["system"] = system
        _add_tools(body, request, model)
        _add_output(body, request, model)
        if request.stop:
            body["stop_sequences"] = list(request.stop)
        if (config := thinking(request, model, body["max_tokens"])) is not None:
            body["thinking"] = config
        # who thinks takes none of it: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
        if model.vendor not in WITHOUT_SAMPLING and "thinking" not in body:
            body |= _sampling(request)
        anthropic_cache.mark(body, request, model.vendor)
        return body

    def decode(self, body: Mapping[str, object], request: Request | None = None) -> Answer:
        if "error" in body:
            raise failure("", None, {}, body)
        if not isinstance(body.get("content"), list):
            raise malformed("a message without content")
        decoder = self.decoder(request)
        decoder.feed({**body, "type": "message"})
        return decoder.answer()

    def decoder(self, request: Request | None = None) -> AnthropicDecoder:
        return AnthropicDecoder(lists=lists_sources(request))


def _max_tokens(request: Request, model: Model, longest: int) -> int:
    asked = output_limit(request, model)
    if asked is not None:
        return asked
    unasked = min(model.max_output or DEFAULT_MAX_TOKENS, longest)
    return output_limit(replace(request, max_output_tokens=unasked), model) or unasked


def _sampling(request: Request) -> JsonDict:
    asked = sampling(request, _SAMPLING)
    if request.temperature is not None:
        asked["temperature"] = min(request.temperature, 1.0)
    return asked


def _add_output(body: JsonDict, request: Request, model: Model) -> None:
    config: JsonDict = {}
    if request.schema is not None and json_schema.is_any_object(request.schema):
        body["system"] = "\n\n".join(filter(None, (body.get("system"), JSON_ONLY)))
    elif request.schema is not None:
        config["format"] = _format(request.schema, model)
    if told := effort(request, model):
        config["effort"] = told
    if config:
        body["output_config"] = config


def _format(schema: JsonDict, model: Model) -> JsonDict:
    if json_schema.is_recursive(schema):
        raise unsupported(model, "a recursive JSON schema")
    return {"type": "json_schema", "schema": json_schema.for_anthropic(schema)}


def _add_tools(body: JsonDict, request: Request, model: Model) -> None:
    tools = [_tool(tool) for tool in request.tools]
    if request.web_search is not None:
        tools.append(_web_search(request.web_search))
    if not tools:
        return
    body["tools"] = tools
    if request.tools:
        body["tool_choice"] = _tool_choice(request, model)


@kept_for_each(MOST_TOOLS)
def _tool(tool: Tool) -> JsonDict:
    name = wire_name(tool.name, LONGEST_NAME)
    return {"name": name, "description": tool.description, "input_schema": tool_schema(tool)}


def _web_search(wanted: WebSearch) -> JsonDict:
    """https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool"""
    body: JsonDict = {"type": "web_search_20250305", "name": "web_search"}
    if wanted.max_uses is not None:
        body["max_uses"] = wanted.max_uses
    if wanted.allowed_domains:
        body["allowed_domains"] = list(wanted.allowed_domains)
    elif wanted.blocked_domains:  # one of the two
        body["blocked_domains"] = list(wanted.blocked_domains)
    if wanted.near:
        body["user_location"] = {"type": "approximate", **wanted.near}
    return body


def _tool_choice(request: Request, model: Model) -> JsonDict:
    choice = request.tool_choice
    if choice.mode in ("any", "tool") and not abilities(model.id).forced_tools:
        raise unsupported(model, "an order to call a tool")
    body: JsonDict = {"type": choice.mode}
    if choice.mode == "tool":
        body["name"] = wire_name(choice.name or "", LONGEST_NAME)
    if not choice.parallel and choice.mode != "none":
        body["disable_parallel_tool_use"] = True
    return body


def _turns(messages: Iterable[Message], model: Model) -> list[JsonDict]:
    """Alternating turns: neighbours of one role are joined, and tool results lead the turn that answers the calls."""
    turns: list[JsonDict] = []
    for message in messages:
        role, blocks = _blocks(message, model)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(blocks)
        else:
            turns.append({"role": role, "content": blocks})
    for turn in turns:
        turn["content"].sort(key=_not_a_result)
    return turns


def _not_a_result(block: JsonDict) -> bool:
    return block["type"] != "tool_result"


def _blocks(message: Message, model: Model) -> tuple[str, list[JsonDict]]:
    if message.role == "system":
        return "user", [{"type": "text", "text": inline_system(message.text)}] if message.text else []
    blocks = [block for part in message.parts if (block := _block(part, model)) is not None]
    return message.role, blocks


def _block(part: Part, model: Model) -> JsonDict | None:
    match part:
        case Text(text):
            return {"type": "text", "text": text} if text.strip() else None  # blank text is refused
        case Image():
            return {"type": "image", "source": _source(part.media_type, part.data, part.url)}
        case Document():
            return _document(part)
        case Thinking():
            return _thinking(part) if own_thinking(part, model) else None
        case ToolCall(call_id, name, arguments):
            return {
                "type": "tool_use",
                "id": wire_id(call_id),
                "name": wire_name(name, LONGEST_NAME),
                "input": arguments_object(arguments),
            }
        case ToolResult():
            return _result(part, model)


def _source(media_type: str, data: str | None, url: str | None) -> JsonDict:
    if url:
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": media_type, "data": data or ""}


def _document(part: Document) -> JsonDict:
    if part.text is not None:
        source: JsonDict = {"type": "text", "media_type": "text/plain", "data": part.text}
    else:
        source = _source(part.media_type, part.data, part.url)
    return {"type": "document", "source": source} | ({"title": part.title} if part.title else {})


def _thinking(part: Thinking) -> JsonDict | None:
    if part.signature is None:
        return None
    if part.signature.startswith(REDACTED):
        return {"type": "redacted_thinking", "data": part.signature.removeprefix(REDACTED)}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _result(part: ToolResult, model: Model) -> JsonDict:
    block: JsonDict = {"type": "tool_result", "tool_use_id": wire_id(part.call_id)}
    if content := [inner for item in part.content if (inner := _block(item, model)) is not None]:
        block["content"] = content
    if part.is_error:
        block["is_error"] = True
    return block


DIALECT = Anthropic()
