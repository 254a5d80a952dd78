"""Callers who speak Anthropic Messages: Claude Code, and whoever uses Anthropic's SDK."""

from __future__ import annotations

from llm_router.dialects.inbound import anthropic_requests as requests
from llm_router.dialects.inbound.anthropic_answers import render
from llm_router.dialects.inbound.anthropic_errors import problem
from llm_router.dialects.inbound.anthropic_stream import AnthropicRenderer
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Request
from llm_router.ports import Head, Problem, Renderer


class AnthropicInbound:
    name = "anthropic"
    content_type = "text/event-stream"

    def sketch(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> Request:  # noqa: ARG002 - both are in the body
        return requests.sketch(body)

    def parse(self, sketch: Request) -> Request:
        return requests.parse(sketch)

    def render(self, answer: Answer, head: Head) -> bytes:
        return render(answer, head)

    def renderer(self, head: Head) -> Renderer:
        return AnthropicRenderer(head)

    def problem(self, error: RouterError, request_id: str) -> Problem:
        return problem(error, request_id)


INBOUND = AnthropicInbound()
