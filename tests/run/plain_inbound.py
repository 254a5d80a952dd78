"""A caller's dialect made for tests: a line for each thing that happens, so that order and loss can be seen."""

import json

from llm_router.errors import UsageError
from llm_router.nouns import Origin, TextDelta, ThinkingDelta, ask
from llm_router.ports import Problem


class PlainRenderer:
    def __init__(self, head):
        self.head = head

    def feed(self, deltas):
        return b"".join(map(self._line, deltas))

    def _line(self, delta):
        if isinstance(delta, TextDelta):
            return f"text {delta.text}\n".encode()
        if isinstance(delta, ThinkingDelta):
            return f"thought {delta.text}\n".encode()
        return f"call {delta.index} {delta.name} {delta.arguments}\n".encode()

    def end(self, answer):
        return f"end {answer.stop_reason} {answer.usage.output_tokens}\n".encode()

    def error(self, error):
        return f"error {error.message}\n".encode()

    def ping(self):
        return b"ping\n"


class PlainInbound:
    name = "plain"
    content_type = "text/plain"

    def sketch(self, body, *, model=None, stream=None):
        said = json.loads(body)
        prompt = said.get("prompt", "")
        return ask(
            prompt,
            model=said.get("model"),
            stream=said.get("stream", False),
            max_output_tokens=said.get("max"),
            origin=Origin(self.name, body),
            input_tokens=len(prompt),
            needs=frozenset(),
        )

    def parse(self, sketch):
        if "refuse" in sketch.prompt:
            raise UsageError("prompt: it says refuse")
        return sketch

    def render(self, answer, head):
        return json.dumps({"model": head.model, "text": answer.text}).encode()

    def renderer(self, head):
        return PlainRenderer(head)

    def problem(self, error, request_id):
        return Problem(500, error.message.encode())
