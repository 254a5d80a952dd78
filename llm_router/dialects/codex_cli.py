"""`codex exec --json`: a prompt in, one JSON event a line out.

Payload: {"model", "prompt", "system", "schema"?}. Body: {"events": [...]}, the same events that a stream yields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llm_router.dialects.assembler import Decoder, malformed
from llm_router.dialects.cli_messages import lost_turn
from llm_router.dialects.json_schema import is_strict
from llm_router.dialects.reading import count, record, records, string
from llm_router.dialects.transcript import check_text_only, prompt_and_system
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    Answer,
    Delta,
    FailureKind,
    JsonDict,
    Model,
    Request,
    TextDelta,
    ThinkingDelta,
    Usage,
)


class CodexCli:
    name = "codex_cli"

    def encode(self, request: Request, model: Model, *, stream: bool) -> JsonDict:  # noqa: ARG002 - always events
        check_text_only(request, model)
        prompt, system = prompt_and_system(request)
        body: JsonDict = {"model": model.id, "prompt": prompt, "system": system}
        if request.schema is not None:
            if not is_strict(request.schema):
                raise UpstreamError(
                    FailureKind.UNSUPPORTED,
                    f"{model.ref} takes only JSON schemas with closed objects whose properties are all required.",
                    fix="Set additionalProperties to false and list every property under required.",
                )
            body["schema"] = request.schema
        return body

    def decode(self, body: Mapping[str, object], request: Request | None = None) -> Answer:  # noqa: ARG002 - all of it was asked for
        if not isinstance(body.get("events"), list):
            raise malformed("no events")
        decoder = CodexCliDecoder()
        for event in records(body["events"]):
            decoder.feed(event)
        return decoder.answer()

    def decoder(self, request: Request | None = None) -> CodexCliDecoder:  # noqa: ARG002 - all of it was asked for
        return CodexCliDecoder()


class CodexCliDecoder(Decoder):
    """thread.started, turn.started, item.*, and turn.completed or turn.failed. Messages come whole."""

    def __init__(self) -> None:
        super().__init__()
        self._messages = 0

    def read(self, event: Mapping[str, object]) -> Iterable[Delta]:
        if (error := lost_turn(event)) is not None:
            raise error
        match event.get("type"):
            case "thread.started":
                self.id = string(event.get("thread_id"))
            case "item.completed":
                yield from self._item(record(event.get("item")))
            case "turn.completed":
                self.ended = True
                if usage := record(event.get("usage")):
                    self.usage = _usage(usage)
            case _:
                pass

    def _item(self, item: JsonDict) -> Iterable[Delta]:
        text = string(item.get("text"))
        match item.get("type"):
            case "agent_message" if text:
                self._messages += 1
                yield TextDelta(text if self._messages == 1 else f"\n\n{text}")
            case "reasoning" if text:
                yield ThinkingDelta(text)
                self.close_part()
            case _:
                pass


def _usage(usage: JsonDict) -> Usage:
    inputs, output = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    return Usage(
        input_tokens=inputs,
        output_tokens=output,
        cache_read_tokens=min(count(usage.get("cached_input_tokens")), inputs),
        cache_write_tokens=min(count(usage.get("cache_write_input_tokens")), inputs),
        reasoning_tokens=min(count(usage.get("reasoning_output_tokens")), output),
    )


DIALECT = CodexCli()
