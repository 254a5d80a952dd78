"""The callers' side of the wire formats: a client's body becomes a Request, an Answer becomes what that client reads.

One module per format, loaded on first use; each holds an `INBOUND`. Pure, like the vendors' side.
"""

from __future__ import annotations

from importlib import import_module

from llm_router.errors import NotFoundError
from llm_router.ports import Inbound

NAMES = (
    "anthropic",
    "openai_chat",
    "openai_responses",
    "gemini",
    "gemini_array",
    "ollama",
    "ollama_generate",
)
_loaded: dict[str, Inbound] = {}


def get(name: str) -> Inbound:
    """How callers of this dialect speak; raises NotFoundError."""
    if name not in NAMES:
        raise NotFoundError(f"nobody calls in {name!r}", fix=f"use one of: {', '.join(NAMES)}")
    if name not in _loaded:
        _loaded[name] = import_module(f"{__name__}.{name}").INBOUND
    return _loaded[name]
