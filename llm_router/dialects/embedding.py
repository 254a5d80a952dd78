"""Embeddings in the vendors' formats, both ways: a caller's body is read, an upstream's written, and back. Pure.

Kept apart from the dialects of answers: nothing streams, nothing has tools, and no other model may take over, because
vectors of different models cannot be compared.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from llm_router.dialects.reading import record, records, sequence
from llm_router.errors import UpstreamError, UsageError
from llm_router.nouns import FailureKind, JsonDict

Input = str | list[int]  # OpenAI's clients may send tokens


@dataclass(frozen=True, slots=True)
class Wanted:
    """`single`: the caller asked for one vector and is given it alone, where its format knows the difference. `packed`:
    as base64 of little-endian 32-bit floats, OpenAI's way.
    """

    model: str
    inputs: tuple[Input, ...]
    dimensions: int | None = None
    packed: bool = False
    single: bool = False


@dataclass(frozen=True, slots=True)
class Vectors:
    """One for each input, in order. `tokens` None: the upstream does not say."""

    vectors: tuple[Sequence[float], ...]
    tokens: int | None = None


# ── callers ──────────────────────────────────────────────────────────────────


def read(dialect: str, body: JsonDict, model: str | None) -> Wanted:
    """Raises UsageError. `model` is given where it stands in the URL."""
    if dialect == "ollama_embeddings":
        body = body | {"input": body.get("prompt")}
    wanted = _read_gemini(body, model or "") if dialect == "gemini" else _read_openai(body)
    if not wanted.inputs or not all(wanted.inputs):
        raise UsageError("input: there is nothing to embed")
    return wanted


def _read_openai(body: JsonDict) -> Wanted:
    """Ollama's differs only in what is optional."""
    name, given = body.get("model"), body.get("input")
    if not isinstance(name, str) or not name:
        raise UsageError("model: Field required")
    dimensions = body.get("dimensions")
    if dimensions is not None and (not isinstance(dimensions, int) or dimensions < 1):
        raise UsageError("dimensions: expected a positive whole number")
    return Wanted(name, _inputs(given), dimensions, body.get("encoding_format") == "base64")


def _inputs(given: object) -> tuple[Input, ...]:
    if isinstance(given, str):
        return (given,)
    each = sequence(given)
    if each and all(type(one) is int for one in each):
        return (cast("list[int]", list(each)),)
    found: list[Input] = []
    for place, one in enumerate(each):
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list) and all(type(token) is int for token in cast("list[Any]", one)):
            found.append(cast("list[int]", one))
        else:
            raise UsageError(f"input.{place}: expected text or tokens")
    if not isinstance(given, list):
        raise UsageError("input: expected text, or a list of texts")
    return tuple(found)


def _read_gemini(body: JsonDict, model: str) -> Wanted:
    asked = records(body.get("requests"))
    single = "content" in body
    each = [body] if single else asked
    texts = ["\n".join(str(part.get("text", "")) for part in _parts(one)) for one in each]
    sizes = [one.get("outputDimensionality") for one in each]
    size = sizes[0] if sizes and isinstance(sizes[0], int) else None
    return Wanted(model, tuple(texts), size, single=single)


def _parts(request: JsonDict) -> Sequence[JsonDict]:
    return records(record(request.get("content")).get("parts"))


def render(dialect: str, wanted: Wanted, vectors: Vectors, tokens: int) -> JsonDict:
    """`tokens` is what is shown where the upstream said nothing."""
    if dialect == "gemini":
        told = [{"values": list(each)} for each in vectors.vectors]
        return {"embedding": told[0]} if wanted.single else {"embeddings": told}
    if dialect == "ollama_embeddings":
        return {"embedding": list(vectors.vectors[0])}
    if dialect == "ollama":
        shown = [list(each) for each in vectors.vectors]
        return {"model": wanted.model, "embeddings": shown, "prompt_eval_count": tokens}
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(each) if wanted.packed else list(each)}
        for index, each in enumerate(vectors.vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": wanted.model, "usage": usage}


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


# ── upstreams ────────────────────────────────────────────────────────────────


def encode(dialect: str, wanted: Wanted, model: str) -> JsonDict:
    """Raises UpstreamError(UNSUPPORTED) where a format cannot say it."""
    if dialect not in {"openai_chat", "openai_responses"}:
        wanted = replace(wanted, inputs=tuple(_text(each) for each in wanted.inputs))
    size = wanted.dimensions
    if dialect == "gemini":
        sized = {"outputDimensionality": size} if size else {}
        name = model if "/" in model else f"models/{model}"
        return {
            "requests": [
                {"model": name, "content": {"parts": [{"text": each}]}, **sized} for each in wanted.inputs
            ]
        }
    sized = {"dimensions": size} if size else {}
    if dialect == "ollama":
        return {"model": model, "input": list(wanted.inputs), **sized}
    return {"model": model, "input": list(wanted.inputs), "encoding_format": "float", **sized}


def _text(given: Input) -> str:
    if isinstance(given, str):
        return given
    raise UpstreamError(FailureKind.UNSUPPORTED, "tokens cannot be embedded there: send the text", status=400)


def decode(dialect: str, body: JsonDict, count: int) -> Vectors:
    """Raises UpstreamError(MALFORMED)."""
    if dialect == "gemini":
        found = [sequence(each.get("values")) for each in records(body.get("embeddings"))]
        tokens = record(body.get("usageMetadata")).get("promptTokenCount")
    elif dialect == "ollama":
        found = [sequence(each) for each in sequence(body.get("embeddings"))]
        tokens = body.get("prompt_eval_count")
    else:
        data = sorted(records(body.get("data")), key=lambda each: each.get("index") or 0)
        found = [sequence(each.get("embedding")) for each in data]
        tokens = record(body.get("usage")).get("prompt_tokens")
    vectors = tuple(cast("Sequence[float]", each) for each in found)
    if len(vectors) != count or not all(vectors):
        raise UpstreamError(FailureKind.MALFORMED, f"{len(vectors)} vectors came for {count} inputs")
    return Vectors(vectors, tokens if isinstance(tokens, int) else None)
