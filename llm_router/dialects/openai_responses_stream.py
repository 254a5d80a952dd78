"""Reading OpenAI Responses: items are announced, filled by deltas, then repeated whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llm_router.dialects.assembler import Decoder
from llm_router.dialects.failures import failure
from llm_router.dialects.reading import arguments_text, count, record, records, string
from llm_router.nouns import Delta, JsonDict, TextDelta, ThinkingDelta, ToolCallDelta, Usage, new_id

# Items that ask the caller to do something, or that are themselves what he asked for. Only functions are offered by us,
# but a caller of this dialect, whose bytes pass, has them all.
_CALLS = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "tool_search_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "computer_call",
        "mcp_approval_request",
        "image_generation_call",
    }
)
_ARGUMENTS = frozenset({"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"})


@dataclass(slots=True)
class _Item:
    """How far an output item has been told: the repetition at its end must not be told twice."""

    call: int | None = None
    told: bool = False
    done: bool = False


class OpenAIResponsesDecoder(Decoder):
    def __init__(self, stops: Sequence[str] = ()) -> None:
        super().__init__(stops)
        self._items: dict[int, _Item] = {}
        self._calls = 0
        self._refused = False

    def read(self, event: Mapping[str, object]) -> Iterable[Delta]:
        name = string(event.get("type") or event.get("event"))
        index = count(event.get("output_index"))
        match name:
            case "response.created" | "response.in_progress":
                self._identify(record(event.get("response")))
            case "response.output_item.added":
                yield from self._added(index, record(event.get("item")))
            case "response.output_item.done":
                yield from self._done(index, record(event.get("item")))
            case "response.completed" | "response.incomplete":
                yield from self._completed(record(event.get("response")))
            case "response.reasoning_summary_part.added" if count(event.get("summary_index")):
                yield from self._delta("response.reasoning_summary_text.delta", index, "\n\n")
            case "response.failed" | "error":
                raise failure("", None, {}, _error(event))
            case "" if event.get("error"):
                raise failure("", None, {}, event)
            case "" if event.get("output"):  # the whole response, of a server that does not stream
                yield from self._completed(dict(event))
            case _:
                yield from self._delta(name, index, string(event.get("delta")))

    def _identify(self, response: JsonDict) -> None:
        self.id = self.id or string(response.get("id"))
        self.model = self.model or string(response.get("model"))

    def _item(self, index: int) -> _Item:
        return self._items.setdefault(index, _Item())

    def _added(self, index: int, item: JsonDict) -> Iterable[Delta]:
        self.close_part()
        if item.get("type") in _CALLS:
            yield self._begin(index, item)

    def _begin(self, index: int, item: JsonDict) -> Delta:
        state = self._item(index)
        state.call = call = self._calls
        self._calls += 1
        call_id = string(item.get("call_id")) or string(item.get("id")) or new_id("call")
        arguments = _arguments(item)
        state.told = bool(arguments)
        return ToolCallDelta(call, arguments, call_id, string(item.get("name")) or string(item.get("type")))

    def _delta(self, name: str, index: int, text: str) -> Iterable[Delta]:
        if not text:
            return
        state = self._item(index)
        match name:
            case "response.output_text.delta":
                yield TextDelta(text)
            case "response.refusal.delta":
                self._refused = True
                yield TextDelta(text)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                yield ThinkingDelta(text)
            case _ if name in _ARGUMENTS and state.call is not None:
                yield ToolCallDelta(state.call, text)
            case _:
                return
        state.told = True

    def _done(self, index: int, item: JsonDict) -> Iterable[Delta]:
        """The whole item: what its deltas have not told yet, and a reasoning item's seal."""
        state = self._item(index)
        if state.done:
            return
        match item.get("type"):
            case "message":
                yield from self._message(item, told=state.told)
            case "reasoning":
                yield from _reasoning(item, told=state.told)
            case kind if kind in _CALLS and state.call is None:
                yield self._begin(index, item)
            case kind if kind in _CALLS and not state.told and (arguments := _arguments(item)):
                yield ToolCallDelta(state.call or 0, arguments)
            case _:
                pass
        state.done = state.told = True
        self.close_part()

    def _message(self, item: JsonDict, *, told: bool) -> Iterable[Delta]:
        for block in records(item.get("content")):
            refusal = string(block.get("refusal"))
            self._refused = self._refused or bool(refusal)
            if not told and (text := refusal or string(block.get("text"))):
                yield TextDelta(text)

    def _completed(self, response: JsonDict) -> Iterable[Delta]:
        self._identify(response)
        for index, item in enumerate(records(response.get("output"))):
            yield from self._done(index, item)
        if usage := record(response.get("usage")):
            self.usage = responses_usage(usage)
        self.ended = True
        reason = string(record(response.get("incomplete_details")).get("reason"))
        if self._refused or reason == "content_filter":
            self.stop = "refusal"
        else:
            self.stop = "length" if reason or response.get("status") == "incomplete" else "end"


def _arguments(item: JsonDict) -> str:
    """What a call was made with, wherever its kind has that."""
    return next((arguments_text(item[key]) for key in ("arguments", "input", "action") if item.get(key)), "")


def _reasoning(item: JsonDict, *, told: bool) -> Iterable[Delta]:
    """Its signature is the item's id and encrypted content: both must come back with the next turn."""
    encrypted = string(item.get("encrypted_content"))
    signature = f"{string(item.get('id'))}:{encrypted}" if encrypted else None
    shown = records(item.get("summary")) or records(item.get("content"))
    text = "" if told else "\n\n".join(string(block.get("text")) for block in shown)
    if text or signature:
        yield ThinkingDelta(text, signature)


def _error(event: Mapping[str, object]) -> object:
    """`response.failed` holds a response with an error; `error` is one itself, at times wrapped once more."""
    response = record(event.get("response"))
    return response if response.get("error") else {key: event[key] for key in event if key != "type"}


def responses_usage(usage: JsonDict) -> Usage:
    read, spent = record(usage.get("input_tokens_details")), record(usage.get("output_tokens_details"))
    return Usage(
        input_tokens=count(usage.get("input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        cache_read_tokens=count(read.get("cached_tokens")),
        cache_write_tokens=count(read.get("cache_write_tokens")),
        reasoning_tokens=count(spent.get("reasoning_tokens")),
    )
