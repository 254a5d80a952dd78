"""Callers who speak Chat Completions: OpenAI's SDKs, and nearly everybody else."""

from __future__ import annotations

from llm_router.dialects.inbound import openai_chat_requests as requests
from llm_router.dialects.inbound.openai_chat_answers import render
from llm_router.dialects.inbound.openai_chat_errors import problem
from llm_router.dialects.inbound.openai_chat_stream import OpenAIChatRenderer
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Request
from llm_router.ports import Head, Problem, Renderer


class OpenAIChatInbound:
    name = "openai_chat"
    content_type = "text/event-stream"

    def sketch(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> Request:  # noqa: ARG002 - both are in the body
        return requests.sketch(body)

    def parse(self, sketch: Request) -> Request:
        return requests.parse(sketch)

    def render(self, answer: Answer, head: Head) -> bytes:
        return render(answer, head)

    def renderer(self, head: Head) -> Renderer:
        return OpenAIChatRenderer(head)

    def problem(self, error: RouterError, request_id: str) -> Problem:
        return problem(error, request_id)


INBOUND = OpenAIChatInbound()
