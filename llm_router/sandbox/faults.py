"""Faults on demand: what can go wrong, and the book that says whom it hits next."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Literal, cast, get_args

from llm_router.sandbox.plain import JsonDict

Kind = Literal[
    "status",
    "wrong_key",
    "out_of_credit",
    "unknown_model",
    "context_too_long",
    "refusal",
    "empty",
    "says",
    "hang",
    "slow_headers",
    "slow",
    "stall",
    "truncated",
    "malformed",
    "reset",
    "error_event",
    "wrong_type",
]
KINDS: tuple[str, ...] = get_args(Kind)
REFUSALS = {"status", "wrong_key", "out_of_credit", "unknown_model", "context_too_long"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

        status            an error of `status`, in the vendor's own words; Retry-After from `retry_after`
        wrong_key, out_of_credit, unknown_model, context_too_long
                          the status and the body each vendor has for it
        refusal, empty    a 200 without an answer: the filter's, or nothing at all
        says              answers with `message`, whatever was asked: a wrong answer of a certain model
        hang              accepts and never answers
        slow_headers      answers after `delay` seconds
        slow              `delay` seconds before each piece of a stream
        stall             stays silent, and open, after `after` pieces
        truncated         ends after `after` pieces (`clean`: as if that were all; else the connection breaks);
                          a plain body is cut in half
        malformed         broken JSON, after `after` pieces
        reset             the connection is reset (RST), after `after` pieces of a stream, else at once
        error_event       an error of `status` inside the stream, after `after` pieces
        wrong_type        an HTML page of `status` 200

    `held`: what comes after `after` pieces of a stream waits until the faults are taken back; a hang or a stall ends then.
    `status` 0 stands for the kind's own. `retry_after` is seconds, or a text sent as it is (an HTTP date);
    `retry_in` says where it is told: Gemini tells it in the body alone, most others in the header.
    """

    kind: Kind
    status: int = 0
    retry_after: float | str | None = None
    retry_in: Literal["both", "header", "body"] = "both"
    message: str = ""
    after: int = 0
    delay: float = 1.0
    clean: bool = False
    held: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are: {', '.join(KINDS)}")
        if self.kind == "status" and not 400 <= self.status <= 599:
            raise ValueError('the fault "status" needs a status from 400 to 599')

    @classmethod
    def read(cls, kind: str, options: Mapping[str, Any]) -> Fault:
        """A fault from decoded JSON; raises ValueError for an unknown name or a value of the wrong type."""
        known = {f.name for f in fields(cls)} - {"kind"}
        if wrong := sorted(set(options) - known):
            raise ValueError(f"a fault has no {', '.join(wrong)}; it has: {', '.join(sorted(known))}")
        for name, types in _TYPES.items():
            if name in options and (not isinstance(options[name], types) or isinstance(options[name], bool)):
                raise ValueError(f"{name} has the wrong type: {options[name]!r}")
        return cls(cast("Kind", kind), **options)


_TYPES: dict[str, Any] = {
    "status": int,
    "after": int,
    "delay": int | float,
    "retry_after": int | float | str | None,
    "message": str,
    "retry_in": str,
}


@dataclass(slots=True)
class Placed:
    """A fault and whom it hits: the next `left` requests (None = all) of `vendor` ("*" = every one) whose model
    and operation match (`fnmatch` patterns).
    """

    vendor: str
    fault: Fault
    left: int | None = None
    model: str = "*"
    operation: str = "answer"

    def hits(self, vendor: str, model: str, operation: str) -> bool:
        return (
            self.vendor in ("*", vendor)
            and fnmatchcase(model, self.model)
            and fnmatchcase(operation, self.operation)
        )

    def as_dict(self) -> JsonDict:
        return {
            "vendor": self.vendor,
            "model": self.model,
            "operation": self.operation,
            "times_left": self.left,
        } | asdict(self.fault)


class FaultBook:
    """The faults in force, oldest first: what was placed first strikes first, until its `times` are used up."""

    def __init__(self) -> None:
        self._placed: list[Placed] = []
        self._lock = threading.Lock()
        self.taken_back = 0  # how often faults were

    def add(self, placed: Placed) -> None:
        with self._lock:
            self._placed.append(placed)

    def clear(self, vendor: str | None = None) -> None:
        with self._lock:
            self._placed = [p for p in self._placed if vendor is not None and p.vendor != vendor]
            self.taken_back += 1

    def taken_back_since(self, count: int) -> bool:
        """Whether any were, after `taken_back` was `count`."""
        return self.taken_back != count

    def take(self, vendor: str, model: str, operation: str) -> Fault | None:
        with self._lock:
            found = next((p for p in self._placed if p.hits(vendor, model, operation)), None)
            if found is None:
                return None
            if found.left is not None:
                found.left -= 1
                if found.left <= 0:
                    self._placed.remove(found)
            return found.fault

    def as_list(self) -> list[JsonDict]:
        with self._lock:
            return [placed.as_dict() for placed in self._placed]
