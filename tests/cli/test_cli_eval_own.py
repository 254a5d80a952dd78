"""`eval` on the user's own ledger: what is estimated of a model that was not asked, and what is said of it."""

import random
import time

import pytest
from msgspec.structs import replace

from llm_router import db
from llm_router.checks import Check, Verification
from llm_router.cli.eval_hindsight import Case, Heard, advice, policies, tier_rows
from llm_router.learn import rows
from llm_router.nouns import (
    Assessment,
    Attempt,
    Billing,
    Candidate,
    Complexity,
    Decision,
    FailureKind,
    Model,
    Plan,
    Task,
    Usage,
    Verdict,
    ask,
)
from llm_router.record import SqliteLedger

SMALL = Model("ollama", "qwen3", tier="small", billing=Billing.LOCAL)
STRONG = Model("anthropic", "claude-opus-4-8", tier="frontier")
CHOICES = (("small", "small"), ("strong", "frontier"))


def case(model, good, *, p_small=0.5, p_frontier=0.9, cost=0, first=True, weight=1.0, session=None):
    tier = dict(CHOICES)[model]
    chances = {"small": p_small, "mid": (p_small + p_frontier) / 2, "frontier": p_frontier}
    heard = [Heard(model, tier, good, weight, first)]
    return Case(
        session or str(random.random()),
        chances,
        chances,
        model,
        tier,
        heard,
        cost,
        {"small": 0, "strong": 10_000},
    )


def by_name(found):
    return {row.name: row for row in found}


def test_a_model_that_was_asked_of_everything_is_as_good_as_it_was():
    found = by_name(
        policies([case("strong", good, cost=10_000) for good in [1.0, 1.0, 0.0, 1.0] * 25], CHOICES, 1e5, 100)
    )
    assert found["as routed"].good == found["strong"].good == pytest.approx(0.75)
    assert found["strong"].ahead == pytest.approx((0.0, 0.0, 0.0))
    assert found["small"].asked == 0
    assert found["small"].good == pytest.approx(0.5)  # as shipped: nothing else is known
    assert found["small"].ahead[0] == pytest.approx(1e5 * (0.5 - 0.75) + 10_000)


def test_what_was_not_asked_moves_with_the_surprises_of_what_was():
    worse = [case("small", 0.0, p_small=0.5) for _ in range(50)]
    found = by_name(
        policies([*worse, *(case("strong", 1.0, p_small=0.6) for _ in range(50))], CHOICES, 1e5, 20)
    )
    # 50 surprises of -.5, drawn to zero by 4
    assert found["small"].good == pytest.approx((0.6 - 25 / 54) / 2)


def test_an_answer_after_a_rejected_one_says_nothing_of_ordinary_requests():
    late = [case("strong", 0.0, first=False) for _ in range(50)]
    found = by_name(policies([*late, *(case("small", 1.0) for _ in range(50))], CHOICES, 1e5, 20))
    assert found["strong"].good == pytest.approx(0.45)  # 50 were bad, of the others .9 is expected


def test_an_uncertain_outcome_counts_by_its_weight():
    found = by_name(policies([case("small", 0.0, weight=0.5) for _ in range(40)], CHOICES, 1e5, 20))
    assert found["as routed"].good == pytest.approx(0.25)


