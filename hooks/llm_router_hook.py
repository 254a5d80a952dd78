"""What a host starts for every event: reads its JSON, asks the handlers, prints its JSON. Never fails, never blocks.

Started as `python -S -E -c CODE FOLDER HOST EVENT`, so that this module is loaded byte-compiled. Whatever goes wrong is
one line in the health file; the host sees silence and exit code 0, which every host takes for "go on".
"""

import gc
import os
import time

gc.disable()  # a process of ten milliseconds collects only what its imports have just made: a tenth of its time

_LIMIT = 4 << 20
_SECONDS = 5  # a file system that hangs must not hold up a prompt for as long as the host would wait
_HANDLERS = {
    "SessionStart": ("events.on_session_start",),
    "UserPromptSubmit": ("turns.on_prompt",),
    "PreToolUse": ("turns.on_pre_tool",),
    "PostToolUse": ("turns.on_post_tool",),
    "Stop": ("turns.on_stop", "events.on_stop"),
    "SubagentStart": ("subagents.on_start",),
    "SubagentStop": ("turns.on_stop", "subagents.on_stop"),
    "SessionEnd": ("events.on_session_end",),
    "StatusLine": ("events.on_status",),
}


def main(host: str = "", event: str = "", *_: str) -> None:
    """Serve one event and end the process, always with exit code 0."""
    try:
        _watch()
        said = run(host, event, _stdin())
        sent = 0
        while sent < len(said):
            sent += os.write(1, said[sent:])
    finally:
        os._exit(0)  # nothing is buffered or open: the interpreter's own farewell would only cost time


def run(host: str, event: str, raw: bytes) -> bytes:
    """What to print for this payload. Never raises."""
    begun = time.perf_counter()
    before = time.process_time() * 1000  # what starting the interpreter took
    home, errors, said = os.devnull, [], b""
    try:
        import files
        import hosts

        home = files.home()
        payload = hosts.read(host, event, raw)
        host = payload["host"]
        result = _ask(payload, home, errors)
        said = hosts.write(host, payload["native"], result).encode("utf-8", "replace")
    except Exception as error:
        errors.append(_told(error))
    try:
        import journal

        ms = before + (time.perf_counter() - begun) * 1000
        journal.health(home, f"{host} {event}", ms, "; ".join(errors))
    except Exception:
        return said
    return said


def _ask(payload: dict, home: str, errors: list) -> dict:
    """The handlers' results as one. A handler that fails says nothing and does not silence the next."""
    import snapshot

    told = snapshot.read(home, payload["host"])
    whole: dict = {}
    for name in _HANDLERS.get(payload["event"], ()):
        module, _, function = name.partition(".")
        try:
            result = getattr(__import__(module), function)(payload, home, told) or {}
        except Exception as error:
            errors.append(_told(error))
            continue
        for key, text in result.items():
            whole[key] = f"{whole[key]}\n{text}" if whole.get(key) and text else text or whole.get(key)
    return whole


def _told(error: BaseException) -> str:
    """What and where; never the message, which may quote a prompt."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place else "?"
    why = f" ({error.strerror})" if isinstance(error, OSError) else ""
    return f"{type(error).__name__}{why} at {where}"


def _stdin() -> bytes:
    """All the host sends, so that it never writes into a closed pipe; nothing of it when it is beyond all measure."""
    pieces, size = [], 0
    try:
        while piece := os.read(0, 1 << 16):
            size += len(piece)
            if size <= _LIMIT:
                pieces.append(piece)
    except OSError:
        return b""
    return b"".join(pieces) if size <= _LIMIT else b""


def _watch() -> None:
    """End the process, silently, when it has run for too long. POSIX only."""
    try:
        import _signal  # `signal` imports `enum`, which costs as much as all the rest

        _signal.signal(_signal.SIGALRM, lambda *_: os._exit(0))
        _signal.alarm(_SECONDS)
    except (ImportError, AttributeError, ValueError):
        return
