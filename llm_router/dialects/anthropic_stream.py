"""Reading Anthropic Messages, whole or as a stream of blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from llm_router.dialects.assembler import Decoder, sources
from llm_router.dialects.failures import failure
from llm_router.dialects.reading import arguments_text, count, record, records, sequence, string
from llm_router.nouns import Delta, JsonDict, StopReason, TextDelta, ThinkingDelta, ToolCallDelta, Usage

# Hidden reasoning comes as an opaque blob; it goes back the same way.
REDACTED = "redacted:"

_STOPS: dict[str, StopReason] = {
    "end_turn": "end",
    "max_tokens": "length",
    "pause_turn": "length",  # of a search that took too long: it would go on in another turn
    "model_context_window_exceeded": "length",
    "tool_use": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
}


class _Said(msgspec.Struct):
    type: str
    text: str = ""


class _Piece(msgspec.Struct):
    type: str
    delta: _Said


_PIECE = msgspec.json.Decoder(_Piece)


class AnthropicDecoder(Decoder):
    """message_start, then per block content_block_start/delta/stop, then message_delta and message_stop. `lists`: the pages
    that a search found and the answer cites are listed under it.
    """

    def __init__(self, *, lists: bool = False) -> None:
        super().__init__()
        self._lists = lists
        self._calls: dict[int, int] = {}
        self._counts: dict[str, int] = {}
        self._compacting: dict[str, int] = {}
        self._pages: dict[str, str] = {}

    def words(self, data: bytes) -> str:
        if b'"text_delta"' not in data:
            return ""
        try:
            event = _PIECE.decode(data)
        except (msgspec.DecodeError, UnicodeError):
            return ""
        told = event.type == "content_block_delta" and event.delta.type == "text_delta"
        return event.delta.text if told else ""

    def read(self, event: Mapping[str, object]) -> Iterable[Delta]:
        match event.get("type") or event.get("event"):
            case "message_start":
                message = record(event.get("message"))
                self.id, self.model = string(message.get("id")), string(message.get("model"))
                self._count(message.get("usage"))
            case "content_block_start":
                yield from self._start(count(event.get("index")), record(event.get("content_block")))
            case "content_block_delta":
                yield from self._delta(count(event.get("index")), record(event.get("delta")))
            case "content_block_stop":
                self.close_part()
            case "message_delta":
                delta = record(event.get("delta"))
                yield from self._finish(string(delta.get("stop_reason")))
                self.stop_sequence = string(delta.get("stop_sequence")) or None
                self._count(event.get("usage"))
            case "message_stop":
                self.ended = True
            case "message":
                yield from self._whole(event)
            case "error":
                raise failure("", None, {}, event)
            case _:
                pass  # ping, and whatever the vendor adds

    def _whole(self, message: Mapping[str, object]) -> Iterable[Delta]:
        """A plain answer; also what a vendor sends that does not stream."""
        yield from self.read({"type": "message_start", "message": message})
        for index, block in enumerate(sequence(message.get("content"))):
            yield from self._start(index, record(block))
            yield from self.read({"type": "content_block_stop"})
        yield from self.read({"type": "message_delta", "delta": message, "usage": message.get("usage")})
        self.ended = True

    def _start(self, index: int, block: JsonDict) -> Iterable[Delta]:
        match block.get("type"):
            case "text":
                self._note_pages(block.get("citations"))
                if text := string(block.get("text")):
                    yield TextDelta(text)
            case "compaction" if summary := string(block.get("content")):
                yield TextDelta(summary)
            case "thinking" if block.get("thinking") or block.get("signature"):
                yield ThinkingDelta(string(block.get("thinking")), string(block.get("signature")) or None)
            case "redacted_thinking":
                yield ThinkingDelta("", REDACTED + string(block.get("data")))
            case "tool_use":
                self._calls[index] = call = len(self._calls)
                arguments = arguments_text(block["input"]) if block.get("input") else ""
                yield ToolCallDelta(call, arguments, string(block.get("id")), string(block.get("name")))
            case _:
                pass

    def _delta(self, index: int, delta: JsonDict) -> Iterable[Delta]:
        match delta.get("type"):
            case "text_delta" if text := string(delta.get("text")):
                yield TextDelta(text)
            case "compaction_delta" if summary := string(delta.get("content")):
                yield TextDelta(summary)
            case "citations_delta":
                self._note_pages([delta.get("citation")])
            case "thinking_delta" if text := string(delta.get("thinking")):
                yield ThinkingDelta(text)
            case "signature_delta" if signature := string(delta.get("signature")):
                yield ThinkingDelta("", signature)
            case "input_json_delta" if index in self._calls and (part := string(delta.get("partial_json"))):
                yield ToolCallDelta(self._calls[index], part)
            case _:
                pass

    def _note_pages(self, citations: object) -> None:
        for citation in records(citations):
            if url := string(citation.get("url")):
                self._pages[url] = string(citation.get("title")) or url

    def _finish(self, reason: str) -> Iterable[Delta]:
        if not reason:
            return
        if self._pages and self._lists:
            yield TextDelta(sources(self._pages))
            self._pages = {}
        self.stop = _STOPS.get(reason, "end")
        self.ended = True  # some compatible vendors leave out message_stop

    def _count(self, usage: object) -> None:
        """Figures are cumulative and some vendors send them once, at either end: the largest is the truth."""
        told = record(usage)
        if flat := _flat(told):
            self._counts = _largest(self._counts, flat)
            self._compacting = _largest(self._compacting, _of_compacting(told))
            self.usage = _usage(_sum([self._counts, self._compacting]))


def _flat(usage: JsonDict) -> dict[str, int]:
    details = record(usage.get("output_tokens_details"))
    return {key: count(value) for key, value in (details | usage).items() if isinstance(value, int)}


def _of_compacting(usage: JsonDict) -> dict[str, int]:
    """What it took to shorten the conversation on the way, which the figures of the whole do not hold."""
    passes = records(usage.get("iterations"))
    return _sum([_flat(each) for each in passes if each.get("type") == "compaction"])


def _largest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {key: max(one.get(key, 0), other.get(key, 0)) for key in {**one, **other}}


def _sum(figures: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for counts in figures:
        total.update(counts)
    return total


def _usage(counts: Mapping[str, int]) -> Usage:
    read = counts.get("cache_read_input_tokens", 0)
    written = counts.get("cache_creation_input_tokens", 0)
    return Usage(
        input_tokens=counts.get("input_tokens", 0) + read + written,
        output_tokens=counts.get("output_tokens", 0),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=min(counts.get("thinking_tokens", 0), counts.get("output_tokens", 0)),
    )
