"""Reading Chat Completions, whole or in chunks, from all the vendors that take liberties with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from llm_router.dialects.assembler import Decoder
from llm_router.dialects.failures import failure
from llm_router.dialects.reading import (
    NO_ARGUMENTS,
    arguments_text,
    count,
    first_choice,
    record,
    records,
    sequence,
    string,
)
from llm_router.nouns import (
    Delta,
    JsonDict,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    new_id,
)

_STOPS: dict[str, StopReason] = {
    "stop": "end",
    "eos": "end",
    "end_turn": "end",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "stop_sequence": "stop_sequence",
    "content_filter": "refusal",
    "sensitive": "refusal",
    "refusal": "refusal",
}
# Finish reasons that are failures in disguise, as the error type that names them.
_FAILED = {
    "insufficient_system_resource": "overloaded",
    "network_error": "server_error",
    "error": "server_error",
}


class _Said(msgspec.Struct):
    """A delta. What stands beside its content is only looked for."""

    content: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None


class _Chosen(msgspec.Struct):
    delta: _Said
    finish_reason: Any = None
    index: Any = None
    usage: Any = None


class _Piece(msgspec.Struct):
    choices: list[_Chosen]
    usage: Any = None
    error: Any = None
    event: Any = None
    base_resp: Any = None
    x_groq: Any = None


_PIECE = msgspec.json.Decoder(_Piece)


@dataclass(slots=True)
class _Slot:
    index: int
    id: str
    named: bool


class OpenAIChatDecoder(Decoder):
    """Choice 0 only. Ends with a finish_reason; the usage may come with any chunk, often after that. `lists`: what a search
    found is listed under the answer.
    """

    def __init__(self, *, lists: bool = True) -> None:
        super().__init__()
        self._lists = lists
        self._slots: dict[object, _Slot] = {}
        self._last: _Slot | None = None
        self._made = 0
        self._refused = False
        self._found: list[str] = []

    def words(self, data: bytes) -> str:
        if not self.id:
            return ""
        try:
            event = _PIECE.decode(data)
        except (msgspec.DecodeError, UnicodeError):
            return ""
        choice = event.choices[0] if len(event.choices) == 1 else None
        if choice is None or event.error or event.event or event.base_resp or event.x_groq or event.usage:
            return ""
        told, delta = choice.finish_reason or choice.index or choice.usage, choice.delta
        if told or delta.refusal or delta.tool_calls or delta.function_call:
            return ""
        return "" if delta.reasoning_content or delta.reasoning else delta.content or ""

    def read(self, event: Mapping[str, object]) -> Iterable[Delta]:
        if event.get("error") or event.get("event") == "error" or _minimax_failed(event):
            raise failure("", None, {}, event)
        self.id = self.id or string(event.get("id"))
        self.model = self.model or string(event.get("model"))
        choice = first_choice(event.get("choices"))
        self._count(event, choice)
        self._found = _sources(event) or self._found
        yield from self._content(record(choice.get("delta")) or self._whole(choice))
        reason = string(choice.get("finish_reason"))
        if reason and self._found and self._lists:  # the marks in the text mean these
            yield TextDelta("\n\nSources:\n" + "\n".join(self._found))
            self._found = []
        self._finish(reason, choice)

    def _whole(self, choice: JsonDict) -> JsonDict:
        """The message of a vendor that did not stream; MiniMax repeats at the end of a stream what it has told."""
        message = record(choice.get("message"))
        return message if message and not self.begun else {}

    def _content(self, delta: JsonDict) -> Iterable[Delta]:
        if thought := _thought(delta):
            yield ThinkingDelta(thought)
        yield from _texts(delta.get("content"))
        if refusal := string(delta.get("refusal")):
            self._refused = True
            yield TextDelta(refusal)
        calls = records(delta.get("tool_calls"))
        if legacy := record(delta.get("function_call")):
            calls.append({"index": 0, "function": legacy})
        for call in calls:
            yield self._call(call)

    def _call(self, call: JsonDict) -> Delta:
        function = record(call.get("function"))
        call_id, name = string(call.get("id")), string(function.get("name"))
        arguments = function.get("arguments")
        slot = self._slot(call.get("index"), call_id, name)
        new = slot is None
        if slot is None:
            slot = _Slot(self._made, call_id or new_id("call"), bool(name))
            self._made += 1
        self._slots[call.get("index")] = self._last = slot
        text = arguments_text(arguments) if arguments else ""
        if new:
            return ToolCallDelta(slot.index, "" if text in NO_ARGUMENTS else text, slot.id, name or None)
        # some vendors repeat id and name with every piece
        late, slot.named = (name if name and not slot.named else None), slot.named or bool(name)
        return ToolCallDelta(slot.index, text, None, late)

    def _slot(self, index: object, call_id: str, name: str) -> _Slot | None:
        """The call this fragment continues; None when it begins one.

        A fragment belongs to the call of its index, unless an id of its own says otherwise: Google's compatible API
        sends every call whole, all of them with index 0 or none at all.
        """
        by_id = next((slot for slot in self._slots.values() if call_id and slot.id == call_id), None)
        if by_id is not None:
            return by_id
        if isinstance(index, int):
            known = self._slots.get(index)
            return None if known is not None and call_id and name else known
        return None if call_id or name else self._last

    def _finish(self, reason: str, choice: JsonDict) -> None:
        if not reason:  # some vendors send "" with every chunk
            return
        if reason in _FAILED:
            raise failure("", None, {}, {"error": {"type": _FAILED[reason], "message": _why(choice, reason)}})
        self.ended = True
        self.stop = "refusal" if self._refused else _STOPS.get(reason, "end")
        if hit := string(choice.get("stop_reason")) if reason == "stop" else "":  # vLLM says which sequence
            self.stop, self.stop_sequence = "stop_sequence", hit

    def _count(self, event: Mapping[str, object], choice: JsonDict) -> None:
        # Moonshot: in the choice; Groq: in x_groq
        for holder in (event, choice, record(event.get("x_groq"))):
            if usage := record(holder.get("usage")):
                self.usage = chat_usage(usage)
                return


def _sources(event: Mapping[str, object]) -> list[str]:
    """What a search found, numbered as in the text: Perplexity tells it beside the choices."""
    found = records(event.get("search_results"))
    pages = [(string(page.get("title")), string(page.get("url"))) for page in found]
    pages = pages or [("", string(url)) for url in sequence(event.get("citations"))]
    return [f"{n}. [{title or url}]({url})" for n, (title, url) in enumerate(pages, 1)]


def _minimax_failed(event: Mapping[str, object]) -> bool:
    return count(record(event.get("base_resp")).get("status_code")) > 0


def _why(choice: JsonDict, reason: str) -> str:
    return (
        string(record(choice.get("error")).get("message")) or f"The vendor ended the answer with {reason!r}."
    )


def _thought(delta: JsonDict) -> str:
    for key in ("reasoning_content", "reasoning"):  # DeepSeek's name; OpenRouter's, Groq's and newer vLLM's
        if text := string(delta.get(key)):
            return text
    return ""


def _texts(content: object) -> Iterable[Delta]:
    if isinstance(content, str):
        if content:
            yield TextDelta(content)
        return
    for block in records(content):  # Mistral's reasoning models send blocks
        match block.get("type"):
            case "text" if text := string(block.get("text")):
                yield TextDelta(text)
            case "thinking" if text := "".join(string(t.get("text")) for t in records(block.get("thinking"))):
                yield ThinkingDelta(text)
            case _:
                pass


def chat_usage(usage: JsonDict) -> Usage:
    read = record(usage.get("prompt_tokens_details"))
    spent, output = record(usage.get("completion_tokens_details")), count(usage.get("completion_tokens"))
    inputs, reasoning = count(usage.get("prompt_tokens")), count(spent.get("reasoning_tokens"))
    if reasoning and count(usage.get("total_tokens")) == inputs + output + reasoning:
        output += reasoning  # xAI counts reasoning beside the completion, all others inside it
    cached = (
        count(read.get("cached_tokens"))
        or count(usage.get("prompt_cache_hit_tokens"))  # DeepSeek
        or count(usage.get("cached_tokens"))  # Moonshot
    )
    return Usage(
        input_tokens=inputs,
        output_tokens=output,
        cache_read_tokens=min(cached, inputs),
        cache_write_tokens=min(count(read.get("cache_write_tokens")), inputs),
        reasoning_tokens=min(reasoning, output),
    )
