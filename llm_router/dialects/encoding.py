"""What the encoders share: what a model can be asked at all, and how parts are written where a format lacks them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import cast

from msgspec.structs import replace

from llm_router.errors import UpstreamError
from llm_router.kept import kept_for_each
from llm_router.nouns import (
    Document,
    FailureKind,
    Feature,
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

# where there is no field for it
ONE_CALL = "Call at most one tool at a time, and wait for its result before you call another."
JSON_ONLY = "Answer with one JSON object only, without any text around it."
SMALLEST_ROOM = 1_024  # tokens; an estimate that leaves less is wrong
ESTIMATE_MARGIN = 1.25
MOST_TOOLS = 1_024  # as written for a vendor, and kept: a session sends the same with every turn

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def unsupported(model: Model, what: str) -> UpstreamError:
    return UpstreamError(
        FailureKind.UNSUPPORTED,
        f"{model.ref} cannot take {what}.",
        fix="Leave the model to the router, or name one that can: `llm-router models` shows what each can do.",
    )


def check_features(request: Request, model: Model) -> None:
    """Raises UpstreamError(UNSUPPORTED) for what the model is known not to do. No features known: no opinion."""
    if not model.features:
        return
    for feature, what in _needs(request):
        if feature not in model.features:
            raise unsupported(model, what)


SIGHTS: Mapping[Feature, str] = {
    "vision": "[A picture was here, which this model cannot see.]",
    "documents": "[A document was here, which this model cannot read.]",
}


def unseen(model: Model, needed: frozenset[Feature]) -> frozenset[Feature]:
    """Which of the sights in a request the model is known not to have eyes for."""
    return (needed & SIGHTS.keys()) - model.features if model.features else frozenset()


def seen_by(model: Model, request: Request) -> Request:
    """An agent's conversation with words in place of what the model cannot see: a picture in it would be refused, and with
    it all that is ever said after it. A picture that is shown to no agent is asked about, and `check_features` refuses it.
    """
    hidden = unseen(model, frozenset(SIGHTS))
    if not hidden or not request.tools or hidden.isdisjoint(need for need, _ in _needs(request)):
        return request
    messages = [
        replace(message, parts=tuple(_told(part, hidden) for part in message.parts))
        for message in request.messages
    ]
    return replace(request, messages=tuple(messages))


def _told(part: Part, hidden: frozenset[Feature]) -> Part:
    match part:
        case Image() if "vision" in hidden:
            return Text(SIGHTS["vision"])
        case Document(text=None) if "documents" in hidden:
            return Text(SIGHTS["documents"])
        case ToolResult(content=content):
            return replace(part, content=tuple(_told(each, hidden) for each in content))
        case _:
            return part


def _needs(request: Request) -> Iterable[tuple[Feature, str]]:
    parts = list(flat_parts(request.messages))
    if any(isinstance(part, Image) for part in parts):
        yield "vision", "images"
    if any(isinstance(part, Document) and part.text is None for part in parts):
        yield "documents", "documents"
    if offered(request):
        yield "tools", "tools"
    if request.schema is not None:
        yield "schema", "a JSON schema for its answer"


def flat_parts(messages: Iterable[Message]) -> Iterable[Part]:
    """Every part, those inside tool results too."""
    for message in messages:
        for part in message.parts:
            yield part
            if isinstance(part, ToolResult):
                yield from part.content


def offered(request: Request) -> bool:
    """Whether the model may call a tool in this turn."""
    return bool(request.tools) and request.tool_choice.mode != "none"


def searches(request: Request) -> bool:
    """Whether a search of the web is the job. Beside tools of the caller's own it is an offer, and may be left out."""
    return request.web_search is not None and not offered(request)


def search_wishes(search: WebSearch | None, *told: str) -> Iterable[str]:
    """How the web shall be searched, in words; without what was `told` in fields, which are named as those of the noun."""
    if search is None:
        return
    if search.allowed_domains and "allowed_domains" not in told:
        yield f"Search these sites only: {', '.join(search.allowed_domains)}."
    if search.blocked_domains and "blocked_domains" not in told:
        yield f"Use nothing from these sites: {', '.join(search.blocked_domains)}."
    if search.near and "near" not in told:
        yield f"The user is near {', '.join(search.near.values())}."


def lists_sources(request: Request | None) -> bool:
    """Whether what a search found, which few formats have apart, is listed under the answer: not under one that must be
    JSON.
    """
    return request is None or request.schema is None


def told_schema(schema: JsonDict) -> str:
    """A schema in words, where there is no field for it."""
    return f"Answer with JSON only, valid against this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}"


def check_stops(request: Request, model: Model, limit: int) -> None:
    if len(request.stop) > limit:
        raise unsupported(model, f"more than {limit} stop sequences" if limit else "stop sequences")


def output_limit(request: Request, model: Model) -> int | None:
    """What was asked for, but never above what the model can write, or what its window has room for beside the prompt:
    vendors refuse that outright.
    """
    if request.max_output_tokens is None:
        return None
    limits = [request.max_output_tokens]
    if model.max_output is not None:
        limits.append(model.max_output)
    if model.context is not None and request.input_tokens is not None:
        limits.append(max(SMALLEST_ROOM, model.context - int(request.input_tokens * ESTIMATE_MARGIN)))
    return min(limits)


