"""Google Gemini: the body of `models/{model}:generateContent`. The model and streaming are in the URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llm_router.dialects import json_schema
from llm_router.dialects.assembler import malformed
from llm_router.dialects.encoding import (
    MOST_TOOLS,
    ONE_CALL,
    check_features,
    document_text,
    in_call_order,
    inline_system,
    lists_sources,
    offered,
    output_limit,
    own_thinking,
    result_media,
    result_text,
    sampling,
    search_wishes,
    split_turns,
    told_schema,
    wire_name,
)
from llm_router.dialects.gemini_models import generation, thinking_config
from llm_router.dialects.gemini_stream import GeminiDecoder
from llm_router.dialects.reading import arguments_object, records
from llm_router.kept import kept_for_each
from llm_router.nouns import (
    Answer,
    Document,
    Image,
    JsonDict,
    Message,
    Model,
    Part,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    WebSearch,
)

_SAMPLING = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
STOPS = 5  # as many stop sequences are taken

# What Google takes for calls that another model made and that therefore carry no signature of its own:
# https://ai.google.dev/gemini-api/docs/thought-signatures
UNSIGNED = "skip_thought_signature_validator"

_MODES = {"auto": "AUTO", "any": "ANY", "tool": "ANY", "none": "NONE"}


class Gemini:
    name = "gemini"

    def encode(self, request: Request, model: Model, *, stream: bool) -> JsonDict:  # noqa: ARG002 - in the URL
        check_features(request, model)
        system, messages = split_turns(in_call_order(request.messages))
        body: JsonDict = {"contents": _contents(messages, model)}
        if texts := [text for text in (system, *_wishes(request, model)) if text]:
            body["systemInstruction"] = {"parts": [{"text": "\n\n".join(texts)}]}
        if config := _config(request, model):
            body["generationConfig"] = config
        if request.tools:
            body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
            body["toolConfig"] = {"functionCallingConfig": _calling(request)}
        elif request.web_search is not None:  # it takes a search or functions, not both
            body["tools"] = [{"googleSearch": _search(request.web_search, model)}]
        return body

    def decode(self, body: Mapping[str, object], request: Request | None = None) -> Answer:
        decoder = self.decoder(request)
        decoder.feed(body)
        if not decoder.ended and not records(body.get("candidates")):
            raise malformed("a reply without candidates")
        decoder.ended = True
        return decoder.answer()

    def decoder(self, request: Request | None = None) -> GeminiDecoder:
        stops = request.stop[STOPS:] if request is not None else ()
        return GeminiDecoder(stops, lists=lists_sources(request))


def _wishes(request: Request, model: Model) -> Iterable[str]:
    """What has no field of its own."""
    if offered(request) and not request.tool_choice.parallel:
        yield ONE_CALL
    if not request.tools:
        yield from search_wishes(
            request.web_search, *(("blocked_domains",) if model.vendor == "vertex" else ())
        )
    if request.schema is not None and not _takes_schema(request, model):
        yield told_schema(request.schema)


def _takes_schema(request: Request, model: Model) -> bool:
    """Before Gemini 3 a schema and functions exclude each other."""
    return not request.tools or generation(model.id) >= (3, 0)


def _search(wish: WebSearch, model: Model) -> JsonDict:
    if model.vendor == "vertex" and wish.blocked_domains:
        return {"excludeDomains": list(wish.blocked_domains)}
    return {}


def _config(request: Request, model: Model) -> JsonDict:
    config: JsonDict = {}
    if (limit := output_limit(request, model)) is not None:
        config["maxOutputTokens"] = limit
    config |= sampling(request, _SAMPLING)
    if request.stop:
        config["stopSequences"] = list(request.stop[:STOPS])
    if (thinking := thinking_config(request.reasoning, model)) is not None:
        config["thinkingConfig"] = thinking
    if request.schema is not None and _takes_schema(request, model):
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = json_schema.for_gemini(request.schema)
    return config


@kept_for_each(MOST_TOOLS)
def _declaration(tool: Tool) -> JsonDict:
    body: JsonDict = {"name": wire_name(tool.name), "description": tool.description}
    schema = json_schema.for_gemini(tool.parameters)
    if schema.get("properties"):  # an object without properties is refused; without parameters it is welcome
        body["parametersJsonSchema"] = {"type": "object"} | schema
    return body


def _calling(request: Request) -> JsonDict:
    choice = request.tool_choice
    body: JsonDict = {"mode": _MODES[choice.mode]}
    if choice.mode == "tool" and choice.name:
        body["allowedFunctionNames"] = [wire_name(choice.name)]
    return body


def _contents(messages: Iterable[Message], model: Model) -> list[JsonDict]:
    contents: list[JsonDict] = []
    names: dict[str, str] = {}
    for message in messages:
        names |= {part.id: wire_name(part.name) for part in message.parts if isinstance(part, ToolCall)}
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
    return {} if model.vendor == "vertex" else {"id": call_id}  # Vertex pairs them by name and order


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
                call = {"name": wire_name(part.name), "args": arguments_object(part.arguments)} | _id(
                    part.id, model
                )
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


DIALECT = Gemini()
