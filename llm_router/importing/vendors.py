"""Whom another gateway's provider is with us: a vendor we know, by its address or name, or an endpoint of the user's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from llm_router.importing.result import Imported, record, variable
from llm_router.plan import Catalogue
from llm_router.providers import vendors
from llm_router.providers.endpoints import is_loopback

# what stands behind a base URL in theirs, and in ours does not
_ENDPOINTS = re.compile(r"/(?:chat/completions|completions|messages|responses|models/?)/?$")
_NO_NAME = re.compile(r"[^a-z0-9-]+")
_OLLAMA_PORT = 11434
_COMMON = frozenset({"openai", "azure"})


def known(name: str, url: str = "", aliases: Mapping[str, str] | None = None) -> str | None:
    """Our vendor of this address; else of this name, if its address is the user's to say, or none is given."""
    rows = vendors.load()
    named = (aliases or {}).get(name.lower(), name.lower())
    row = rows.get(named)
    if not url:
        return named if row else None
    here, parts = _host(url), urlsplit(url)
    if is_loopback(here or "") and parts.port == _OLLAMA_PORT:
        return "ollama"
    found = next((each for each, other in rows.items() if here and _host(other.base_url) == here), None)
    if found and not is_loopback(here or ""):
        return found
    return named if row and (row.key_optional or not _host(row.base_url)) else None


def own_name(name: str) -> str:
    """A name that ours may have: lower case, no slash."""
    found = _NO_NAME.sub("-", name.lower()).strip("-") or "custom"
    return f"{found}-own" if found in vendors.load() else found


def base_url(url: str) -> str:
    return _ENDPOINTS.sub("", url.strip()).rstrip("/")


def dialect_of(url: str) -> str | None:
    """By what stands at the end of an address; None is OpenAI Chat, as everybody speaks."""
    if url.rstrip("/").endswith("/messages"):
        return "anthropic"
    if url.rstrip("/").endswith("/responses"):
        return "openai_responses"
    return "gemini" if "/models" in urlsplit(url).path else None


def speaks(name: str) -> str | None:
    """The dialect of a vendor we know, for an endpoint of the user's that stands for it."""
    row = vendors.load().get(name)
    return row.dialect if row else None


def put(
    into: Imported,
    vendor: str | None,
    name: str,
    *,
    url: str,
    key: str | None,
    dialect: str | None,
    called: Iterable[str],
) -> str:
    """Write a provider into the settings; gives its name with us. `called` are the names by which the file knows it, and
    which may tell whose models an endpoint has that is no vendor itself.
    """
    if vendor is not None:
        _key(into, vendor, key)
        if url and not _same_place(url, vendors.load()[vendor].base_url):
            into.set("providers", vendor, "base_url", value=base_url(url))
        into.settings.setdefault("providers", {}).setdefault(vendor, {})
        return vendor
    ours = _apart(into, own_name(name), base_url(url), dialect)
    into.set("providers", ours, "base_url", value=base_url(url))
    into.set("providers", ours, "api_key", value=key)
    into.set("providers", ours, "dialect", value=dialect if dialect != "openai_chat" else None)
    if dialect in (None, "openai_chat"):
        into.set("providers", ours, "stands_for", value=_stood_for(called))
    return ours


def _stood_for(called: Iterable[str]) -> str | None:
    """Not a vendor whose format everybody speaks: its name says nothing."""
    rows = vendors.load()
    return next(
        (n for n in called if n in rows and rows[n].dialect == "openai_chat" and n not in _COMMON), None
    )


def _same_place(url: str, ours: str) -> bool:
    """Whether a vendor's own address is meant: its host, or on this machine its port."""
    here, there = urlsplit(url), urlsplit(ours if "{" not in ours else "")
    if is_loopback(here.hostname or "") and is_loopback(there.hostname or ""):
        return here.port == there.port
    return here.hostname == there.hostname


def _apart(into: Imported, name: str, url: str, dialect: str | None) -> str:
    """The name for this address: addresses and dialects of one host are providers of their own."""
    taken, number, found = record(into.settings.get("providers")), 1, name
    while found in taken and (taken[found].get("base_url"), taken[found].get("dialect", "openai_chat")) != (
        url,
        dialect or "openai_chat",
    ):
        number += 1
        found = f"{name}-{number}"
    return found


def add_models(into: Imported, provider: str, models: list[str]) -> None:
    """Those the catalogue does not list; what a local server has is what it says itself."""
    catalogue = Catalogue.load()
    rows = vendors.load()
    if provider in rows and rows[provider].discover:
        return
    listed = {model.id for model in catalogue.of(provider)}
    fresh = [model for model in models if model not in listed]
    before: list[str] = into.settings["providers"].setdefault(provider, {}).get("models", [])
    into.set("providers", provider, "models", value=list(dict.fromkeys([*before, *fresh])))


def tidy(into: Imported) -> None:
    """A vendor that needs nothing said about it is not mentioned."""
    providers = into.settings.get("providers", {})
    for name in [name for name, row in providers.items() if not row]:
        del providers[name]
        into.notes.append(f"{name}: nothing to set; it is used as soon as its own variable is set or it runs")
    if not providers:
        into.settings.pop("providers", None)


def _key(into: Imported, vendor: str, key: str | None) -> None:
    if key is None or variable(key) in vendors.load()[vendor].key_env:
        return  # its own variable is read anyway
    if vendors.load()[vendor].key_optional and variable(key) is None:
        return  # `ollama` and the like: a word that stands for no key
    into.set("providers", vendor, "api_key", value=key)


def _host(url: str) -> str | None:
    """None also for an address with {names} in it: those are the user's."""
    return urlsplit(url).hostname if "{" not in url else None
