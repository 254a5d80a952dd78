"""The enforcement log, read: how often hosts worked around a suggested route, in which patterns, and what helps.

    [2026-03-01 14:05:09] VIOLATION session=abc expected=llm_query got=Bash

Standard library only, and nothing else of the package: `scripts/analyze-violations.py` runs this file without it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

LOG = "enforcement.log"
TOP = 10
SEQUENCE_GAP_S = 300.0  # a pending route lives as long: what comes later went around another one
SEQUENCE_STEPS = 6
_LINE = re.compile(
    r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\] VIOLATION session=(\S+) expected=(\S+) got=(.+)", re.ASCII
)
_SPAN = re.compile(r"(\d{1,6})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A habit behind violations. `share` of all of them is 0 to 1."""

    name: str
    count: int
    share: float
    what: str
    fix: str


@dataclass(slots=True)
class Analysis:
    """`first` and `last` are local time, `YYYY-MM-DD HH:MM:SS`. Pairs and sequences come with their counts, most frequent first.

    A sequence is what one session did in place of one expected tool: `Bash > Read > Bash`, equal neighbours once.
    """

    violations: int = 0
    malformed: int = 0
    first: str = ""
    last: str = ""
    sessions: int = 0
    by_session: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    by_day: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    pairs: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    sequences: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    patterns: list[Pattern] = field(default_factory=list[Pattern])

    def as_dict(self) -> dict[str, Any]:
        return {
            "violations": self.violations,
            "malformed": self.malformed,
            "first": self.first or None,
            "last": self.last or None,
            "sessions": self.sessions,
            "top_sessions": [{"session": name, "violations": count} for name, count in self.by_session],
            "days": [{"day": day, "violations": count} for day, count in self.by_day],
            "top": [{"expected": e, "got": g, "count": n} for e, g, n in self.pairs],
            "sequences": [
                {"expected": e, "used": used.split(" > "), "count": n} for e, used, n in self.sequences
            ],
            "patterns": [
                {"name": p.name, "count": p.count, "share": round(p.share, 3), "what": p.what, "fix": p.fix}
                for p in self.patterns
            ],
        }


def logs(home: Path) -> list[Path]:
    """The log and its rotated parts, oldest first."""
    parts = [path for path in home.glob(f"{LOG}.*") if path.suffix[1:].isdecimal()]
    older = sorted(parts, key=lambda path: int(path.suffix[1:]), reverse=True)
    return [path for path in (*older, home / LOG) if path.is_file()]


def lines(paths: Iterable[Path]) -> Iterator[str]:
    """Raises OSError for a file that cannot be read."""
    for path in paths:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            yield from file


def since(text: str, now: datetime) -> str:
    """`2026-03-01`, `2026-03-01 12:00:00`, `12h`, `7d` or `4w` as a stamp of the log. Raises ValueError."""
    if match := _SPAN.fullmatch(text):
        moment = now - timedelta(hours=int(match[1]) * _HOURS[match[2]])
    else:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def analyze(found: Iterable[str], since: str = "") -> Analysis:
    """`since` is a stamp as the log writes it: earlier lines do not count. Empty lines are no lines."""
    result, reading = Analysis(), _Reading()
    match_line = _LINE.fullmatch
    for raw in found:
        line = raw.rstrip("\r\n")
        if not line:
            continue
        match = match_line(line)
        if match is None or not _is_date(match[1]):
            result.malformed += 1
        elif match[1] >= since:
            reading.add(match[1], match[2], match[3], match[4])
    reading.close()
    _sum_up(result, reading)
    return result


_known_dates: dict[str, bool] = {}


def _is_date(stamp: str) -> bool:
    """Whether there is such a day and hour; most stamps share theirs with the line before."""
    hour = stamp[:13]
    known = _known_dates.get(hour)
    if known is None:
        try:
            datetime.fromisoformat(f"{hour}:00:00")
            known = True
        except ValueError:
            known = False
        if len(_known_dates) < 100_000:
            _known_dates[hour] = known
    return known


class _Reading:
    """What the lines so far say. A session's sequence is open until it expects something else, or is silent for long."""

    def __init__(self) -> None:
        self.first = self.last = ""
        self.by_session: Counter[str] = Counter()
        self.by_day: Counter[str] = Counter()
        self.pairs: Counter[tuple[str, str]] = Counter()
        self.sequences: Counter[tuple[str, str]] = Counter()
        self._open: dict[str, _Open] = {}

    def add(self, stamp: str, session: str, expected: str, got: str) -> None:
        self.first = stamp if not self.first or stamp < self.first else self.first
        self.last = max(self.last, stamp)
        self.by_session[session] += 1
        self.by_day[stamp[:10]] += 1
        self.pairs[expected, got] += 1
        seconds = _seconds(stamp)
        current = self._open.get(session)
        if current is None or current.expected != expected or abs(seconds - current.at) > SEQUENCE_GAP_S:
            self._finish(current)
            current = self._open[session] = _Open(expected)
        current.at = seconds
        if current.steps[-1:] != [got] and len(current.steps) < SEQUENCE_STEPS:
            current.steps.append(got)

    def close(self) -> None:
        for each in self._open.values():
            self._finish(each)
        self._open.clear()

    def _finish(self, done: _Open | None) -> None:
        if done is not None:
            self.sequences[done.expected, " > ".join(done.steps)] += 1


