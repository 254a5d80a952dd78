"""Google Gemini: the body of `models/{model}:generateContent`. The model and streaming are in the URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llm_router.dialects import json_schema
from llm_router.dialects.assembler import Decoder, malformed
from llm_router.dialects.encoding import (
    check_features,
    check_stops,
    document_text,
    inline_system,
    output_limit,
    own_thinking,
    result_media,
    result_text,
    split_system,
)
from llm_router.dialects.failures import failure
from llm_router.dialects.reading import (
    arguments_object,
    arguments_text,
    count,
    first_choice,
    record,
    records,
    string,
)
from llm_router.errors import UpstreamError
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

# What Google takes for calls that another model made and that therefore carry no signature of its own:
# https://ai.google.dev/gemini-api/docs/thought-signatures
UNSIGNED = "skip_thought_signature_validator"

_MODES = {"auto": "AUTO", "any": "ANY", "tool": "ANY", "none": "NONE"}
_STOPS: dict[str, StopReason] = {"STOP": "end", "MAX_TOKENS": "length", "CONTINUATION": "length"}
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
    }
)
_BROKEN = frozenset({"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL"})


class Gemini:
    name = "gemini"

    def encode(self, request: Request, model: Model, *, stream: bool) -> JsonDict:  # noqa: ARG002 - in the URL
        check_features(request, model)
        check_stops(request, model, 5)
        system, messages = split_system(request.messages)
        body: JsonDict = {"contents": _contents(messages, model)}
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        if config := _config(request, model):
            body["generationConfig"] = config
        if request.tools:
            body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
            body["toolConfig"] = {"functionCallingConfig": _calling(request)}
        return body

    def decode(self, body: Mapping[str, object]) -> Answer:
        decoder = GeminiDecoder()
        decoder.feed(body)
        if not decoder.ended and not records(body.get("candidates")):
            raise malformed("a reply without candidates")
        decoder.ended = True
        return decoder.answer()

    def decoder(self) -> GeminiDecoder:
        return GeminiDecoder()


def _config(request: Request, model: Model) -> JsonDict:
    config: JsonDict = {}
    if (limit := output_limit(request, model)) is not None:
        config["maxOutputTokens"] = limit
    if request.temperature is not None:
        config["temperature"] = request.temperature
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if request.schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = json_schema.for_gemini(request.schema)
    return config


def _declaration(tool: Tool) -> JsonDict:
    body: JsonDict = {"name": tool.name, "description": tool.description}
    schema = json_schema.for_gemini(tool.parameters)
    if schema.get("properties"):  # an object without properties is refused; without parameters it is welcome
        body["parametersJsonSchema"] = {"type": "object"} | schema
    return body


def _calling(request: Request) -> JsonDict:
    """One call at a time cannot be asked for here: it stays a wish."""
    choice = request.tool_choice
    body: JsonDict = {"mode": _MODES[choice.mode]}
    if choice.mode == "tool" and choice.name:
        body["allowedFunctionNames"] = [choice.name]
    return body


def _contents(messages: Iterable[Message], model: Model) -> list[JsonDict]:
    contents: list[JsonDict] = []
    names: dict[str, str] = {}
    for message in messages:
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        role = "model" if message.role == "assistant" else "user"
        parts = _model_parts(message, model) if role == "model" else _user_parts(message, names, model)
        if not parts:
            continue
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"].extend(parts)
        else:
            contents.append({"role": role, "parts": parts})
    return contents


def _user_parts(message: Message, names: Mapping[str, str], model: Model) -> list[JsonDict]:
    """The results of all calls first: Google wants as many, in one turn, as there were calls."""
    if message.role == "system":
        return [{"text": inline_system(message.text)}] if message.text else []
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    written = [_result(result, names.get(result.call_id, result.call_id), model) for result in results]
    media: list[Part] = [item for result in results for item in result_media(result)]
    for part in (*media, *message.parts):
        written += _said(part)
    return written


def _said(part: Part) -> list[JsonDict]:
    match part:
        case Text(text) if text:
            return [{"text": text}]
        case Document() if part.text is not None:
            return [{"text": document_text(part)}]
        case Image() | Document() if part.url:
            return [{"fileData": {"mimeType": part.media_type, "fileUri": part.url}}]
        case Image() | Document():
            return [{"inlineData": {"mimeType": part.media_type, "data": part.data or ""}}]
        case _:
            return []


def _result(part: ToolResult, name: str, model: Model) -> JsonDict:
    text = result_text(part, flagged=True)
    body: JsonDict = {"name": name, "response": {"error" if part.is_error else "output": text}}
    return {"functionResponse": body | _id(part.call_id, model)}


def _id(call_id: str, model: Model) -> JsonDict:
    return {} if model.provider == "vertex" else {"id": call_id}  # Vertex pairs them by name and order


def _model_parts(message: Message, model: Model) -> list[JsonDict]:
    """A signature belongs to the part it came with: it travels as thinking right before that part."""
    written: list[JsonDict] = []
    signature: str | None = None
    signed = False
    for part in message.parts:
        match part:
            case Thinking():
                signature = part.signature if own_thinking(part, model) else None
                continue
            case Text(text) if text:
                body: JsonDict = {"text": text}
            case ToolCall():
                call = {"name": part.name, "args": arguments_object(part.arguments)} | _id(part.id, model)
                body = {"functionCall": call}
                # only the first of parallel calls is signed
                signature = signature or (None if signed or not _thinks(model) else UNSIGNED)
                signed = True
            case _:
                continue
        written.append(body | ({"thoughtSignature": signature} if signature else {}))
        signature = None
    if signature:
        written.append({"text": "", "thoughtSignature": signature})
    return written


def _thinks(model: Model) -> bool:
    return not model.features or "thinking" in model.features


class GeminiDecoder(Decoder):
    """Every chunk is a whole reply with a piece of the text; the last has a finishReason. Usage is cumulative."""

    def __init__(self) -> None:
        super().__init__()
        self._calls = 0

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
        self._finish(string(candidate.get("finishReason")), string(candidate.get("finishMessage")))

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

    def _finish(self, reason: str, message: str) -> None:
        if not reason or reason == "FINISH_REASON_UNSPECIFIED":
            return
        if reason in _BLOCKED:
            raise _blocked(reason, message)
        if reason in _BROKEN:
            raise malformed(message or reason)
        self.ended = True
        self.stop = _STOPS.get(reason, "end")


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


DIALECT = Gemini()
