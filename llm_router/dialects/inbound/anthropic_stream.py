"""An answer as Anthropic's server-sent events: blocks one after the other, never two at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from llm_router.dialects.anthropic_stream import REDACTED
from llm_router.dialects.inbound.anthropic_answers import (
    envelope,
    shows,
    stop_reason,
    thinking_block,
    thinks,
    usage,
)
from llm_router.dialects.inbound.anthropic_errors import error_body
from llm_router.dialects.inbound.segments import Segment, Serial, call_id, deltas_of
from llm_router.dialects.inbound.sizes import counted
from llm_router.dialects.inbound.tool_names import originals
from llm_router.errors import RouterError
from llm_router.nouns import (
    Answer,
    Delta,
    JsonDict,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCallDelta,
)
from llm_router.ports import Head

_encode = msgspec.json.Encoder().encode
_PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def _event(name: str, **fields: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode({"type": name, **fields}))


class AnthropicRenderer:
    """message_start; per block content_block_start, deltas, content_block_stop; message_delta, message_stop."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._names = originals(head.request)
        self._thinks, self._shown = thinks(head.request), shows(head.request)
        self._serial = Serial()
        self._begun = self._ended = False
        self._block = -1
        self._open: Segment | None = None
        self._prefix = b""  # of a delta of the open block
        self._thought: list[str] = []
        self._signature: str | None = None

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            if self._serial.runs_on(delta):
                text = delta.arguments if isinstance(delta, ToolCallDelta) else delta.text
                if text:
                    out.append(self._prefix + _encode(text) + b"}}\n\n")
                continue
            if isinstance(delta, ThinkingDelta) and not self._thinks:
                continue
            for segment, ready in self._serial.put(delta):
                self._write(segment, ready, out)
        return self._started(out) if out else b""

    def end(self, answer: Answer) -> bytes:
        out: list[bytes] = []
        if not self._begun:  # an upstream that told all of it at the end
            self._serial = Serial()
            out.append(self.feed(deltas_of(answer)))
        for segment, ready in self._serial.rest():
            self._write(segment, ready, out)
        self._close(out)
        delta = {"stop_reason": stop_reason(answer), "stop_sequence": answer.stop_sequence}
        out.append(_event("message_delta", delta=delta, usage=usage(counted(answer.usage, self._head))))
        out.append(_STOP)
        self._ended = True
        return self._started(out)

    def error(self, error: RouterError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        return b"event: error\ndata: %s\n\n" % error_body(error)

    def ping(self) -> bytes:
        return b"" if self._ended else self._started([_PING])

    def _started(self, out: list[bytes]) -> bytes:
        if not self._begun:
            self._begun = True
            counts = {
                "input_tokens": max(1, self._head.input_tokens),
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 1,
            }
            out.insert(0, _event("message_start", message=envelope(self._head) | {"usage": counts}))
        return b"".join(out)

    def _write(self, segment: Segment, delta: Delta, out: list[bytes]) -> None:
        if segment is not self._open:
            self._close(out)
            if isinstance(delta, ThinkingDelta) and (delta.signature or "").startswith(REDACTED):
                self._redacted(delta, out)
                return
            self._begin(segment, out)
        match delta:
            case TextDelta(text):
                out.append(self._prefix + _encode(text) + b"}}\n\n")
            case ToolCallDelta(_, arguments):
                if arguments:
                    out.append(self._prefix + _encode(arguments) + b"}}\n\n")
            case ThinkingDelta(text, signature):
                self._thought.append(text)
                self._signature = signature or self._signature
                if text and self._shown:
                    out.append(self._prefix + _encode(text) + b"}}\n\n")

    def _begin(self, segment: Segment, out: list[bytes]) -> None:
        self._open = segment
        self._block += 1
        if segment.call:
            name = self._names.get(segment.name, segment.name)
            block: JsonDict = {"type": "tool_use", "id": call_id(segment), "name": name, "input": {}}
            kind, field = b"input_json_delta", b"partial_json"
        elif segment.thinking:
            self._thought, self._signature = [], None
            block = {"type": "thinking", "thinking": "", "signature": ""}
            kind, field = b"thinking_delta", b"thinking"
        else:
            block = {"type": "text", "text": ""}
            kind, field = b"text_delta", b"text"
        self._prefix = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
            % (self._block, kind, field)
        )
        out.append(_event("content_block_start", index=self._block, content_block=block))

    def _close(self, out: list[bytes]) -> None:
        if self._open is None:
            return
        if self._open.thinking:
            self._sign(out)
        out.append(_event("content_block_stop", index=self._block))
        self._open = None

    def _sign(self, out: list[bytes]) -> None:
        thought = Thinking("".join(self._thought), self._signature)
        signature = thinking_block(thought, self._head.issuer, shown=self._shown)["signature"]
        if signature:
            delta = {"type": "signature_delta", "signature": signature}
            out.append(_event("content_block_delta", index=self._block, delta=delta))

    def _redacted(self, delta: ThinkingDelta, out: list[bytes]) -> None:
        """Comes whole."""
        self._block += 1
        block = thinking_block(Thinking("", delta.signature), self._head.issuer, shown=True)
        out.append(_event("content_block_start", index=self._block, content_block=block))
        out.append(_event("content_block_stop", index=self._block))
