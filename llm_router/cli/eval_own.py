"""`eval` on the user's own ledger: requests with a known outcome, as cases, and what they say for people."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from llm_router.cli import eval_hindsight, output, render
from llm_router.cli.books import ledger
from llm_router.cli.eval_hindsight import TIERS, Case, Heard, Tier
from llm_router.errors import NotFoundError, UsageError
from llm_router.nouns import Billing, JsonDict, Model, Usage
from llm_router.plan import Catalogue
from llm_router.plan.worth import WORTH
from llm_router.ports import Prices
from llm_router.settings import RouterSettings

LEAST = 20  # requests with a known outcome, below which nothing is said
MOST = 5_000  # the newest
_CHOICES = 6
_DECISIONS = """
    SELECT d.id, coalesce(d.session, d.conversation, d.id) AS session, d.provider || '/' || d.model AS answered, d.cost,
           d.p_small, d.p_mid, d.p_frontier, d.learned
    FROM decisions d
    WHERE d.id IN (SELECT decision_id FROM outcomes) AND d.at >= ? AND d.model IS NOT NULL AND d.p_small IS NOT NULL
    ORDER BY d.at DESC LIMIT ?
"""
_ATTEMPTS = """
    SELECT decision_id, provider, model, billing, outcome, cost,
           input_tokens, output_tokens, cache_read_tokens, cache_write_tokens
    FROM attempts WHERE role = 'answer' AND decision_id IN (SELECT decision_id FROM outcomes) ORDER BY decision_id, n
"""
_CHECKED = """
    SELECT a.verification, o.good FROM outcomes o JOIN decisions d ON d.id = o.decision_id
    JOIN attempts a ON a.decision_id = d.id AND a.outcome = 'ok' AND a.role = 'answer'
    WHERE o.source IN ('you', 'host') AND d.at >= ? AND a.verification IS NOT NULL
"""
_OUTCOMES = "SELECT decision_id, source, tier, model, good, weight FROM outcomes"
Row = Mapping[str, Any]


def judged(
    since: float, draws: int, settings: RouterSettings, catalogue: Catalogue, prices: Prices
) -> JsonDict:
    """Raises UsageError where too few outcomes are known."""
    worth = WORTH[settings.profile]
    with ledger() as connection:
        answered = connection.execute(
            "SELECT count(*) FROM decisions WHERE at >= ? AND model IS NOT NULL", (since,)
        ).fetchone()[0]
        cases, choices = _read(connection, since, settings.baseline, catalogue, prices)
        checks = _checks(connection.execute(_CHECKED, (since,)))
    if len(cases) < LEAST:
        raise UsageError(
            f"of {answered} answers {len(cases)} have a known outcome, a price and a count of tokens; {LEAST} are needed",
            fix="let checks run, install the hooks, rate answers (`llm-router rate last good`); "
            "or judge by outcomes of your own with --data or --labelled",
        )
    rows = eval_hindsight.policies(cases, choices, worth, draws)
    firsts = Counter(each.model for case in cases for each in case.heard if each.first)
    verdict, better = eval_hindsight.advice(rows, firsts)
    return {
        "by": "ledger",
        "since": since,
        "draws": draws,
        "answers": answered,
        "known": len(cases),
        "profile": str(settings.profile),
        "worth_of_a_right_answer": worth,
        "checks": checks,
        "tiers": [asdict(row) for row in eval_hindsight.tier_rows(cases)],
        "policies": [
            asdict(row) | {"first": firsts.get(row.name, 0) if place else len(cases)}
            for place, row in enumerate(rows)
        ],
        "verdict": verdict,
        "pin": better.name if better else None,
    }


def _read(
    connection: sqlite3.Connection, since: float, baseline: str, catalogue: Catalogue, prices: Prices
) -> tuple[list[Case], list[tuple[str, Tier]]]:
    attempts = _grouped(connection.execute(_ATTEMPTS))
    outcomes = _grouped(connection.execute(_OUTCOMES))
    decisions = [dict(row) for row in connection.execute(_DECISIONS, (since, MOST))]
    heard = {row["id"]: _heard(outcomes[row["id"]], attempts.get(row["id"], [])) for row in decisions}
    models = _models(heard.values(), attempts, catalogue)
    choices = _choices(heard.values(), models, baseline, catalogue)
    wanted = [models[name] for name, _ in choices]
    found = (_case(row, heard[row["id"]], attempts.get(row["id"], []), wanted, prices) for row in decisions)
    return [case for case in found if case is not None], choices


def _checks(rows: Iterable[Row]) -> list[JsonDict]:
    """Of each verifier, of how many answers that it passed and failed, and that were given, it was heard how good they
    were. Answers that were not given because a check failed are in neither.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        for check in json.loads(row["verification"])["checks"]:
            if check["finding"] in {"pass", "fail"}:
                sides = found.setdefault(check["verifier"], {"pass": [], "fail": []})
                sides[check["finding"]].append(row["good"])
    return [
        {"verifier": name}
        | {
            side: {"answers": len(good), "good": sum(good) / len(good) if good else None}
            for side, good in sides.items()
        }
        for name, sides in sorted(found.items())
    ]


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["decision_id"], []).append(row)
    return found


