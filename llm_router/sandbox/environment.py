"""How to point each vendor's clients at the sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from llm_router.sandbox.records import FAKE_KEY

_OWN_PATHS = {"anthropic": "", "gemini": "", "google": "", "vertex": "", "ollama": ""}
_KEYLESS = {"ollama", "lmstudio", "vllm", "llamacpp"}
VENDORS = (
    "ollama",
    "lmstudio",
    "vllm",
    "llamacpp",
    "gemini",
    "vertex",
    "anthropic",
    "openai",
    "groq",
    "deepseek",
    "mistral",
    "xai",
    "together",
    "fireworks",
    "openrouter",
    "cerebras",
    "perplexity",
    "cohere",
    "moonshot",
    "zai",
    "qwen",
    "siliconflow",
    "volcengine",
    "minimax",
    "nvidia",
    "github",
    "azure",
    "bedrock",
)
# the names that some vendors' own clients read beside <VENDOR>_API_KEY and <VENDOR>_BASE_URL
_MORE_KEYS = {"azure": ("AZURE_OPENAI_API_KEY",), "bedrock": ("AWS_BEARER_TOKEN_BEDROCK",)}
_MORE_URLS = {"gemini": ("GOOGLE_GEMINI_BASE_URL",), "ollama": ("OLLAMA_HOST",)}


def base_url(url: str, vendor: str) -> str:
    return f"{url}/{vendor}{_OWN_PATHS.get(vendor, '/v1')}"


def environ(url: str, vendors: Sequence[str] | None = None) -> dict[str, str]:
    variables: dict[str, str] = {}
    for vendor in VENDORS if vendors is None else vendors:
        name = vendor.upper().replace("-", "_")
        address = base_url(url, vendor)
        variables |= dict.fromkeys((f"{name}_BASE_URL", *_MORE_URLS.get(vendor, ())), address)
        if vendor not in _KEYLESS:
            keys = (f"{name}_API_KEY", *_MORE_KEYS.get(vendor, ()))
            variables |= dict.fromkeys(keys, f"{FAKE_KEY}{vendor}")
    return variables
