"""OpenAI Chat Completions: `POST /v1/chat/completions`, and everybody who speaks it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from llm_router.dialects.assembler import malformed
from llm_router.dialects.encoding import (
    JSON_ONLY,
    check_features,
    check_stops,
    function_tool,
    lists_sources,
    output_limit,
    same,
    sampling,
    search_wishes,
    searches,
    told_schema,
    unsupported,
    wire_name,
)
from llm_router.dialects.json_schema import is_any_object, is_strict
from llm_router.dialects.openai_chat_messages import messages
from llm_router.dialects.openai_chat_stream import OpenAIChatDecoder
from llm_router.dialects.openai_quirks import LONGEST_CACHE_KEY, Quirks, quirks
from llm_router.dialects.openai_reasoning import reasoning_fields
from llm_router.dialects.reading import records
from llm_router.nouns import Answer, JsonDict, Model, Request, Tool, ToolChoice, WebSearch

_SAMPLING = same("temperature", "top_p")
_PENALTIES = same("presence_penalty", "frequency_penalty")
_OPEN = same("top_k", "min_p", "repetition_penalty")


class OpenAIChat:
    name = "openai_chat"

    def encode(self, request: Request, model: Model, *, stream: bool) -> JsonDict:
        quirk = quirks(model.vendor)
        check_features(request, model)
        check_stops(request, model, quirk.stops)
        body: JsonDict = {"model": model.id, "messages": messages(request.messages, model), "stream": stream}
        if stream and quirk.stream_usage:
            body["stream_options"] = {"include_usage": True}
        if (limit := output_limit(request, model)) is not None:
            body[quirk.limit_field] = limit
        fixed = quirk.fixed_temperature and "thinking" in model.features
        body |= sampling(request, _words(quirk, fixed=fixed))
        body |= reasoning_fields(request.reasoning, model)
        if request.stop:
            body["stop"] = list(request.stop)
        if quirk.cache_key and request.session:
            body["prompt_cache_key"] = request.session[:LONGEST_CACHE_KEY]
        _add_tools(body, request, model)
        if request.schema is not None:
            _add_schema(body, request.schema, quirk)
        return body

    def decode(self, body: Mapping[str, object], request: Request | None = None) -> Answer:
        decoder = self.decoder(request)
        decoder.feed(body)
        if not records(body.get("choices")):
            raise malformed("a completion without choices")
        decoder.ended = True
        return decoder.answer()

    def decoder(self, request: Request | None = None) -> OpenAIChatDecoder:
        return OpenAIChatDecoder(lists=lists_sources(request))


def _words(quirk: Quirks, *, fixed: bool) -> dict[str, str]:
    """What sampling is called; there is no word for what is refused."""
    words = {"seed": quirk.seed}
    if not fixed:
        words |= _SAMPLING | _PENALTIES if quirk.penalties else _SAMPLING
    return words | _OPEN if quirk.open_sampling else words


def _add_tools(body: JsonDict, request: Request, model: Model) -> None:
    if not request.tools:
        if searches(request) and "web" not in model.features:
            raise unsupported(model, "a search of the web")
        if request.web_search is not None:
            _add_search(body, request.web_search, model)
        return
    strict = quirks(model.vendor).strict_tools
    body["tools"] = [_tool(tool, strict=strict) for tool in request.tools]
    body["tool_choice"] = _tool_choice(request.tool_choice)
    if not request.tool_choice.parallel:
        body["parallel_tool_calls"] = False


def _tool(tool: Tool, *, strict: bool) -> JsonDict:
    told = function_tool(tool)
    if strict and tool.strict and is_strict(told["function"]["parameters"]):
        return told | {"function": told["function"] | {"strict": True}}
    return told


def _add_search(body: JsonDict, wanted: WebSearch, model: Model) -> None:
    """Who searches by itself is told where: https://docs.perplexity.ai/guides/search-domain-filters"""
    if model.vendor != "perplexity":
        if wishes := " ".join(search_wishes(wanted)):
            _tell(body["messages"], wishes)
        return
    if domains := [*wanted.allowed_domains, *(f"-{domain}" for domain in wanted.blocked_domains)]:
        body["search_domain_filter"] = domains
    if wanted.near:
        near = {name: value for name, value in wanted.near.items() if name != "timezone"}
        body["web_search_options"] = {"user_location": near}


def _tool_choice(choice: ToolChoice) -> str | JsonDict:
    if choice.mode == "tool":
        return {"type": "function", "function": {"name": wire_name(choice.name or "")}}
    return "required" if choice.mode == "any" else choice.mode


def _add_schema(body: JsonDict, schema: JsonDict, quirk: Quirks) -> None:
    if is_any_object(schema):
        body["response_format"] = {"type": "json_object"}
        # OpenAI refuses it where nobody speaks of JSON
        if "json" not in json.dumps(body["messages"]).lower():
            _tell(body["messages"], JSON_ONLY)
        return
    # OpenAI's root must be an object
    if schema.get("type", "object") != "object" and not quirk.open_sampling:
        _tell(body["messages"], told_schema(schema))
        return
    if quirk.schema == "schema":
        named = {"name": "answer", "schema": schema, "strict": is_strict(schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
        return
    body["response_format"] = {"type": "json_object"}
    _tell(body["messages"], told_schema(schema))


def _tell(messages: list[JsonDict], words: str) -> None:
    if messages and (head := messages[0])["role"] == "system":
        head["content"] += f"\n\n{words}"  # some chat templates take one system message only
    else:
        messages.insert(0, {"role": "system", "content": words})


DIALECT = OpenAIChat()
