"""The gateway as an OpenAPI 3.1 document, made from the table of routes: what each endpoint takes, gives and refuses.

The bodies are the vendors' own formats; only what the gateway itself needs of them is written down here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from llm_router import __version__
from llm_router.gateway.routes import CHAT, GEMINI, OLLAMA, ROUTES, Route
from llm_router.nouns import JsonDict

_MODEL: JsonDict = {
    "type": "string",
    "description": "`provider/model`, an alias, or a word that routes: auto, cheap, fast, best.",
}
_MESSAGE: JsonDict = {
    "type": "object",
    "properties": {
        "role": {"enum": ["user", "assistant", "system"]},
        "content": {"type": "string", "minLength": 1},
    },
    "required": ["role", "content"],
}
_MESSAGES: JsonDict = {"type": "array", "minItems": 1, "items": _MESSAGE}
_STREAM: JsonDict = {"type": "boolean"}
_CONTENTS: JsonDict = {
    "type": "object",
    "properties": {
        "contents": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "role": {"enum": ["user", "model"]},
                    "parts": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "properties": {"text": {"type": "string"}},
                            "required": ["text"],
                        },
                    },
                },
                "required": ["parts"],
            },
        }
    },
    "required": ["contents"],
}


def _object(required: tuple[str, ...], **properties: JsonDict) -> JsonDict:
    return {"type": "object", "properties": properties, "required": list(required)}


_TEXTS: JsonDict = {
    "anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}]
}
_CHAT_BODY = _object(("model", "messages"), model=_MODEL, messages=_MESSAGES, stream=_STREAM)
_RESPONSES_BODY = _object(("model", "input"), model=_MODEL, input={"type": "string"}, stream=_STREAM)
_BODIES: Mapping[str, JsonDict] = {
    "/v1/messages": _object(
        ("model", "messages", "max_tokens"),
        model=_MODEL,
        messages=_MESSAGES,
        max_tokens={"type": "integer", "minimum": 0},
        stream=_STREAM,
    ),
    "/v1/messages/count_tokens": _object(("model", "messages"), model=_MODEL, messages=_MESSAGES),
    "/v1/chat/completions": _CHAT_BODY,
    "/v1/responses": _RESPONSES_BODY,
    "/v1/responses/input_tokens": _object(("model", "input"), model=_MODEL, input={"type": "string"}),
    "/v1/embeddings": _object(("model", "input"), model=_MODEL, input=_TEXTS),
    "/api/chat": _CHAT_BODY,
    "/api/generate": _object(("model", "prompt"), model=_MODEL, prompt={"type": "string"}, stream=_STREAM),
    "/api/embed": _object(("model", "input"), model=_MODEL, input=_TEXTS),
    "/api/embeddings": _object(("model", "prompt"), model=_MODEL, prompt={"type": "string"}),
    "/api/show": _object(("model",), model=_MODEL),
    "embedContent": {
        "type": "object",
        "properties": {"content": {"type": "object"}},
        "required": ["content"],
    },
    "batchEmbedContents": {
        "type": "object",
        "properties": {"requests": {"type": "array", "items": {"type": "object"}}},
        "required": ["requests"],
    },
}
_ERRORS = {
    "400": "The request cannot be read.",
    "401": "An access key is needed, or an upstream refused ours.",
    "403": "Not from there.",
    "404": "No such model.",
    "413": "Too large.",
    "429": "A limit or a budget.",
    "500": "A defect, here or upstream.",
    "502": "Upstreams failed.",
    "503": "Nobody is ready.",
    "504": "Upstreams were too slow.",
    "529": "Upstreams are too busy.",
}
_OF_MODELS = frozenset({"answer", "answer_streamed", "embed"})
_PARAMETERS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("models", CHAT): ("limit",),
    ("models", GEMINI): ("pageSize", "pageToken"),
}


@cache
def document() -> JsonDict:
    paths: dict[str, JsonDict] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "llm-router gateway",
            "version": __version__,
            "description": "The vendors' own APIs, each answered by whichever model is right for the request.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            }
        },
        "security": [{}, {"bearer": []}, {"header": []}],
    }


def _operation(route: Route) -> JsonDict:
    names = re.findall(r"\{(\w+)\}", route.path)
    parameters: list[JsonDict] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in names
    ]
    parameters += [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in _PARAMETERS.get((route.name, route.dialect), ())
    ]
    operation: JsonDict = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^a-zA-Z0-9]+', '_', route.path)}",
        "summary": route.summary,
        "tags": [route.dialect if route.anywhere else "service"],
        "responses": _responses(route),
    }
    if parameters:
        operation["parameters"] = parameters
    if (body := _body(route)) is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _body(route: Route) -> JsonDict | None:
    if route.method != "POST" or route.name == "reload":
        return None
    action = route.path.rpartition(":")[2]
    return _BODIES.get(route.path) or _BODIES.get(action) or _CONTENTS


def _responses(route: Route) -> JsonDict:
    if route.name == "no_websocket":
        return {
            "426": _answer("application/json", "There is no WebSocket here."),
            **_refusals(("401", "403")),
        }
    content = ["text/plain"] if route.name == "metrics" else ["application/json"]
    if route.name in {"answer", "answer_streamed"}:
        content.append("application/x-ndjson" if route.dialect.startswith(OLLAMA) else "text/event-stream")
    good: JsonDict = {"description": "Done.", "content": {kind: {"schema": {}} for kind in content}}
    if route.name in _OF_MODELS:
        return {"200": good, **_refusals(tuple(_ERRORS))}
    few = ("400", "401", "403", "404", "413") if route.anywhere else ("401", "403")
    more = {"readyz": ("503",), "reload": ("409",)}.get(route.name, ())
    return {"200": good, **_refusals((*few, *more))}


def _refusals(statuses: tuple[str, ...]) -> JsonDict:
    return {status: _answer("application/json", _ERRORS.get(status, "Not taken.")) for status in statuses}


def _answer(kind: str, description: str) -> JsonDict:
    return {"description": description, "content": {kind: {"schema": {"type": "object"}}}}
