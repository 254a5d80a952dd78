"""OpenAI Responses: `POST /v1/responses`, stateless (`store` off, reasoning handed back encrypted)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from llm_router.dialects.assembler import malformed
from llm_router.dialects.encoding import (
    MOST_TOOLS,
    check_features,
    data_url,
    document_text,
    file_name,
    image_url,
    output_limit,
    own_thinking,
    result_media,
    result_text,
    same,
    sampling,
    search_wishes,
    split_turns,
    told_schema,
    tool_schema,
    wire_id,
    wire_name,
)
from llm_router.dialects.failures import failure
from llm_router.dialects.json_schema import is_strict
from llm_router.dialects.openai_quirks import LONGEST_CACHE_KEY, quirks
from llm_router.dialects.openai_reasoning import reasoning_fields
from llm_router.dialects.openai_responses_stream import OpenAIResponsesDecoder
from llm_router.kept import kept_for_each
from llm_router.nouns import (
    Answer,
    Document,
    Image,
    JsonDict,
    Message,
    Model,
    Part,
    Reasoning,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebSearch,
)

_SAMPLING = same("temperature", "top_p")


class OpenAIResponses:
    name = "openai_responses"

    def encode(self, request: Request, model: Model, *, stream: bool) -> JsonDict:
        check_features(request, model)
        system, messages = split_turns(request.messages)
        told = (system, *search_wishes(request.web_search, "allowed_domains", "near"))
        thinks = "thinking" in model.features
        body: JsonDict = {
            "model": model.id,
            "input": [item for message in messages for item in _items(message, model)],
            "store": False,
            "stream": stream,
        }
        if instructions := "\n\n".join(filter(None, told)):
            body["instructions"] = instructions
        if quirks(model.vendor).cache_key and request.session:
            body["prompt_cache_key"] = request.session[:LONGEST_CACHE_KEY]
        if thinks:
            body["include"] = ["reasoning.encrypted_content"]
        if (limit := output_limit(request, model)) is not None:
            body["max_output_tokens"] = limit
        if not thinks:  # reasoning models refuse both
            body |= sampling(request, _SAMPLING)
        if thinks and (reasoning := _reasoning(request.reasoning, model)):
            body["reasoning"] = reasoning
        if tools := _tools(request):
            body["tools"] = tools
        if request.tools:
            body["tool_choice"] = _tool_choice(request.tool_choice)
            body["parallel_tool_calls"] = request.tool_choice.parallel
        if request.schema is not None:
            _add_schema(body, request.schema)
        return body

    def decode(self, body: Mapping[str, object], request: Request | None = None) -> Answer:
        if body.get("error") or body.get("status") == "failed":
            raise failure("", None, {}, body)
        if not isinstance(body.get("output"), list):
            raise malformed("a response without output")
        decoder = self.decoder(request)
        ending = "response.incomplete" if body.get("status") == "incomplete" else "response.completed"
        decoder.feed({"type": ending, "response": body})
        return decoder.answer()

    def decoder(self, request: Request | None = None) -> OpenAIResponsesDecoder:
        """There are no stop sequences in this format: the decoder looks for them."""
        return OpenAIResponsesDecoder(request.stop if request is not None else ())


def _reasoning(asked: Reasoning | None, model: Model) -> JsonDict:
    """How much to think, in the words of this generation of OpenAI's models, and whether its summary is wanted."""
    if asked is None:
        return {}
    wish: JsonDict = {"summary": "auto"} if asked.shown and asked.effort != "none" else {}
    told = reasoning_fields(asked, replace(model, stands_for="openai"))
    return wish | ({"effort": told["reasoning_effort"]} if told else {})


def _add_schema(body: JsonDict, schema: JsonDict) -> None:
    if schema.get("type", "object") == "object":
        named = {"type": "json_schema", "name": "answer", "schema": schema, "strict": is_strict(schema)}
        body["text"] = {"format": named}
    else:  # the root must be an object
        body["instructions"] = "\n\n".join(filter(None, (body.get("instructions"), told_schema(schema))))


def _tools(request: Request) -> list[JsonDict]:
    tools = [_tool(tool) for tool in request.tools]
    if request.web_search is not None:
        tools.append(_web_search(request.web_search))
    return tools


def _web_search(wanted: WebSearch) -> JsonDict:
    body: JsonDict = {"type": "web_search"}
    if wanted.allowed_domains:
        body["filters"] = {"allowed_domains": list(wanted.allowed_domains)}
    if wanted.near:
        body["user_location"] = {"type": "approximate", **wanted.near}
    return body


@kept_for_each(MOST_TOOLS)
def _tool(tool: Tool) -> JsonDict:
    # `strict` is on by default here, and would refuse most schemas
    schema = tool_schema(tool)
    return {
        "type": "function",
        "name": wire_name(tool.name),
        "description": tool.description,
        "parameters": schema,
        "strict": tool.strict and is_strict(schema),
    }


def _tool_choice(choice: ToolChoice) -> str | JsonDict:
    if choice.mode == "tool":
        return {"type": "function", "name": wire_name(choice.name or "")}
    return "required" if choice.mode == "any" else choice.mode


def _items(message: Message, model: Model) -> Iterable[JsonDict]:
    """Calls, results and reasoning are items beside the messages, in the order in which they happened."""
    if message.role == "assistant":
        for part in message.parts:
            yield from _said_by_model(part, model)
        return
    content: list[JsonDict] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield _result(part)
        elif (block := _input(part)) is not None:
            content.append(block)
    if content:
        role = "developer" if message.role == "system" else "user"
        yield {"type": "message", "role": role, "content": content}


def _said_by_model(part: Part, model: Model) -> Iterable[JsonDict]:
    match part:
        case Text(text) if text:
            yield {"type": "message", "role": "assistant", "content": text}
        case ToolCall(call_id, name, arguments):
            call: JsonDict = {"type": "function_call", "call_id": wire_id(call_id)}
            yield call | {"name": wire_name(name), "arguments": arguments or "{}"}
        case Thinking() if part.signature and own_thinking(part, model):
            item_id, _, encrypted = part.signature.partition(":")
            summary = [{"type": "summary_text", "text": part.text}] if part.text else []
            yield {"type": "reasoning", "id": item_id, "summary": summary, "encrypted_content": encrypted}
        case _:
            pass


def _input(part: Part) -> JsonDict | None:
    match part:
        case Text(text):
            return {"type": "input_text", "text": text} if text else None
        case Image():
            return {"type": "input_image", "image_url": image_url(part), "detail": "auto"}
        case Document() if part.text is not None:
            return {"type": "input_text", "text": document_text(part)}
        case Document() if part.url:
            return {"type": "input_file", "file_url": part.url}
        case Document():
            data = data_url(part.media_type, part.data or "")
            return {"type": "input_file", "filename": file_name(part), "file_data": data}
        case _:
            return None


def _result(part: ToolResult) -> JsonDict:
    text, media = result_text(part), result_media(part)
    output: str | list[JsonDict] = text
    if media:
        blocks = [_input(item) for item in (Text(text), *media)]
        output = [block for block in blocks if block is not None]
    return {"type": "function_call_output", "call_id": wire_id(part.call_id), "output": output}


DIALECT = OpenAIResponses()
