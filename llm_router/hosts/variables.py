"""The environment our server reads, for hosts that withhold it."""

from __future__ import annotations

from collections.abc import Iterable

from llm_router.providers import vendors

_SETTINGS = ("HOME", "CONFIG", "PROFILE", "ENFORCE", "BASELINE", "STORE_PROMPTS")
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


def credentials() -> list[str]:
    """Variables that hold a credential."""
    return _each(name for vendor in vendors.load().values() for name in vendor.key_env)


def everything() -> list[str]:
    """Keys, addresses, regions and projects of the vendors, our own settings, and the way to the network."""
    addresses = (name for vendor in vendors.load().values() for name in vendor.base_url_variables)
    rest = (
        name
        for vendor in vendors.load().values()
        for name in [*(n for names in vendor.variables.values() for n in names), *vendor.headers_env.values()]
    )
    return _each(
        [*credentials(), *addresses, *rest, *(f"LLM_ROUTER_{name}" for name in _SETTINGS), *_NETWORK]
    )


def _each(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
