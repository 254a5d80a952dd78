"""Callers of Ollama: `POST /api/chat`."""

from __future__ import annotations

import msgspec

from llm_router.dialects.inbound.faults import common_headers
from llm_router.dialects.inbound.ollama_requests import generate, parse_chat, sketch_chat
from llm_router.dialects.inbound.ollama_stream import OllamaRenderer, render
from llm_router.dialects.inbound.openai_chat_errors import openai_fault
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Request
from llm_router.ports import Head, Problem, Renderer


class OllamaInbound:
    """`generate`: of `/api/generate`, which takes one prompt and has no tools."""

    content_type = "application/x-ndjson"

    def __init__(self, *, generate: bool = False) -> None:
        self.name = "ollama_generate" if generate else "ollama"
        self._generate = generate

    def sketch(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> Request:  # noqa: ARG002 - in the body
        return generate(body) if self._generate else sketch_chat(body)

    def parse(self, sketch: Request) -> Request:
        return sketch if self._generate else parse_chat(sketch)

    def render(self, answer: Answer, head: Head) -> bytes:
        return render(answer, head, generate=self._generate)

    def renderer(self, head: Head) -> Renderer:
        return OllamaRenderer(head, generate=self._generate)

    def problem(self, error: RouterError, request_id: str) -> Problem:
        told = openai_fault(error)
        headers = common_headers(told) | {"x-request-id": request_id}
        return Problem(told.status, msgspec.json.encode({"error": told.message}), headers)


INBOUND = OllamaInbound()
