"""Figures for Prometheus. Counted in plain dictionaries as requests end; written only when somebody asks for them.

Labels are bounded: names of models come from the catalogue or from callers, so only the first of them are told apart.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from llm_router.gateway.activity import Activities, Activity
from llm_router.nouns import JsonDict

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from llm_router.admit.caps import CapStatus
    from llm_router.ports import HealthState

DURATIONS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
FIRST_TOKENS_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
MOST_MODELS = 200
OTHER = "other"
OF_MODELS = frozenset({"answer", "answer_streamed", "embed"})
STATES = {"closed": 0, "half_open": 1, "open": 2}


class Histogram:
    """Counts per bucket, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulated, as Prometheus wants them."""
        total, told = 0, list[tuple[str, float]]()
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            told.append((bound, total))
        return told


class Figures:
    """All counters of one process."""

    def __init__(self, activities: Activities) -> None:
        self._activities = activities
        self._models: set[tuple[str, str]] = set()
        self.requests: dict[tuple[str, ...], int] = defaultdict(int)
        self.tokens: dict[tuple[str, ...], int] = defaultdict(int)
        self.costs: dict[tuple[str, ...], int] = defaultdict(int)
        self.durations: dict[str, Histogram] = defaultdict(lambda: Histogram(DURATIONS_S))
        self.first_tokens: dict[str, Histogram] = defaultdict(lambda: Histogram(FIRST_TOKENS_S))
        self.answers = self.failures = 0
        activities.listeners.append(self.count)

    def count(self, each: Activity) -> None:
        provider, model = self._labels(each)
        status = str(each.status) if each.status else "none"
        self.requests[provider, model, each.tier or "", each.dialect, each.ended or "", status] += 1
        if each.endpoint in OF_MODELS:
            self.answers += 1
            self.failures += each.ended == "error"
        self.durations[each.dialect].add((each.ms or 0) / 1000)
        if each.ttft_ms is not None:
            self.first_tokens[provider].add(each.ttft_ms / 1000)
        if each.usage is not None:
            self.tokens[provider, model, "input"] += each.usage.input_tokens
            self.tokens[provider, model, "output"] += each.usage.output_tokens
            self.tokens[provider, model, "cache_read"] += each.usage.cache_read_tokens
        if each.cost:
            self.costs[provider, model] += each.cost

    def _labels(self, each: Activity) -> tuple[str, str]:
        if each.provider is None or each.model is None:
            return "", ""
        labels = (each.provider, each.model)
        if labels not in self._models:
            if len(self._models) >= MOST_MODELS:
                return OTHER, OTHER
            self._models.add(labels)
        return labels

    def totals(self) -> JsonDict:
        """Of what models were asked, since the service began."""
        return {
            "requests": self.answers,
            "errors": self.failures,
            "input_tokens": sum(count for key, count in self.tokens.items() if key[2] == "input"),
            "output_tokens": sum(count for key, count in self.tokens.items() if key[2] == "output"),
            "cost_usd": sum(self.costs.values()) / 1e6,
        }

    def text(self, breakers: Sequence[HealthState], budgets: Sequence[CapStatus]) -> bytes:
        """The exposition format. `budgets` are the caps as they stand."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Once([*self._counted(), *self._standing(breakers, budgets)]))
        return generate_latest(registry)

    def _counted(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        labels = ("provider", "model", "tier", "dialect", "outcome", "status")
        requests = CounterMetricFamily("llm_router_requests", "Requests that ended.", labels=labels)
        tokens = CounterMetricFamily(
            "llm_router_tokens",
            "Tokens, as upstreams report them.",
            labels=("provider", "model", "direction"),
        )
        costs = CounterMetricFamily(
            "llm_router_cost_usd", "US dollars, at list prices.", labels=("provider", "model")
        )
        for key, count in self.requests.items():
            requests.add_metric(key, count)
        for key, count in self.tokens.items():
            tokens.add_metric(key, count)
        for key, micros in self.costs.items():
            costs.add_metric(key, micros / 1e6)
        yield from (requests, tokens, costs)
        for name, what, label, found in (
            ("llm_router_request_duration_seconds", "From request to end.", "dialect", self.durations),
            ("llm_router_time_to_first_token_seconds", "To the first byte.", "provider", self.first_tokens),
        ):
            family = HistogramMetricFamily(name, what, labels=(label,))
            for key, histogram in found.items():
                family.add_metric((key,), histogram.buckets(), histogram.sum)
            yield family

    def _standing(self, breakers: Sequence[HealthState], budgets: Sequence[CapStatus]) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        in_flight = GaugeMetricFamily("llm_router_requests_in_flight", "Requests under way.")
        in_flight.add_metric((), len(self._activities.under_way))
        circuits = GaugeMetricFamily(
            "llm_router_circuit_state", "0 closed, 1 half open, 2 open.", labels=("provider", "model")
        )
        for state in breakers[:MOST_MODELS]:
            circuits.add_metric((state.provider, state.model), STATES[state.state])
        remaining = GaugeMetricFamily(
            "llm_router_budget_remaining_usd", "What a cap leaves.", labels=("provider", "window")
        )
        for status in budgets:
            cap = status.cap
            remaining.add_metric((cap.provider or "all", str(cap.window)), status.remaining / 1e6)
        yield from (in_flight, circuits, remaining)


class _Once:
    """A collector of families that are made already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families
