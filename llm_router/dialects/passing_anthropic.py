"""Anthropic Messages on their way to Anthropic."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from llm_router.dialects import passing
from llm_router.dialects.anthropic import AnthropicDecoder
from llm_router.dialects.anthropic_models import abilities, effort, thinking
from llm_router.dialects.encoding import output_limit
from llm_router.dialects.inbound.signatures import NATIVE, has_foreign_signature, without_foreign
from llm_router.dialects.reading import record
from llm_router.nouns import JsonDict, Model, Request

# content_block_start tells of tools, and ends the thinking
_TELLING = re.compile(rb'"(?:message_start|message_delta|message_stop|error)"')
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ANY = msgspec.json.Decoder()


class AnthropicPassing:
    def takes(self, request: Request, model: Model) -> bool:
        """Others who speak this dialect would take Anthropic's signatures for theirs, and know none of the betas."""
        return model.provider == NATIVE and (
            request.tool_choice.mode not in ("any", "tool") or abilities(model.id).forced_tools
        )

    def head(self, request: Request, model: Model) -> bytes:
        if request.origin is None:
            raise ValueError("a request without a body cannot pass")
        body = request.origin.body
        if has_foreign_signature(body):
            body = passing.written(without_foreign(_ANY.decode(body)))
        fields: dict[str, Any] = dict(passing.fields(body))
        changes = self._changes(fields, request, model)
        return passing.written(fields | changes) if changes else body

    def tap(self, request: Request, shown: str | None) -> passing.Tap:  # noqa: ARG002 - others ask it
        return passing.Tap(AnthropicDecoder(), _TELLING, shown)

    def renamed(self, body: bytes, shown: str | None) -> bytes:
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
