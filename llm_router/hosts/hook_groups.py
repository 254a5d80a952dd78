"""Which events each host tells us of, and the entry that makes it do so."""

from __future__ import annotations

from typing import Any

from llm_router.hosts import launcher

# host -> its own name of each event -> the seconds it may take; nothing of ours takes one. The plugins have the same.
_SECONDS = {
    "SessionStart": 10,
    "UserPromptSubmit": 5,
    "PreToolUse": 5,
    "PostToolUse": 5,
    "SubagentStart": 5,
    "SubagentStop": 5,
    "Stop": 5,
}
EVENTS = {
    # a tool that failed is an event of its own there; a route that failed must open the other tools
    "claude": {**_SECONDS, "PostToolUseFailure": 5, "SessionEnd": 10},
    "codex": {**_SECONDS, "SessionEnd": 3},  # it warns at each start of more
    "gemini-cli": {
        "SessionStart": 10,
        "BeforeAgent": 5,
        "BeforeTool": 5,
        "AfterTool": 5,
        "AfterAgent": 5,
        "SessionEnd": 5,
    },
}


def claude() -> dict[str, dict[str, Any]]:
    """Started without a shell."""
    return {event: group("claude", event, **launcher.command("claude", event)) for event in EVENTS["claude"]}


def claude_status_line() -> dict[str, Any]:
    return {"type": "command", "command": launcher.command_line("claude", "StatusLine"), "padding": 0}


def codex() -> dict[str, dict[str, Any]]:
    return _of_a_shell("codex")


def gemini_cli() -> dict[str, dict[str, Any]]:
    return _of_a_shell("gemini-cli")


def group(host: str, event: str, **command: Any) -> dict[str, Any]:
    """The entry of one event: `command` as it is, and what this host wants beside it."""
    seconds = EVENTS[host][event]
    hook: dict[str, Any] = {"type": "command", **command, "timeout": seconds}
    if host == "gemini-cli":  # it counts in milliseconds, and shows the name while the hook runs
        hook |= {"name": "llm-router", "timeout": seconds * 1000}
    if host == "claude" and event == "SessionEnd":
        hook["async"] = True  # it would exit later, or kill the hook
    return {"hooks": [hook]}


def _of_a_shell(host: str) -> dict[str, dict[str, Any]]:
    return {event: group(host, event, command=launcher.command_line(host, event)) for event in EVENTS[host]}
