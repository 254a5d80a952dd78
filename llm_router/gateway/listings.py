"""Which models there are, in the form each vendor's clients expect: strategy words, aliases, and models that are ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qs

import msgspec

from llm_router.errors import NotFoundError, UsageError
from llm_router.gateway import names
from llm_router.gateway.visit import Visit
from llm_router.nouns import Billing, Feature, JsonDict, Model
from llm_router.plan import World, words

OLLAMA_VERSION = "0.12.6"  # whose API is spoken; clients ask for it to know what they may send
_ALL: frozenset[Feature] = frozenset({"vision", "documents", "tools", "thinking", "schema"})
_OLLAMA_WORDS: Mapping[Feature, str] = {"vision": "vision", "tools": "tools", "thinking": "thinking"}
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list. `model` is None for a word that routes."""

    id: str
    title: str
    model: Model | None = None

    @property
    def owner(self) -> str:
        return self.model.provider if self.model else "llm-router"

    @property
    def features(self) -> frozenset[Feature]:
        return self.model.features if self.model else _ALL


def entries(world: World) -> list[Entry]:
    """Words first, then aliases, then every model of a provider that is ready."""
    listed = [Entry(word, f"{word}: llm-router chooses") for word in words()]
    ready = [name for name in world.ready if world.is_ready(name)]
    models = {model.ref: model for name in ready for model in world.models(name)}
    known = {model.id: model for model in reversed(models.values())}
    for alias, target in world.catalogue.aliases.items():
        model = models.get(target) or known.get(target)
        if model is not None and alias not in models:
            listed.append(Entry(alias, f"{alias}: {model.ref}", model))
    listed += [Entry(ref, ref, model) for ref, model in models.items()]
    return list({entry.id: entry for entry in reversed(listed)}.values())[::-1]


async def models(visit: Visit) -> None:
    listed = await _listed(visit)
    await visit.reply(_LISTS[visit.dialect](listed, _query(visit), visit))


async def model(visit: Visit) -> None:
    wanted = names.told_name(visit.values["model"]) or ""
    await visit.reply(_ONES[visit.dialect](await _one(visit, wanted), visit))


async def show(visit: Visit) -> None:
    """Ollama's: the name stands in the body."""
    body = await visit.body()
    try:
        asked = msgspec.json.decode(body, type=_Show)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f'the body is no {{"model": name}}: {error}') from None
    entry = await _one(visit, names.told_name(asked.model or asked.name) or "")
    context = (entry.model.context if entry.model else None) or 0
    await visit.reply(
        {
            "modelfile": f"FROM {entry.id}",
            "parameters": "",
            "template": "{{ .Prompt }}",
            "details": _details(entry),
            "model_info": {"general.architecture": entry.owner, f"{entry.owner}.context_length": context},
            "capabilities": _capabilities(entry),
            "modified_at": _as_of(visit).isoformat(),
        }
    )


async def version(visit: Visit) -> None:
    await visit.reply({"version": OLLAMA_VERSION})


async def running(visit: Visit) -> None:
    await visit.reply({"models": []})


class _Show(msgspec.Struct):
    model: str | None = None
    name: str | None = None


async def _listed(visit: Visit) -> list[Entry]:
    return entries(await visit.app.router.world())


async def _one(visit: Visit, wanted: str) -> Entry:
    """Raises NotFoundError."""
    listed = await _listed(visit)
    spelled = {wanted, f"{wanted}:latest", wanted.removesuffix(":latest")}
    found = next((entry for entry in listed if entry.id in spelled), None)
    found = found or next((e for e in listed if e.model is not None and e.model.id in spelled), None)
    if found is None:
        raise NotFoundError(f"no model is called `{wanted}`", fix="see GET /v1/models")
    return found


# ── OpenAI ───────────────────────────────────────────────────────────────────


def _openai_list(listed: Sequence[Entry], query: Mapping[str, str], visit: Visit) -> JsonDict:
    shown = listed[: _limit(query, "limit")]
    return {"object": "list", "data": [_openai_one(entry, visit) for entry in shown]}


