"""An answer as chunks of a chat completion."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from llm_router.dialects.inbound.openai_chat_answers import envelope, finish_reason, usage
from llm_router.dialects.inbound.openai_chat_errors import openai_error, openai_fault
from llm_router.dialects.inbound.segments import deltas_of
from llm_router.dialects.inbound.tool_names import originals
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Delta, JsonDict, TextDelta, ThinkingDelta, ToolCallDelta, new_id
from llm_router.ports import Head

_encode = msgspec.json.Encoder().encode
_WANTS_USAGE = re.compile(rb'"include_usage"\s*:\s*true')
_DONE = b"data: [DONE]\n\n"


class OpenAIChatRenderer:
    """A role, then pieces of content and of tool calls (which may be mixed: each names its call), a finish_reason, the
    usage where it was asked for, and [DONE].
    """

    def __init__(self, head: Head) -> None:
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
        self._unnamed: dict[int, ToolCallDelta] = {}
        self._named: set[int] = set()

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            match delta:
                case TextDelta(text):
                    if text:
                        out.append(self._text + _encode(text) + self._tail)
                case ThinkingDelta(text):
                    if text:
                        out.append(self._thought + _encode(text) + self._tail)
                case ToolCallDelta():
                    self._call(delta, out)
        return self._started(out) if out else b""

    def end(self, answer: Answer) -> bytes:
        out: list[bytes] = []
        if not self._begun and not self._unnamed:  # an upstream that told all of it at the end
            out.append(self.feed(deltas_of(answer)))
        for index, delta in self._unnamed.items():
            self._announce(index, delta, out)
        usage_field: JsonDict = {"usage": None} if self._usage else {}
        choice: JsonDict = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish_reason(answer)}
        out.append(self._chunk({"choices": [choice]} | usage_field))
        if self._usage:
            out.append(self._chunk({"choices": [], "usage": usage(answer.usage)}))
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

    def _call(self, delta: ToolCallDelta, out: list[bytes]) -> None:
        """Clients read id and name from the first piece of a call, and nowhere else: until there is a name it waits."""
        index = delta.index
        if index in self._named:
            if delta.arguments:
                self._piece({"index": index, "function": {"arguments": delta.arguments}}, out)
            return
        if (before := self._unnamed.pop(index, None)) is not None:
            delta = ToolCallDelta(
                index, before.arguments + delta.arguments, before.id or delta.id, before.name or delta.name
            )
        if delta.name:
            self._announce(index, delta, out)
        else:
            self._unnamed[index] = delta

    def _announce(self, index: int, delta: ToolCallDelta, out: list[bytes]) -> None:
        self._named.add(index)
        name = self._names.get(delta.name or "", delta.name or "")
        function = {"name": name, "arguments": delta.arguments}
        call_id = delta.id or new_id("call")
        self._piece({"index": index, "id": call_id, "type": "function", "function": function}, out)

    def _piece(self, call: JsonDict, out: list[bytes]) -> None:
        out.append(self._prefix + _encode({"tool_calls": [call]}) + self._suffix)