@dataclass(slots=True)
class _Open:
    expected: str
    steps: list[str] = field(default_factory=list[str])
    at: float = 0.0


_days: dict[str, float] = {}


def _seconds(stamp: str) -> float:
    """Seconds of a stamp on a clock that knows no summer time: differences are what counts."""
    day = stamp[:10]
    start = _days.get(day)
    if start is None:
        start = datetime.fromisoformat(day).toordinal() * 86_400.0
        if len(_days) < 10_000:
            _days[day] = start
    return start + int(stamp[11:13]) * 3600 + int(stamp[14:16]) * 60 + int(stamp[17:19])


def _sum_up(result: Analysis, reading: _Reading) -> None:
    result.violations = reading.by_session.total()
    result.first, result.last = reading.first, reading.last
    result.sessions = len(reading.by_session)
    result.by_session = _top(reading.by_session)
    result.by_day = sorted(reading.by_day.items())
    result.pairs = [(expected, got, count) for (expected, got), count in _top(reading.pairs)]
    result.sequences = [(expected, used, count) for (expected, used), count in _top(reading.sequences)]
    result.patterns = _patterns(reading, result.violations)


def _top(counts: Counter[Any]) -> list[tuple[Any, int]]:
    """Equal counts in the order of their names, so that a report does not change from run to run."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOP]


# ── patterns ─────────────────────────────────────────────────────────────────

_LOOKS = {"Read", "Grep", "Glob", "LS"}
_WRITES = {"Edit", "Write", "MultiEdit", "NotebookEdit"}
_SHELLS = {"Bash", "PowerShell"}
_WEB = {"WebSearch", "WebFetch"}
_OFTEN = 3  # violations of one session from which on it is a habit

# name -> (what it means, what to do)
_ADVICE = {
    "reads first": (
        "The host looks into files before it routes: the prompt was about them, and is not self-contained.",
        "Give the file's content as `context` of the call, or name the file in the prompt: prompts that name files get no hint.",
    ),
    "shell first": (
        "The host runs commands where a question was expected to be routed.",
        "If the commands were needed, LLM_ROUTER_ENFORCE=soft for this work; if not, `hard` denies them until it has routed.",
    ),
    "searches itself": (
        "The host searches the web with its own tools in place of llm_research.",
        "Set up a provider that searches (`llm-router providers`), so that llm_research is worth the call.",
    ),
    "writes itself": (
        "The host writes the text itself in place of llm_generate or llm_code.",
        "Where the drafts are used in the end, keep it; where not, LLM_ROUTER_ENFORCE=soft saves the detour.",
    ),
    "delegates": (
        "The host starts a subagent, which spends the same model once more.",
        "Route first and hand the answer to the subagent; `hard` denies Agent until then.",
    ),
    "other tools": (
        "Tools that are neither the router's nor the host's usual ones were used while a route was pending.",
        "If one of them answers such prompts better, say so in the project's instructions; `smart` does not block it.",
    ),
    "stubborn sessions": (
        f"Sessions with {_OFTEN} violations or more: their host did not learn from the first denial.",
        "Check that the server is connected there (`/mcp`, `llm-router doctor --hooks`): a tool that is missing cannot be called.",
    ),
}


def _patterns(reading: _Reading, total: int) -> list[Pattern]:
    counts: dict[str, int] = defaultdict(int)
    for (_, got), count in reading.pairs.items():
        counts[_habit(got)] += count
    counts["stubborn sessions"] = sum(n for n in reading.by_session.values() if n >= _OFTEN)
    found = [Pattern(name, n, n / total, *_ADVICE[name]) for name, n in counts.items() if n]
    return sorted(found, key=lambda pattern: (-pattern.count, pattern.name))


def _habit(got: str) -> str:
    for tools, name in (
        (_LOOKS, "reads first"),
        (_SHELLS, "shell first"),
        (_WEB, "searches itself"),
        (_WRITES, "writes itself"),
        ({"Agent", "Task"}, "delegates"),
    ):
        if got in tools:
            return name
    return "other tools"
