"""A Decision as rows: what the database and the spool hold of it. Free text is redacted; prompts only where asked for."""

from __future__ import annotations

import json
import sqlite3
from functools import lru_cache
from itertools import groupby
from typing import Any, NotRequired, TypedDict, cast

import msgspec

from llm_router.checks import Verification
from llm_router.dialects.failures import redact
from llm_router.kept import kept_for_each
from llm_router.learn import rows as learn_rows
from llm_router.nouns import Attempt, Candidate, Decision, Request, Skipped, Usage, Verdict

LONGEST_TEXT = 100_000  # characters kept of a prompt or an answer
LONGEST_NOTE = 2_000  # of an error, a reason, a name somebody typed
SHORT = 300  # characters of a text that is likely to come again
AT_ONCE = 16  # rows in one statement, after each of which the writer gives the interpreter lock away and waits for it
SQLITE_INTEGER = 2**63 - 1

Row = dict[str, Any]


class Entry(TypedDict):
    """One decision with its attempts, as columns: a line of the spool, and a write to the database."""

    decision: Row
    attempts: list[Row]
    learned: NotRequired[Row | None]


def entry(decision: Decision, *, store_prompts: bool) -> Entry:
    return {
        "decision": _decision(decision, store_prompts=store_prompts),
        "attempts": [_attempt(decision.id, n, attempt) for n, attempt in enumerate(decision.attempts)],
        "learned": _learned(decision),
    }


def _learned(decision: Decision) -> Row | None:
    """What cannot be learned from must not cost the record. Names as the ledger writes them."""
    try:
        found = learn_rows.learned(decision)
    except Exception:
        return None
    if found is not None:
        for row in (found["memory"], *found["outcomes"]):
            row |= {key: _name(value) for key, value in row.items() if isinstance(value, str)}
    return found


_encode = msgspec.json.Encoder().encode


def line(entry: Entry) -> bytes:
    """As the spool and the journal hold it."""
    return _encode(entry) + b"\n"


def insert(connection: sqlite3.Connection, entries: list[Entry]) -> None:
    """Idempotent by decision id: what another process wrote already is left as it is."""
    _insert(connection, "decisions", [each["decision"] for each in entries])
    _insert(connection, "attempts", [row for each in entries for row in each["attempts"]])
    for each in entries:
        if found := each.get("learned"):
            learn_rows.insert(connection, found)


