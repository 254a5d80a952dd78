"""What is remembered of one session, shared by hooks that run at the same time.

    <home>/sessions/<safe session id>.json
    {"agents": {"": {"pending": {...}, "violations": 2, "denied": 1, "recent": [...], "answers": [...]}},
     "counts": {"routed": 3, "used": 2, "reworked": 1, "ignored": 0, "violations": 2, "saved": 1200}}

The agent "" is the main thread. `counts` are whole numbers; "saved" is micro-dollars, less than 0 where
routing cost more than it saved.
Whatever cannot be read counts as empty, whatever cannot be written is not kept: no fault here ever reaches a user.
"""

import os
import time

import codec
import files

_READ_LIMIT = 1 << 20
_WRITE_LIMIT = 64 << 10
_AGENTS, _LIST = 16, 12
_KEEP_S = 7 * 86400
_KEEP_FILES = 300
_LOCKS = 16
_LOCK_WAIT_S = 2.0


def read(home: str, session: str) -> dict:
    """The state as it stands, without the lock. Mending what is broken: always {"agents": ..., "counts": ...}."""
    try:
        return _whole(codec.loads(files.read(path(home, session), _READ_LIMIT)))
    except (OSError, ValueError, RecursionError):
        return _whole(None)


def update(home: str, session: str, agent: str, change: "object") -> "object":
    """Run `change(own, whole)` on this agent's own dict and the whole state under the session's lock.

    Both are changed in place; what `change` returns is returned. Where the state cannot be locked, read or written,
    `change` runs on an empty one and nothing is kept. An exception of `change` itself keeps nothing and is raised.
    """
    lock = _lock(home, session)
    try:
        whole = _whole(None) if lock is None else read(home, session)
        before = codec.dumps(whole)
        own = whole["agents"].setdefault(agent, {})
        answer = change(own, whole)
        if not own:
            whole["agents"].pop(agent, None)
        if lock is not None:
            _write(path(home, session), whole, before)
        return answer
    finally:
        if lock is not None:
            files.unlock(lock)


def path(home: str, session: str) -> str:
    return os.path.join(home, "sessions", safe(session) + ".json")


def safe(session: str) -> str:
    """A file name for any session id: no separators, no dots, bounded; different ids stay different."""
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else f"%{ord(c):x}." for c in session)
    if len(name) > 100:
        import binascii

        name = f"{name[:80]}%{binascii.crc32(name.encode()):x}-{len(name)}"
    return name or "%"


def sweep(home: str) -> int:
    """Remove the sessions nobody has touched for a week, and the oldest beyond a few hundred. How many went."""
    folder = os.path.join(home, "sessions")
    try:
        with os.scandir(folder) as entries:
            aged = sorted((e.stat(follow_symlinks=False).st_mtime, e.path) for e in entries if _swept(e.name))
    except OSError:
        return 0
    limit = time.time() - _KEEP_S
    gone = 0
    for number, (changed, name) in enumerate(reversed(aged)):
        if number < _KEEP_FILES and changed >= limit:
            continue
        try:
            os.unlink(name)
            gone += 1
        except OSError:
            continue
    return gone


def _swept(name: str) -> bool:
    return name.endswith((".json", ".tmp"))


def _lock(home: str, session: str) -> "int | None":
    """One of a few lock files, never removed: a lock whose file can go is no lock."""
    number = sum(session.encode("utf-8", "replace")) % _LOCKS
    try:
        return files.locked(os.path.join(home, "sessions", f"{number}.lock"), _LOCK_WAIT_S)
    except OSError:
        return None


def _whole(found: object) -> dict:
    """The promised shape out of anything."""
    whole = found if isinstance(found, dict) else {}
    agents, counts = whole.get("agents"), whole.get("counts")
    whole["agents"] = {
        name: own
        for name, own in (agents if isinstance(agents, dict) else {}).items()
        if isinstance(own, dict)
    }
    whole["counts"] = {
        name: n for name, n in (counts if isinstance(counts, dict) else {}).items() if type(n) is int
    }
    return whole


def _write(target: str, whole: dict, before: str) -> None:
    after = codec.dumps(whole)
    if after == before:
        return
    if len(after) > _WRITE_LIMIT:
        after = _shrunk(whole)
    try:
        files.replace(target, after.encode())
    except OSError:
        return


def _shrunk(whole: dict) -> str:
    """The newest agents with the ends of their lists; if even that is too much, the counts alone."""
    agents = dict(list(whole["agents"].items())[-_AGENTS:])
    for name, own in agents.items():
        agents[name] = {k: v[-_LIST:] if isinstance(v, list) else v for k, v in own.items()}
    text = codec.dumps({"agents": agents, "counts": whole["counts"]})
    return (
        text
        if len(text) <= _WRITE_LIMIT
        else codec.dumps({"agents": {}, "counts": dict(list(whole["counts"].items())[:64])})
    )
