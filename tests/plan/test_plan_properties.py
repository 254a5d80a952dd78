"""What must hold for every plan, whoever is set up and whatever is asked."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_worlds import FixedHealth, TablePrices, made, world

from llm_router.errors import RouterError
from llm_router.nouns import Billing, Complexity, Profile, Task, Verdict
from llm_router.plan import Catalogue
from llm_router.ports import HealthState

CATALOGUE = Catalogue.load()
PROVIDERS = sorted(name for name, billing in CATALOGUE.billing.items() if billing is not Billing.LOCAL)
REFS = sorted(model.ref for model in CATALOGUE.models)
TASKS = [task for task in Task if task not in {Task.IMAGE, Task.VIDEO, Task.AUDIO}]

some_providers = st.lists(st.sampled_from(PROVIDERS), unique=True, max_size=12)
some_local = st.lists(
    st.sampled_from(["a:1b", "b:8b", "c-coder:7b", "d:70b", "e:latest"]), unique=True, max_size=4
)
patterns = st.lists(
    st.sampled_from([*PROVIDERS, "ollama", "*/gpt*", "groq/*", "*mini*", "*/*flash*"])
    | st.sampled_from(REFS),
    max_size=4,
)
some_prices = st.dictionaries(
    st.sampled_from(PROVIDERS), st.none() | st.tuples(st.floats(0.01, 90), st.floats(0.01, 90)), max_size=8
)
some_rest = st.lists(st.sampled_from(REFS), max_size=6)


def _rests(names):
    pairs = [tuple(ref.split("/", 1)) for ref in names]
    return FixedHealth({(p, m): HealthState(p, m, "open", 3, 2e9, "timeout") for p, m in pairs})


@st.composite
def situations(draw):
    at = world(
        *draw(some_providers),
        ollama=tuple(draw(some_local)),
        prices=TablePrices(draw(some_prices)),
        health=_rests(draw(some_rest)),
    )
    return at, draw(st.sampled_from(TASKS)), draw(st.sampled_from(list(Complexity)))


def _planned(situation, verdict, **fields):
    at, task, complexity = situation
    try:
        return made(at=at, task=task, complexity=complexity, verdict=verdict, **fields)
    except RouterError as error:
        return None if error.message and error.fix else pytest.fail("an error without a message or a fix")


@given(
    situations(), patterns, st.sampled_from(list(Profile)), st.sampled_from([None, "cheap", "fast", "best"])
)
@settings(max_examples=150, deadline=None)
def test_a_blocked_model_is_never_in_a_plan(situation, blocked, profile, strategy):
    planned = _planned(situation, Verdict(blocked=tuple(blocked), profile=profile), model=strategy)
    for candidate in planned.candidates if planned else ():
        model = candidate.model
        assert not any(fnmatchcase(model.ref.lower(), b.lower()) or b == model.provider for b in blocked)


@given(situations(), st.sampled_from([Profile.BUDGET, Profile.BALANCED]))
@settings(max_examples=150, deadline=None)
def test_what_is_free_comes_before_what_is_paid(situation, profile):
    planned = _planned(situation, Verdict(profile=profile))
    paid = [c.model.billing is Billing.METERED for c in (planned.candidates if planned else ())]
    assert paid == sorted(paid)


@given(situations(), st.sampled_from(REFS), st.sampled_from(list(Profile)))
@settings(max_examples=100, deadline=None)
def test_a_named_model_is_always_alone(situation, ref, profile):
    planned = _planned(situation, Verdict(ref, "asked", profile=profile))
    assert planned is not None
    assert [c.model.ref for c in planned.candidates] == [ref]


@given(situations(), st.sampled_from(list(Profile)), st.sampled_from([None, "cheap", "fast", "best"]))
@settings(max_examples=150, deadline=None)
def test_everybody_who_is_set_up_is_a_candidate_or_has_a_reason_and_nobody_stands_twice(
    situation, profile, strategy
):
    planned = _planned(situation, Verdict(profile=profile), model=strategy)
    if planned is None:
        return
    refs = [c.model.ref for c in planned.candidates]
    assert len(refs) == len(set(refs))
    assert not set(refs) & {s.ref for s in planned.skipped}
    named = {ref.split("/")[0] for ref in (*refs, *(s.ref for s in planned.skipped))}
    assert named >= set(situation[0].ready)
    assert all(c.reason for c in planned.candidates)


@given(situations(), st.integers(0, 100_000))
@settings(max_examples=150, deadline=None)
def test_nothing_in_a_plan_can_cost_more_than_the_call_may(situation, most):
    planned = _planned(situation, Verdict(max_cost=most))
    for candidate in planned.candidates if planned else ():
        assert candidate.max_cost is not None
        assert candidate.max_cost <= most


@given(situations())
@settings(max_examples=60, deadline=None)
def test_the_same_situation_gives_the_same_plan(situation):
    assert _planned(situation, Verdict()) == _planned(situation, Verdict())
