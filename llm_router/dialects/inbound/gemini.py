"""Callers of Gemini: `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`. Gemini CLI is one."""

from __future__ import annotations

from llm_router.dialects.inbound.gemini_errors import problem
from llm_router.dialects.inbound.gemini_requests import parse, sketch
from llm_router.dialects.inbound.gemini_stream import GeminiRenderer, render
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Request
from llm_router.ports import Head, Problem, Renderer


class GeminiInbound:
    """`array`: a stream is one JSON array, as callers get it that do not ask for `alt=sse`."""

    def __init__(self, *, array: bool = False) -> None:
        self.name = "gemini_array" if array else "gemini"
        self.content_type = "application/json" if array else "text/event-stream"
        self._array = array

    def sketch(self, body: bytes, *, model: str | None = None, stream: bool | None = None) -> Request:
        return sketch(body, model or "", stream=bool(stream), dialect=self.name)

    def parse(self, sketch: Request) -> Request:
        return parse(sketch)

    def render(self, answer: Answer, head: Head) -> bytes:
        return render(answer, head)

    def renderer(self, head: Head) -> Renderer:
        return GeminiRenderer(head, array=self._array)

    def problem(self, error: RouterError, request_id: str) -> Problem:
        return problem(error, request_id)


INBOUND = GeminiInbound()
