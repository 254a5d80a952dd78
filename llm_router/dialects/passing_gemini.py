"""Gemini's requests on their way to Google. The model is in the URL."""

from __future__ import annotations

import base64
import re
from typing import Any

import msgspec

from llm_router.dialects import passing
from llm_router.dialects.encoding import output_limit
from llm_router.dialects.gemini import UNSIGNED
from llm_router.dialects.gemini_stream import GeminiDecoder
from llm_router.dialects.inbound.signatures import MARK
from llm_router.dialects.reading import record, records, string
from llm_router.nouns import JsonDict, Model, Request

# the usage comes with every chunk, and with the last it is whole
_TELLING = re.compile(rb'"finish_?[rR]eason"\s*:\s*"|"error"\s*:\s*\{|"blockReason"')
_VERSION = re.compile(rb'"modelVersion"\s*:\s*("(?:[^"\\]|\\.)*")')
_ANY = msgspec.json.Decoder()
_TAG = base64.b64encode(MARK.encode())[:6]  # how the base64 of every tag of ours begins
_SIGNATURES = ("thoughtSignature", "thought_signature")


class _GeminiTap(passing.Tap):
    MODEL = _VERSION
    CHOICES = ("candidates", "finishReason")
    ACTS = re.compile(rb'"(?:inlineData|fileData|executableCode)"\s*:')


class GeminiPassing:
    def takes(self, request: Request, model: Model) -> bool:  # noqa: ARG002 - it is the only vendor who speaks it
        return request.origin is not None

    def head(self, request: Request, model: Model) -> bytes:
        if request.origin is None:
            raise ValueError("a request without a body cannot pass")
        body = request.origin.body
        limit = output_limit(request, model)
        bounded = limit is not None and limit != _asked(body)
        if not bounded and _TAG not in body:
            return body
        fields: dict[str, Any] = dict(passing.fields(body))
        if bounded:
            name = "generation_config" if "generation_config" in fields else "generationConfig"
            config = record(_ANY.decode(fields.get(name, b"null")))
            config.pop("max_output_tokens", None)
            fields[name] = config | {"maxOutputTokens": limit}
        if _TAG in body:
            fields["contents"] = _without_foreign(_ANY.decode(fields["contents"]))
        return passing.written(fields)

    def tap(self, request: Request, provider: str, shown: str | None) -> passing.Tap:  # noqa: ARG002 - others ask it
        return _GeminiTap(GeminiDecoder(), _TELLING, shown, request.answers)

    def plain(self, body: bytes, provider: str, shown: str | None) -> bytes:  # noqa: ARG002 - others ask it
        return passing.renamed(body, shown, _VERSION)


_LIMIT = re.compile(rb'"(?:maxOutputTokens|max_output_tokens)"\s*:\s*(\d+)')


def _asked(body: bytes) -> int | None:
    found = _LIMIT.search(body)
    return int(found[1]) if found else None


def _without_foreign(contents: Any) -> Any:
    for content in records(contents):
        parts = records(content.get("parts"))
        for part in parts:
            for name in _SIGNATURES:
                if string(part.get(name)).encode().startswith(_TAG):
                    _strip(part, name)
        if parts:  # a part may have been nothing but a signature
            content["parts"] = [part for part in parts if part != {"text": ""}] or [{"text": " "}]
    return contents


def _strip(part: JsonDict, name: str) -> None:
    """A call must be signed; for those of other models Google takes a word in its place."""
    if "functionCall" in part or "function_call" in part:
        part[name] = UNSIGNED
    else:
        del part[name]


PASSING = GeminiPassing()
