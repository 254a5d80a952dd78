"""Reasoning that another vendor signed, on its way through a caller who speaks Anthropic Messages.

An Anthropic client sends thinking blocks back as it got them, `signature` included. What somebody else than Anthropic
thought carries a signature of ours, `llmr.ISSUER.SIGNATURE[.TEXT]` (base64url): its issuer gets its own back, and
Anthropic, which refuses a signature it did not make, never sees one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote, unquote

from llm_router.dialects.reading import record, records, string
from llm_router.nouns import JsonDict, Thinking

NATIVE = "anthropic"
MARK = "llmr."
_TAGGED = re.compile(rb'"signature"\s*:\s*"llmr\.')


def tagged(thinking: Thinking, issuer: str, *, shown: bool = True, native: str = NATIVE) -> str:
    """The signature a client is given. `issuer` is who answered where the part does not say; what `native` signed, the
    vendor whose dialect the client speaks, is told as it is.

    Reasoning that is not shown travels inside the tag: some vendors want it back word for word.
    """
    issuer = thinking.issuer or issuer
    if issuer == native:
        return thinking.signature or ""
    fields = [quote(issuer, safe="").replace(".", "%2E"), _coded(thinking.signature or "")]
    if not shown and thinking.text:
        fields.append(_coded(thinking.text))
    return MARK + ".".join(fields)


def untagged(text: str, signature: str | None, *, native: str = NATIVE) -> Thinking:
    """A thinking block as it came back. Whatever we did not tag is the `native` vendor's own."""
    if not (signature and signature.startswith(MARK)):
        return Thinking(text, signature or None, native)
    issuer, *fields = signature.removeprefix(MARK).split(".")
    told = [_decoded(field) for field in fields] + ["", ""]
    return Thinking(text or told[1], told[0] or None, unquote(issuer))


def has_foreign_signature(body: bytes, issuer: str = NATIVE) -> bool:
    """Whether an Anthropic body holds thinking that `issuer` must not get as it stands; far cheaper than reading it."""
    if issuer != NATIVE:
        return b'"signature"' in body
    return MARK.encode() in body and _TAGGED.search(body) is not None


def without_foreign(body: Mapping[str, Any], issuer: str = NATIVE) -> JsonDict:
    """The Anthropic body with the thinking that `issuer` signed, as it signed it, and none that others did. What is not
    changed is shared.
    """
    messages = body.get("messages")
    if not isinstance(messages, list):
        return dict(body)
    cleaned = [_cleaned(message, issuer) for message in cast("list[Any]", messages)]
    return {**body, "messages": [message for message in cleaned if message is not None]}


def with_tags(content: object, issuer: str) -> list[Any]:
    """The content of an answer that `issuer` wrote in Anthropic's dialect, its thinking marked as its own."""
    return [
        {**block, "signature": tagged(Thinking("", string(block.get("signature"))), issuer)}
        if block.get("type") == "thinking"
        else block
        for block in records(content)
    ]


def _cleaned(message: Any, issuer: str) -> Any:
    """None for a turn that was thinking and nothing else: an empty one is refused."""
    content = record(message).get("content")
    if not isinstance(content, list):
        return message
    blocks = [_own(block, issuer) for block in cast("list[Any]", content)]
    kept = [block for block in blocks if block is not None]
    return {**record(message), "content": kept} if kept or not blocks else None


def _own(block: Any, issuer: str) -> Any:
    if record(block).get("type") != "thinking":
        return block
    thought = untagged(string(block.get("thinking")), string(block.get("signature")))
    if thought.issuer != issuer:
        return None
    return {**block, "thinking": thought.text, "signature": thought.signature or ""}


def _coded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
