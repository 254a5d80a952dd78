"""Chat Completions on their way to somebody who speaks them."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from llm_router.dialects import passing
from llm_router.dialects.encoding import output_limit
from llm_router.dialects.openai_chat_stream import OpenAIChatDecoder
from llm_router.dialects.openai_quirks import quirks
from llm_router.dialects.openai_reasoning import reasoning_fields
from llm_router.nouns import JsonDict, Model, Request

_TELLING = re.compile(rb'"finish_reason"\s*:\s*"|"usage"\s*:\s*\{|"error"|"base_resp"|\[DONE\]')
_WANTS_USAGE = re.compile(rb'"include_usage"\s*:\s*true')
_ANY = msgspec.json.Decoder()

OPENAI = frozenset({"openai", "azure"})
# What only OpenAI knows, and others at times refuse.
_OF_OPENAI = (
    "store",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "safety_identifier",
    "verbosity",
    "metadata",
    "prediction",
    "moderation",
)
_LIMITS = ("max_tokens", "max_completion_tokens")
_REASONING = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget")


class OpenAIChatPassing:
    def takes(self, request: Request, model: Model) -> bool:
        """Not where a vendor wants the messages themselves, or the schema, written in another way."""
        if request.origin is None:
            return False
        body, quirk = request.origin.body, quirks(model.vendor)
        if model.vendor in OPENAI:
            return True
        if b'"developer"' in body or (request.schema is not None and quirk.schema != "schema"):
            return False
        if len(request.stop) > quirk.stops or request.web_search is not None:
            return False
        return not (b'"tool_calls"' in body and (quirk.call_id_length or quirk.replays_reasoning))

    def head(self, request: Request, model: Model) -> bytes:
        if request.origin is None:
            raise ValueError("a request without a body cannot pass")
        fields: dict[str, Any] = dict(passing.fields(request.origin.body))
        fields["model"] = model.id
        quirk = quirks(model.vendor)
        limit = output_limit(request, model)
        if limit is not None:
            for name in _LIMITS:
                fields.pop(name, None)
            fields[quirk.limit_field] = limit
        if model.vendor not in OPENAI:
            for name in _OF_OPENAI:
                fields.pop(name, None)
        self._think(fields, request, model)
        self._ask_for_usage(fields, request, asks=quirk.stream_usage)
        return passing.written(fields)

    def tap(self, request: Request, provider: str, shown: str | None) -> passing.Tap:  # noqa: ARG002 - others ask it
        origin = request.origin
        asked = origin is not None and _WANTS_USAGE.search(origin.body) is not None
        return _ChatTap(shown, request.answers, wants_usage=asked)

    def plain(self, body: bytes, provider: str, shown: str | None) -> bytes:  # noqa: ARG002
        return passing.renamed(body, shown)

    def _think(self, fields: dict[str, Any], request: Request, model: Model) -> None:
        """The same wish in the vendor's own fields; a model that does not think is spared it."""
        if request.reasoning is None or (model.vendor in OPENAI and not model.features):
            return
        for name in _REASONING:
            fields.pop(name, None)
        fields |= reasoning_fields(request.reasoning, model)

    def _ask_for_usage(self, fields: dict[str, Any], request: Request, *, asks: bool) -> None:
        """We want to know what it cost, whether the caller does or not."""
        if request.stream and asks:
            options: JsonDict = _ANY.decode(fields.get("stream_options", b"null")) or {}
            fields["stream_options"] = options | {"include_usage": True}
        elif not asks:
            fields.pop("stream_options", None)


class _ChatTap(passing.Tap):
    ACTS = re.compile(rb'"(?:audio\s*"\s*:\s*\{|images\s*"\s*:\s*\[)')
    CLOSING = b"data: [DONE]\n\n"

    def __init__(self, shown: str | None, answers: int, *, wants_usage: bool) -> None:
        super().__init__(OpenAIChatDecoder(), _TELLING, shown, answers)
        self._wants_usage = wants_usage

    def closes(self, data: bytes) -> bool:
        return data == b"[DONE]"

    def told(self, block: bytes, event: JsonDict) -> bytes:
        """A chunk of usage alone goes to who asked for it: to others one without choices comes as a surprise."""
        keeps = self._wants_usage or event.get("choices") or not event.get("usage")
        return block if keeps else b""


PASSING = OpenAIChatPassing()
