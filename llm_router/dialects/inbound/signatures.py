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

from llm_router.dialects.reading import record, string
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


def has_foreign_signature(body: bytes) -> bool:
    """Whether an Anthropic body holds thinking that Anthropic did not sign; far cheaper than reading the body."""
    return MARK.encode() in body and _TAGGED.search(body) is not None


def without_foreign(body: Mapping[str, Any]) -> JsonDict:
    """The Anthropic body without the thinking that Anthropic did not sign. What is not changed is shared."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return dict(body)
    cleaned = [_cleaned(message) for message in cast("list[Any]", messages)]
    return {**body, "messages": [message for message in cleaned if message is not None]}


def _cleaned(message: Any) -> Any:
    """None for a turn that was thinking and nothing else: an empty one is refused."""
    content = record(message).get("content")
    if not isinstance(content, list):
        return message
    blocks = cast("list[Any]", content)
    kept = [block for block in blocks if not _foreign(record(block))]
    if len(kept) == len(blocks):
        return message
    return {**record(message), "content": kept} if kept else None


def _foreign(block: JsonDict) -> bool:
    return block.get("type") == "thinking" and string(block.get("signature")).startswith(MARK)


def _coded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
