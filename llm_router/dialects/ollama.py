"""Ollama's native `POST /api/chat`: unlike its /v1 it takes `num_ctx`, without which a long prompt is silently cut."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from llm_router.dialects.assembler import Decoder, malformed
from llm_router.dialects.encoding import (
    MOST_TOOLS,
    ONE_CALL,
    check_features,
    document_text,
    flat_parts,
    function_tool,
    in_call_order,
    offered,
    output_limit,
    own_thinking,
    result_media,
    result_text,
    same,
    sampling,
    searches,
    unsupported,
    wire_name,
)
from llm_router.dialects.failures import failure
from llm_router.dialects.reading import arguments_object, arguments_text, count, record, records, string
from llm_router.errors import UpstreamError
from llm_router.kept import kept_for_each
from llm_router.nouns import (
    Answer,
    Delta,
    Document,
    FailureKind,
    Image,
    JsonDict,
    Message,
    Model,
    Part,
    Reasoning,
    Request,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
    new_id,
)

# The window to load, in tokens. Another size makes Ollama load the model again, so there are only a few of them.
SMALLEST_WINDOW = 8_192
ANSWER_RESERVE = 2_048
# whatever a caller allows: a window of the 128,000 that coding agents do takes all memory
LONGEST_RESERVE = 16_384
CHARACTERS_PER_TOKEN = 3  # cautious: code and other scripts need more tokens than English prose
TOKENS_PER_IMAGE = 1_024

_SAMPLING = same(
    "temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "min_p"
) | {"repetition_penalty": "repeat_penalty"}
_STOPS: dict[str, StopReason] = {"stop": "end", "length": "length"}


class Ollama:
    name = "ollama"

    def encode(self, request: Request, model: Model, *, stream: bool) -> JsonDict:
        check_features(request, model)
        ordered = _ordered(request)
        if offered(request) and request.tool_choice.mode != "auto" and ordered is None:
            raise unsupported(model, "an order to call any of several tools")
        if searches(request):
            raise unsupported(model, "a search of the web")
        body: JsonDict = {
            "model": model.id,
            "messages": _messages(in_call_order(request.messages), model),
            "stream": stream,
            "truncate": False,  # an error instead of the end of the prompt alone; older servers do not know it
            "options": _options(request, model),
        }
        if ordered is not None:
            _add_system(body["messages"], _order(ordered))
        elif offered(request):
            body["tools"] = [function_tool(tool) for tool in request.tools]
            if not request.tool_choice.parallel:
                _add_system(body["messages"], ONE_CALL)
        if (think := _think(request.reasoning, model)) is not None:
            body["think"] = think
        if ordered is not None:
            body["format"] = ordered.parameters
        elif request.schema is not None:
            body["format"] = request.schema
        return body

    def decode(self, body: Mapping[str, object], request: Request | None = None) -> Answer:
        if not body.get("error") and not isinstance(body.get("message"), dict):
            raise malformed("a reply without a message")
        decoder = self.decoder(request)
        decoder.feed(body)
        return decoder.answer()

    def decoder(self, request: Request | None = None) -> OllamaDecoder:
        return OllamaDecoder(_ordered(request) if request else None)


def _ordered(request: Request) -> Tool | None:
    """The one tool that must be called. Ollama takes no such order, but it does keep an answer to a schema, and that of
    the tool's parameters makes it the call.
    """
    if not offered(request) or request.tool_choice.mode not in ("any", "tool"):
        return None
    wanted = request.tool_choice.name
    tools = [tool for tool in request.tools if wanted in (None, tool.name)]
    return tools[0] if len(tools) == 1 else None


def _order(tool: Tool) -> str:
    """The model does not see the schema it is kept to."""
    return (
        f"Answer with the arguments of a call of the tool {wire_name(tool.name)}, as JSON, and with nothing else.\n"
        f"{tool.description}\nSchema of the arguments: {json.dumps(tool.parameters)}"
    )


def _add_system(messages: list[JsonDict], text: str) -> None:
    """Many chat templates take one system message, at the head."""
    if messages and messages[0]["role"] == "system":
        messages[0]["content"] += f"\n\n{text}"
    else:
        messages.insert(0, {"role": "system", "content": text})


def _think(asked: Reasoning | None, model: Model) -> bool | str | None:
    """A switch, for gpt-oss a level. Ollama refuses the field for models that do not think."""
    if asked is None or "thinking" not in model.features:
        return None
    if "gpt-oss" not in model.id:
        return asked.effort != "none"
    match asked.effort:
        case None:
            return None
        case "none" | "minimal" | "low":
            return "low"
        case "medium":
            return "medium"
        case _:
            return "high"


def _options(request: Request, model: Model) -> JsonDict:
    options: JsonDict = {"num_ctx": _window(request, model)}
    if (limit := output_limit(request, model)) is not None:
        options["num_predict"] = limit
    options |= sampling(request, _SAMPLING)
    if request.stop:
        options["stop"] = list(request.stop)
    return options


def _window(request: Request, model: Model) -> int:
    pictures = TOKENS_PER_IMAGE * sum(isinstance(part, Image) for part in flat_parts(request.messages))
    return window(_size(request) // CHARACTERS_PER_TOKEN + pictures, request, model)


def window(input_tokens: int, request: Request, model: Model) -> int:
    """A window that holds the prompt and its answer; raises CONTEXT_TOO_LONG rather than let Ollama cut the prompt. The
    tokens are a cautious estimate.
    """
    needed = input_tokens + min(request.max_output_tokens or ANSWER_RESERVE, LONGEST_RESERVE)
    size = SMALLEST_WINDOW
    while size < needed:
        size *= 2
    if model.context is None:
        return size
    # what may just fit is tried, what cannot fit at all is not
    if input_tokens // 2 > model.context:
        raise UpstreamError(
            FailureKind.CONTEXT_TOO_LONG,
            f"The prompt does not fit the {model.context} tokens of {model.ref}.",
            fix="Shorten the prompt, or use a model with a larger context window.",
        )
    return min(size, model.context)


def _size(request: Request) -> int:
    """Characters of everything that becomes prompt."""
    size = sum(map(_tool_size, request.tools))
    for part in flat_parts(request.messages):
        match part:
            case Text(text) | Thinking(text):
                size += len(text)
            case ToolCall():
                size += len(part.arguments)
            case Document():
                size += len(part.text or "")
            case _:
                pass
    return size


@kept_for_each(MOST_TOOLS)
def _tool_size(tool: Tool) -> int:
    return len(tool.description) + len(json.dumps(tool.parameters))


def _messages(conversation: Iterable[Message], model: Model) -> list[JsonDict]:
    written: list[JsonDict] = []
    names: dict[str, str] = {}
    for message in conversation:
        names |= {part.id: wire_name(part.name) for part in message.parts if isinstance(part, ToolCall)}
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        written += [_result(result, names.get(result.call_id, ""), model) for result in results]
        if (spoken := _spoken(message, model)) is not None:
            written.append(spoken)
    return written


def _result(part: ToolResult, name: str, model: Model) -> JsonDict:
    body: JsonDict = {"role": "tool", "content": result_text(part)}
    if name:
        body["tool_name"] = name
    return body | _images(result_media(part), model)


def _spoken(message: Message, model: Model) -> JsonDict | None:
    texts = [_text(part) for part in message.parts]
    body: JsonDict = {"role": message.role, "content": "\n".join(text for text in texts if text)}
    body |= _images(message.parts, model)
    if calls := [part for part in message.parts if isinstance(part, ToolCall)]:
        body["tool_calls"] = [
            {"function": {"name": wire_name(call.name), "arguments": arguments_object(call.arguments)}}
            for call in calls
        ]
    thoughts = [p.text for p in message.parts if isinstance(p, Thinking) and own_thinking(p, model)]
    if thoughts and calls:
        body["thinking"] = "".join(thoughts)
    return body if len(body) > 2 or body["content"] else None


def _text(part: Part) -> str:
    match part:
        case Text(text):
            return text
        case Document() if part.text is not None:
            return document_text(part)
        case _:
            return ""


def _images(parts: Iterable[Part], model: Model) -> JsonDict:
    images: list[str] = []
    for part in parts:
        if isinstance(part, Document) and part.text is None:
            raise unsupported(model, "documents")
        if isinstance(part, Image):
            if part.data is None:
                raise unsupported(model, "an image by its link")
            images.append(part.data)
    return {"images": images} if images else {}


class OllamaDecoder(Decoder):
    """One object a line; the last says `done` and holds the counts. Tool calls come whole, but for an `ordered` one: its
    arguments are the text.
    """

    def __init__(self, ordered: Tool | None = None) -> None:
        super().__init__()
        self._calls = 0 if ordered is None else 1
        self._ordered = ordered
        self._ordered_id = new_id("call") if ordered else ""

    def read(self, event: Mapping[str, object]) -> Iterable[Delta]:
        if event.get("error"):
            raise failure("", None, {}, event)
        self.model = self.model or string(event.get("model"))
        message = record(event.get("message"))
        if thought := string(message.get("thinking")):
            yield ThinkingDelta(thought)
        if text := string(message.get("content")):
            if self._ordered is None:
                yield TextDelta(text)
            else:
                yield ToolCallDelta(0, text, self._ordered_id, wire_name(self._ordered.name))
        for call in records(message.get("tool_calls")):
            function = record(call.get("function"))
            call_id = string(call.get("id")) or new_id("call")
            arguments = arguments_text(function.get("arguments"))
            yield ToolCallDelta(self._calls, arguments, call_id, string(function.get("name")))
            self._calls += 1
        if event.get("done") is True:
            self.ended = True
            self.stop = _STOPS.get(string(event.get("done_reason")), "end")
            self._count(event)

    def _count(self, event: Mapping[str, object]) -> None:
        # a prompt that was wholly cached has no prompt_eval_count
        if "eval_count" in event or "prompt_eval_count" in event:
            self.usage = Usage(count(event.get("prompt_eval_count")), count(event.get("eval_count")))


DIALECT = Ollama()
