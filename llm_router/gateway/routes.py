"""Which path is whose: the exact table of endpoints, from which the OpenAPI document is made too.

Clients put what they like before a path (`ANTHROPIC_BASE_URL=http://host/pre/fix`) and behind it (`?beta=true`), so a
path is looked for from its start and then without its first segments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from msgspec import Struct, field

ANTHROPIC, CHAT, RESPONSES, GEMINI, OLLAMA = (
    "anthropic",
    "openai_chat",
    "openai_responses",
    "gemini",
    "ollama",
)
GEMINI_ARRAY, OLLAMA_GENERATE = "gemini_array", "ollama_generate"  # the same, but for how an answer is framed


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is the endpoint, `dialect` the language of its errors. A `path` may hold {names}; the last one of a path
    takes slashes too, because names of models have them. `anywhere`: whatever stands before it.
    """

    method: str
    path: str
    name: str
    dialect: str
    summary: str
    anywhere: bool = True


ROUTES = (
    Route("POST", "/v1/messages", "answer", ANTHROPIC, "Anthropic Messages, streamed or not."),
    Route("POST", "/v1/messages/count_tokens", "count", ANTHROPIC, "How many tokens a request has."),
    Route("POST", "/v1/chat/completions", "answer", CHAT, "OpenAI Chat Completions, streamed or not."),
    Route("POST", "/v1/responses", "answer", RESPONSES, "OpenAI Responses, streamed or not."),
    Route("GET", "/v1/responses", "no_websocket", RESPONSES, "Refused with 426: there is no WebSocket here."),
    Route("POST", "/v1/responses/input_tokens", "count", RESPONSES, "How many tokens a request has."),
    Route("POST", "/v1/embeddings", "embed", CHAT, "OpenAI Embeddings."),
    Route(
        "GET", "/v1/models", "models", CHAT, "Models and aliases; Anthropic's form with `anthropic-version`."
    ),
    Route("GET", "/v1/models/{model}", "model", CHAT, "One of them."),
    Route("POST", "/v1beta/models/{model}:generateContent", "answer", GEMINI, "Gemini, whole."),
    Route(
        "POST", "/v1beta/models/{model}:streamGenerateContent", "answer_streamed", GEMINI, "Gemini, streamed."
    ),
    Route("POST", "/v1beta/models/{model}:countTokens", "count", GEMINI, "How many tokens a request has."),
    Route("POST", "/v1beta/models/{model}:embedContent", "embed", GEMINI, "An embedding."),
    Route("POST", "/v1beta/models/{model}:batchEmbedContents", "embed", GEMINI, "Several embeddings."),
    Route("GET", "/v1beta/models", "models", GEMINI, "Models and aliases, in Gemini's form."),
    Route("GET", "/v1beta/models/{model}", "model", GEMINI, "One of them."),
    Route("POST", "/api/chat", "answer", OLLAMA, "Ollama's chat, streamed unless told otherwise."),
    Route("POST", "/api/generate", "answer", "ollama_generate", "Ollama's completion of a prompt, likewise."),
    Route("POST", "/api/embed", "embed", OLLAMA, "Embeddings."),
    Route("POST", "/api/embeddings", "embed", OLLAMA, "One embedding, as older clients ask for it."),
    Route("GET", "/api/tags", "models", OLLAMA, "Models and aliases, in Ollama's form."),
    Route("GET", "/api/ps", "running", OLLAMA, "Models that are loaded: none, for none is here."),
    Route("POST", "/api/show", "show", OLLAMA, "One of them."),
    Route("GET", "/api/version", "version", OLLAMA, "The version of Ollama whose API this is."),
    Route("GET", "/healthz", "healthz", CHAT, "The service runs.", anywhere=False),
    Route("GET", "/readyz", "readyz", CHAT, "Somebody could answer; 503 says why not.", anywhere=False),
    Route("GET", "/metrics", "metrics", CHAT, "Figures for Prometheus.", anywhere=False),
    Route("GET", "/status", "status", CHAT, "What is under way, and what was lately.", anywhere=False),
    Route("POST", "/reload", "reload", CHAT, "Read the configuration again.", anywhere=False),
    Route("GET", "/openapi.json", "openapi", CHAT, "This list as an OpenAPI document.", anywhere=False),
    Route("GET", "/", "root", CHAT, "Says what this is.", anywhere=False),
)
# `v1` and `v1alpha` are Google's other versions, and Vertex has a project between version and model; the Vercel AI SDK
# leaves `models/` out where the model's name has a slash; OpenAI's clients leave `/v1` out where the base URL lacks it
_OTHER_VERSIONS = {"/v1beta/": ("/v1/", "/v1alpha/", "/"), "/v1/": ("/",)}
_GOOGLES = frozenset({b"x-goog-api-key", b"x-goog-api-client"})
_UNVERSIONED = (CHAT, RESPONSES)
_MOST_SEGMENTS = 32  # every tail of a path is looked at: of 64 KB of slashes that would be a gigabyte


