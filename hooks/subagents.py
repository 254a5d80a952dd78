"""Subagents have routes of their own: what one is asked to do is judged like a prompt of the user's.

Codex runs the hook of prompts for it. In Claude Code the prompt comes with the call that starts a subagent, its id with
the start itself; one follows the other at once.

handler(payload, home, snapshot) -> {"context"}; {} says nothing
"""

import time

import hint
import journal
import state
import turns

# those that have all tools; others may lack ours, and have instructions of their own
GENERAL = (None, "", "general-purpose", "default")
_FOLLOWS_S = 10.0
_WAITING = 8


def expect(payload: dict, home: str, snapshot: dict) -> None:
    """A subagent is about to be started: remember the route for what it is asked, or that there is none."""
    asked = payload["tool_input"]
    prompt, kind = asked.get("prompt"), asked.get("subagent_type")
    call_name, found = turns.call_name(payload["host"]), None
    if isinstance(prompt, str) and kind in GENERAL:
        found = hint.hint(prompt, {}, {**snapshot, "call_name": call_name})
    waits = {"at": time.time(), "text": "", "route": None}
    if found is not None:
        text, route = found
        waits = {**waits, "text": text, "route": {**route, "call": call_name.format(route["tool"])}}

    def change(_own: dict, whole: dict) -> None:
        whole["starting"] = [*_starting(whole), waits][-_WAITING:]

    state.update(home, payload["session"], payload["agent"], change)


def on_start(payload: dict, home: str, snapshot: dict) -> dict:
    """A clean slate, whatever an earlier subagent of the same id left; and the hint, where one is waiting for it."""
    session, agent, mode = payload["session"], payload["agent"], snapshot["enforce"]
    known = state.read(home, session)
    if not agent or (agent not in known["agents"] and not known.get("starting")):
        return {}

    def change(own: dict, whole: dict) -> dict:
        own.clear()
        waits = _whose(whole)
        if waits.get("route"):
            own["pending"] = {**waits["route"], "at": time.time(), "blocked": 0, "prompt_hash": ""}
        return waits

    waits = state.update(home, session, agent, change)
    if not waits.get("route") or mode == "off":
        return {}
    journal.event(home, "hinted", **turns.who(payload), mode=mode, **waits["route"])
    return {} if mode == "shadow" else {"context": waits["text"]}


def on_stop(payload: dict, home: str, _snapshot: dict) -> dict:
    if payload["agent"] and payload["agent"] in state.read(home, payload["session"])["agents"]:
        state.update(home, payload["session"], payload["agent"], lambda own, _whole: own.clear())
    return {}


def _whose(whole: dict) -> dict:
    """What waits for this subagent. Of several that are started at once none can be told from another: no hint."""
    starting = _starting(whole)
    whole.pop("starting", None)
    if len(starting) > 1:
        whole["starting"] = [{**each, "route": None} for each in starting[1:]]
        return {}
    return starting[0] if starting else {}


def _starting(whole: dict) -> list:
    now, found = time.time(), whole.get("starting")
    return [
        each
        for each in (found if isinstance(found, list) else [])
        if isinstance(each, dict)
        and isinstance(each.get("at"), (int, float))
        and 0 <= now - each["at"] < _FOLLOWS_S
        and isinstance(each.get("text"), str)
        and isinstance(each.get("route"), (dict, type(None)))
    ]
