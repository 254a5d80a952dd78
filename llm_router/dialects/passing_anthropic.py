"""Anthropic Messages on their way to Anthropic."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from llm_router.dialects import passing
from llm_router.dialects.anthropic_models import abilities, effort, thinking
from llm_router.dialects.anthropic_stream import AnthropicDecoder
from llm_router.dialects.encoding import output_limit
from llm_router.dialects.inbound.signatures import (
    NATIVE,
    has_foreign_signature,
    tagged,
    with_tags,
    without_foreign,
)
from llm_router.dialects.reading import record, string
from llm_router.nouns import JsonDict, Model, Request, Thinking

_TELLING = re.compile(rb'"(?:message_start|message_delta|message_stop|error)"')
_SIGNING = re.compile(rb'"(?:message_start|message_delta|message_stop|error|signature_delta)"')
_CHANGES = (b'"tool_addition"', b'"tool_removal"', b'"clear_at"')  # of system messages inside a conversation
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ANY = msgspec.json.Decoder()


class AnthropicPassing:
    def takes(self, request: Request, model: Model) -> bool:
        """Not where the model takes no order to call a tool, or no changes on the way: translated, it is told so."""
        able, body = abilities(model.id), request.origin.body if request.origin is not None else b""
        if request.tool_choice.mode in ("any", "tool") and not able.forced_tools:
            return False
        return able.inline_system or not any(mark in body for mark in _CHANGES)

    def head(self, request: Request, model: Model) -> bytes:
        if request.origin is None:
            raise ValueError("a request without a body cannot pass")
        body = request.origin.body
        if has_foreign_signature(body, model.vendor):
            body = passing.written(without_foreign(_ANY.decode(body), model.vendor))
        fields: dict[str, Any] = dict(passing.fields(body))
        changes = self._changes(fields, request, model)
        return passing.written(fields | changes) if changes else body

    def tap(self, request: Request, provider: str, shown: str | None) -> passing.Tap:  # noqa: ARG002 - others ask it
        if provider == NATIVE:
            return _AnthropicTap(AnthropicDecoder(), _TELLING, shown)
        return _MarkingTap(provider, shown)

    def plain(self, body: bytes, provider: str, shown: str | None) -> bytes:
        if provider != NATIVE and b'"signature"' in body:
            message = record(_ANY.decode(body))
            body = passing.written(message | {"content": with_tags(message.get("content"), provider)})
        return passing.renamed(body, shown)

    def _changes(self, fields: dict[str, Any], request: Request, model: Model) -> JsonDict:
        """What has to differ. A model other than the caller's may not know what he asked of his."""
        changes: JsonDict = {}
        limit = output_limit(request, model)
        if limit is not None and _ANY.decode(fields.get("max_tokens", b"null")) != limit:
            changes["max_tokens"] = limit
        asked = _ANY.decode(fields["model"])
        if asked != model.id:
            changes["model"] = model.id
            if abilities(asked) != abilities(model.id):
                self._adapt(fields, changes, request, model)
        return changes

    def _adapt(self, fields: dict[str, Any], changes: JsonDict, request: Request, model: Model) -> None:
        config = thinking(request, model, _ANY.decode(fields.get("max_tokens", b"0")))
        if config is None:
            fields.pop("thinking", None)
            fields.pop("context_management", None)  # its edits of thinking are refused where there is none
        else:
            changes["thinking"] = config
        output = record(_ANY.decode(fields.pop("output_config", b"null")))
        output.pop("effort", None)
        if told := effort(request, model):
            output["effort"] = told
        if output:
            changes["output_config"] = output
        if not abilities(model.id).inline_system:
            changes["messages"] = [_reminding(raw) for raw in _LIST.decode(fields["messages"])]


class _AnthropicTap(passing.Tap):
    ACTS = re.compile(rb'"type"\s*:\s*"(?:server_tool_use|mcp_tool_use)"')
    CLOSING = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    def closes(self, data: bytes) -> bool:
        return b'"message_stop"' in data  # in a text the quotes are escaped


class _MarkingTap(_AnthropicTap):
    """Of somebody who speaks this dialect and is not Anthropic: what it signs must never be taken for Anthropic's."""

    def __init__(self, provider: str, shown: str | None) -> None:
        super().__init__(AnthropicDecoder(), _SIGNING, shown)
        self._provider = provider

    def told(self, block: bytes, event: JsonDict) -> bytes:
        delta = record(event.get("delta"))
        if delta.get("type") != "signature_delta":
            return block
        signature = tagged(Thinking("", string(delta.get("signature"))), self._provider)
        changed = event | {"delta": delta | {"signature": signature}}
        return b"event: content_block_delta\ndata: %s\n\n" % passing.written(changed)


def _reminding(raw: msgspec.Raw) -> Any:
    """A system message inside the conversation, for a model that knows none: as Claude Code writes it for such."""
    if b'"system"' not in bytes(raw):
        return raw
    message = record(_ANY.decode(raw))
    if message.get("role") != "system":
        return raw
    content = message.get("content")
    blocks: Any = [{"type": "text", "text": content}] if isinstance(content, str) else content
    told = [
        {**block, "text": f"<system-reminder>\n{block['text']}\n</system-reminder>"}
        for block in map(record, blocks or ())
        if block.get("type") == "text" and block.get("text")
    ]
    return {"role": "user", "content": told}


PASSING = AnthropicPassing()
