"""Which vendor and which wire format a path means.

The first segment names the vendor (any name will do) unless the path starts with an API of its own; the end of the
path chooses the wire format. So `/groq/openai/v1/chat/completions`, `/v1/chat/completions` and
`/azure/openai/deployments/x/chat/completions` all work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llm_router.sandbox.wires import anthropic, gemini, ollama, openai_chat, openai_responses
from llm_router.sandbox.wires.wire import Wire

Operation = Literal[
    "answer", "count", "models", "model", "embed", "show", "version", "running", "alive", "unknown"
]

_APIS = {"v1", "v1beta", "v1beta1", "v1alpha", "api"}
_GEMINI = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>\w+)$")
_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")
_MODEL = re.compile(r"(?:^|/)models/(?P<model>.+)$")
_ENDS: tuple[tuple[str, Wire, Operation], ...] = (
    ("/messages/count_tokens", anthropic.WIRE, "count"),
    ("/messages", anthropic.WIRE, "answer"),
    ("/chat/completions", openai_chat.WIRE, "answer"),
    ("/responses", openai_responses.WIRE, "answer"),
    ("/api/chat", ollama.CHAT, "answer"),
    ("/api/generate", ollama.GENERATE, "answer"),
    ("/api/tags", ollama.CHAT, "models"),
    ("/api/show", ollama.CHAT, "show"),
    ("/api/version", ollama.CHAT, "version"),
    ("/api/ps", ollama.CHAT, "running"),
    ("/api/embed", ollama.CHAT, "embed"),
    ("/embeddings", openai_chat.WIRE, "embed"),
)


@dataclass(frozen=True, slots=True)
class Route:
    """`model` is the one the path names, if it does; so does `streams`. `vendor` is "" at the root."""

    vendor: str
    operation: Operation
    wire: Wire
    model: str = ""
    streams: bool = False


def route(path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Route:
    vendor, rest = _vendor(path)
    if match := _GEMINI.search(rest):
        return _gemini(vendor, match, query)
    for end, wire, operation in _ENDS:
        if rest.endswith(end):
            deployed = _DEPLOYMENT.search(rest)
            return Route(vendor, operation, wire, deployed[1] if deployed else "")
    if rest.endswith("/models") or (match := _MODEL.search(rest)):
        model = "" if rest.endswith("/models") or not match else match["model"]
        return Route(vendor, "model" if model else "models", _listing(vendor, rest, headers), model)
    wire = {"anthropic": anthropic.WIRE, "gemini": gemini.WIRE, "ollama": ollama.CHAT}.get(
        vendor, openai_chat.WIRE
    )
    return Route(vendor, "unknown" if rest.strip("/") else "alive", wire)


def _vendor(path: str) -> tuple[str, str]:
    first, _, rest = path.lstrip("/").partition("/")
    if not first or first in _APIS:
        return "", path
    return first, f"/{rest}"


def _gemini(vendor: str, match: re.Match[str], query: Mapping[str, str]) -> Route:
    verb, model = match["verb"], match["model"]
    if verb == "countTokens":
        return Route(vendor, "count", gemini.WIRE, model)
    if verb in ("embedContent", "batchEmbedContents"):
        return Route(vendor, "embed", gemini.WIRE, model)
    if verb == "streamGenerateContent":
        return Route(
            vendor, "answer", gemini.WIRE if query.get("alt") == "sse" else gemini.ARRAY, model, streams=True
        )
    return Route(vendor, "answer" if verb == "generateContent" else "unknown", gemini.WIRE, model)


def _listing(vendor: str, rest: str, headers: Mapping[str, str]) -> Wire:
    if vendor in ("gemini", "google") or rest.startswith(("/v1beta", "/v1alpha")):
        return gemini.WIRE
    return anthropic.WIRE if "anthropic-version" in headers else openai_chat.WIRE
