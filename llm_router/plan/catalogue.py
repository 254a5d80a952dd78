"""Which models there are: the dated catalogue, what the user's settings add to it, and names resolved to a model."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Self

from msgspec import structs

from llm_router.errors import NotFoundError
from llm_router.nouns import Billing, Model
from llm_router.providers.endpoints import paid
from llm_router.settings import Settings

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Models per provider in order of preference (the first of a tier is the one chosen for it).

    `embeddings` make vectors and answer nothing. `defaults` are chosen whatever the tier, `deprecated` never unless named; both hold refs (`provider/model`).
    `stand_ins` are endpoints of the user's with the vendor they stand for, `names` patterns of names with their vendor.
    """

    as_of: str
    providers: Mapping[str, tuple[Model, ...]]
    billing: Mapping[str, Billing]
    aliases: Mapping[str, str]
    deployments: frozenset[str] = frozenset()
    defaults: frozenset[str] = frozenset()
    deprecated: frozenset[str] = frozenset()
    embeddings: tuple[Model, ...] = ()
    stand_ins: Mapping[str, str] = field(default_factory=dict[str, str])
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    _by_ref: Mapping[str, Model] = field(default_factory=dict[str, Model], repr=False)
    _by_id: Mapping[str, Model] = field(default_factory=dict[str, Model], repr=False)

    @classmethod
    def load(cls, settings: Settings | None = None) -> Catalogue:
        """The shipped data with the user's aliases, models and billing. Read once per process and settings."""
        if settings is None:
            return _shipped()
        kept = _latest.get("")
        if kept is None or kept[0] is not settings:
            kept = _latest[""] = (settings, _shipped().extended(settings))
        return kept[1]

    @property
    def models(self) -> Sequence[Model]:
        return tuple(self._by_ref.values())

    def of(self, provider: str) -> Sequence[Model]:
        return self.providers.get(provider, ())

    def embedding(self, name: str) -> Model | None:
        """The embedding model of this name. `provider/anything` of a known provider is accepted, as `resolve` does."""
        target = self._target(name.strip())
        listed = next((model for model in self.embeddings if target in {model.ref, model.id}), None)
        if listed is None:
            return self._foreign(target)
        return structs.replace(listed, billing=self.billing.get(listed.provider, listed.billing))

    def resolve(self, name: str, installed: Iterable[Model] = ()) -> Model:
        """The model an alias, `provider/model` or a bare model id means.

        `provider/anything` of a known provider is accepted: the catalogue need not know it. So is a bare name of the kind
        that one vendor's models have. A bare id that several providers offer is the first one's. `installed` are local models, which no catalogue lists.
        Raises NotFoundError with close matches.
        """
        wanted = name.strip()
        target = self._target(wanted)
        found = self._known(target) or _among(target, installed) or self._foreign(target)
        if found is None:
            raise self._unknown(wanted, installed)
        return found

    def known(self, name: str) -> Model | None:
        """The model of this name, where the catalogue lists it."""
        return self._known(self._target(name.strip()))

    def _target(self, wanted: str) -> str:
        return self.aliases.get(wanted.lower(), wanted)

    def _known(self, target: str) -> Model | None:
        return self._by_ref.get(target) or self._by_id.get(target.lower())

    def _foreign(self, target: str) -> Model | None:
        provider, slash, model = target.partition("/")
        if not slash and (whose := self._whose(target)):
            provider, slash, model = whose, "/", target
        provider = provider.lower()
        if not (slash and model and provider in self.billing):
            return None
        found = self._by_ref.get(f"{provider}/{model}")
        if found is None and (whose := self.stand_ins.get(provider)):
            listed = self._by_ref.get(f"{whose}/{model}") or Model(whose, model)
            return structs.replace(
                listed, provider=provider, billing=self.billing[provider], stands_for=whose
            )
        return found or Model(provider, model, billing=self.billing[provider])

    def _whose(self, name: str) -> str | None:
        """The vendor whose models have names like this. One with a tag is a local model's, and one that is nearly but not
        quite that of a listed model, numbers aside, is mistyped.
        """
        name = name.lower()
        whose = next((whose for pattern, whose in self.names.items() if fnmatchcase(name, pattern)), None)
        if whose is None or ":" in name:
            return None
        kind, kinds = _NUMBER.sub("#", name), {_NUMBER.sub("#", model.id) for model in self.of(whose)}
        mistyped = kind not in kinds and difflib.get_close_matches(kind, kinds, n=1, cutoff=0.9)
        return None if mistyped else whose

    def _unknown(self, name: str, installed: Iterable[Model]) -> NotFoundError:
        refs = [model.ref for model in (*installed, *self.models)]
        names = dict.fromkeys([*self.aliases, *refs, *(ref.partition("/")[2] for ref in refs)])
        close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.6)
        meant = f"did you mean {' or '.join(f'`{each}`' for each in close)}? " if close else ""
        return NotFoundError(
            f"no model is called `{name}`",
            fix=f"{meant}Write provider/model, or see `llm-router models`",
        )

    def extended(self, settings: Settings) -> Self:
        """With what the user's settings add: providers of their own, models, aliases, how a provider is paid."""
        providers, billing, stand_ins = dict(self.providers), dict(self.billing), dict[str, str]()
        for name, own in settings.providers.items():
            billing[name] = Billing(own.billing) if own.billing else billing.get(name) or paid(own)
            shipped = () if own.models and name in self.deployments else providers.get(name, ())
            whose = {} if shipped else {model.id: model for model in self.of(own.stands_for or "")}
            shipped = shipped or (() if own.models else tuple(whose.values()))
            ids = {model.id for model in shipped}
            added = (whose.get(each) or Model(name, each) for each in own.models if each not in ids)
            ours = {"provider": name, "billing": billing[name], "stands_for": own.stands_for or ""}
            providers[name] = tuple(structs.replace(model, **ours) for model in (*shipped, *added))
            stand_ins |= {name: own.stands_for} if own.stands_for else {}
        aliases = {alias.lower(): target for alias, target in settings.routing.aliases.items()}
        return replace(
            self,
            providers=MappingProxyType(providers),
            billing=MappingProxyType(billing),
            stand_ins=MappingProxyType(stand_ins),
            aliases=MappingProxyType({**self.aliases, **_followed(aliases, self.aliases)}),
            **_indexes(providers),
        )