def same(*names: str) -> dict[str, str]:
    """Words for `sampling` where a format has ours."""
    return {name: name for name in names}


def sampling(request: Request, words: Mapping[str, str]) -> JsonDict:
    """How to sample, in a format's own words; what it has no word for is left out."""
    asked = {"temperature": request.temperature, "top_p": request.top_p, "top_k": request.top_k}
    if request.sampling is not None:
        asked |= request.sampling
    return {words[name]: value for name, value in asked.items() if value is not None and name in words}


def in_call_order(messages: Sequence[Message]) -> Sequence[Message]:
    """With the results of every turn in the order of its calls: where a format has no ids, that tells whose they are."""
    order: dict[str, int] = {}
    places: list[tuple[int, int]] = []
    found = list(messages)
    for at, message in enumerate((*messages, None)):
        results = message is not None and [
            n for n, p in enumerate(message.parts) if isinstance(p, ToolResult)
        ]
        if message is not None and results:
            places += [(at, n) for n in results]
            continue
        if len(places) > 1:
            _reorder(found, places, order)
        places = []
        if message is not None and (calls := [p.id for p in message.parts if isinstance(p, ToolCall)]):
            order = {call: n for n, call in enumerate(calls)}
    return found


def _reorder(messages: list[Message], places: Sequence[tuple[int, int]], order: Mapping[str, int]) -> None:
    results = [cast("ToolResult", messages[at].parts[n]) for at, n in places]
    ordered = sorted(results, key=lambda result: order.get(result.call_id, len(order)))
    if ordered == results:
        return
    for (at, n), result in zip(places, ordered, strict=True):
        parts = messages[at].parts
        messages[at] = replace(messages[at], parts=(*parts[:n], result, *parts[n + 1 :]))


def split_system(messages: Iterable[Message]) -> tuple[str, list[Message]]:
    """The system text at the head, and the messages after it (a later system message stays in its place)."""
    head: list[str] = []
    rest: list[Message] = []
    for message in messages:
        if message.role == "system" and not rest:
            head.append(message.text)
        else:
            rest.append(message)
    return "\n\n".join(text for text in head if text), rest


def split_turns(messages: Iterable[Message]) -> tuple[str, list[Message]]:
    """Likewise, for formats that want a turn of the user: where there is nothing else the system text is it."""
    system, rest = split_system(messages)
    return (system, rest) if rest else ("", [Message("user", (Text(system),))])


def inline_system(text: str) -> str:
    """A later system message for formats that know only one at the head. It stays in place, as marked user text:
    moved to the head it would change what came before it, and throw away the vendor's prompt cache.
    """
    return f"<system>\n{text}\n</system>"


def own_thinking(part: Thinking, model: Model) -> bool:
    """A signature is worth something to its issuer only, and foreign reasoning is not sent on."""
    return part.issuer == model.vendor


def data_url(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"


def image_url(image: Image) -> str:
    return image.url or data_url(image.media_type, image.data or "")


def file_name(document: Document) -> str:
    return document.title or "document." + document.media_type.rpartition("/")[2]


def document_text(document: Document) -> str:
    """A plain-text document, for formats that have no part for it."""
    title = f' title="{document.title}"' if document.title else ""
    return f"<document{title}>\n{document.text}\n</document>"


def result_text(result: ToolResult, *, flagged: bool = False) -> str:
    """The text of a tool result. Formats without an error flag of their own get the fact in words."""
    if len(result.content) == 1 and isinstance(only := result.content[0], Text):  # as most have
        text = only.text
    else:
        pieces = [part.text for part in result.content if isinstance(part, Text)]
        pieces += [document_text(p) for p in result.content if isinstance(p, Document) and p.text is not None]
        text = "\n".join(pieces)
    return f"Error: {text}" if result.is_error and not flagged else text


def result_media(result: ToolResult) -> list[Image | Document]:
    """What of a tool result is not text."""
    return [p for p in result.content if isinstance(p, Image) or (isinstance(p, Document) and p.text is None)]


def tool_schema(tool: Tool) -> JsonDict:
    """Its parameters as the object schema that vendors insist on."""
    return {"properties": {}, **tool.parameters, "type": "object"}


@kept_for_each(MOST_TOOLS)
def function_tool(tool: Tool) -> JsonDict:
    """As Chat Completions and Ollama write it."""
    function: JsonDict = {"name": wire_name(tool.name), "description": tool.description}
    function["parameters"] = tool_schema(tool)
    return {"type": "function", "function": function}


@lru_cache(4096)
def wire_name(name: str, limit: int = 64) -> str:
    """A tool's name as vendors take it: the same for the tool, its calls and the choice of it."""
    begins = name[:1].isalpha() or name[:1] == "_"  # Google takes no other beginning
    if begins and len(name) <= limit and not _NOT_IN_NAMES.search(name):
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    plain = _NOT_IN_NAMES.sub("_", name if begins else f"_{name}")
    return f"{plain[: limit - 9]}_{mark}"


def wire_id(call_id: str) -> str:
    """A tool call id every vendor accepts, the same for the call and its result."""
    if _PLAIN_ID.fullmatch(call_id):
        return call_id
    return "call_" + hashlib.sha256(call_id.encode()).hexdigest()[:24]
