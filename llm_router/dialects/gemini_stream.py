"""Reading Gemini: every chunk is a whole reply with a piece of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from llm_router.dialects.assembler import Decoder, malformed, sources
from llm_router.dialects.failures import failure
from llm_router.dialects.reading import arguments_text, count, first_choice, record, records, string
from llm_router.errors import UpstreamError
from llm_router.nouns import (
    Delta,
    FailureKind,
    JsonDict,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    new_id,
)

_STOPS: dict[str, StopReason] = {"STOP": "end", "NO_IMAGE": "end", "IMAGE_OTHER": "end"}
_BLOCKED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "MODEL_ARMOR",
        "LANGUAGE",
    }
)
_BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "MISSING_THOUGHT_SIGNATURE",
    }
)
_ACCOUNT_STOPPED = "PUP_LIMITED_DISABLED"  # for what it was used for


class GeminiDecoder(Decoder):
    """Every chunk is a whole reply with a piece of the text; the last has a finishReason. Usage is cumulative. `lists`: what a
    search found is listed under the answer.
    """

    def __init__(self, stops: Sequence[str] = (), *, lists: bool = True) -> None:
        super().__init__(stops)
        self._lists = lists
        self._calls = 0
        self._sources: dict[str, str] = {}

    def read(self, event: Mapping[str, object]) -> Iterable[Delta]:
        if event.get("error"):
            raise failure("", None, {}, event)
        self.id = self.id or string(event.get("responseId"))
        self.model = self.model or string(event.get("modelVersion"))
        if usage := record(event.get("usageMetadata")):
            self.usage = _usage(usage)
        feedback = record(event.get("promptFeedback"))
        if reason := string(feedback.get("blockReason")):
            raise _blocked(reason, string(feedback.get("blockReasonMessage")))
        candidate = first_choice(event.get("candidates"))
        for part in records(record(candidate.get("content")).get("parts")):
            yield from self._part(part)
        self._note_sources(record(candidate.get("groundingMetadata")))
        yield from self._finish(string(candidate.get("finishReason")), string(candidate.get("finishMessage")))

    def _part(self, part: JsonDict) -> Iterable[Delta]:
        text, signature = string(part.get("text")), string(part.get("thoughtSignature"))
        if part.get("thought") is True:
            if text or signature:
                yield ThinkingDelta(text, signature or None)
            return
        if signature:
            yield ThinkingDelta("", signature)
        if text:
            yield TextDelta(text)
        if call := record(part.get("functionCall")):
            call_id = string(call.get("id")) or new_id("call")
            yield ToolCallDelta(
                self._calls, arguments_text(call.get("args")), call_id, string(call.get("name"))
            )
            self._calls += 1

    def _note_sources(self, grounding: JsonDict) -> None:
        for chunk in records(grounding.get("groundingChunks")):
            page = record(chunk.get("web"))
            if url := string(page.get("uri")):
                self._sources[url] = string(page.get("title")) or url

    def _finish(self, reason: str, message: str) -> Iterable[Delta]:
        if not reason or reason == "FINISH_REASON_UNSPECIFIED":
            return
        if self._sources and self._lists:
            yield TextDelta(sources(self._sources))
            self._sources = {}
        if reason in _BLOCKED:
            raise _blocked(reason, message)
        if reason in _BROKEN:
            raise malformed(message or reason)
        if reason == _ACCOUNT_STOPPED:
            raise UpstreamError(FailureKind.AUTH, f"Google has limited this account ({reason}).")
        self.ended = True
        # whatever else ended it, it was not the model; a call of a tool is whole, and may be run
        self.stop = _STOPS.get(reason, "end" if self._calls and reason == "OTHER" else "length")


def _blocked(reason: str, message: str) -> UpstreamError:
    return UpstreamError(
        FailureKind.CONTENT_FILTER,
        f"Google blocked it ({reason}){': ' + message[:300] if message else '.'}",
        fix="Rephrase the request, or use another provider.",
    )


def _usage(usage: JsonDict) -> Usage:
    thoughts = count(usage.get("thoughtsTokenCount"))
    inputs = count(usage.get("promptTokenCount")) + count(usage.get("toolUsePromptTokenCount"))
    return Usage(
        input_tokens=inputs,
        output_tokens=count(usage.get("candidatesTokenCount")) + thoughts,
        cache_read_tokens=min(count(usage.get("cachedContentTokenCount")), inputs),
        reasoning_tokens=thoughts,
    )
