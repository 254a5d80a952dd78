"""Ollama's chats on their way to Ollama."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from llm_router.dialects import passing
from llm_router.dialects.encoding import output_limit
from llm_router.dialects.ollama import OllamaDecoder, window
from llm_router.dialects.reading import record
from llm_router.nouns import Model, Request

_TELLING = re.compile(rb'"done"\s*:\s*true|"error"\s*:\s*"')
_ANY = msgspec.json.Decoder()


class _OllamaTap(passing.Tap):
    """Lines of JSON."""

    end_of_event = b"\n"

    def last_end(self, data: bytes) -> int:
        return data.rfind(b"\n") + 1

    def blocks(self, events: bytes) -> Iterable[bytes]:
        return (line + b"\n" for line in events.split(b"\n") if line.strip())

    def data(self, block: bytes) -> bytes:
        return block.strip()

    def is_plain(self, block: bytes) -> bool:  # noqa: ARG002 - every line of it is JSON
        return False


class OllamaPassing:
    def takes(self, request: Request, model: Model) -> bool:  # noqa: ARG002 - it is the only server that speaks it
        return request.origin is not None

    def head(self, request: Request, model: Model) -> bytes:
        """Who says nothing of the window gets one that holds his prompt: Ollama's own would silently cut it."""
        if request.origin is None:
            raise ValueError("a request without a body cannot pass")
        fields: dict[str, Any] = dict(passing.fields(request.origin.body))
        fields["model"] = model.id
        options = record(_ANY.decode(fields.get("options", b"null")))
        if (limit := output_limit(request, model)) is not None:
            options["num_predict"] = limit
        if "num_ctx" not in options:
            options["num_ctx"] = window(request.input_tokens or 0, request, model)
            fields["truncate"] = False
        return passing.written(fields | {"options": options, "stream": request.stream})

    def tap(self, request: Request, provider: str, shown: str | None) -> passing.Tap:  # noqa: ARG002 - it asked for all of it
        return _OllamaTap(OllamaDecoder(), _TELLING, shown)

    def plain(self, body: bytes, provider: str, shown: str | None) -> bytes:  # noqa: ARG002 - others ask it
        return passing.renamed(body, shown)


PASSING = OllamaPassing()
