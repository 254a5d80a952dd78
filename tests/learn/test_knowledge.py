"""What outcomes may shift, and that no feedback whatever moves a chance further than the bound."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_router.learn import BOUND, Knowledge, Outcome, of_prompt
from llm_router.learn.knowledge import LEAST_LIKENESS, NEIGHBOURS
from llm_router.nouns import Assessment, Candidate, Complexity, Model, Plan, Task

NOW = 1_790_000_000.0
DAY = 86_400.0
SHIPPED = Assessment(Task.CODE, Complexity.MODERATE, 0.8, 0.4, p_small=0.6, p_mid=0.75, p_frontier=0.85)
TIERS = ("small", "mid", "frontier")
SQL, REGEX = (
    of_prompt("write a SQL query that joins two tables by date"),
    of_prompt("regex for an e-mail address"),
)


def outcome(good, tier="small", mark=SQL, *, at=NOW, model="a/m", weight=1.0, project=""):
    return Outcome(at, "code", tier, model, good, SHIPPED.p_success(tier), mark, project, weight)


def after(*outcomes, mark=SQL, project="", now=NOW, draw=1.0):
    knowledge = Knowledge()
    for each in outcomes:
        knowledge.observe(each)
    return knowledge.adjusted(SHIPPED, mark, project, now, draw)


def likeness(one, other):
    either = (one | other).bit_count()
    return (one & other).bit_count() / either if either else 0.0


def test_without_outcomes_the_shipped_chances_stand():
    assert after() is SHIPPED


def test_good_and_bad_outcomes_move_the_chance_of_their_tier_and_say_so():
    worse, better = after(*[outcome(0.0)] * 10), after(*[outcome(1.0)] * 10)
    assert worse.p_small < SHIPPED.p_small < better.p_small
    assert worse.gain > SHIPPED.gain
    assert any(reason.startswith("learned: small -") for reason in worse.reasons)


def test_one_outcome_moves_little():
    assert abs(after(outcome(0.0), mark=REGEX).p_small - SHIPPED.p_small) < 0.1


def test_like_prompts_learn_most():
    like = of_prompt("write a SQL query that joins three tables by date")
    found = [outcome(0.0)] * 4
    assert after(*found, mark=like).p_small < after(*found, mark=REGEX).p_small


def test_a_project_learns_for_itself():
    found = [outcome(0.0, mark=REGEX, project="shop")] * 3
    assert after(*found, project="shop").p_small < after(*found, project="blog").p_small


def test_what_lies_far_back_counts_less():
    old = [outcome(0.0, at=NOW - 900 * DAY)] * 6
    assert after(*old).p_small > after(*[outcome(0.0)] * 6).p_small
    assert abs(after(*old).p_small - SHIPPED.p_small) < 0.02


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(TIERS),
            st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 1),
            st.floats(0, 1),
            st.sampled_from((SQL, REGEX)),
        ),
        max_size=60,
    ),
    st.floats(0, 1),
)
def test_no_feedback_moves_a_chance_beyond_the_bound(received, draw):
    found = after(*(outcome(good, tier, mark, weight=w) for tier, good, w, mark in received), draw=draw)
    for tier in TIERS:
        assert math.isfinite(found.p_success(tier))
        assert abs(found.p_success(tier) - SHIPPED.p_success(tier)) <= BOUND + 1e-9


def test_a_trained_correction_keeps_to_the_bound_too():
    knowledge = Knowledge(personal={"small": 99.0, "frontier": -99.0})
    found = knowledge.adjusted(SHIPPED, SQL, "", NOW)
    assert found.p_small == pytest.approx(SHIPPED.p_small + BOUND)
    assert found.p_frontier == pytest.approx(SHIPPED.p_frontier - BOUND)


# ── by simulation: 2,000 turns over a world in which the shipped chances are right ──

KINDS = [(of_prompt(f"{verb} the {thing} of the service"), p) for verb, p in
         (("rename", (0.9, 0.93)), ("debug", (0.4, 0.8)), ("prove", (0.2, 0.3))) for thing in ("parser", "cache", "queue")]  # fmt: skip
PRICE = 0.15


def worth(feedback, seed=0, turns=2_000):
    """Mean worth of a turn for the shipped choice and for the learner's, both in expectation."""
    chance, knowledge = random.Random(seed), Knowledge()
    shipped = learned = 0.0
    for n in range(turns):
        mark, (small, frontier) = chance.choice(KINDS)
        said = Assessment(
            Task.CODE, Complexity.MODERATE, 0.8, 0.4, p_small=small, p_mid=0.6, p_frontier=frontier
        )
        found = knowledge.adjusted(said, mark, "", NOW + n * 600, chance.random())
        gains = {"small": small, "frontier": frontier - PRICE}
        chosen = "frontier" if found.p_frontier - found.p_small > PRICE else "small"
        shipped += max(gains.values())
        learned += gains[chosen]
        truth = float(chance.random() < (small if chosen == "small" else frontier))
        good = feedback(truth)
        knowledge.observe(Outcome(NOW + n * 600, "code", chosen, chosen, good, said.p_success(chosen), mark))
    return shipped / turns, learned / turns


