"""What is under way and what was lately: one `Activity` for each request, which the log, the figures and `status` read.

It holds no word of a request or an answer, and no key.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from msgspec import Struct, field

from llm_router.gateway.http import HttpCall
from llm_router.nouns import Candidate, Decision, JsonDict, Request, Usage

KEPT = 100
LONGEST_NAME = 120
_LOOKS = frozenset({"healthz", "readyz", "metrics", "status"})


class Activity(Struct):
    """One request; what is not known yet is None. `ended` is "ok", "error" or "cancelled"."""

    request_id: str
    method: str
    path: str
    endpoint: str
    dialect: str
    at: float = field(default_factory=time.time)
    started: float = field(default_factory=time.perf_counter)
    key: str | None = None
    client: str = ""
    asked: str | None = None
    stream: bool = False
    turn: str | None = None
    decision: str | None = None
    provider: str | None = None
    model: str | None = None
    tier: str | None = None
    attempts: int = 0
    ttft_ms: float | None = None
    usage: Usage | None = None
    cost: int | None = None
    status: int = 0
    ms: float | None = None
    ended: str | None = None
    error: str | None = None

    @property
    def is_look(self) -> bool:
        """Somebody looked whether all is well, and it was: asked every second, that would drive out all else."""
        return self.endpoint in _LOOKS and self.ended == "ok"

    def asks(self, request: Request) -> None:
        self.asked = _name(request.named or request.model)
        self.stream, self.turn = request.stream, request.turn

    def tries(self, candidate: Candidate) -> None:
        self.chooses(candidate)
        self.attempts += 1

    def chooses(self, candidate: Candidate) -> None:
        model = candidate.model
        self.provider, self.model, self.tier = model.provider, _name(model.id), model.tier

    def begins(self) -> None:
        """The first byte of an answer goes out."""
        if self.ttft_ms is None:
            self.ttft_ms = self.elapsed_ms()

    def decided(self, decision: Decision) -> None:
        self.decision = decision.id
        if decision.attempts:
            self.usage, self.cost = decision.attempts[-1].usage, decision.cost

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000

    def facts(self) -> JsonDict:
        """As the log and `status` show it: figures rounded, what is not known left out."""
        usage = self.usage
        told: JsonDict = {
            "time": round(self.at, 3),
            "request": self.request_id,
            "decision": self.decision,
            "endpoint": self.endpoint,
            "dialect": self.dialect,
            "method": self.method,
            "path": self.path,
            "status": self.status or None,
            "ended": self.ended,
            "ms": round(self.elapsed_ms() if self.ms is None else self.ms, 1),
            "ttft_ms": None if self.ttft_ms is None else round(self.ttft_ms, 1),
            "asked": self.asked,
            "provider": self.provider,
            "model": self.model,
            "turn": self.turn,
            "stream": self.stream or None,
            "attempts": self.attempts or None,
            "input_tokens": usage and usage.input_tokens,
            "output_tokens": usage and usage.output_tokens,
            "cached_tokens": (usage and usage.cache_read_tokens) or None,
            "cost_usd": None if self.cost is None else self.cost / 1e6,
            "key": self.key,
            "client": self.client or None,
            "error": self.error,
        }
        return {name: value for name, value in told.items() if value is not None}


class Activities:
    """Those under way by request id, and the last ones that ended. `ended` is told of each as it ends."""

    def __init__(self) -> None:
        self.under_way: dict[int, Activity] = {}
        self.lately: deque[Activity] = deque(maxlen=KEPT)
        self.listeners: list[Callable[[Activity], None]] = []
        self.since = time.time()

    def begin(self, call: HttpCall, endpoint: str, dialect: str) -> Activity:
        agent = _name(call.text("user-agent").partition(" ")[0]) or ""
        each = Activity(call.request_id, call.method, _path(call.path), endpoint, dialect, client=agent)
        self.under_way[id(each)] = each
        return each

    def end(self, each: Activity, status: int, ended: str) -> None:
        each.status, each.ended, each.ms = status, ended, each.elapsed_ms()
        del self.under_way[id(each)]
        if not each.is_look:
            self.lately.append(each)
        for listener in self.listeners:
            listener(each)

    def facts(self) -> tuple[Sequence[JsonDict], Sequence[JsonDict]]:
        return [each.facts() for each in self.under_way.values()], [each.facts() for each in self.lately]


def _name(name: str | None) -> str | None:
    """A name that a stranger chose, fit for a line of a log."""
    if name is None or (len(name) <= LONGEST_NAME and name.isprintable()):
        return name
    return "".join(c for c in name[:LONGEST_NAME] if c.isprintable())


def _path(path: str) -> str:
    return _name(path) or "/"
