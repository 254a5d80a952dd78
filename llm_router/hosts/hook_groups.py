"""Which events each host tells us of, and the entry that makes it do so."""

from __future__ import annotations

from typing import Any

from llm_router.hosts import launcher

_SECONDS = {
    "SessionStart": 10,
    "UserPromptSubmit": 5,
    "PreToolUse": 5,
    "PostToolUse": 5,
    "SubagentStart": 5,
    "SubagentStop": 5,
    "Stop": 5,
    "SessionEnd": 10,
}
_GEMINI_SECONDS = {
    "SessionStart": 10,
    "BeforeAgent": 5,
    "BeforeTool": 5,
    "AfterTool": 5,
    "AfterAgent": 5,
    "SessionEnd": 5,
}


def claude() -> dict[str, dict[str, Any]]:
    """Started without a shell. Nothing waits for the end of a session: Claude Code would exit later, or kill it. A tool
    that failed is an event of its own there; a route that failed must open the other tools.
    """
    return {
        event: _group(
            {"type": "command", **launcher.command("claude", event), "timeout": seconds}
            | ({"async": True} if event == "SessionEnd" else {})
        )
        for event, seconds in {**_SECONDS, "PostToolUseFailure": 5}.items()
    }


def claude_status_line() -> dict[str, Any]:
    return {"type": "command", "command": launcher.command_line("claude", "StatusLine"), "padding": 0}


def codex() -> dict[str, dict[str, Any]]:
    return {
        event: _group(
            {"type": "command", "command": launcher.command_line("codex", event), "timeout": seconds}
        )
        for event, seconds in {**_SECONDS, "SessionEnd": 3}.items()  # it warns at each start of more
    }


def gemini_cli() -> dict[str, dict[str, Any]]:
    """Gemini CLI counts in milliseconds, and shows the name while the hook runs."""
    return {
        event: _group(
            {
                "type": "command",
                "name": "llm-router",
                "command": launcher.command_line("gemini-cli", event),
                "timeout": seconds * 1000,
            }
        )
        for event, seconds in _GEMINI_SECONDS.items()
    }


def _group(hook: dict[str, Any]) -> dict[str, Any]:
    return {"hooks": [hook]}
