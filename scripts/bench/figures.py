"""What is measured, compared and printed: samples of ours and of a floor, taken in turns, against a target."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Target:
    """`of`: which figure is held against it; "difference" is our median minus the floor's."""

    at_most: float
    of: Literal["median", "p95", "difference"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Samples are in `unit`; without `floor_samples` there is nothing to compare with.

    `note` says what a reader must know of this figure; `held` replaces the comparison with a number where a target
    is no number.
    """

    name: str
    what: str
    unit: str
    samples: Sequence[float]
    floor: str = ""
    floor_samples: Sequence[float] = ()
    target: Target | None = None
    note: str = ""
    held: tuple[str, bool] | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        return percentile(self.samples, 0.95)

    @property
    def floor_median(self) -> float | None:
        return statistics.median(self.floor_samples) if self.floor_samples else None

    @property
    def difference(self) -> float | None:
        return None if self.floor_median is None else self.median - self.floor_median

    @property
    def ratio(self) -> float | None:
        return self.median / self.floor_median if self.floor_median else None

    @property
    def target_text(self) -> str:
        if self.held is not None:
            return self.held[0]
        if self.target is None:
            return ""
        of = {"median": "", "p95": " p95", "difference": " over floor"}[self.target.of]
        return f"{self.target.at_most:,g} {self.unit}{of}"

    @property
    def reached(self) -> bool | None:
        """None where nothing is to be reached."""
        if self.held is not None:
            return self.held[1]
        if self.target is None:
            return None
        figure: float | None = getattr(self, self.target.of)
        return None if figure is None else figure <= self.target.at_most

    def as_dict(self) -> dict[str, Any]:
        floor = {
            "what": self.floor,
            "median": self.floor_median,
            "p95": percentile(self.floor_samples, 0.95) if self.floor_samples else None,
        }
        return {
            "name": self.name,
            "what": self.what,
            "unit": self.unit,
            "samples": len(self.samples),
            "median": self.median,
            "p95": self.p95,
            "floor": floor if self.floor_samples else None,
            "difference": self.difference,
            "ratio": self.ratio,
            "target": self.target_text,
            "reached": self.reached,
            "note": self.note,
        }


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least this share of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of wall time."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def in_turns(rounds: int, measures: Mapping[str, Measure], *, warm_up: int = 1) -> dict[str, list[float]]:
    """A B A B ...: whatever else the machine does meanwhile strikes all alike. Warm-up rounds are not kept."""
    samples: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(-warm_up, rounds):
        for name, measure in measures.items():
            sample = measure()
            if number >= 0:
                samples[name].append(sample)
    return samples


def say(text: str) -> None:
    """Progress is for a person; the table is the output."""
    print(text, file=sys.stderr, flush=True)


def table(rows: Sequence[Row]) -> str:
    """A Markdown table that is readable as it stands, and below it which floor each row was measured against."""
    head = ("row", "what", "median", "p95", "floor", "difference", "ratio", "target", "reached")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [_line(line, widths) for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    notes = [f"- `{row.name}`: {'; '.join(filter(None, (_against(row), row.note)))}" for row in rows]
    return "\n".join([*text, "", *notes])


def _against(row: Row) -> str:
    return f"{len(row.samples)} samples; floor: {row.floor}" if row.floor else f"{len(row.samples)} samples"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        row.what,
        _figure(row.median, row.unit),
        _figure(row.p95, row.unit),
        _figure(row.floor_median, row.unit),
        _figure(row.difference, row.unit, sign="+"),
        "" if row.ratio is None else f"{row.ratio:.2g} x" if row.ratio < 100 else f"{row.ratio:.0f} x",
        row.target_text,
        {None: "", True: "yes", False: "NO"}[row.reached],
    )


def _figure(value: float | None, unit: str, sign: Literal["", "+"] = "") -> str:
    if value is None:
        return ""
    digits = 0 if unit in ("bytes", "tokens") or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:{sign},.{digits}f} {unit}"
