"""What the simulated vendors say about their models: lists, Ollama's installed ones, embeddings."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import Turn, as_dict, as_list, size, tokens

_LISTED = ("sandbox-small", "sandbox-large")
_SINCE = "2026-01-01T00:00:00Z"
_SINCE_UNIX = 1_767_225_600
_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class Installed:
    """One model of the simulated Ollama; `context` in tokens, `size` in bytes."""

    name: str
    family: str
    parameter_size: str
    capabilities: tuple[str, ...] = ("completion",)
    context: int = 32_768
    size: int = 2_000_000_000

    @property
    def details(self) -> JsonDict:
        return {
            "parent_model": "",
            "format": "gguf",
            "family": self.family,
            "families": [self.family],
            "parameter_size": self.parameter_size,
            "quantization_level": "Q4_K_M",
        }


INSTALLED = (
    Installed("qwen3:8b", "qwen3", "8.2B", ("completion", "tools", "thinking"), 40_960, 5_225_388_164),
    Installed("llama3.2:3b", "llama", "3.2B", ("completion", "tools"), 131_072, 2_019_393_189),
    Installed("gemma3:4b", "gemma3", "4.3B", ("completion", "vision"), 131_072, 3_338_801_804),
    Installed("nomic-embed-text:latest", "nomic-bert", "137M", ("embedding",), 2048, 274_302_450),
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Which models each vendor lists, and which Ollama has installed."""

    listed: Mapping[str, Sequence[str]]
    installed: Sequence[Installed] = INSTALLED

    def names(self, vendor: str) -> Sequence[str]:
        if vendor in self.listed:
            return self.listed[vendor]
        return [model.name for model in self.installed] if vendor == "ollama" else _LISTED

    def find(self, name: str) -> Installed | None:
        """Ollama's own rule: a name without a tag means `:latest`."""
        full = name if ":" in name else f"{name}:latest"
        return next((model for model in self.installed if model.name == full), None)


def refusal(model: Installed, turn: Turn) -> str | None:
    """Why Ollama would not serve this turn with this model."""
    if "completion" not in model.capabilities:
        return f'"{model.name}" does not support chat'
    if turn.tools and "tools" not in model.capabilities:
        return f"registry.ollama.ai/library/{model.name} does not support tools"
    if turn.thinking and "thinking" not in model.capabilities:
        return f'"{model.name}" does not support thinking'
    return None


def openai_models(names: Sequence[str], vendor: str) -> JsonDict:
    return {"object": "list", "data": [openai_model(name, vendor) for name in names]}


def openai_model(name: str, vendor: str) -> JsonDict:
    return {"id": name, "object": "model", "created": _SINCE_UNIX, "owned_by": vendor or "sandbox"}


def anthropic_models(names: Sequence[str]) -> JsonDict:
    data = [
        {"type": "model", "id": n, "display_name": n, "created_at": _SINCE, "lifecycle": "active"}
        for n in names
    ]
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    return {"data": data, "has_more": False} | ends


def gemini_models(names: Sequence[str]) -> JsonDict:
    return {"models": [gemini_model(name) for name in names]}


def gemini_model(name: str) -> JsonDict:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def tags(installed: Sequence[Installed]) -> JsonDict:
    return {
        "models": [
            {
                "name": model.name,
                "model": model.name,
                "modified_at": _SINCE,
                "size": model.size,
                "digest": hashlib.sha256(model.name.encode()).hexdigest(),
                "details": model.details,
                "capabilities": list(model.capabilities),
            }
            for model in installed
        ]
    }


def show(model: Installed) -> JsonDict:
    return {
        "license": "",
        "modelfile": f"FROM {model.name}",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": model.details,
        "model_info": {
            "general.architecture": model.family,
            f"{model.family}.context_length": model.context,
        },
        "capabilities": list(model.capabilities),
        "modified_at": _SINCE,
    }


def openai_embeddings(body: JsonDict) -> JsonDict:
    """The SDK asks for base64 of little-endian 32-bit floats unless told otherwise."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else [str(text) for text in as_list(given)]
    packed = body.get("encoding_format") == "base64"
    data: list[JsonDict] = []
    for index, text in enumerate(texts):
        numbers = vector(text)
        encoded = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
        data.append({"object": "embedding", "index": index, "embedding": encoded if packed else numbers})
    count = tokens(size(texts))
    usage = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "data": data, "model": body.get("model"), "usage": usage}


def ollama_embeddings(body: JsonDict) -> JsonDict:
    given = body.get("input")
    texts = [given] if isinstance(given, str) else [str(text) for text in as_list(given)]
    vectors = [vector(text) for text in texts]
    return {"model": body.get("model"), "embeddings": vectors, "prompt_eval_count": tokens(size(texts))}


def gemini_embeddings(body: JsonDict) -> JsonDict:
    asked = as_list(body.get("requests")) if "requests" in body else [body]
    vectors = [{"values": vector(json.dumps(as_dict(one).get("content")))} for one in asked]
    return {"embeddings": vectors} if "requests" in body else {"embedding": vectors[0]}


def vector(text: str) -> list[float]:
    """The same text always gets the same unit vector."""
    raw = [byte - 127.5 for byte in hashlib.sha256(text.encode("utf-8", "replace")).digest()[:_DIMENSIONS]]
    length = sum(x * x for x in raw) ** 0.5
    return [x / length for x in raw]
