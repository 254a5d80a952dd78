"""Wire formats as plain data: a Request becomes a vendor's body, a vendor's body or stream becomes an Answer.

One module per format, loaded on first use. Nothing here opens a connection or knows an SDK.
"""

from __future__ import annotations

from importlib import import_module

from msgspec.structs import replace

from llm_router.errors import NotFoundError
from llm_router.nouns import Answer, Thinking
from llm_router.ports import Dialect

NAMES = ("anthropic", "openai_chat", "openai_responses", "gemini", "ollama", "codex_cli", "gemini_cli")
_loaded: dict[str, Dialect] = {}


def get(name: str) -> Dialect:
    """The dialect of this name; raises NotFoundError."""
    if name not in NAMES:
        raise NotFoundError(f"There is no dialect {name!r}.", fix=f"Use one of: {', '.join(NAMES)}.")
    if name not in _loaded:
        _loaded[name] = import_module(f"{__name__}.{name}").DIALECT
    return _loaded[name]


def issued_by(answer: Answer, provider: str) -> Answer:
    """Mark the answer's thinking as signed by `provider`: a dialect cannot know who spoke it."""
    if not any(isinstance(part, Thinking) for part in answer.parts):
        return answer
    parts = tuple(replace(p, issuer=provider) if isinstance(p, Thinking) else p for p in answer.parts)
    return replace(answer, parts=parts)
