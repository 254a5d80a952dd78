"""What a finding is worth, from counts."""

import pytest

from llm_router.checks import Check
from llm_router.verify import Rates, posterior, shipped
from llm_router.verify.reading import READERS

SHARP, BLUNT = Rates(90, 10, 10, 90), Rates(50, 50, 50, 50)
KNOWN = {"a": SHARP, "b": SHARP, "blunt": BLUNT}


def after(*findings, prior=0.7):
    return posterior(prior, [Check(name, finding) for name, finding in findings], KNOWN)


def test_bayes_by_hand():
    assert after(("a", "fail"), prior=0.5) == pytest.approx(
        SHARP.false_alarm / (SHARP.false_alarm + SHARP.recall)
    )
    assert after(("a", "pass"), prior=0.5) == pytest.approx(1 - after(("a", "fail"), prior=0.5))


def test_what_says_nothing_changes_nothing():
    assert after(("a", "unknown"), ("blunt", "fail"), ("nobody", "fail")) == pytest.approx(0.7)


def test_a_second_finding_counts_less_than_the_first():
    one, two = after(("a", "fail")), after(("a", "fail"), ("b", "fail"))
    odds = [p / (1 - p) for p in (0.7, one, two)]
    assert odds[2] / odds[1] == pytest.approx((odds[1] / odds[0]) ** 0.5)


def test_no_single_verifier_is_believed_without_end():
    perfect = {"a": Rates(10**6, 0, 0, 10**6)}
    assert posterior(0.5, [Check("a", "fail")], perfect) == pytest.approx(1 / 51)


def test_every_verifier_has_rates_and_those_that_were_measured_are_better_than_chance():
    rates = shipped()
    named = {reader.__name__ for reader in READERS} | {"tests", "patch", "judge", "consistency"}
    assert named == set(rates)
    assert all(each.precision > 0.5 for each in rates.values())
    assert {name for name, each in rates.items() if not each.measured} == {"judge", "consistency"}