def test_whole_sessions_are_drawn():
    alone = [case("small", float(n % 2)) for n in range(100)]
    together = [case("small", float(n // 50), session=str(n // 50)) for n in range(100)]
    (narrow, *_), (wide, *_) = (policies(each, CHOICES, 1e5, 200) for each in (alone, together))
    assert wide.high - wide.low > narrow.high - narrow.low


def test_pinning_is_advised_only_where_it_is_better_for_certain_and_was_tried():
    bad = [case("small", 0.0) for _ in range(60)]
    good = [case("strong", 1.0, cost=10_000) for _ in range(60)]
    firsts = {"small": 60, "strong": 60}
    found = policies([*bad, *good], CHOICES, 1e5, 200)
    verdict, better = advice(found, firsts)
    assert (verdict, better.name) == ("pin", "strong")
    assert advice(found, {"small": 60, "strong": 5}) == ("route", None)
    assert advice(found, {}) == ("unsure", None)


def test_chances_are_held_against_outcomes_by_tier():
    cases = [case("small", 1.0, p_small=0.8) for _ in range(10)] + [
        case("small", 0.0, p_small=0.2) for _ in range(10)
    ]
    (row,) = tier_rows(cases)
    assert (row.tier, row.answers, row.good, row.auc) == ("small", 20, 0.5, 1.0)
    assert row.shipped == pytest.approx(0.5)
    assert row.brier_shipped == pytest.approx(0.04)


# ── from the ledger ──────────────────────────────────────────────────────────


def decided(n, model, *, rejected=False, learned=(0.0, 0.0, 0.0)):
    now = time.time() - 1000 + n
    found = Assessment(
        Task.CODE, Complexity.SIMPLE, 0.8, 0.2, p_small=0.6, p_mid=0.7, p_frontier=0.9, learned=learned
    )
    paid = 0 if model is SMALL else 9_000
    usage = Usage(1_000, 200)
    attempts = [
        Attempt(model.provider, model.id, "ok", now, 5.0, usage=usage, cost=paid, billing=model.billing)
    ]
    if rejected:
        failed = Verification((Check("tests", "fail"),), 0.6, 0.1, 0.7, accepted=False)
        first = Attempt("ollama", "qwen3", FailureKind.REJECTED, now, 5.0, usage=usage, cost=0, billing=Billing.LOCAL, verification=failed)  # fmt: skip
        attempts.insert(0, first)
    plan = Plan((Candidate(SMALL, "first"), Candidate(STRONG, "then")))
    return Decision(f"d_{n}", now, ask(f"question {n}"), found, Verdict(), plan, tuple(attempts), cost=paid)


def filled(root, decisions, ratings):
    root.mkdir(exist_ok=True)
    ledger = SqliteLedger(root, store_prompts=False)
    for each in decisions:
        ledger.record(each)
    ledger.close()
    with db.connect(root / "router.db") as connection, db.transaction(connection):
        for name, good in ratings:
            assert rows.rate(connection, name, "you", good, 1.0)


def test_the_ledger_is_told_beside_every_model_pinned(cli):
    decisions = [decided(n, SMALL) for n in range(40)] + [decided(n, STRONG) for n in range(40, 80)]
    filled(cli.root, decisions, [(f"d_{n}", float(n >= 40 or n % 4 > 0)) for n in range(80)])
    found = cli("eval", "--json").json
    assert (found["by"], found["known"], found["profile"]) == ("ledger", 80, "balanced")
    routed, small, strong, *others = found["policies"]
    assert (small["name"], strong["name"]) == ("ollama/qwen3", "anthropic/claude-opus-4-8")
    assert small["cost"] == 0.0
    assert routed["cost"] == pytest.approx(4_500)
    assert strong["cost"] > routed["cost"]  # its price for the tokens that the free model used
    assert all(other["first"] == 0 for other in others)
    assert [row["tier"] for row in found["tiers"]] == ["small", "frontier"]
    told = cli("eval").out
    assert "80 of 80 answers" in told
    assert "as routed" in told


def test_what_was_learned_is_told_beside_what_was_shipped(cli):
    learned = [decided(n, SMALL, learned=(0.1, 0.0, 0.0)) for n in range(30)]
    filled(cli.root, learned, [(f"d_{n}", 0.0) for n in range(30)])
    (row,) = cli("eval", "--json").json["tiers"]
    assert (row["shipped"], row["routed"]) == (pytest.approx(0.5), pytest.approx(0.6))


def test_a_rejected_answer_is_an_outcome_of_its_own_model(cli):
    filled(
        cli.root, [decided(n, STRONG, rejected=True) for n in range(30)], [(f"d_{n}", 1.0) for n in range(30)]
    )
    found = cli("eval", "--json").json
    small = next(row for row in found["policies"] if row["name"] == "ollama/qwen3")
    assert small["asked"] == 30
    assert small["good"] < 0.3
    strong = next(row for row in found["policies"] if row["name"] == "anthropic/claude-opus-4-8")
    assert strong["first"] == 0


def test_checks_are_held_against_what_was_heard_of_the_answers(cli):
    def checked(n, finding):
        found = decided(n, SMALL)
        verification = Verification(
            (Check("judge", finding), Check("parse", "unknown")), 0.6, 0.7, 0.5, accepted=True
        )
        return replace(found, attempts=(replace(found.attempts[0], verification=verification),))

    decisions = [checked(n, "fail" if n < 5 else "pass") for n in range(30)]
    filled(cli.root, decisions, [(f"d_{n}", float(n >= 10)) for n in range(30)])
    (row,) = cli("eval", "--json").json["checks"]
    assert row["verifier"] == "judge"
    assert row["pass"] == {"answers": 25, "good": pytest.approx(0.8)}
    assert row["fail"] == {"answers": 5, "good": 0.0}
    assert "failed, but given" in cli("eval").out.lower()


def test_too_few_outcomes_say_so_and_how_to_get_more(cli):
    result = cli("eval")
    assert result.code == 2
    assert "llm-router rate" in result.err
    filled(cli.root, [decided(n, SMALL) for n in range(30)], [(f"d_{n}", 1.0) for n in range(30)])
    assert cli("eval").code == 0
    assert cli("eval", "--since", "5m").code == 2
    assert cli("eval", "--since", "2100-01-01").code == 2
