"""`gemini -o json`: a prompt in, one JSON object out, which is also the only event of its stream.

Payload: {"model", "prompt", "system"}. Body: {"session_id", "response", "stats"} or {"error"}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from llm_router.dialects.assembler import Decoder, malformed
from llm_router.dialects.cli_messages import classify
from llm_router.dialects.reading import count, record, string
from llm_router.dialects.transcript import check_text_only, prompt_and_system
from llm_router.errors import UpstreamError
from llm_router.nouns import Answer, Delta, JsonDict, Model, Request, TextDelta, Usage


class GeminiCli:
    name = "gemini_cli"

    def encode(self, request: Request, model: Model, *, stream: bool) -> JsonDict:  # noqa: ARG002 - the carrier's choice
        check_text_only(request, model)
        prompt, system = prompt_and_system(request)
        if request.schema is not None:
            # the client cannot pass a schema on, so the model is told; who asked validates in any case
            schema = json.dumps(request.schema, ensure_ascii=False)
            system = f"{system}\n\nAnswer with JSON only, valid against this JSON Schema:\n{schema}".strip()
        return {"model": model.id, "prompt": prompt, "system": system}

    def decode(self, body: Mapping[str, object], request: Request | None = None) -> Answer:  # noqa: ARG002 - all of it was asked for
        if "response" not in body and "error" not in body:
            raise malformed("no response")
        decoder = GeminiCliDecoder()
        decoder.feed(body)
        return decoder.answer()

    def decoder(self, request: Request | None = None) -> GeminiCliDecoder:  # noqa: ARG002 - all of it was asked for
        return GeminiCliDecoder()


class GeminiCliDecoder(Decoder):
    """The client says everything at its end, in one object."""

    def read(self, event: Mapping[str, object]) -> Iterable[Delta]:
        if event.get("error"):
            raise _failed(record(event.get("error")))
        if "response" not in event:
            return
        self.id = string(event.get("session_id"))
        if text := string(event.get("response")):
            yield TextDelta(text)
        self.ended = True
        self._count(record(record(event.get("stats")).get("models")))

    def _count(self, models: JsonDict) -> None:
        """Token counts per model, summed: the client may have asked more than one."""
        self.model = next(iter(models), "")
        tokens = [record(record(model).get("tokens")) for model in models.values()]
        if not tokens:
            return
        total = {key: sum(count(each.get(key)) for each in tokens) for key in _KEYS}
        self.usage = Usage(
            input_tokens=total["prompt"] + total["tool"],
            output_tokens=total["candidates"] + total["thoughts"],
            cache_read_tokens=min(total["cached"], total["prompt"]),
            reasoning_tokens=total["thoughts"],
        )


_KEYS = ("prompt", "candidates", "cached", "thoughts", "tool")


def _failed(error: JsonDict) -> UpstreamError:
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else None
    return classify("gemini-cli", string(error.get("message")), status=status)


DIALECT = GeminiCli()
