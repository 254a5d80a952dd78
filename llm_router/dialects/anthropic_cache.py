"""Where a prompt cache pays: marks for callers who know none, at the places where Claude Code puts its own.

A mark makes writing cost a quarter more and reading a tenth, from the second turn on:
https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from __future__ import annotations

from llm_router.dialects.encoding import flat_parts
from llm_router.nouns import JsonDict, Request, Text

VENDORS = frozenset({"anthropic", "bedrock", "vertex"})
SHORTEST = 1_024  # tokens; nothing shorter is cached by any model
CHARACTERS_PER_TOKEN = 4
MARK: JsonDict = {"type": "ephemeral"}
_MARKABLE = frozenset({"text", "image", "document", "tool_use", "tool_result"})


def mark(body: JsonDict, request: Request, provider: str) -> None:
    """Mark the system text (and with it the tools, which stand before it) and the end of the conversation."""
    if provider not in VENDORS or not _returns(request) or _tokens(request) < SHORTEST:
        return
    if system := body.get("system"):
        body["system"] = [{"type": "text", "text": system, "cache_control": MARK}]
    elif tools := body.get("tools"):
        tools[-1] = tools[-1] | {"cache_control": MARK}
    content: list[JsonDict] = body["messages"][-1]["content"] if body["messages"] else []
    if content and content[-1]["type"] in _MARKABLE:
        content[-1] = content[-1] | {"cache_control": MARK}


def _returns(request: Request) -> bool:
    """Whether there was a turn before, or the tools will bring one: a single question is never read again."""
    return bool(request.tools) or sum(message.role != "system" for message in request.messages) > 1


def _tokens(request: Request) -> int:
    if request.input_tokens is not None:
        return request.input_tokens
    texts = (len(part.text) for part in flat_parts(request.messages) if isinstance(part, Text))
    return sum(texts) // CHARACTERS_PER_TOKEN
