"""Callers of OpenAI Responses: `POST /v1/responses`. Codex is one of them."""

from __future__ import annotations

import msgspec

from llm_router.dialects.inbound.openai_responses_kept import KeptItems
from llm_router.dialects.inbound.openai_responses_output import problem
from llm_router.dialects.inbound.openai_responses_requests import parse, sketch
from llm_router.dialects.inbound.openai_responses_stream import OpenAIResponsesRenderer
from llm_router.dialects.inbound.segments import deltas_of
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Request
from llm_router.ports import Head, Problem, Renderer


class OpenAIResponsesInbound:
    name = "openai_responses"
    content_type = "text/event-stream"

    def __init__(self) -> None:
        self._kept = KeptItems()

    def sketch(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> Request:  # noqa: ARG002 - in the body
        return sketch(self._kept.put_in(body))

    def parse(self, sketch: Request) -> Request:
        return parse(sketch)

    def render(self, answer: Answer, head: Head) -> bytes:
        """What a stream would have ended with."""
        renderer = OpenAIResponsesRenderer(head, self._kept)
        renderer.feed(deltas_of(answer))
        renderer.end(answer)
        return msgspec.json.encode(renderer.response)

    def renderer(self, head: Head) -> Renderer:
        return OpenAIResponsesRenderer(head, self._kept)

    def problem(self, error: RouterError, request_id: str) -> Problem:
        return problem(error, request_id)


INBOUND = OpenAIResponsesInbound()