def _heard(outcomes: Sequence[Row], attempts: Sequence[Row]) -> list[Heard]:
    """One for each model: the user's own word where there is one, else all that was heard, by its weight."""
    by_model: dict[tuple[str, str], list[Row]] = {}
    for row in outcomes:
        by_model.setdefault((row["model"], row["tier"]), []).append(row)
    rejected = [_ref(row) for row in attempts if row["outcome"] == "rejected"]
    found: list[Heard] = []
    for (model, tier), rows in by_model.items():
        said = [row for row in rows if row["source"] == "you"] or rows
        weight = sum(row["weight"] for row in said)
        if weight > 0:
            good = sum(row["good"] * row["weight"] for row in said) / weight
            first = not rejected or rejected[0] == model
            found.append(Heard(model, cast("Tier", tier), good, min(1.0, weight), first))
    return found


def _ref(row: Row) -> str:
    return f"{row['provider']}/{row['model']}"


def _models(
    heard: Iterable[Sequence[Heard]], attempts: Mapping[str, Sequence[Row]], catalogue: Catalogue
) -> dict[str, Model]:
    """Of every model heard of, as it was paid; local ones are in no catalogue."""
    billing = {_ref(row): Billing(row["billing"]) for rows in attempts.values() for row in rows}
    found: dict[str, Model] = {}
    for each in (one for case in heard for one in case):
        provider, _, name = each.model.partition("/")
        known = catalogue.known(each.model) or Model(provider, name, tier=each.tier)
        found[each.model] = Model(
            known.provider, known.id, tier=each.tier, billing=billing.get(each.model, known.billing)
        )
    return found


def _choices(
    heard: Iterable[Sequence[Heard]], models: dict[str, Model], baseline: str, catalogue: Catalogue
) -> list[tuple[str, Tier]]:
    """The model most was heard of in each tier, the declared baseline, and others that were heard of often."""
    every = [each for case in heard for each in case]
    counts = Counter[tuple[str, Tier]]((each.model, each.tier) for each in every if each.first)
    also = Counter[tuple[str, Tier]]((each.model, each.tier) for each in every)
    often = sorted(also, key=lambda choice: (counts[choice], also[choice]), reverse=True)
    wanted = [choice for tier in TIERS for choice in [c for c in often if c[1] == tier][:1]]
    try:
        declared = catalogue.resolve(baseline)
    except NotFoundError:
        pass  # `config check` tells of it
    else:
        models.setdefault(declared.ref, declared)
        wanted.append((declared.ref, declared.tier))
    wanted += [c for c in often if counts[c] >= eval_hindsight.ENOUGH]
    return list(dict.fromkeys(wanted))[:_CHOICES]


def _case(
    row: Row, heard: Sequence[Heard], attempts: Sequence[Row], choices: Sequence[Model], prices: Prices
) -> Case | None:
    """None where what it cost is not known, or nothing is known of what was answered."""
    winner = next((each for each in attempts if each["outcome"] == "ok"), None)
    own = next((each for each in heard if each.model == row["answered"]), heard[-1] if heard else None)
    if winner is None or winner["input_tokens"] is None or row["cost"] is None or own is None:
        return None
    usage = Usage(
        winner["input_tokens"],
        winner["output_tokens"] or 0,
        winner["cache_read_tokens"] or 0,
        winner["cache_write_tokens"] or 0,
    )
    paid = {_ref(each): each["cost"] for each in attempts if each["cost"] is not None}
    routed: dict[Tier, float] = {each: row[f"p_{each}"] for each in TIERS}
    shifts: list[float] = json.loads(row["learned"]) if row["learned"] else [0.0, 0.0, 0.0]
    return Case(
        session=row["session"],
        shipped={each: routed[each] - shift for each, shift in zip(TIERS, shifts, strict=True)},
        routed=routed,
        answered=row["answered"],
        tier=own.tier,
        heard=heard,
        cost=row["cost"],
        costs={m.ref: paid[m.ref] if m.ref in paid else prices.cost(m, usage) for m in choices},
    )


