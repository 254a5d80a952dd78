"""What the hooks write down for others: append-only files that fifty hooks may write at once.

    <home>/enforcement.log      [YYYY-MM-DD HH:MM:SS] VIOLATION session=... expected=... got=...
    <home>/hooks/events.jsonl   {"at": Unix seconds, "kind": "routed", ...}: drained into the ledger
    <home>/hooks/health.jsonl   {"at": Unix seconds, "hook": "claude UserPromptSubmit", "ms": 1.5[, "error": "..."]}

A line is one write to a descriptor in append mode, under a lock of the file: on some file systems one alone is not
enough to keep lines whole. A full file is renamed to NAME.1 (that to NAME.2 ...). Who wants to take a file away without
losing a line: rename it, then lock the renamed file exclusively (flock) before reading it; a writer holds that lock from
before it looks at the name until it has written.
"""

import os
import time

import codec
import files

_LINE = 8 << 10
_TEXT = 600
_TRIES = 20
_WAIT_S = 0.5
# file -> (largest size, how many full ones are kept)
_BOUNDS = {"enforcement.log": (8 << 20, 5), "events.jsonl": (4 << 20, 4), "health.jsonl": (256 << 10, 1)}


def violation(home: str, session: str, expected: str, got: str) -> bool:
    """One line of the enforcement log; False when it could not be written."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    line = f"[{stamp}] VIOLATION session={_word(session)} expected={_word(expected)} got={_word(got)}\n"
    return append(os.path.join(home, "enforcement.log"), line.encode("utf-8", "replace"))


def event(home: str, kind: str, **facts: object) -> bool:
    """A fact for the ledger. Facts are JSON values; long texts are cut."""
    short = {k: v[:_TEXT] if isinstance(v, str) else v for k, v in facts.items()}
    try:
        line = codec.dumps({"at": time.time(), "kind": kind, **short})
    except (TypeError, ValueError, RecursionError):
        line = ""
    if not 0 < len(line) < _LINE:
        plain = {k: v for k, v in short.items() if isinstance(v, (str, int, float, bool))}
        line = codec.dumps({"at": time.time(), "kind": kind, "cut": True, **dict(list(plain.items())[:8])})
    return append(os.path.join(home, "hooks", "events.jsonl"), line.encode() + b"\n")


def health(home: str, hook: str, ms: float, error: str = "") -> bool:
    """One run of a hook: how long it took, and what went wrong in it."""
    run = {"at": round(time.time(), 3), "hook": hook[:80], "ms": round(ms, 2)}
    if error:
        run["error"] = error[:_TEXT]
    return append(os.path.join(home, "hooks", "health.jsonl"), codec.dumps(run).encode() + b"\n")


def append(path: str, line: bytes) -> bool:
    """Add one whole line; False when it could not be written. Never raises."""
    size = 0
    try:
        for _ in range(_TRIES):
            size = _appended(path, line)
            if size:
                break
    except OSError:
        return False
    limit, kept = _BOUNDS.get(os.path.basename(path), (4 << 20, 1))
    if size > limit:
        _rotate(path, limit, kept)
    return size > 0


def _appended(path: str, line: bytes) -> int:
    """The size of the file after the line was added; 0 when the file was taken away meanwhile: try again."""
    descriptor = files.opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        files.take_lock(descriptor, _WAIT_S)
        mine = os.fstat(descriptor)
        if not _still_at(path, mine):
            return 0
        size = mine.st_size
        if size and _last_byte(descriptor, size) != b"\n":
            line = b"\n" + line  # a full disk or a power cut left half a line: it must not spoil this one
        if os.write(descriptor, line) != len(line):
            raise OSError("the disk is full")
        return size + len(line)
    finally:
        os.close(descriptor)


def _still_at(path: str, mine: os.stat_result) -> bool:
    try:
        return os.path.samestat(mine, os.stat(path))
    except FileNotFoundError:
        return False


def _last_byte(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, size - 1, os.SEEK_SET)  # append mode: where the write goes is not changed by this
    return os.read(descriptor, 1)


def _rotate(path: str, limit: int, kept: int) -> None:
    """Under a lock and after a second look: of many writers that saw a full file, one renames it. Another time will do."""
    try:
        lock = files.locked(path + ".lock", wait_s=0.0)
    except OSError:
        return
    try:
        if os.stat(path).st_size <= limit:
            return
        for number in range(kept, 1, -1):
            if os.path.exists(f"{path}.{number - 1}"):
                os.replace(f"{path}.{number - 1}", f"{path}.{number}")
        os.replace(path, f"{path}.1")
    except OSError:
        return
    finally:
        files.unlock(lock)


def _word(text: str) -> str:
    """A value without spaces or anything that could start a line or a field of its own."""
    kept = "".join(c if c.isprintable() and not c.isspace() and c != "=" else "_" for c in text[:200])
    return kept or "-"
