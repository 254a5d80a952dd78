"""The handlers of what happens around the turns: a session's start and end, the status line.

handler(payload, home, snapshot) -> {"context", "system", "status"}; {} says nothing
"""

import os
import sys
import time

import files
import journal
import state

_CONTEXT = (
    "llm-router is connected: llm_query, llm_research, llm_generate, llm_analyze and llm_code of its server answer "
    "self-contained requests with a cheaper model.\n"
    "When a prompt comes with a MANDATORY ROUTE block, make the call it names, with the whole request as prompt, "
    "before any other tool; then pass the answer on as it is instead of working it out again."
)
_WARM_AGAIN_S = 120


def on_session_start(payload: dict, home: str, snapshot: dict) -> dict:
    """How to use the tools, unless the conversation has heard it; the local models are loaded meanwhile."""
    state.sweep(home)
    if payload["source"] != "compact":
        _note_interpreter(home)
        _warm_up(home, snapshot)
    if snapshot["enforce"] in ("off", "shadow") or not snapshot["mcp"] or payload["source"] == "resume":
        return {}
    return {"context": _CONTEXT}


def on_stop(payload: dict, home: str, snapshot: dict) -> dict:
    """What routing did since it was last told; nothing when it did nothing."""

    def news(_own: dict, whole: dict) -> dict:
        shown, counts = whole.get("shown"), whole["counts"]
        shown = shown if isinstance(shown, dict) else {}
        whole["shown"] = dict(counts)
        return {name: n - _whole_number(shown.get(name)) for name, n in counts.items()}

    if state.read(home, payload["session"])["counts"].get("routed"):
        return _told(state.update(home, payload["session"], payload["agent"], news), snapshot, "this turn")
    return {}


def on_session_end(payload: dict, home: str, snapshot: dict) -> dict:
    counts = state.read(home, payload["session"])["counts"]
    if counts:
        facts = {"session": payload["session"], "host": payload["host"], "reason": payload["source"]}
        journal.event(home, "session", **facts, counts=counts)
    return _told(counts, snapshot, "this session")


def on_status(payload: dict, _home: str, snapshot: dict) -> dict:
    """`llm-router balanced · $0.12 today · $4.88 left · 5h 40%`: what is not known is left out."""
    parts = [f"llm-router {snapshot['profile']}"]
    if snapshot["enforce"] != "smart":
        parts[0] += f" ({snapshot['enforce']})"
    for key, word in (("spend_today", "today"), ("budget_left", "left")):
        if snapshot[key] is not None:
            parts.append(f"{money(snapshot[key])} {word}")
    return {"status": " · ".join([*parts, *_quota(payload["raw"], snapshot["quota"])])}


def money(micros: int) -> str:
    """Cents, or hundredths of a cent where cents would hide it. A budget that is overdrawn has nothing left."""
    dollars = max(micros, 0) / 1e6
    if 0 < dollars < 0.0001:
        return "<$0.0001"
    return f"${dollars:.2f}" if dollars >= 0.1 or dollars == 0 else f"${dollars:.4f}"


def _told(counts: dict, snapshot: dict, since: str) -> dict:
    routed = _whole_number(counts.get("routed"))
    if routed <= 0:
        return {}
    fates = ", ".join(
        f"{n} {name}" for name in ("used", "reworked", "ignored") if (n := counts.get(name, 0)) > 0
    )
    parts = [f"llm-router: {routed} routed {since}" + (f" ({fates})" if fates else "")]
    if (saved := counts.get("saved")) is not None:
        parts.append(f"{money(saved)} saved" if saved >= 0 else f"cost {money(-saved)} more than it saved")
    if snapshot["spend_today"] is not None:
        parts.append(f"{money(snapshot['spend_today'])} spent today")
    return {"system": " · ".join(parts)}


def _quota(raw: dict, told: "dict | None") -> list:
    """The host's own allowances: from its payload, which is fresh, else what the main product knew."""
    limits = raw.get("rate_limits")
    found = []
    for name, short in (("five_hour", "5h"), ("seven_day", "7d")):
        window = limits.get(name) if isinstance(limits, dict) else None
        used = window.get("used_percentage") if isinstance(window, dict) else None
        if isinstance(used, (int, float)):
            found.append(f"{short} {used:.0f}%")
    if not found and told is not None:
        found.append(f"{told['name'] or 'quota'} {told['used']:.0%}")
    return found


def _whole_number(value: object) -> int:
    return value if type(value) is int else 0


def _note_interpreter(home: str) -> None:
    """For the plugin's shim, which would have to search PATH, and may find a slow wrapper there."""
    path = os.path.join(home, "hooks", "python")
    said = sys.executable.encode("utf-8", "surrogateescape") + b"\n"
    try:
        if files.read(path, 4096) == said:
            return
    except OSError:
        pass
    try:
        files.replace(path, said)
    except OSError:
        return


def _warm_up(home: str, snapshot: dict) -> None:
    """Have the local models loaded by a process of its own that nobody waits for; one at a time."""
    if not snapshot["warm"]:
        return
    marker = os.path.join(home, "hooks", "warming")
    try:
        if 0 <= time.time() - os.stat(marker).st_mtime < _WARM_AGAIN_S:
            return
    except OSError:
        pass
    try:
        files.replace(marker, b"")
    except OSError:
        return  # without the marker every session would start another
    folder = os.path.dirname(os.path.abspath(__file__))
    # its own imports must not take a core from the session that is just starting
    code = "import os,sys;getattr(os,'nice',int)(10);sys.path.insert(0,sys.argv[1]);import warm;warm.main(*sys.argv[2:])"
    flags = ["-S", "-E", "-I", "-c", code]
    _leave_behind([sys.executable, *flags, folder, snapshot["ollama_url"], *snapshot["warm"]])


def _leave_behind(command: list) -> None:
    """Start a process that holds no pipe of the host's, or the host would wait for it as it waits for us."""
    try:
        nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
        os.posix_spawn(command[0], command, os.environ, file_actions=nothing, setsid=True)
    except (AttributeError, NotImplementedError):  # Windows; an old system
        import subprocess  # costs more than all the rest of this hook

        none = subprocess.DEVNULL
        subprocess.Popen(command, stdin=none, stdout=none, stderr=none, start_new_session=True)