def _followed(own: Mapping[str, str], shipped: Mapping[str, str]) -> dict[str, str]:
    """A user's alias may name another alias, theirs or ours; one step is enough for people."""
    return {
        alias: target
        if target.lower() == alias
        else own.get(target.lower(), shipped.get(target.lower(), target))
        for alias, target in own.items()
    }


def _among(target: str, installed: Iterable[Model]) -> Model | None:
    """Ollama lists `name:latest` for what people call `name`."""
    names = {target, f"{target}:latest"}
    return next((model for model in installed if model.ref in names or model.id in names), None)


def _indexes(providers: Mapping[str, tuple[Model, ...]]) -> dict[str, Any]:
    by_ref: dict[str, Model] = {}
    by_id: dict[str, Model] = {}
    for models in providers.values():
        for model in models:
            by_ref[model.ref] = model
            by_id.setdefault(model.id.lower(), model)
    by_id.pop("default", None)  # means something only together with its provider
    return {"_by_ref": MappingProxyType(by_ref), "_by_id": MappingProxyType(by_id)}


def _model(provider: str, billing: Billing, row: Mapping[str, Any]) -> Model:
    return Model(
        provider=provider,
        id=row["id"],
        tier=row["tier"],
        billing=billing,
        context=row.get("context"),
        max_output=row.get("max_output"),
        features=frozenset(row["can"]),
    )


def data(name: str) -> dict[str, Any]:
    """A TOML file of this package."""
    return tomllib.loads((files(__package__ or __name__) / name).read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _shipped() -> Catalogue:
    raw = data("catalogue.toml")
    rows: dict[str, dict[str, Any]] = raw["providers"]
    billing = {name: Billing(row.get("billing", Billing.METERED)) for name, row in rows.items()}
    providers = {
        name: tuple(_model(name, billing[name], each) for each in row.get("models", ()))
        for name, row in rows.items()
    }

    def marked(mark: str) -> frozenset[str]:
        return frozenset(
            f"{name}/{each['id']}"
            for name, row in rows.items()
            for each in row.get("models", ())
            if each.get(mark)
        )

    return Catalogue(
        as_of=str(raw["as_of"]),
        providers=MappingProxyType(providers),
        billing=MappingProxyType(billing),
        aliases=MappingProxyType(dict(raw["aliases"])),
        deployments=frozenset(name for name, row in rows.items() if row.get("deployments")),
        defaults=marked("default"),
        deprecated=marked("deprecated"),
        names={pattern: name for name, row in rows.items() for pattern in row.get("names", ())},
        embeddings=tuple(
            Model(name, each, "small", billing[name])
            for name, row in rows.items()
            for each in row.get("embeddings", ())
        ),
        **_indexes(providers),
    )


_latest: dict[str, tuple[Settings, Catalogue]] = {}