# ── for people ───────────────────────────────────────────────────────────────

_TIER_COLUMNS = ("tier", "answers", "good", "as shipped", "as learned", "brier shipped", "learned", "auc")
_CHECK_COLUMNS = ("check", "passed", "good of them", "failed, but given", "good of them ")
_POLICY_COLUMNS = (
    "answered by",
    "tier",
    "known",
    "good",
    "95 %",
    "cost of 100",
    "worth more, of 100",
    "95 %",
)


def tell(found: JsonDict) -> None:
    output.say(f"{found['known']} of {found['answers']} answers were checked, rated or watched.\n")
    render.table(_TIER_COLUMNS, [_tier_cells(row) for row in found["tiers"]], right=_TIER_COLUMNS[1:])
    if found["checks"]:
        output.say("\nWhat checks said of answers that you rated or a host used:\n")
        render.table(_CHECK_COLUMNS, [_check_cells(row) for row in found["checks"]], right=_CHECK_COLUMNS[1:])
    output.say("\nOf these, had one model answered all:\n")
    rows: list[JsonDict] = found["policies"]
    render.table(_POLICY_COLUMNS, [_policy_cells(row) for row in rows], right=_POLICY_COLUMNS[2:])
    output.say(f"\n{_verdict(found)}")
    unasked = [row["name"] for row in rows[1:] if row["first"] < eval_hindsight.ENOUGH]
    if unasked:
        output.say(f"~ too little was heard of {', '.join(unasked)}: so good it is expected to be.")
    output.say(
        f"A right answer counts ${found['worth_of_a_right_answer'] / 1e6:.2f} (profile {found['profile']}). What a model "
        "would have made of requests it was not asked is estimated: see docs/learning.md."
    )


def _tier_cells(row: JsonDict) -> list[str]:
    figures = (row[name] for name in ("good", "shipped", "routed", "brier_shipped", "brier_routed"))
    auc = "-" if row["auc"] is None else f"{row['auc']:.2f}"
    return [row["tier"], str(row["answers"]), *(f"{value:.2f}" for value in figures), auc]


def _check_cells(row: JsonDict) -> list[str]:
    sides = [row["pass"], row["fail"]]
    return [
        row["verifier"],
        *(
            cell
            for side in sides
            for cell in (str(side["answers"]), "-" if side["good"] is None else f"{side['good']:.2f}")
        ),
    ]


def _policy_cells(row: JsonDict) -> list[str]:
    cost = "unpriced" if row["cost"] is None else f"${row['cost'] / 1e4:.2f}"
    known = row["first"] >= eval_hindsight.ENOUGH
    ahead: Sequence[float] | None = row["ahead"] if known else None
    more = (
        ["-", ""] if ahead is None else [_dollars(ahead[0]), f"{_dollars(ahead[1])} to {_dollars(ahead[2])}"]
    )
    return [
        row["name"],
        row["tier"],
        str(row["asked"]),
        f"{row['good']:.2f}" if known else f"~{row['good']:.2f}",
        f"{row['low']:.2f}-{row['high']:.2f}" if known else "",
        cost,
        *more,
    ]


def _dollars(micro: float) -> str:
    """Of an answer, told of a hundred."""
    return f"{'-' if micro < 0 else ''}${abs(micro) / 1e4:.2f}"


def _verdict(found: JsonDict) -> str:
    if found["verdict"] == "pin":
        return f"Pinning {found['pin']} would have been better, for certain (95 %): `routing: {{pin: {{all: {found['pin']}}}}}`."
    if found["verdict"] == "route":
        return "Routing was better than any one model, for certain (95 %)."
    return "No model is better than routing for certain, nor routing than all of them."
