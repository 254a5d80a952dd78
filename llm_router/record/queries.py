"""Questions to the ledger: plain reads for the command line and the tools. Money is micro-dollars, time Unix seconds."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any, Literal

from llm_router.errors import NotFoundError, UsageError

By = Literal["model", "provider", "task", "complexity", "project", "day", "none"]

_KEYS: dict[By, str] = {
    "model": "a.provider || '/' || a.model",
    "provider": "a.provider",
    "task": "d.task",
    "complexity": "d.complexity",
    "project": "coalesce(d.project, '')",
    "day": "strftime('%Y-%m-%d', d.at, 'unixepoch', 'localtime')",
    "none": "''",
}
_JSON_COLUMNS = ("reasons", "verdict", "candidates", "skipped", "switch")


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One group. `calls` were answered, `failures` are attempts that were not; `cost` is of both, and
    of the models that were asked to check an answer.

    `unpriced_calls` were answered for money nobody knows, and are missing in `cost`. `estimated_calls` did not
    report their tokens. `ms_p50` is the median duration of answered calls; None without any.
    """

    key: str
    calls: int
    failures: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost: int
    unpriced_calls: int
    estimated_calls: int
    subscription_calls: int
    local_calls: int
    ms_p50: float | None


@dataclass(frozen=True, slots=True)
class Savings:
    """What the answers would have cost on the declared baseline, less what they did: `saved` may be negative.

    Over `measured` answers only: both costs known, and not by subscription. Those spend quota, not dollars, and stand
    apart: `quota_calls`, and what their tokens cost on the baseline. `unmeasured` answers are in no sum. `saved` is
    None where nothing was measured.

    An answer of an MCP tool counts when hooks saw it used and know what the call and the repeating of it cost the host's
    own model. What they saw reworked or ignored is `unused`: it saved nothing, and its `unused_cost` is deducted, as is
    the `overhead` of both kinds. All others of tools are unmeasured; `unwatched` of these were made where no hooks look.
    """

    measured: int
    unmeasured: int
    cost: int
    baseline_cost: int
    quota_calls: int
    quota_baseline_cost: int
    baselines: tuple[str, ...]
    unused: int = 0
    unused_cost: int = 0
    unwatched: int = 0
    overhead: int = 0

    @property
    def saved(self) -> int | None:
        if not self.measured and not self.unused:
            return None
        return self.baseline_cost - self.cost - self.overhead - self.unused_cost


def usage(connection: sqlite3.Connection, since: float, until: float, by: By = "none") -> list[UsageRow]:
    """Attempts of the decisions in [since, until), in groups; the dearest first, days in their order."""
    order = "key" if by == "day" else "cost DESC, calls DESC, key"
    found = connection.execute(
        f"""
        WITH part AS (
            SELECT {_KEYS[by]} AS key, a.outcome = 'ok' AND a.role = 'answer' AS ok, a.*
            FROM attempts a JOIN decisions d ON d.id = a.decision_id WHERE d.at >= ? AND d.at < ?
        ), ranked AS (
            SELECT key, ms, row_number() OVER (PARTITION BY key ORDER BY ms) AS place,
                   count(*) OVER (PARTITION BY key) AS size FROM part WHERE ok
        ), median AS (
            SELECT key, avg(ms) AS ms_p50 FROM ranked WHERE place IN ((size + 1) / 2, size / 2 + 1) GROUP BY key
        )
        SELECT part.key AS key, sum(ok) AS calls, sum(outcome <> 'ok') AS failures,
               coalesce(sum(input_tokens), 0) AS input_tokens, coalesce(sum(output_tokens), 0) AS output_tokens,
               coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
               coalesce(sum(cache_write_tokens), 0) AS cache_write_tokens,
               coalesce(sum(cost), 0) AS cost,
               sum(ok AND cost IS NULL AND billing = 'metered') AS unpriced_calls,
               sum(ok AND coalesce(estimated, 1)) AS estimated_calls,
               sum(ok AND billing = 'subscription') AS subscription_calls,
               sum(ok AND billing = 'local') AS local_calls, ms_p50
        FROM part LEFT JOIN median ON median.key = part.key GROUP BY part.key ORDER BY {order}
        """,  # noqa: S608 - both parts are ours
        (since, until),
    )
    return [UsageRow(**dict(row)) for row in found]


