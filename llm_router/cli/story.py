"""The story of one request, as `explain`, `ask --dry-run` and their `--json` tell it. Made from the ledger's columns,
so that a decision just made and one read back look the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from llm_router.cli import output
from llm_router.cli.output import money, usd
from llm_router.nouns import Billing, Decision, JsonDict
from llm_router.record import rows

SHOWN = 10  # of a chain, to a person
_ASIDE = {"check": " (asked about the answer)", "classify": " (asked what is wanted)"}


def facts(decision: Decision) -> JsonDict:
    entry = rows.entry(decision, store_prompts=False)
    return from_rows(entry["decision"], entry["attempts"])


def from_rows(row: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> JsonDict:
    """`row` is one of `decisions`, `attempts` its rows in order. Money becomes dollars, null where unpriced."""
    return {
        "id": row["id"],
        "at": row["at"],
        "door": row["door"],
        "session": row["session"],
        "project": row["project"],
        "turn": row["turn"],
        "switch": _switch(_parsed(row["switch"])),
        "request": {
            "model": row["asked_model"],
            "prompt_chars": row["prompt_chars"],
            "prompt": row["prompt"],
            "input_tokens": row["planned_input_tokens"],
        },
        "assessment": {
            "task": row["task"],
            "complexity": row["complexity"],
            "confidence": row["confidence"],
            "difficulty": row["difficulty"],
            "by": row["assessed_by"],
            "p_small": row["p_small"],
            "p_mid": row["p_mid"],
            "p_frontier": row["p_frontier"],
            "gain": row["gain"],
            "reasons": _parsed(row["reasons"]),
        },
        "policy": _parsed(row["verdict"]) | {"strategy": row["strategy"], "profile": row["profile"]},
        "chain": [_dollars(one) for one in _parsed(row["candidates"])],
        "skipped": _parsed(row["skipped"]),
        "attempts": [_attempt(one) for one in attempts],
        "winner": f"{row['provider']}/{row['model']}" if row["provider"] else None,
        "billing": row["billing"],
        "cost_usd": usd(row["cost"]),
        "baseline": row["baseline"],
        "baseline_cost_usd": usd(row["baseline_cost"]),
        "saved_usd": usd(_saved(row)),
        "route_ms": row["route_ms"],
        "total_ms": row["total_ms"],
        "answer": row["answer"],
        "error": row["error"],
    }


def _parsed(column: Any) -> Any:
    """A JSON column, decoded or not yet."""
    return json.loads(column) if isinstance(column, str) else column


def _switch(found: JsonDict | None) -> JsonDict | None:
    if found is None:
        return None
    kept = {name: value for name, value in found.items() if not name.endswith("_cost")}
    return kept | {f"{name}_usd": usd(found[name]) for name in ("stay_cost", "move_cost")}


def _dollars(candidate: JsonDict) -> JsonDict:
    kept = {name: value for name, value in candidate.items() if name not in {"expected_cost", "max_cost"}}
    return kept | {f"{name}_usd": usd(candidate[name]) for name in ("expected_cost", "max_cost")}


def _attempt(row: Mapping[str, Any]) -> JsonDict:
    names = ("billing", "outcome", "status", "detail", "retry_after_s", "ms", "first_token_ms")
    tokens = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    # a row of the database, or of a decision just made: the latter has no usage where there is none
    found = dict(row)
    usage = {name: found.get(name) for name in tokens} | {"estimated": bool(found.get("estimated"))}
    return (
        {"model": f"{found['provider']}/{found['model']}"}
        | {name: found[name] for name in names}
        | (usage if usage["input_tokens"] is not None else {})
        | {"cost_usd": usd(found["cost"]), "role": found.get("role", "answer")}
        | {"verification": _verification(found.get("verification"))}
    )


def _verification(column: Any) -> JsonDict | None:
    found: JsonDict | None = _parsed(column)
    if found is None:
        return None
    checks = [
        {name: check[name] for name in ("verifier", "finding", "detail", "model", "ms")}
        | {"cost_usd": usd(check["cost"])}
        for check in found["checks"]
    ]
    kept = {name: found[name] for name in ("accepted", "prior", "p", "needed", "ms")}
    return kept | {"cost_usd": usd(found["cost"]), "checks": checks}


def _saved(row: Mapping[str, Any]) -> int | None:
    """Only where both sides are measured; what a subscription answered is quota, not dollars."""
    cost, baseline = row["cost"], row["baseline_cost"]
    if cost is None or baseline is None or not row["provider"] or row["billing"] == Billing.SUBSCRIPTION:
        return None
    return baseline - cost


# ── told to a person ─────────────────────────────────────────────────────────


def tell(story: JsonDict) -> None:
    for line in _lines(story):
        output.say(line)


def _lines(story: JsonDict) -> list[str]:
    lines = [
        _headline(story),
        _request(story["request"], story["turn"]),
        *_assessment(story["assessment"]),
        _policy(story["policy"]),
        *_conversation(story["switch"]),
    ]
    lines += ["chain", *(f"  {n}. {_candidate(one)}" for n, one in enumerate(story["chain"][:SHOWN], 1))]
    if len(story["chain"]) > SHOWN:
        lines.append(f"  and {len(story['chain']) - SHOWN} more (all with --json)")
    if story["skipped"]:
        lines.append("skipped")
        lines += [f"  {one['ref']}: {one['reason']}" for one in story["skipped"]]
    if story["attempts"]:
        lines.append("attempts")
        for n, one in enumerate(story["attempts"], 1):
            lines += [f"  {n}. {_tried(one)}", *_checked(one["verification"])]
    return lines + _outcome(story)


def _headline(story: JsonDict) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(story["at"]))
    where = "".join(f" · {name} {story[name]}" for name in ("project", "session") if story[name])
    return f"{story['id']} · {at} · {story['door']}{where}"


def _request(request: JsonDict, turn: str | None) -> str:
    asked = f" · asked for {request['model']}" if request["model"] else ""
    kind = f" · turn {turn}" if turn else ""
    return (
        f"request: {request['prompt_chars']} characters, about {request['input_tokens']} tokens{asked}{kind}"
    )


def _conversation(switch: JsonDict | None) -> list[str]:
    if switch is None:
        return []
    does = f"stays with {switch['model']}" if switch["kept"] else f"leaves {switch['model']}"
    costs = [(name, _micros(switch[f"{name}_cost_usd"])) for name in ("stay", "move")]
    told = ", ".join(f"to {name} about {money(cost)}" for name, cost in costs if cost is not None)
    return [f"conversation: {does}: {switch['because']}" + (f" ({told})" if told else "")]


def _assessment(found: JsonDict) -> list[str]:
    figures = f"confidence {found['confidence']:.2f}, difficulty {found['difficulty']:.2f}"
    reasons = [f"  {reason}" for reason in found["reasons"]]
    chances = [f"  chances: {output.chances(found)}"] if found["gain"] is not None else []
    return [
        f"classified: {found['task']}, {found['complexity']} ({figures}, by {found['by']})",
        *chances,
        *reasons,
    ]


def _policy(policy: JsonDict) -> str:
    parts = [f"profile {policy['profile']}", f"strategy {policy['strategy']}"]
    if policy.get("model"):
        parts.append(f"{policy['model']} because {policy.get('model_because')}")
    if policy.get("blocked"):
        parts.append(f"blocked {', '.join(cast('list[str]', policy['blocked']))}")
    if policy.get("max_cost") is not None:
        parts.append(f"at most {money(policy['max_cost'])}")
    return f"policy: {', '.join(parts)}"


def _micros(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * 1e6)


def _candidate(one: JsonDict) -> str:
    expected = money(_micros(one["expected_cost_usd"]), one["billing"])
    return f"{one['model']} · {'about ' if expected.startswith('$') else ''}{expected} · {one['reason']}"


def _tried(one: JsonDict) -> str:
    status = f" {one['status']}" if one["status"] else ""
    wait = f", retry after {one['retry_after_s']:.0f} s" if one["retry_after_s"] else ""
    asked = _ASIDE.get(one["role"], "")
    line = f"{one['model']}{asked}: {one['outcome']}{status}{wait} · {one['ms']:.0f} ms"
    if "input_tokens" in one:
        line += f" · {'~' if one['estimated'] else ''}{one['input_tokens']}+{one['output_tokens']} tokens"
    if one["outcome"] == "ok":
        line += f" · {money(_micros(one['cost_usd']), one['billing'])}"
    told = one["detail"] if one["outcome"] != "rejected" else ""  # the checks below tell it
    return f"{line} · {told}" if told else line


def _checked(found: JsonDict | None) -> list[str]:
    """What the checks of this answer said, what that made of it, and what they cost."""
    if found is None or not found["checks"]:
        return []
    lines = [f"     {_said(check)}" for check in found["checks"]]
    if found["accepted"]:
        so = "kept" if found["p"] >= found["needed"] else "kept: no check failed"
    else:
        so = f"rejected: the next model is worth {found['needed']:.2f}"
    cost = f", {money(_micros(found['cost_usd']))}" if found["cost_usd"] != 0 else ""
    return [
        *lines,
        f"     good with probability {found['p']:.2f} (before: {found['prior']:.2f}), {so} · {found['ms']:.0f} ms{cost}",
    ]


def _said(check: JsonDict) -> str:
    who = f" ({check['model']})" if check["model"] else ""
    detail = f": {check['detail']}" if check["detail"] else ""
    return f"{check['verifier']} {check['finding']}{who}{detail}"


def _outcome(story: JsonDict) -> list[str]:
    if not story["attempts"] and not story["error"]:
        return []
    lines = [
        f"answered by {story['winner']}" if story["winner"] else f"no answer: {story['error'] or 'unknown'}"
    ]
    cost = money(_micros(story["cost_usd"]), story["billing"])
    lines.append(f"cost: {cost} · {story['total_ms']:.0f} ms, of which routing {story['route_ms']:.1f} ms")
    if story["baseline"]:
        lines.append(f"baseline: {story['baseline']} would have cost {_baseline(story)}")
    return lines


def _baseline(story: JsonDict) -> str:
    if story["baseline_cost_usd"] is None:
        return "an unknown amount: not measured"
    would = money(_micros(story["baseline_cost_usd"]))
    return would if story["saved_usd"] is None else f"{would}, saved {money(_micros(story['saved_usd']))}"
