"""The handlers of what happens around the turns: a session's start and end, subagents, the status line.

    handler(payload, home, snapshot) -> {"context", "system", "status"}; {} says nothing
"""

import journal
import state


def on_session_start(payload: dict, home: str, snapshot: dict) -> dict:
    state.sweep(home)
    return {}


def on_subagent_start(payload: dict, home: str, snapshot: dict) -> dict:
    return {}


def on_subagent_stop(payload: dict, home: str, snapshot: dict) -> dict:
    return {}


def on_stop(payload: dict, home: str, snapshot: dict) -> dict:
    return {}


def on_session_end(payload: dict, home: str, snapshot: dict) -> dict:
    return {}


def on_status(payload: dict, home: str, snapshot: dict) -> dict:
    return {}
