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

import binascii

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
# different calls so soon after each other belong to one message of the model: its next one takes longer, and on a busy
# machine the hooks of one message do not start at once
_TOGETHER_S = 0.8
_MESSAGE = 16  # calls


def decide(
    tool: str, tool_input: dict, ours: bool, state: dict, mode: str, now: float
) -> "tuple[dict, dict]":
    """(what to do, the new state).

    What to do: {} or some of {"deny": reason, "violation": {"expected", "got"}, "loop": denials, "expired": True,
    "shadow": {"expected", "got"}}.
    """
    pending = state.get("pending")
    if mode == "off" or not isinstance(pending, dict):
        return {}, state
    if not _fresh(pending, now):
        return {"expired": True}, _without(state)
    if pending.get("called"):
        return {}, state
    if ours or tool in FREE or pending.get("soft") or not _guards(mode, pending, tool):
        return {}, state
    told = {"expected": str(pending.get("tool")), "got": tool}
    if mode == "shadow":
        return {"shadow": told}, state
    counted = {**state, "violations": _count(state.get("violations")) + 1}
    counted["recent"] = [*_texts(state.get("recent")), tool[:60]][-8:]
    if mode == "soft":
        return {"violation": told}, counted
    key = f"{tool}:{binascii.crc32(repr(tool_input).encode('utf-8', 'replace'))}"
    together = _together(pending, key, now)
    if _count(pending.get("blocked")) >= DENIALS and not together:
        # perhaps our server is not there at all: after two such routes there are no hints either
        counted["failed"] = _count(state.get("failed")) + 1
        return {"violation": told, "loop": _count(pending["blocked"])}, _without(counted)
    counted["pending"] = _denied(pending, key, together, now)
    counted["denied"] = _count(state.get("denied")) + 1
    return {"violation": told, "deny": _reason(pending)}, counted


def escalation(violations: int) -> str:
    """What the user is told, once, when a session's violations reach the mark."""
    if violations != WARN_AT:
        return ""
    return (
        f"llm-router: {violations} tool calls went around the suggested route in this session. "
        "Soften with LLM_ROUTER_ENFORCE=soft, turn off with LLM_ROUTER_ENFORCE=off; "
        "`llm-router violations` shows what happened."
    )


def called(state: dict) -> dict:
    """The state after a routed call was begun at a host that will not tell how it ended, if it fails."""
    pending = state.get("pending")
    return {**state, "pending": {**pending, "called": True}} if isinstance(pending, dict) else state


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


def _together(pending: dict, key: str, now: float) -> bool:
    """Whether this call came in one message with the last one denied. The very same call again is another message."""
    last = pending.get("blocked_at")
    near = isinstance(last, (int, float)) and 0 <= now - last < _TOGETHER_S
    keys = _texts(pending.get("keys"))
    return near and key not in keys and len(keys) < _MESSAGE


def _denied(pending: dict, key: str, together: bool, now: float) -> dict:
    """Calls of one message are one block, however many they are: the loop is in the messages."""
    if together:
        return {**pending, "blocked_at": now, "keys": [*_texts(pending.get("keys")), key]}
    return {**pending, "blocked": _count(pending.get("blocked")) + 1, "blocked_at": now, "keys": [key]}


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
