"""Who calls: which coding agent, and which of its conversations."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal

from llm_router.gateway.glimpse import Glimpse
from llm_router.nouns import Conversation

Agent = Literal["claude-code", "codex", "gemini-cli", "opencode", ""]

_USER_AGENTS: tuple[tuple[str, Agent], ...] = (
    ("claude-cli/", "claude-code"),
    ("codex", "codex"),
    ("geminicli", "gemini-cli"),
    ("opencode/", "opencode"),
)
# what these agents name without being told: their own default, not their user's choice of one model
_OWN_MODELS: Mapping[Agent, tuple[str, ...]] = {
    "claude-code": ("claude-",),
    "codex": ("gpt-", "codex-"),
    "gemini-cli": ("gemini-",),
}
_SESSION_HEADERS = (
    "x-claude-code-session-id",
    "session-id",
    "thread-id",
    "session_id",
    "conversation_id",
    "x-parent-session-id",
    "x-session-id",
    "x-session-affinity",
)
_AGENT_HEADER = "x-claude-code-agent-id"
# of Codex, where every agent of a session has a thread, and of OpenCode, where it has a session below its parent's
_THREAD_HEADERS = ("thread-id", "x-session-id")
_SPAWNED = ("x-openai-subagent", "collab_spawn")  # also "review", which the user asks for
_PARENT_HEADER = "x-parent-session-id"
_WINDOW_HEADER = "x-codex-window-id"  # Codex counts its compactions here
TURN_HEADER = "x-codex-turn-metadata"
_LONGEST_ID = 128


def agent(headers: Mapping[str, str]) -> Agent:
    """`headers` by lower-case name. "" is any other client."""
    told = headers.get("user-agent", "").lower()
    for start, name in _USER_AGENTS:
        if told.startswith(start):
            return name
    return ""


def names_by_itself(who: Agent, model: str) -> bool:
    """Whether a coding agent would send this name without its user having chosen it."""
    return model.lower().startswith(_OWN_MODELS.get(who, ("\0",)))


def is_subagent(headers: Mapping[str, str]) -> bool:
    header, word = _SPAWNED
    told = headers.get(_AGENT_HEADER) or headers.get(_PARENT_HEADER)
    return bool(told) or headers.get(header) == word


def session(headers: Mapping[str, str], in_body: str | None, seen: Glimpse) -> str:
    """By the client's headers, else what its body says of it, else how its conversation begins."""
    told = next((headers[name] for name in _SESSION_HEADERS if headers.get(name)), "")
    told = told or in_body or seen.cache_key
    return told[:_LONGEST_ID] if told else f"h_{_hash(seen.system[:2_000], seen.tools[:2_000], seen.opening)}"


def conversation(headers: Mapping[str, str], seen: Glimpse, session: str) -> Conversation:
    named = (headers[name] for name in (_AGENT_HEADER, *_THREAD_HEADERS) if headers.get(name))
    inner = next(named, "")[:_LONGEST_ID]
    window = headers.get(_WINDOW_HEADER, "").rpartition(":")[2]
    return Conversation(
        key=f"{session}/{inner}" if inner and inner != session else session,
        opening=_hash(seen.opening, window),
        goes_on=seen.goes_on,
    )


def _hash(*parts: str | bytes) -> str:
    told = [part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in parts]
    return blake2b(b"\0".join(told), digest_size=8).hexdigest()