@pytest.mark.parametrize(
    "feedback",
    [lambda truth: 1 - truth, lambda _: 1.0, lambda _: 0.0, lambda _: 0.5, lambda truth: truth],
    ids=["inverted", "always good", "always bad", "indifferent", "true"],
)
def test_never_worse_than_shipped_by_more_than_the_bound(feedback):
    shipped, learned = worth(feedback)
    assert learned >= shipped - 2 * BOUND


def test_true_feedback_costs_next_to_nothing_where_there_is_nothing_to_learn():
    shipped, learned = worth(lambda truth: truth)
    assert learned >= shipped - 0.03


def test_exploring_is_bounded():
    chance, knowledge = random.Random(1), Knowledge()
    knowledge.observe(outcome(1.0))
    explored = sum(
        any(
            r.startswith("explores")
            for r in knowledge.adjusted(SHIPPED, SQL, "", NOW, chance.random()).reasons
        )
        for _ in range(2_000)
    )
    assert 0 < explored <= 0.01 * 2_000 + 1


# ── models ───────────────────────────────────────────────────────────────────


def test_a_model_whose_answers_were_mostly_bad_is_asked_later_and_never_dropped():
    plan = Plan(tuple(Candidate(Model("a", name), "because") for name in ("m", "n")))
    knowledge = Knowledge()
    for _ in range(12):
        knowledge.observe(outcome(0.0, model="a/m"))
    found = knowledge.reordered(plan, "code", NOW)
    assert [c.model.id for c in found.candidates] == ["n", "m"]
    assert "often bad" in found.candidates[1].reason
    assert knowledge.reordered(plan, "query", NOW) is plan
    assert knowledge.reordered(Plan(plan.candidates[:1]), "code", NOW).candidates == plan.candidates[:1]


def test_a_few_bad_answers_are_chance():
    plan = Plan(tuple(Candidate(Model("a", name), "because") for name in ("m", "n")))
    knowledge = Knowledge()
    for _ in range(5):
        knowledge.observe(outcome(0.0, model="a/m"))
    assert knowledge.reordered(plan, "code", NOW) is plan


def test_a_print_tells_likeness_and_holds_no_text():
    near, far = (
        of_prompt("write a SQL query that joins two tables"),
        of_prompt("translate this letter to Italian"),
    )
    assert likeness(SQL.bits, near.bits) > 0.5
    assert likeness(SQL.bits, far.bits) < 0.2
    assert of_prompt("").bits == 0
    assert of_prompt("\ud800 " * 9_000).bucket >= 0


WORDS = ["sort", "list", "join", "table", "lock", "queue", "parse", "date", "mail", "test"]
SOME_WORDS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


@given(st.lists(SOME_WORDS, max_size=40), SOME_WORDS)
@settings(max_examples=60, deadline=None)
def test_the_likest_prompts_are_those_of_the_highest_jaccard_index(prompts, asked):
    knowledge = Knowledge()
    for n, prompt in enumerate(prompts):
        knowledge.observe(outcome(1.0, mark=of_prompt(prompt), at=NOW + n))
    mark = of_prompt(asked)
    compared = [(likeness(mark.bits, bits), weight) for bits, _, _, _, weight in knowledge._memory]
    like = sorted((pair for pair in compared if pair[0] >= LEAST_LIKENESS), reverse=True)[:NEIGHBOURS]
    found = knowledge._near(mark)["small"].weight
    assert found == pytest.approx(sum(share * weight for share, weight in like))


def test_a_prompt_is_compared_once_until_something_new_is_known(monkeypatch):
    knowledge, seen = Knowledge(), []
    compared = Knowledge._compared
    monkeypatch.setattr(Knowledge, "_compared", lambda self, *of: seen.append(of) or compared(self, *of))
    for _ in range(3):
        knowledge.observe(outcome(0.0))
        for _ in range(5):
            knowledge.adjusted(SHIPPED, SQL, "", NOW)
    assert len(seen) == 3
