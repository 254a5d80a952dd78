"""What the sandbox was asked: one record for each request, without anybody's credentials."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_router.sandbox.plain import JsonDict

FAKE_KEY = "sandbox-key-"
_SECRET = {"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "proxy-authorization"}
_SECRET_QUERY = {"key", "api_key", "access_token"}
_KEPT = 1000


def masked(named: Mapping[str, str], secret: set[str]) -> dict[str, str]:
    """Secrets become `***`; the sandbox's own fake keys stay readable, so that a test sees which one came."""
    return {k: _mask(v) if k.lower() in secret else v for k, v in named.items()}


def _mask(value: str) -> str:
    scheme, _, token = value.rpartition(" ")
    if token.startswith(FAKE_KEY):
        return value
    return f"{scheme} ***" if scheme in ("Bearer", "Basic") else "***"


@dataclass(slots=True)
class Recorded:
    """One request. `body` is the parsed JSON, `fault` the kind that struck, `status` what was answered (0 = nothing
    yet). `done` is set when the exchange is over; `closed_early` when the client left before its end.
    """

    vendor: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    operation: str = "answer"
    wire: str = ""
    model: str = ""
    stream: bool = False
    fault: str | None = None
    status: int = 0
    done: bool = False
    closed_early: bool = False
    at: float = field(default_factory=time.time)

    def summary(self) -> JsonDict:
        names = ("vendor", "method", "path", "operation", "wire", "model", "stream", "fault", "status")
        return {name: getattr(self, name) for name in (*names, "done", "closed_early")}


class Records:
    """The newest thousand requests, and how many there were. Safe to read from any thread."""

    def __init__(self) -> None:
        self._kept: deque[Recorded] = deque(maxlen=_KEPT)
        self._count: Counter[str] = Counter()
        self._changed = threading.Condition()

    def add(self, record: Recorded) -> None:
        with self._changed:
            self._kept.append(record)
            self._count[record.vendor] += 1
            self._changed.notify_all()

    def touch(self) -> None:
        """Wake those who wait, after a record changed."""
        with self._changed:
            self._changed.notify_all()

    def all(self) -> list[Recorded]:
        with self._changed:
            return list(self._kept)

    def counts(self) -> dict[str, int]:
        with self._changed:
            return dict(self._count)

    def clear(self) -> None:
        with self._changed:
            self._kept.clear()
            self._count.clear()

    def wait(self, until: Callable[[list[Recorded]], object], timeout: float) -> bool:
        """Wait until the records fulfil `until`; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(until(list(self._kept))), timeout)


def headers(given: Mapping[str, str]) -> dict[str, str]:
    return masked(given, _SECRET)


def query(given: Mapping[str, str]) -> dict[str, str]:
    return masked(given, _SECRET_QUERY)
