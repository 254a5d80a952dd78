"""OpenAI Responses on their way to somebody who speaks them."""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from llm_router.dialects import passing
from llm_router.dialects.encoding import output_limit
from llm_router.dialects.inbound.signatures import MARK
from llm_router.dialects.openai_reasoning import reasoning_fields
from llm_router.dialects.openai_responses_stream import OpenAIResponsesDecoder
from llm_router.dialects.reading import record, sequence, string
from llm_router.nouns import Model, Reasoning, Request

_TELLING = re.compile(rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"')
_ANY = msgspec.json.Decoder()
_SEALED = b'"' + MARK.encode()

OPENAI = frozenset({"openai", "azure"})
# What other vendors' Responses do not have. In a text the quotes would be escaped.
_OF_OPENAI = re.compile(
    rb'"type"\s*:\s*"(?:namespace|additional_tools|(?:custom|tool_search|local_shell|shell|apply_patch)(?:(?:_tool)?_call)?)"'
)
_FIELDS_OF_OPENAI = (
    *("client_metadata", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
    *("safety_identifier", "moderation", "access_programs", "background_options"),
)


class OpenAIResponsesPassing:
    def takes(self, request: Request, model: Model) -> bool:
        if request.origin is None:
            return False
        return model.vendor in OPENAI or _OF_OPENAI.search(request.origin.body) is None

    def head(self, request: Request, model: Model) -> bytes:
        if request.origin is None:
            raise ValueError("a request without a body cannot pass")
        fields: dict[str, Any] = dict(passing.fields(request.origin.body))
        fields["model"] = model.id
        if (limit := output_limit(request, model)) is not None:
            fields["max_output_tokens"] = limit
        if model.vendor not in OPENAI:
            for name in _FIELDS_OF_OPENAI:
                fields.pop(name, None)
        if model.vendor in OPENAI and request.reasoning is not None:
            _think(fields, request.reasoning, model)
        if _SEALED in request.origin.body:
            fields["input"] = _without_foreign(_ANY.decode(fields["input"]))
        return passing.written(fields)

    def tap(self, request: Request, provider: str, shown: str | None) -> passing.Tap:  # noqa: ARG002 - it asked for all of it
        return _ResponsesTap(OpenAIResponsesDecoder(), _TELLING, shown)

    def plain(self, body: bytes, provider: str, shown: str | None) -> bytes:  # noqa: ARG002 - others ask it
        return passing.renamed(body, shown)


class _ResponsesTap(passing.Tap):
    """What OpenAI runs has been done when it is told, and would be done again by another; a compaction is all there is."""

    ACTS = re.compile(rb'"type"\s*:\s*"(?:compaction|(?:mcp|code_interpreter|file_search|web_search)_call)"')


def _think(fields: dict[str, Any], asked: Reasoning, model: Model) -> None:
    """The same wish as this model of OpenAI's takes it: the caller may have meant another."""
    wish = record(_ANY.decode(fields.get("reasoning", b"null")))
    if model.features and "thinking" not in model.features:
        fields.pop("reasoning", None)
        if include := sequence(_ANY.decode(fields.get("include", b"null"))):
            fields["include"] = [each for each in include if each != "reasoning.encrypted_content"]
    elif (effort := reasoning_fields(asked, model).get("reasoning_effort")) not in (None, wish.get("effort")):
        fields["reasoning"] = wish | {"effort": effort}


def _without_foreign(items: Any) -> Any:
    """Reasoning that somebody else sealed means nothing to OpenAI, and is refused."""
    if not isinstance(items, list):
        return items
    return [item for item in cast("list[Any]", items) if not _foreign(item)]


def _foreign(item: Any) -> bool:
    sealed = string(record(item).get("encrypted_content"))
    return record(item).get("type") == "reasoning" and sealed.startswith(MARK)


PASSING = OpenAIResponsesPassing()
