"""May this tool run while a route is pending? Pure: the state comes in as a dict and goes out as a changed copy.

    smart   denies the tools that would do the routed work (BLOCKED) for query, research, analyze and generate routes;
            code tasks may investigate
    hard    denies every tool until the route was called, for any task
    soft    denies nothing, logs what smart would deny
    shadow  denies nothing, logs nothing, measures what smart would deny
    off     nothing

Never denied: our own tools, and FREE: what loads our tools, asks or informs the user, or ends the work; without them a
session could lock up. A suggestion (a soft route) never denies.
"""

MODES = ("smart", "hard", "soft", "shadow", "off")
BLOCKED = frozenset(("Bash", "PowerShell", "Read", "Edit", "Write", "WebSearch", "WebFetch", "Agent"))
GUARDED = ("query", "research", "analyze", "generate")
ANSWERING = ("llm_route", "llm_query", "llm_research", "llm_generate", "llm_analyze", "llm_code")
FREE = frozenset(
    (
        # Claude Code
        "ToolSearch", "AskUserQuestion", "EnterPlanMode", "ExitPlanMode", "TodoRead", "TodoWrite", "TaskCreate",
        "TaskGet", "TaskList", "TaskUpdate", "TaskStop", "KillShell", "KillBash", "StructuredOutput", "SendMessage",
        "EnterWorktree", "ExitWorktree",
        # Codex
        "tool_search", "update_plan", "request_user_input", "request_permissions", "write_stdin", "wait", "wait_agent",
        "close_agent",
        # Gemini CLI
        "write_todos", "ask_user", "enter_plan_mode", "exit_plan_mode", "complete_task",
    )
)  # fmt: skip

EXPIRES_S = 300
DENIALS = 2  # of one route; the next attempt passes: a model that insists twice has a reason, or a loop
WARN_AT = 3  # violations of a session
_TOGETHER_S = 0.05  # calls of one message start their hooks at once; a model's next message takes longer


def decide(tool: str, ours: bool, use: str, state: dict, mode: str, now: float) -> "tuple[dict, dict]":
    """(what to do, the new state). `use` is the host's id of this call, "" if it has none.

    What to do: {} or some of {"deny": reason, "violation": {"expected", "got"}, "loop": denials, "expired": True,
    "shadow": {"expected", "got"}, "warn": text}. The same call asked twice (the same hooks installed twice) gets the
    same answer and counts once.
    """
    pending = state.get("pending")
    if mode == "off" or not isinstance(pending, dict):
        return {}, state
    if not _fresh(pending, now):
        return {"expired": True}, _without(state)
    if ours or tool in FREE or pending.get("soft") or not _guards(mode, pending, tool):
        return {}, state
    told = {"expected": str(pending.get("tool")), "got": tool}
    seen = _texts(pending.get("seen"))
    if use and use in seen:
        return ({"deny": _reason(pending)} if mode in ("smart", "hard") else {}), state
    pending = {**pending, "seen": [*seen, use][-16:] if use else seen}
    if mode == "shadow":
        return {"shadow": told}, {**state, "pending": pending}
    counted = {**state, "pending": pending, "violations": _count(state.get("violations")) + 1}
    counted["recent"] = [*_texts(state.get("recent")), tool[:60]][-8:]
    done: dict = {"violation": told}
    if mode == "soft":
        return done, counted
    if _exhausted(pending, now):
        return {**done, "loop": _count(pending.get("blocked"))}, _without(counted)
    counted["pending"] = _denied(pending, now)
    counted["denied"] = _count(state.get("denied")) + 1
    return {**done, "deny": _reason(pending)}, counted


def escalation(violations: int) -> str:
    """What the user is told, once, when a session's violations reach the mark."""
    if violations != WARN_AT:
        return ""
    return (
        f"llm-router: {violations} tool calls went around the suggested route in this session. "
        "Soften with LLM_ROUTER_ENFORCE=soft, turn off with LLM_ROUTER_ENFORCE=off; "
        "`llm-router violations` shows what happened."
    )


def answered(state: dict) -> "tuple[dict, dict | None]":
    """The state after a routed call came back, whichever way, and the route it settled."""
    pending = state.get("pending")
    return _without(state), pending if isinstance(pending, dict) else None


def _guards(mode: str, pending: dict, tool: str) -> bool:
    return mode == "hard" or (tool in BLOCKED and pending.get("task") in GUARDED)


def _fresh(pending: dict, now: float) -> bool:
    """Not older than five minutes; a clock that jumped either way ends it too."""
    at = pending.get("at")
    return isinstance(at, (int, float)) and -5 <= now - at <= EXPIRES_S


def _exhausted(pending: dict, now: float) -> bool:
    return _count(pending.get("blocked")) >= DENIALS and not _together(pending, now)


def _denied(pending: dict, now: float) -> dict:
    """Calls of one message are one block, however many they are: the loop is in the messages."""
    if _together(pending, now):
        return pending
    return {**pending, "blocked": _count(pending.get("blocked")) + 1, "blocked_at": now}


def _together(pending: dict, now: float) -> bool:
    last = pending.get("blocked_at")
    return isinstance(last, (int, float)) and 0 <= now - last < _TOGETHER_S


def _reason(pending: dict) -> str:
    call = pending.get("call") or pending.get("tool")
    return (
        f'llm-router: route this request first: call {call}(prompt="<the request, whole>"). '
        "Other tools open when it has answered or failed. To turn this off: LLM_ROUTER_ENFORCE=off."
    )


def _without(state: dict) -> dict:
    return {key: value for key, value in state.items() if key != "pending"}


def _count(value: object) -> int:
    return value if type(value) is int and value > 0 else 0


def _texts(value: object) -> list:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
