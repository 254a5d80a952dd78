"""The handlers of a turn: the prompt, its tool calls, its end. They join the pure parts with the session's state.

handler(payload, home, snapshot) -> {"context", "deny", "system"}; {} says nothing
"""

import os
import time

import journal
import state

# Our tools as the model of each host knows them.
_CALLS = {"claude": "mcp__llm-router__{}", "codex": "mcp__llm_router__{}", "gemini-cli": "mcp_llm-router_{}"}
_PLUGIN_CALL = "mcp__plugin_llm-router_llm-router__{}"
_ANSWERS = 4  # routed answers watched at a time
_SHOWN = 9_000  # characters of an answer that are shown at most
_TOLD = (
    "The user has been shown this answer as it is. Do not write it again: end your turn with one short sentence, "
    "or say what is wrong with it or missing."
)
_OF_A_TURN = ("pending", "answers")
_TWICE_S = 2.0  # the same prompt again within this is the same hook installed twice


def on_prompt(payload: dict, home: str, snapshot: dict) -> dict:
    """A new prompt ends what was pending; a hint, where one pays, begins the next route."""
    mode = snapshot["enforce"]
    if mode == "off":
        return {}
    import hint

    session, agent = payload["session"], payload["agent"]
    name_of_call = call_name(payload["host"])
    known = state.read(home, session)["agents"].get(agent, {})
    told = {**snapshot, "call_name": name_of_call, "transcript": payload["transcript"]}
    found = hint.hint(payload["prompt"], known, told) if _has_our_tools(payload) else None
    if found is None and known.keys().isdisjoint(_OF_A_TURN):
        return {}
    key, now = _prompt_key(payload), time.time()

    def change(own: dict, _whole: dict) -> bool:
        if own.get("prompt") == key and 0 <= now - _number(own.get("prompt_at")) < _TWICE_S:
            return False
        for name in _OF_A_TURN:  # the turn of those answers was cut off: what became of them is not known
            own.pop(name, None)
        own["prompt"], own["prompt_at"] = key, now
        if found is not None:
            call = name_of_call.format(found[1]["tool"])
            own["pending"] = {**found[1], "call": call, "at": now, "blocked": 0, "prompt_hash": key}
        return True

    if not state.update(home, session, agent, change) or found is None:
        return {}
    text, route = found
    journal.event(home, "hinted", **who(payload), mode=mode, **route)
    return {} if mode == "shadow" else {"context": text}


def on_pre_tool(payload: dict, home: str, snapshot: dict) -> dict:
    """Hold back the tools that would do the work of a pending route; see what subagents are started for."""
    if snapshot["enforce"] == "off":
        return {}
    known = state.read(home, payload["session"])["agents"].get(payload["agent"])
    said = _held(payload, home, snapshot["enforce"]) if known is not None and "pending" in known else {}
    if payload["tool"] == "Agent" and "deny" not in said and payload["host"] == "claude":
        import subagents

        subagents.expect(payload, home, snapshot)
    return said


def _held(payload: dict, home: str, mode: str) -> dict:
    import enforce

    session, agent = payload["session"], payload["agent"]

    def change(own: dict, whole: dict) -> dict:
        told, new = enforce.decide(
            payload["tool"], payload["tool_input"], payload["ours"], own, mode, time.time()
        )
        if payload["host"] == "codex" and payload["ours"] and payload["tool"] in enforce.ANSWERING:
            new = enforce.called(new)  # no hook runs there after a call of ours that failed
        _become(own, new)
        if "violation" in told:
            _add(whole["counts"], "violations")
            told["count"] = own.get("denied")
            told["warn"] = enforce.escalation(whole["counts"]["violations"])
        return told

    told = state.update(home, session, agent, change)
    if "deny" in told and not _stored(home, session, agent, told["count"]):
        del told["deny"]  # the disk is full: a denial that cannot be counted would never end
    _journal_decision(payload, home, mode, told)
    return {key: told[name] for key, name in (("deny", "deny"), ("system", "warn")) if told.get(name)}


def on_post_tool(payload: dict, home: str, snapshot: dict) -> dict:
    """A routed answer settles its route and is remembered; what is written afterwards is looked at for it."""
    import enforce

    if payload["ours"]:
        if payload["tool"] in enforce.ANSWERING and not payload["tool_input"].get("dry_run"):
            return _settle(payload, home, snapshot)
        return {}
    known = state.read(home, payload["session"])["agents"].get(payload["agent"])
    if known is not None and known.get("answers") and not payload["failed"]:
        import used

        def change(own: dict, _whole: dict) -> None:
            own["answers"] = used.worked(own["answers"], payload["tool"], payload["tool_input"])

        state.update(home, payload["session"], payload["agent"], change)
    return {}


