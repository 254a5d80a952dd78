"""How the hooks fare: what each run wrote to `<home>/hooks/health.jsonl`, by hook. Standard library only.

{"at": Unix seconds, "hook": "claude UserPromptSubmit", "ms": 12.5[, "error": "OSError at files.py:40"]}
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

STALE_S = 30 * 86_400.0
SLOW_MS = 100.0  # a median above it is felt at every prompt
HEALTH = "health.jsonl"


@dataclass(slots=True)
class Health:
    """One hook, over the runs that are still on record. Durations in milliseconds, times in Unix seconds."""

    hook: str
    runs: int = 0
    errors: int = 0
    last_run: float = 0.0
    last_error: str = ""
    last_error_at: float = 0.0
    times: list[float] = field(default_factory=list[float], repr=False)

    @property
    def host(self) -> str:
        return self.hook.partition(" ")[0]

    @property
    def ms_p50(self) -> float | None:
        return _quantile(self.times, 0.5)

    @property
    def ms_p95(self) -> float | None:
        return _quantile(self.times, 0.95)

    def as_dict(self) -> dict[str, Any]:
        return {
            "hook": self.hook,
            "runs": self.runs,
            "errors": self.errors,
            "ms_p50": self.ms_p50,
            "ms_p95": self.ms_p95,
            "last_run": self.last_run,
            "last_error": self.last_error or None,
            "last_error_at": self.last_error_at or None,
        }


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What was (or would be) removed: records by hook, and lines that are none; and how many records stay."""

    removed: dict[str, int]
    malformed: int
    kept: int


def read(home: Path) -> list[Health]:
    """By hook, in the order of their names. Files that cannot be read count as empty."""
    found: dict[str, Health] = {}
    records = (record for path in _files(home) for _, record in _records(path))
    for record in records:
        if record is None:
            continue
        hook, at, ms = record["hook"], float(record["at"]), float(record["ms"])
        one = found.setdefault(hook, Health(hook))
        one.runs += 1
        one.times.append(ms)
        one.last_run = max(one.last_run, at)
        if error := record.get("error"):
            one.errors += 1
            if at >= one.last_error_at:
                one.last_error, one.last_error_at = str(error), at
    return [found[name] for name in sorted(found)]


def cleanup(
    home: Path, names: tuple[str, ...] = (), *, dry_run: bool = False, now: float | None = None
) -> Cleanup:
    """Remove the records of these hooks; without names, of hooks that have not run for 30 days, and broken lines.

    A name is a whole hook ("claude Stop"), or all hooks of a host ("claude"). Runs that hooks write meanwhile are kept.
    Raises OSError where the files cannot be changed.
    """
    limit = (time.time() if now is None else now) - STALE_S
    stale = {one.hook for one in read(home) if one.last_run < limit}

    def unwanted(hook: str) -> bool:
        return (hook in names or hook.partition(" ")[0] in names) if names else hook in stale

    removed: dict[str, int] = {}
    malformed = kept = 0
    for path in _files(home):
        source = path if dry_run else _take(path)
        keep: list[bytes] = []
        for line, record in _records(source):
            if record is None:
                malformed += 1
            elif unwanted(record["hook"]):
                removed[record["hook"]] = removed.get(record["hook"], 0) + 1
            else:
                keep.append(line)
        kept += len(keep)
        if not dry_run:
            _append(path, b"".join(keep))
            source.unlink(missing_ok=True)
    return Cleanup(dict(sorted(removed.items())), malformed, kept)


def _files(home: Path) -> list[Path]:
    """Oldest first; what a cleanup that was killed had taken away is read with them."""
    folder = home / "hooks"
    full = sorted(folder.glob(f"{HEALTH}.*[0-9]"), reverse=True)
    left = sorted(folder.glob(f"{HEALTH}.*.taken"))
    live = folder / HEALTH
    return [*left, *full, *([live] if live.is_file() else [])]


def _records(path: Path) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    """Each line with what it says; None where it is no record."""
    try:
        with path.open("rb") as file:
            _lock(file.fileno(), exclusive=path.suffix == ".taken")
            data = file.read()
    except OSError:
        return
    for line in data.splitlines(keepends=True):
        if line.strip():
            yield line, _record(line)


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    said = cast("dict[str, Any]", record)
    numbers = [said.get("at"), said.get("ms")]
    sound = all(isinstance(n, int | float) and 0 <= n < 1e12 for n in numbers)
    return said if sound and isinstance(said.get("hook"), str) else None


def _take(path: Path) -> Path:
    if path.suffix == ".taken":
        return path
    taken = path.with_name(f"{HEALTH}.{time.time_ns()}-{secrets.token_hex(3)}.taken")
    return path.rename(taken)


def _append(path: Path, data: bytes) -> None:
    """In one write, into the file that has this name: a hook, or another cleanup, may have replaced it meanwhile."""
    if path.suffix == ".taken":
        path = path.with_name(HEALTH)
    while data:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _lock(descriptor, exclusive=False)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                data = data[os.write(descriptor, data) :]
        except FileNotFoundError:
            continue
        finally:
            os.close(descriptor)


def _lock(descriptor: int, *, exclusive: bool) -> None:
    """Wait until hooks that hold the file have written; each holds it for less than a millisecond."""
    if fcntl is not None:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)


def _quantile(times: list[float], part: float) -> float | None:
    """The smallest time that `part` of the runs did not exceed."""
    if not times:
        return None
    ordered = sorted(times)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2)


def told(done: Cleanup, *, dry_run: bool) -> list[str]:
    """What a cleanup did, for a person."""
    verb = "would remove" if dry_run else "removed"
    lines = [f"{verb} {count:,} records of {hook}" for hook, count in done.removed.items()]
    if done.malformed:
        lines.append(f"{verb} {done.malformed:,} broken lines")
    return [*(lines or ["nothing to remove"]), f"{done.kept:,} records stay"]
