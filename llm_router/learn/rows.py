"""What is learned from, as rows: a mark of every answered prompt, and how each answer was received.

Only hashes of the prompt are kept (prints.py). `memories` has one row per decision, `outcomes` one per source of
feedback; the newest KEPT decisions stay.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from llm_router.learn.knowledge import Outcome, Tier, unlearned
from llm_router.learn.prints import BITS, Print, of_prompt
from llm_router.nouns import Assessment, Attempt, Decision, JsonDict

KEPT = 20_000
TELLING = 0.1  # how far checks must have moved the chance of an answer to count as an outcome
# How good an answer was by what the host did with it, and how much that is worth
USES = {"used": (0.85, 0.5), "reworked": (0.3, 0.5), "ignored": (0.3, 0.25)}
SELECT = """
    SELECT o.n AS n, o.at, m.task, m.bits, m.bucket, m.project, o.tier, o.model, o.good, o.weight, o.expected
    FROM outcomes o JOIN memories m ON m.decision_id = o.decision_id
"""


@lru_cache(1)  # one prompt is asked about several times on its way
def fingerprint(text: str) -> str:
    """Tells equal prompts from different ones without keeping them."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def learned(decision: Decision) -> JsonDict | None:
    """The rows of a decision that was answered, for the ledger to write in one transaction with it."""
    winner, request = decision.winner, decision.request
    if winner is None or decision.error is not None or not request.prompt.strip():
        return None
    if request.door == "gateway" and all(a.verification is None for a in decision.attempts):
        return None  # nobody sees what became of it, and there are many
    mark = of_prompt(request.prompt)
    tiers: dict[str, Tier] = {c.model.ref: c.model.tier for c in decision.plan.candidates}
    tier = tiers.get(_ref(winner), "mid")
    shipped = unlearned(decision.assessment)
    memory = {
        "decision_id": decision.id,
        "at": decision.at,
        "task": str(decision.assessment.task),
        "bits": f"{mark.bits:x}",
        "bucket": mark.bucket,
        "project": request.project or "",
        "tier": tier,
        "model": _ref(winner),
        "expected": shipped.p_success(tier),
    }
    return {"memory": memory, "outcomes": _checked(decision, shipped, tiers)}


def _ref(attempt: Attempt) -> str:
    return f"{attempt.provider}/{attempt.model}"


def _checked(decision: Decision, shipped: Assessment, tiers: Mapping[str, Tier]) -> list[JsonDict]:
    """What checks found is an outcome where it told something: worth as much as it moved the chance."""
    found: list[JsonDict] = []
    for n, attempt in enumerate(decision.attempts):
        checks, tier = attempt.verification, tiers.get(_ref(attempt))
        if checks is None or tier is None or abs(checks.p - checks.prior) < TELLING:
            continue
        found.append(
            {
                "decision_id": decision.id,
                "source": f"checks {n}",
                "at": decision.at,
                "tier": tier,
                "model": _ref(attempt),
                "good": checks.p,
                "weight": min(1.0, 2 * abs(checks.p - checks.prior)),
                "expected": shipped.p_success(tier),
            }
        )
    return found


def insert(connection: sqlite3.Connection, found: JsonDict) -> None:
    """Idempotent by decision and source."""
    for table, row in (("memories", found["memory"]), *(("outcomes", each) for each in found["outcomes"])):
        columns = ", ".join(row)
        marks = ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING",  # noqa: S608 - ours
            [row[column] for column in row],
        )


def rate(connection: sqlite3.Connection, decision_id: str, source: str, good: float, weight: float) -> bool:
    """Feedback on an answer given earlier; the newest word of a source counts. False where nothing is known of it."""
    row = connection.execute("SELECT * FROM memories WHERE decision_id = ?", (decision_id,)).fetchone()
    if row is None:
        return False
    connection.execute("DELETE FROM outcomes WHERE decision_id = ? AND source = ?", (decision_id, source))
    connection.execute(
        "INSERT INTO outcomes (decision_id, source, at, tier, model, good, weight, expected)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (decision_id, source, time.time(), row["tier"], row["model"], good, weight, row["expected"]),
    )
    return True


def take_in_uses(connection: sqlite3.Connection) -> int:
    """What the hooks saw of answers (used, reworked, ignored), where it is not an outcome yet. Then forget the oldest."""
    new = connection.execute(
        "SELECT u.decision_id, u.verdict FROM uses u JOIN memories m ON m.decision_id = u.decision_id"
        " WHERE NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.decision_id = u.decision_id AND o.source = 'host')"
    ).fetchall()
    count = sum(
        rate(connection, row["decision_id"], "host", *USES[row["verdict"]])
        for row in new
        if row["verdict"] in USES
    )
    oldest = "SELECT decision_id FROM memories ORDER BY at DESC LIMIT -1 OFFSET ?"
    for table in ("outcomes", "memories"):
        connection.execute(f"DELETE FROM {table} WHERE decision_id IN ({oldest})", (KEPT,))  # noqa: S608 - ours
    return count


def outcome(row: Mapping[str, Any]) -> Outcome:
    bits = int(str(row["bits"]), 16) % (1 << BITS)
    return Outcome(
        at=float(row["at"]),
        task=str(row["task"]),
        tier=cast("Tier", row["tier"]),
        model=str(row["model"]),
        good=float(row["good"]),
        expected=float(row["expected"]),
        mark=Print(bits, int(row["bucket"])),
        project=str(row["project"]),
        weight=float(row["weight"]),
    )