def on_stop(payload: dict, home: str, snapshot: dict) -> dict:
    """The end of a turn: what became of each routed answer."""
    known = state.read(home, payload["session"])["agents"].get(payload["agent"])
    if known is None or not (known.get("answers") or known.get("pending")):
        return {}
    import costs
    import used

    def change(own: dict, whole: dict) -> list:
        pending, answers = own.pop("pending", None), own.pop("answers", None)
        if isinstance(pending, dict) and pending.get("called"):  # Codex tells nothing of a call that failed
            own["failed"] = int(_number(own.get("failed"))) + 1
        judged = used.judge(answers, payload["last_message"])
        for verdict in judged:
            _add(whole["counts"], verdict["verdict"])
            verdict.update(costs.judged(verdict, snapshot["baseline"]))
            if verdict["saved"] is not None:
                _add(whole["counts"], "saved", verdict["saved"])
        return [judged, pending]

    judged, pending = state.update(home, payload["session"], payload["agent"], change)
    for verdict in judged:
        journal.event(home, "used", **who(payload), **verdict)
    if isinstance(pending, dict):
        kind = "route_failed" if pending.get("called") else "unrouted"
        journal.event(home, kind, **who(payload), tool=pending.get("tool"), task=pending.get("task"))
    return {}


def _settle(payload: dict, home: str, snapshot: dict) -> dict:
    """An answer opens the other tools; so does a failure, for the user must never be stuck behind a broken router.

    The answer to a whole prompt is shown to the user at once, where the host can: its model writing all of it again
    would cost as much as answering.
    """
    import costs
    import enforce
    import used

    decision = payload["answer"].get("decision")
    decision = decision if isinstance(decision, str) else ""
    answer = None if payload["failed"] else used.fingerprint(payload["answer"], payload["tool_input"])
    known = {
        "tool": payload["tool"],
        "context": costs.context(payload["transcript"]),
        "answered_at": time.time(),
    }

    def change(own: dict, whole: dict) -> "dict | None":
        answers = own.get("answers") if isinstance(own.get("answers"), list) else []
        use = payload["tool_use_id"]
        if use and own.get("settled") == use:
            return None
        new, pending = enforce.answered(own)
        if answer is not None and pending and not pending.get("soft"):
            answer["shown"] = _may_show(payload, snapshot)
        _become(own, new)
        own["settled"] = use
        own["failed"] = int(_number(own.get("failed"))) + 1 if payload["failed"] else 0
        if answer is not None:
            own["answers"] = [*answers, {**answer, **known}][-_ANSWERS:]
            _add(whole["counts"], "routed")
        return pending or {}

    pending = state.update(home, payload["session"], payload["agent"], change)
    if pending is None:
        return {}
    facts = {"tool": payload["tool"], "hinted": pending.get("tool") or "", "decision": decision}
    if payload["failed"]:
        journal.event(home, "route_failed", **who(payload), **facts, error=payload["tool_output"][:200])
    else:
        figures = {key: answer[key] for key in ("model", "tokens", "ms")} if answer and not decision else {}
        journal.event(home, "routed", **who(payload), **facts, **figures, mode=snapshot["enforce"])
    if answer is None or not answer.get("shown"):
        return {}
    told = payload["answer"]
    return {"system": "\n\n".join(filter(None, (told["answer"], told["footer"]))), "context": _TOLD}


def _may_show(payload: dict, snapshot: dict) -> bool:
    """Only in Claude Code's terminal with somebody before it, which shows such a message whole."""
    return (
        payload["host"] == "claude"
        and not payload["agent"]
        and snapshot["show_answers"]
        and snapshot["enforce"] != "shadow"
        and os.environ.get("CLAUDE_CODE_ENTRYPOINT") == "cli"
        and os.environ.get("CLAUDE_CODE_SESSION_ATTENDED") == "1"
        and len(payload["answer"]["answer"]) <= _SHOWN
    )


def _journal_decision(payload: dict, home: str, mode: str, told: dict) -> None:
    if "violation" in told:
        violation = told["violation"]
        journal.violation(home, payload["session"], violation["expected"], violation["got"])
        journal.event(home, "violation", **who(payload), mode=mode, denied="deny" in told, **violation)
    if "shadow" in told:
        journal.event(home, "shadow", **who(payload), **told["shadow"])
    if "loop" in told:
        journal.event(home, "loop", **who(payload), mode=mode, denials=told["loop"], **told["violation"])
    if "expired" in told:
        journal.event(home, "expired", **who(payload), mode=mode)


def _stored(home: str, session: str, agent: str, count: object) -> bool:
    known = state.read(home, session)["agents"].get(agent, {})
    return _number(known.get("denied")) >= _number(count)


def who(payload: dict) -> dict:
    return {"session": payload["session"], "agent": payload["agent"], "host": payload["host"]}


def _has_our_tools(payload: dict) -> bool:
    """Codex runs the hook for what a subagent is asked, too."""
    if not payload["agent"]:
        return True
    import subagents

    return payload["raw"].get("agent_type") in subagents.GENERAL


def call_name(host: str) -> str:
    if host == "claude" and os.environ.get("CLAUDE_PLUGIN_ROOT"):
        return _PLUGIN_CALL
    return _CALLS.get(host, "{}")


def _prompt_key(payload: dict) -> str:
    """The host's id of the prompt where it has one, else the prompt's own mark."""
    told = payload["raw"].get("prompt_id") or payload["raw"].get("turn_id")
    if isinstance(told, str):
        return told[:80]
    import binascii

    return f"{binascii.crc32(payload['prompt'].encode('utf-8', 'replace')):08x}"


def _become(own: dict, new: dict) -> None:
    if new is not own:
        kept = dict(new)
        own.clear()
        own.update(kept)


def _add(counts: dict, name: str, number: int = 1) -> None:
    counts[name] = counts.get(name, 0) + number


def _number(value: object) -> float:
    return float(value) if type(value) in (int, float) else 0.0
