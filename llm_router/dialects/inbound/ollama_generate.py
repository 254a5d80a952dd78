"""Callers of Ollama's `POST /api/generate`."""

from __future__ import annotations

from llm_router.dialects.inbound.ollama import OllamaInbound

INBOUND = OllamaInbound(generate=True)
