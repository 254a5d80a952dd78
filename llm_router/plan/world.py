"""What plan knows of the moment: who is set up, what is installed, who is cooling down, what things cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llm_router.nouns import Billing, Model
from llm_router.plan.catalogue import Catalogue
from llm_router.ports import Health, Prices, Readiness
from llm_router.settings import RoutingSettings


@dataclass(frozen=True, slots=True)
class World:
    """`ready` holds the providers the user has set up, by name; `installed` the models that were found by asking.

    `configured` tells of any provider, set up or not, without I/O; used to say what is missing.
    """

    catalogue: Catalogue
    ready: Mapping[str, Readiness]
    installed: Mapping[str, Sequence[Model]]
    health: Health
    prices: Prices
    routing: RoutingSettings
    configured: Callable[[str], Readiness] | None = None

    def is_ready(self, provider: str) -> bool:
        state = self.ready.get(provider)
        return state is not None and state.ready

    def models(self, provider: str) -> Sequence[Model]:
        """What was found there, and what the catalogue and the settings name beside it; on this machine only the former."""
        found = self.installed.get(provider)
        if found is None:
            return self.catalogue.of(provider)
        if self.billing(provider) is Billing.LOCAL:
            return found
        ids = {model.id for model in found}
        return [*found, *(m for m in self.catalogue.of(provider) if m.id not in ids)]

    def found(self) -> list[Model]:
        return [model for models in self.installed.values() for model in models]

    def local(self) -> list[Model]:
        """The models on this machine that were found."""
        here = (n for n in self.installed if self.is_ready(n) and self.billing(n) is Billing.LOCAL)
        return [model for name in here for model in self.installed[name] if model.billing is Billing.LOCAL]

    def billing(self, provider: str) -> Billing:
        return self.catalogue.billing.get(provider, Billing.METERED)

    def free(self) -> list[str]:
        """Free providers that are ready, this machine's own before subscriptions."""
        rank = {Billing.LOCAL: 0, Billing.SUBSCRIPTION: 1}
        names = [name for name in self.ready if self.is_ready(name) and self.billing(name) in rank]
        return sorted(names, key=lambda name: rank[self.billing(name)])

    def metered(self) -> list[str]:
        return [n for n in self.ready if self.is_ready(n) and self.billing(n) is Billing.METERED]

    def readiness(self, provider: str) -> Readiness | None:
        state = self.ready.get(provider)
        return self.configured(provider) if state is None and self.configured else state