class Found(Struct, frozen=True):
    """`route` is None where there is none; then `allowed` are the methods that this path does have, and `dialect` is
    whose path it is.
    """

    route: Route | None
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    allowed: tuple[str, ...] = ()
    dialect: str = ""


def paths_of(route: Route) -> tuple[str, ...]:
    """Every spelling of its path."""
    if route.dialect == GEMINI:
        # GET /v1/models is OpenAI's
        more = _OTHER_VERSIONS["/v1beta/"] if ":" in route.path else ("/v1alpha/",)
        paths = (route.path, *(route.path.replace("/v1beta/", other, 1) for other in more))
        return (*paths, route.path.replace("/models/", "/", 1)) if ":" in route.path else paths
    if route.dialect in _UNVERSIONED and route.path.startswith("/v1/"):
        return (route.path, route.path.removeprefix("/v1"))
    return (route.path,)


def _pattern(path: str) -> re.Pattern[str]:
    named = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(path))
    return re.compile(named if "/models/" in path else f"(?!.*/models/){named}")


_EXACT: dict[str, dict[str, Route]] = {}
_PATTERNS: list[tuple[re.Pattern[str], Route]] = []
for _route in ROUTES:
    for _path in paths_of(_route):
        if "{" in _path:
            _PATTERNS.append((_pattern(_path), _route))
        else:
            _EXACT.setdefault(_path, {})[_route.method] = _route
_PATTERNS.sort(key=lambda entry: ":" not in entry[1].path)  # `M:generateContent` is no name of a model


def find(method: str, path: str) -> Found:
    """The route of a request. The path is decoded; a query is not part of it. HEAD is GET without the body, which the
    server leaves out.
    """
    here = _EXACT.get(path)
    if here is not None and (route := here.get(method)) is not None:
        return Found(route)
    if method == "HEAD":
        return find("GET", path)
    allowed: dict[str, str] = {}
    for candidate, whole in _tails(path):
        for route, values in _matching(candidate):
            if not (route.anywhere or whole):
                continue
            if route.method == method:
                return Found(route, values)
            allowed.setdefault(route.method, route.dialect)
        if allowed:
            break
    if "GET" in allowed:
        allowed["HEAD"] = allowed["GET"]
    return Found(None, allowed=tuple(allowed), dialect=next(iter(allowed.values()), ""))


def _tails(path: str) -> list[tuple[str, bool]]:
    """The path, tidied, and what is left of it without its first segments; and whether it is the whole path."""
    segments = [segment for segment in path.split("/") if segment]
    if len(segments) > _MOST_SEGMENTS:
        return []
    return [("/" + "/".join(segments[start:]), start == 0) for start in range(max(1, len(segments)))]


def _matching(path: str) -> list[tuple[Route, Mapping[str, str]]]:
    found: list[tuple[Route, Mapping[str, str]]] = [(route, {}) for route in _EXACT.get(path, {}).values()]
    for pattern, route in _PATTERNS:
        if match := pattern.fullmatch(path):
            found.append((route, {name: unquote(value) for name, value in match.groupdict().items()}))
    return found


def dialect_of(found: Found, path: str, query: bytes, headers: Mapping[bytes, bytes]) -> str:
    """Which language the caller speaks: the route's, in the variant that the request asks for; else the likely one."""
    route = found.route
    if route is None:
        return found.dialect or _likely(path, headers)
    if route.name in {"models", "model"} and route.dialect == CHAT:  # three vendors have this path
        return _likely(path, headers)
    if route.name == "answer_streamed" and b"alt=sse" not in query:
        return GEMINI_ARRAY
    return OLLAMA_GENERATE if route.path == "/api/generate" else route.dialect


def _likely(path: str, headers: Mapping[bytes, bytes]) -> str:
    if b"anthropic-version" in headers:
        return ANTHROPIC
    if _GOOGLES & headers.keys() or "/v1beta/" in path:
        return GEMINI
    return OLLAMA if path.startswith("/api/") else CHAT