def _insert(connection: sqlite3.Connection, table: str, rows: list[Row]) -> None:
    """Rows of the same columns together. What is no column here was spooled by a newer version."""
    columns = [row["name"] for row in connection.execute(f"PRAGMA table_info({table})")]
    for keys, alike in groupby(rows, tuple):
        named = [column for column in columns if column in keys]
        values = [row[column] for row in alike for column in named]
        place = f"({', '.join('?' * len(named))})"
        for at in range(0, len(values), AT_ONCE * len(named)):
            some = values[at : at + AT_ONCE * len(named)]
            places = ", ".join([place] * (len(some) // len(named)))
            connection.execute(
                f"INSERT INTO {table} ({', '.join(named)}) VALUES {places} ON CONFLICT DO NOTHING",  # noqa: S608 - ours
                some,
            )


def _decision(decision: Decision, *, store_prompts: bool) -> Row:
    request, assessment, plan, winner = decision.request, decision.assessment, decision.plan, decision.winner
    prompt = request.prompt
    answer = decision.answer.text if decision.answer is not None else None
    return {
        "id": decision.id,
        "at": decision.at,
        "request_id": request.id,
        "door": request.door,
        "session": _name(request.session),
        "project": _name(request.project),
        "asked_model": _note(request.named or request.model),
        "turn": _name(request.turn),
        "conversation": _name(request.conversation.key if request.conversation else None),
        "prompt_chars": len(prompt),
        "prompt_sha256": learn_rows.fingerprint(prompt),
        "prompt": _conversation(request) if store_prompts else None,
        "answer": _text(answer) if store_prompts and answer is not None else None,
        "task": str(assessment.task),
        "complexity": str(assessment.complexity),
        "confidence": assessment.confidence,
        "difficulty": assessment.difficulty,
        "assessed_by": assessment.source,
        "p_small": assessment.p_small,
        "p_mid": assessment.p_mid,
        "p_frontier": assessment.p_frontier,
        "gain": assessment.gain,
        "learned": _json(assessment.learned) if any(assessment.learned) else None,
        "reasons": _reasons(assessment.reasons),
        "profile": str(plan.profile),
        "strategy": plan.strategy,
        "verdict": _verdict(decision.verdict),
        "candidates": _candidates(plan.candidates),
        "skipped": _skipped(plan.skipped),
        "planned_input_tokens": plan.input_tokens,
        "provider": _name(winner.provider) if winner else None,
        "model": _name(winner.model) if winner else None,
        "billing": str(winner.billing) if winner else None,
        "cost": _integer(decision.cost),
        "baseline": _name(decision.baseline),
        "baseline_cost": _integer(decision.baseline_cost),
        "route_ms": decision.route_ms,
        "total_ms": decision.total_ms,
        "error": _note(decision.error),
        "switch": _json(msgspec.to_builtins(decision.switch)) if decision.switch else None,
    }


def _attempt(decision_id: str, n: int, attempt: Attempt) -> Row:
    return {
        "decision_id": decision_id,
        "n": n,
        "provider": _name(attempt.provider),
        "model": _name(attempt.model),
        "billing": str(attempt.billing),
        "outcome": str(attempt.outcome),
        "started_at": attempt.started_at,
        "ms": attempt.ms,
        "first_token_ms": attempt.first_token_ms,
        "status": attempt.status,
        "detail": _note(attempt.detail),
        "retry_after_s": attempt.retry_after_s,
        "cost": _integer(attempt.cost),
        "role": attempt.role,
        "verification": _verification(attempt.verification),
    } | _usage(attempt.usage)


def _verification(found: Verification | None) -> str | None:
    return None if found is None else _json(msgspec.to_builtins(found) | {"cost": found.cost})


def _usage(usage: Usage | None) -> Row:
    if usage is None:
        return {}
    return {
        "input_tokens": _integer(usage.input_tokens),
        "output_tokens": _integer(usage.output_tokens),
        "cache_read_tokens": _integer(usage.cache_read_tokens),
        "cache_write_tokens": _integer(usage.cache_write_tokens),
        "reasoning_tokens": _integer(usage.reasoning_tokens),
        "estimated": int(usage.estimated),
    }


@lru_cache(1024)
def _verdict(verdict: Verdict) -> str:
    return _json(msgspec.to_builtins(verdict))


@lru_cache(1024)
def _reasons(reasons: tuple[str, ...]) -> str:
    return _json(reasons)


# a plan is made once for many requests: its text too
@kept_for_each(512)
def _candidates(candidates: tuple[Candidate, ...]) -> str:
    return _json([_candidate(each) for each in candidates])


@kept_for_each(512)
def _skipped(skipped: tuple[Skipped, ...]) -> str:
    return _json([msgspec.to_builtins(each) for each in skipped])


def _candidate(candidate: Candidate) -> Row:
    return {
        "model": candidate.model.ref,
        "tier": candidate.model.tier,
        "billing": str(candidate.model.billing),
        "reason": candidate.reason,
        "expected_cost": candidate.expected_cost,
        "max_cost": candidate.max_cost,
    }


def _conversation(request: Request) -> str:
    return _text("\n\n".join(f"[{message.role}]\n{message.text}" for message in request.messages))


def _text(text: str) -> str:
    kept = _redacted(text, LONGEST_TEXT)
    return kept if len(text) <= LONGEST_TEXT else f"{kept}\n[cut: {len(text)} characters]"


def _note(text: str | None) -> str | None:
    if not text:
        return text
    return _short_note(text) if len(text) < SHORT else _redacted(text, LONGEST_NOTE)


@lru_cache(4096)
def _short_note(text: str) -> str:
    """Names of models, reasons, what vendors say again and again."""
    return _redacted(text, LONGEST_NOTE)


def _redacted(text: str, longest: int) -> str:
    """Cut after redacting: the cut could leave the first half of a key, which no longer looks like one."""
    return redact(_utf8(text[: longest + 500]))[:longest]


def _name(name: str | None) -> str | None:
    if name is None or (len(name) <= LONGEST_NOTE and name.isascii()):
        return name
    return _utf8(name[:LONGEST_NOTE])


def _utf8(text: str) -> str:
    """Half a surrogate pair, from binary input, is no UTF-8 and neither SQLite nor JSON may hold it."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def _json(value: object) -> str:
    return json.dumps(_clean(value), ensure_ascii=False, separators=(",", ":"), default=str)


def _clean(value: Any) -> Any:
    """`value` with every string in it redacted."""
    if isinstance(value, str):
        return _note(value)
    if isinstance(value, dict):
        return {key: _clean(each) for key, each in cast("Row", value).items()}
    if isinstance(value, (list, tuple)):
        return [_clean(each) for each in cast("list[Any]", value)]
    return value


def _integer(count: int | None) -> int | None:
    """An upstream may report any number; SQLite holds 64 bits."""
    return None if count is None else max(-SQLITE_INTEGER, min(int(count), SQLITE_INTEGER))
