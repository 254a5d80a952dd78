"""An answer as chunks of a chat completion."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from llm_router.dialects.inbound.openai_chat_answers import envelope, finish_reason, usage
from llm_router.dialects.inbound.openai_chat_errors import openai_error, openai_fault
from llm_router.dialects.inbound.segments import Segment, Serial, call_id, deltas_of
from llm_router.dialects.inbound.sizes import counted
from llm_router.dialects.inbound.tool_names import originals
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Delta, JsonDict, TextDelta, ThinkingDelta, ToolCallDelta
from llm_router.ports import Head

_encode = msgspec.json.Encoder().encode
_WANTS_USAGE = re.compile(rb'"include_usage"\s*:\s*true')
_DONE = b"data: [DONE]\n\n"


class OpenAIChatRenderer:
    """A role, then pieces of content and of tool calls, a finish_reason, the usage where it was asked for, and [DONE].

    The format would let calls be mixed, but clients (the official SDKs too) take a call for complete when another begins.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._names = originals(head.request)
        origin = head.request.origin
        self._usage = origin is not None and _WANTS_USAGE.search(origin.body) is not None
        self._envelope = envelope(head, "chat.completion.chunk")
        self._prefix = b"data: " + _encode(self._envelope)[:-1] + b',"choices":[{"index":0,"delta":'
        self._suffix = (
            b',"logprobs":null,"finish_reason":null}]' + (b',"usage":null' if self._usage else b"") + b"}\n\n"
        )
        self._text = self._prefix + b'{"content":'
        self._thought = self._prefix + b'{"reasoning_content":'
        self._tail = b"}" + self._suffix
        self._begun = self._ended = False
        self._serial = Serial()
        self._open: Segment | None = None  # a call
        self._calls = -1
        self._arguments = b""  # of a piece of the open call

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            if self._serial.runs_on(delta):
                self._write(None, delta, out)
            else:
                for segment, ready in self._serial.put(delta):
                    self._write(segment, ready, out)
        return self._started(out) if out else b""

    def end(self, answer: Answer) -> bytes:
        out: list[bytes] = []
        if not self._begun:  # an upstream that told all of it at the end
            self._serial = Serial()
            out.append(self.feed(deltas_of(answer)))
        for segment, delta in self._serial.rest():
            self._write(segment, delta, out)
        self._fill(out)
        usage_field: JsonDict = {"usage": None} if self._usage else {}
        choice: JsonDict = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish_reason(answer)}
        out.append(self._chunk({"choices": [choice]} | usage_field))
        if self._usage:
            out.append(self._chunk({"choices": [], "usage": usage(counted(answer.usage, self._head))}))
        out.append(_DONE)
        self._ended = True
        return self._started(out)

    def error(self, error: RouterError) -> bytes:
        """The SDKs raise what stands under `error`. No [DONE]: that would be an end."""
        if self._ended:
            return b""
        self._ended = True
        return b"data: %s\n\n" % _encode({"error": openai_error(openai_fault(error))})

    def ping(self) -> bytes:
        return b"" if self._ended else b": ping\n\n"

    def _started(self, out: list[bytes]) -> bytes:
        if not self._begun:
            self._begun = True
            out.insert(0, self._prefix + b'{"role":"assistant","content":""}' + self._suffix)
        return b"".join(out)

    def _chunk(self, fields: JsonDict) -> bytes:
        return b"data: %s\n\n" % _encode(self._envelope | fields)

    def _write(self, segment: Segment | None, delta: Delta, out: list[bytes]) -> None:
        """`segment` None: the one that is open."""
        match delta:
            case TextDelta(text):
                if text:
                    out.append(self._text + _encode(text) + self._tail)
            case ThinkingDelta(text):
                if text:
                    out.append(self._thought + _encode(text) + self._tail)
            case ToolCallDelta(arguments=arguments):
                if segment is not None and segment is not self._open:
                    self._begin(segment, arguments, out)
                elif arguments:
                    out.append(self._arguments + _encode(arguments) + b"}}]}" + self._suffix)

    def _fill(self, out: list[bytes]) -> None:
        """Some vendors write nothing at all for a call without arguments; clients read JSON."""
        if self._open is not None and not self._open.begun:
            out.append(self._arguments + b'"{}"}}]}' + self._suffix)
            self._open.begun = True

    def _begin(self, segment: Segment, arguments: str, out: list[bytes]) -> None:
        """The SDKs read id and name from the first piece of a call, and its place in the list from its index."""
        self._fill(out)
        self._open = segment
        self._calls += 1
        self._arguments = self._prefix + b'{"tool_calls":[{"index":%d,"function":{"arguments":' % self._calls
        function = {"name": self._names.get(segment.name, segment.name), "arguments": arguments}
        call = {"index": self._calls, "id": call_id(segment), "type": "function", "function": function}
        out.append(self._prefix + _encode({"tool_calls": [call]}) + self._suffix)