_ANSWERED = """
    SELECT d.cost, d.baseline_cost, d.billing = 'subscription' AS quota,
           d.cost IS NOT NULL AND d.baseline_cost IS NOT NULL AS priced,
           d.door = 'mcp' AS tool, coalesce(u.verdict, '') AS verdict, coalesce(u.overhead, 0) AS overhead,
           d.door != 'mcp' OR u.overhead IS NOT NULL AS whole,
           d.door = 'mcp' AND (
               u.verdict IS NOT NULL
               OR EXISTS (SELECT 1 FROM hook_events h WHERE h.session = d.session)
               OR EXISTS (SELECT 1 FROM hook_events h WHERE h.decision_id = d.id)
           ) AS watched
    FROM decisions d LEFT JOIN uses u ON u.decision_id = d.id AND d.door = 'mcp'
    WHERE d.at >= ? AND d.at < ? AND d.provider IS NOT NULL AND d.error IS NULL
"""


def savings(connection: sqlite3.Connection, since: float, until: float) -> Savings:
    row = connection.execute(
        f"""
        WITH answered AS ({_ANSWERED}),
        judged AS (
            SELECT *, NOT tool OR verdict = 'used' AS counts, verdict IN ('reworked', 'ignored') AS unused
            FROM (SELECT *, priced AND whole AS known FROM answered)
        )
        SELECT coalesce(sum(counts AND known AND NOT quota), 0) AS measured,
               coalesce(sum(CASE WHEN counts THEN NOT known AND NOT quota ELSE NOT unused END), 0) AS unmeasured,
               coalesce(sum(cost) FILTER (WHERE counts AND known AND NOT quota), 0) AS cost,
               coalesce(sum(baseline_cost) FILTER (WHERE counts AND known AND NOT quota), 0) AS baseline_cost,
               coalesce(sum(counts AND quota), 0) AS quota_calls,
               coalesce(sum(baseline_cost) FILTER (WHERE counts AND quota), 0) AS quota_baseline_cost,
               coalesce(sum(unused), 0) AS unused, coalesce(sum(cost) FILTER (WHERE unused), 0) AS unused_cost,
               coalesce(sum(tool AND NOT watched), 0) AS unwatched,
               coalesce(sum(overhead) FILTER (WHERE unused OR (counts AND known AND NOT quota)), 0) AS overhead
        FROM judged
        """,  # noqa: S608 - ours
        (since, until),
    ).fetchone()
    names = connection.execute(
        "SELECT DISTINCT baseline FROM decisions WHERE at >= ? AND at < ? AND baseline_cost IS NOT NULL ORDER BY 1",
        (since, until),
    )
    return Savings(**dict(row), baselines=tuple(name for (name,) in names))


def decision(connection: sqlite3.Connection, which: str) -> dict[str, Any]:
    """The whole story of one decision: its columns, JSON decoded, and `attempts` in order.

    `which` is an id, its beginning, or "last". NotFoundError; UsageError where a beginning fits several.
    """
    row = _row(connection, which.strip())
    attempts = connection.execute("SELECT * FROM attempts WHERE decision_id = ? ORDER BY n", (row["id"],))
    story = dict(row)
    for column in _JSON_COLUMNS:
        story[column] = json.loads(story[column]) if story[column] else None
    story["attempts"] = [dict(attempt) for attempt in attempts]
    return story


def _row(connection: sqlite3.Connection, which: str) -> sqlite3.Row:
    if which == "last":
        found = connection.execute("SELECT * FROM decisions ORDER BY at DESC, id DESC LIMIT 1").fetchall()
    else:
        found = connection.execute(
            "SELECT * FROM decisions WHERE id = :id OR (length(:id) > 2 AND substr(id, 1, length(:id)) = :id)"
            " ORDER BY id = :id DESC, at DESC LIMIT 4",
            {"id": which},
        ).fetchall()
    if not found:
        what = "no decision is recorded yet" if which == "last" else f"no decision {which!r} is recorded"
        raise NotFoundError(what, fix="`llm-router explain last` tells the newest; every answer shows its id")
    if len(found) > 1 and found[0]["id"] != which:
        some = ", ".join(row["id"] for row in found)
        raise UsageError(f"several decisions begin with {which!r}: {some}", fix="give more of the id")
    return found[0]


def recent(connection: sqlite3.Connection, count: int = 20) -> list[dict[str, Any]]:
    """The newest decisions first, in short; `attempts` is how many there were."""
    found = connection.execute(
        """
        SELECT id, at, door, project, task, complexity, provider, model, billing, cost, total_ms, error,
               (SELECT count(*) FROM attempts WHERE decision_id = decisions.id) AS attempts
        FROM decisions ORDER BY at DESC, id DESC LIMIT ?
        """,
        (count,),
    )
    return [dict(row) for row in found]
