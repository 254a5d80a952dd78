"""`gemini -o json` and `-o stream-json`: a prompt in, one JSON object or one event a line out.

Payload: {"model", "prompt", "system"}. Body: {"session_id", "response", "stats"} or {"error"}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from llm_router.dialects.assembler import Decoder
from llm_router.dialects.cli_messages import classify
from llm_router.dialects.reading import count, record, string
from llm_router.dialects.transcript import check_text_only, prompt_and_system
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

    def decode(self, body: Mapping[str, object]) -> Answer:
        decoder = GeminiCliDecoder()
        decoder.feed(body)
        return decoder.answer()

    def decoder(self) -> GeminiCliDecoder:
        return GeminiCliDecoder()


class GeminiCliDecoder(Decoder):
    """init, message (the user's is echoed), result; or the one object of `-o json`, which is all of it at once."""

    def read(self, event: Mapping[str, object]) -> Iterable[Delta]:
        self.id = self.id or string(event.get("session_id"))
        if event.get("type") == "init":
            self.model = string(event.get("model"))
        elif event.get("type") == "message":
            if event.get("role") == "assistant" and (text := string(event.get("content"))):
                yield TextDelta(text)
        elif event.get("type") == "result" or "response" in event or "error" in event:
            if event.get("error") and event.get("type") != "error":
                raise _failed(record(event.get("error")))
            if text := string(event.get("response")):
                yield TextDelta(text)
            self.ended = True
            self._count(record(event.get("stats")))

    def _count(self, stats: JsonDict) -> None:
        """Token counts per model, summed: the client may have asked more than one."""
        models = record(stats.get("models"))
        self.model = self.model or next(iter(models), "")
        tokens = [record(record(model).get("tokens")) for model in models.values()]
        if tokens:
            total = {key: sum(count(t.get(key)) for t in tokens) for key in _KEYS}
            thoughts = total["thoughts"]
            self.usage = Usage(
                input_tokens=total["prompt"] + total["tool"],
                output_tokens=total["candidates"] + thoughts,
                cache_read_tokens=min(total["cached"], total["prompt"]),
                reasoning_tokens=thoughts,
            )
        elif "input_tokens" in stats:
            cached = count(stats.get("cached"))
            self.usage = Usage(count(stats["input_tokens"]), count(stats.get("output_tokens")), cached)


_KEYS = ("prompt", "candidates", "cached", "thoughts", "tool")


def _failed(error: JsonDict) -> Exception:
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else None
    return classify("gemini", string(error.get("message")), status=status)


DIALECT = GeminiCli()
