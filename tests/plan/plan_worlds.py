"""Worlds to plan in: who is set up, what is installed, what rests."""

from llm_router.nouns import Assessment, Billing, Complexity, Model, Task, Verdict, ask
from llm_router.plan import Catalogue, World, plan
from llm_router.ports import HealthState, Readiness
from llm_router.settings import RoutingSettings, Settings

READY = Readiness(ready=True)


class TablePrices:
    """Dollars per million tokens by ref or provider: (input, output). Counts how often it is asked."""

    def __init__(self, table=None, default=(1.0, 4.0)):
        self.table, self.default, self.asked = table or {}, default, 0

    def cost(self, model, usage):
        if model.billing is not Billing.METERED:
            return 0
        self.asked += 1
        rate = self.table.get(model.ref, self.table.get(model.provider, self.default))
        return None if rate is None else round(usage.input_tokens * rate[0] + usage.output_tokens * rate[1])


class FixedHealth:
    """Rests what `resting` names: {(provider, model): HealthState}."""

    def __init__(self, resting=None):
        self.resting = resting or {}

    def cooling(self, provider, model):
        return self.resting.get((provider, "")) or self.resting.get((provider, model))

    def enter(self, provider, model):
        return self.cooling(provider, model)

    def succeeded(self, provider, model):
        raise AssertionError("planning reports nothing")

    failed = succeeded

    def states(self):
        return list(self.resting.values())


def resting(provider, model, reason="rate_limited", until=2e9):
    return {(provider, model): HealthState(provider, model, "open", 1, until, reason)}


def local(*ids, provider="ollama", **fields):
    return [Model(provider, each, billing=Billing.LOCAL, **fields) for each in ids]


def world(*providers, ollama=(), installed=None, settings=None, prices=None, health=None, **fields):
    """A world in which `providers` are set up; `ollama` names models installed there."""
    settings = settings or Settings(routing=RoutingSettings())
    ready = dict.fromkeys(providers, READY)
    found = dict(installed or {})
    if ollama:
        ready = {"ollama": READY} | ready
        found["ollama"] = local(*ollama) if isinstance(ollama[0], str) else list(ollama)
    ready |= {name: READY for name in found if name not in ready}
    known = {
        "catalogue": Catalogue.load(settings),
        "ready": ready,
        "installed": found,
        "health": health or FixedHealth(),
        "prices": prices or TablePrices(),
        "routing": settings.routing,
    }
    return World(**(known | fields))


def made(prompt="hello", *, at, task=Task.QUERY, complexity=Complexity.SIMPLE, verdict=None, **fields):
    request = prompt if not isinstance(prompt, str) else ask(prompt, **fields)
    return plan(request, Assessment(task, complexity, 0.9, 0.5), verdict or Verdict(), world=at)


def refs(planned):
    return [candidate.model.ref for candidate in planned.candidates]


def providers(planned):
    return list(dict.fromkeys(candidate.model.provider for candidate in planned.candidates))


def reasons(planned):
    return {skipped.ref: skipped.reason for skipped in planned.skipped}
