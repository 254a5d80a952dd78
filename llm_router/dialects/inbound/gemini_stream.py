"""Writing Gemini: every chunk is a whole reply with a piece of it; a call comes in one piece."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from llm_router.dialects.inbound.gemini_contents import NATIVE, sealed
from llm_router.dialects.inbound.gemini_errors import error_body
from llm_router.dialects.inbound.segments import WholeCalls, deltas_of
from llm_router.dialects.inbound.signatures import tagged
from llm_router.dialects.inbound.sizes import counted
from llm_router.dialects.inbound.tool_names import originals
from llm_router.dialects.reading import arguments_object
from llm_router.errors import RouterError
from llm_router.nouns import (
    Answer,
    Delta,
    JsonDict,
    StopReason,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    Usage,
)
from llm_router.ports import Head

_encode = msgspec.json.Encoder().encode
_STOPS: Mapping[StopReason, str] = {"length": "MAX_TOKENS", "refusal": "SAFETY"}


def usage(counts: Usage) -> JsonDict:
    told: JsonDict = {
        "promptTokenCount": counts.input_tokens,
        "candidatesTokenCount": counts.output_tokens - counts.reasoning_tokens,
        "totalTokenCount": counts.input_tokens + counts.output_tokens,
    }
    if counts.cache_read_tokens:
        told["cachedContentTokenCount"] = counts.cache_read_tokens
    if counts.reasoning_tokens:
        told["thoughtsTokenCount"] = counts.reasoning_tokens
    return told


class Parts:
    """Makes parts of deltas. A signature stands, as Google has it, at the part that follows the thought it seals: that
    is what callers send back. For others than Google it holds the thought too.
    """

    def __init__(self, head: Head) -> None:
        self._issuer = head.issuer
        self._native = head.issuer == NATIVE
        self._shown = head.request.reasoning is not None and head.request.reasoning.shown
        self._whole = WholeCalls(originals(head.request))
        self._thought: list[str] = []
        self._signature: str | None = None

    def put(self, delta: Delta) -> Iterable[JsonDict]:
        for ready in self._whole.put(delta):
            yield from self._part(ready)

    def rest(self) -> Iterable[JsonDict]:
        for ready in self._whole.rest():
            yield from self._part(ready)
        if signature := self._sealed():
            yield {"text": "", "thoughtSignature": signature}

    def _part(self, ready: TextDelta | ThinkingDelta | ToolCall) -> Iterable[JsonDict]:
        match ready:
            case TextDelta(text):
                yield self._signed({"text": text})
            case ThinkingDelta(text, signature):
                if self._signature is not None:  # another thought begins
                    yield {"text": "", "thoughtSignature": self._sealed()}
                self._signature = signature
                self._thought.append(text)
                if text and self._shown:
                    yield {"text": text, "thought": True}
            case ToolCall(call_id, name, arguments):
                told = {"id": call_id, "name": name, "args": arguments_object(arguments)}
                yield self._signed({"functionCall": told})

    def _signed(self, part: JsonDict) -> JsonDict:
        signature = self._sealed()
        return part | {"thoughtSignature": signature} if signature else part

    def _sealed(self) -> str:
        thought, self._thought = "".join(self._thought), []
        signature, self._signature = self._signature, None
        if not (thought or signature) or (self._native and not signature):
            return ""
        tag = tagged(Thinking(thought, signature), self._issuer, shown=self._native, native=NATIVE)
        return sealed(tag, native=self._native)


class GeminiRenderer:
    """SSE, or (`array`) one JSON array that grows, which Google sends where `alt=sse` is not asked for."""

    def __init__(self, head: Head, *, array: bool = False) -> None:
        self._head = head
        self._parts = Parts(head)
        self._array = array
        self._fed = self._begun = self._ended = False
        self._fixed = _encode({"modelVersion": head.model, "responseId": secrets.token_urlsafe(16)})[1:]

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        self._fed = True
        parts = [part for delta in deltas for part in self._parts.put(delta)]
        return self._chunk(parts) if parts else b""

    def end(self, answer: Answer) -> bytes:
        # an upstream that told all of it at the end has fed nothing
        told = b"" if self._fed else self.feed(deltas_of(answer))
        self._ended = True
        told += self._chunk([*self._parts.rest()] or [{"text": ""}], answer)
        return told + (b"]" if self._array else b"")

    def error(self, error: RouterError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        return self._framed(error_body(error)) + (b"]" if self._array else b"")

    def ping(self) -> bytes:
        """A blank event: Google's SDK takes a comment for a piece of an error. An array may hold spaces once it began."""
        if self._ended or (self._array and not self._begun):
            return b""
        return b" " if self._array else b"\r\n\r\n"

    def _chunk(self, parts: Sequence[JsonDict], last: Answer | None = None) -> bytes:
        candidate: JsonDict = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if last is None:
            return self._framed(b'{"candidates":[%b],%b' % (_encode(candidate), self._fixed))
        candidate["finishReason"] = _STOPS.get(last.stop_reason, "STOP")
        counts = _encode(usage(counted(last.usage, self._head)))
        return self._framed(
            b'{"candidates":[%b],"usageMetadata":%b,%b' % (_encode(candidate), counts, self._fixed)
        )

    def _framed(self, body: bytes) -> bytes:
        begun, self._begun = self._begun, True
        if self._array:
            return (b",\r\n" if begun else b"[") + body
        return b"data: %b\r\n\r\n" % body


def render(answer: Answer, head: Head) -> bytes:
    """Pieces of one kind are one part, as if they had never been apart."""
    made = Parts(head)
    parts = [part for delta in deltas_of(answer) for part in made.put(delta)]
    parts = [*parts, *made.rest()] or [{"text": ""}]
    candidate = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": _STOPS.get(answer.stop_reason, "STOP"),
        "index": 0,
    }
    return _encode(
        {
            "candidates": [candidate],
            "usageMetadata": usage(counted(answer.usage, head)),
            "modelVersion": head.model,
            "responseId": secrets.token_urlsafe(16),
        }
    )