def _openai_one(entry: Entry, visit: Visit) -> JsonDict:
    created = int(_as_of(visit).timestamp())
    return {"id": entry.id, "object": "model", "created": created, "owned_by": entry.owner}


# ── Anthropic ────────────────────────────────────────────────────────────────


def _anthropic_list(listed: Sequence[Entry], query: Mapping[str, str], visit: Visit) -> JsonDict:
    ones = [_anthropic_one(entry, visit) for entry in listed]
    ids = [one["id"] for one in ones]
    start = ids.index(query["after_id"]) + 1 if query.get("after_id") in ids else 0
    end = ids.index(query["before_id"]) if query.get("before_id") in ids else len(ones)
    shown = ones[start:end][: _limit(query, "limit")]
    return {
        "data": shown,
        "has_more": start + len(shown) < end,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _anthropic_one(entry: Entry, visit: Visit) -> JsonDict:
    for_claude_code = visit.call.text("user-agent").startswith("claude")
    shown = names.shown_to_claude(entry.id) if for_claude_code else entry.id
    return {
        "type": "model",
        "id": shown,
        "display_name": entry.title,
        "created_at": _as_of(visit).isoformat(),
    }


# ── Gemini ───────────────────────────────────────────────────────────────────


def _gemini_list(listed: Sequence[Entry], query: Mapping[str, str], visit: Visit) -> JsonDict:
    size, token = _limit(query, "pageSize"), query.get("pageToken", "0")
    start = int(token) if token.isdecimal() else 0
    more = {"nextPageToken": str(start + size)} if start + size < len(listed) else {}
    return {"models": [_gemini_one(entry, visit) for entry in listed[start : start + size]]} | more


def _gemini_one(entry: Entry, _visit: Visit) -> JsonDict:
    limits = {
        "inputTokenLimit": entry.model.context if entry.model else None,
        "outputTokenLimit": entry.model.max_output if entry.model else None,
    }
    return {
        "name": f"models/{entry.id}",
        "version": "001",
        "displayName": entry.title,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    } | {name: limit for name, limit in limits.items() if limit is not None}


# ── Ollama ───────────────────────────────────────────────────────────────────


def _ollama_list(listed: Sequence[Entry], _query: Mapping[str, str], visit: Visit) -> JsonDict:
    return {"models": [_ollama_one(entry, visit) for entry in listed]}


def _ollama_one(entry: Entry, visit: Visit) -> JsonDict:
    return {
        "name": entry.id,
        "model": entry.id,
        "modified_at": _as_of(visit).isoformat(),
        "size": 0,
        "digest": sha256(entry.id.encode()).hexdigest(),
        "details": _details(entry),
        "capabilities": _capabilities(entry),
    }


def _details(entry: Entry) -> JsonDict:
    is_local = entry.model is not None and entry.model.billing is Billing.LOCAL
    return {
        "parent_model": "",
        "format": "gguf" if is_local else "remote",
        "family": entry.owner,
        "families": [entry.owner],
        "parameter_size": "",
        "quantization_level": "",
    }


def _capabilities(entry: Entry) -> list[str]:
    return ["completion", *(word for feature, word in _OLLAMA_WORDS.items() if feature in entry.features)]


# ── shared ───────────────────────────────────────────────────────────────────

_LISTS = {
    "openai_chat": _openai_list,
    "anthropic": _anthropic_list,
    "gemini": _gemini_list,
    "ollama": _ollama_list,
}
_ONES = {"openai_chat": _openai_one, "anthropic": _anthropic_one, "gemini": _gemini_one}


def _query(visit: Visit) -> Mapping[str, str]:
    return {name: values[0] for name, values in parse_qs(visit.call.query.decode("latin-1")).items()}


def _limit(query: Mapping[str, str], name: str) -> int:
    """Raises UsageError for what is no number from 1 to 1000."""
    given = query.get(name)
    if given is None:
        return _MOST
    if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= _MOST):
        raise UsageError(f"{name}: expected a number from 1 to {_MOST}, not {given!r}")
    return int(given)


def _as_of(visit: Visit) -> datetime:
    """The day of the catalogue: when a vendor made a model is not known here."""
    return datetime.fromisoformat(visit.app.catalogue.as_of).replace(tzinfo=UTC)
