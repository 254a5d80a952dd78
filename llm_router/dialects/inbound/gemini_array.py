"""Callers of Gemini's `:streamGenerateContent` without `alt=sse`."""

from __future__ import annotations

from llm_router.dialects.inbound.gemini import GeminiInbound

INBOUND = GeminiInbound(array=True)
