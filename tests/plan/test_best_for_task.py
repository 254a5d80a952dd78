import pytest
from msgspec.structs import replace
from plan_worlds import TablePrices, refs, world

from llm_router.nouns import Assessment, Billing, Complexity, Model, Profile, Task, Verdict, ask
from llm_router.plan import plan
from llm_router.plan.value import POINTS, worth
from llm_router.settings import ProviderSettings, RoutingSettings, Settings

SMALL, MID, FRONTIER = (
    Model("one", "s", tier="small"),
    Model("one", "m", tier="mid"),
    Model("one", "f", tier="frontier"),
)
PRICES = TablePrices({"one/s": (0.5, 2.0), "one/m": (3.0, 15.0), "one/f": (5.0, 25.0)})
EASY = Assessment(
    Task.CODE, Complexity.MODERATE, 0.9, 0.3, p_small=0.93, p_mid=0.95, p_frontier=0.97, gain=0.04
)
HARD = replace(EASY, p_small=0.3, p_mid=0.6, p_frontier=0.9, gain=0.6)
HOPELESS = replace(EASY, p_small=0.02, p_mid=0.1, p_frontier=0.2, gain=0.18)


OWN = {name: ProviderSettings(base_url="http://127.0.0.1:1/v1") for name in ("one", "two")}


def planned(
    assessment,
    *,
    quality=None,
    model=None,
    profile=Profile.BALANCED,
    models=(SMALL, MID, FRONTIER),
    **routing,
):
    settings = Settings(providers=OWN, routing=RoutingSettings(quality=quality, **routing))
    at = world(installed={"one": list(models)}, settings=settings, prices=PRICES)
    return plan(ask("x", model=model), assessment, Verdict(profile=profile), world=at)


def test_a_small_gain_is_not_paid_for_and_a_large_one_is():
    assert refs(planned(EASY, quality=0.5))[0] == SMALL.ref
    assert refs(planned(HARD, quality=0.5))[0] == FRONTIER.ref


def test_the_dial_moves_the_choice_from_the_cheapest_to_the_best():
    order = [refs(planned(HARD, quality=quality))[0] for quality in (0, 0.1, 0.9, 1)]
    assert order == [SMALL.ref, SMALL.ref, FRONTIER.ref, FRONTIER.ref]
    assert refs(planned(EASY, quality=1))[0] == FRONTIER.ref


def test_the_profiles_are_points_on_the_dial():
    by_profile = [
        refs(planned(HARD, model="best_for_task", profile=profile))
        for profile in (Profile.BUDGET, Profile.BALANCED, Profile.PREMIUM)
    ]
    on_the_dial = [refs(planned(HARD, quality=POINTS[profile])) for profile in Profile]
    assert by_profile == on_the_dial
    assert by_profile[0] != by_profile[2]


def test_more_money_is_withheld_where_no_tier_is_likely_to_succeed():
    made = planned(HOPELESS, quality=0.9)
    assert refs(made)[0] == SMALL.ref
    assert "no tier is likely" in made.candidates[0].reason


def test_all_tiers_stay_in_the_chain_for_failover_with_their_figures():
    made = planned(HARD, quality=0.5)
    assert sorted(refs(made)) == sorted(model.ref for model in (SMALL, MID, FRONTIER))
    assert made.strategy == "best_for_task"
    assert made.candidates[0].reason.startswith("frontier tier, chance 0.90, about $0.0")


def test_without_the_dial_auto_keeps_to_the_chain_of_the_profile():
    assert planned(HARD).strategy == "free_first"
    assert planned(HARD, model="auto", quality=0.5).strategy == "best_for_task"


def test_an_unsure_classification_does_not_overrule_the_chain():
    unsure = replace(HARD, confidence=0.2)
    assert planned(unsure, quality=0.5).strategy == "free_first"
    assert planned(unsure, model="best_for_task").strategy == "free_first"


def test_a_chain_the_user_wrote_stands_above_the_dial():
    made = planned(HARD, quality=0.9, chains={Complexity.MODERATE: ("one/m",)})
    assert refs(made) == [MID.ref]
    assert made.strategy == "free_first"


def test_what_has_no_price_comes_last():
    at = world(
        installed={"one": [FRONTIER], "two": [Model("two", "f", tier="frontier")]},
        settings=Settings(providers=OWN, routing=RoutingSettings(quality=0.9)),
        prices=TablePrices({"one": (5.0, 25.0), "two": None}),
    )
    assert refs(plan(ask("x"), HARD, Verdict(), world=at)) == ["one/f", "two/f"]


def test_a_free_model_is_judged_by_its_chance_alone():
    free = Model("one", "m", tier="mid", billing=Billing.LOCAL)
    made = planned(EASY, quality=0.5, models=(free, FRONTIER))
    assert refs(made)[0] == free.ref
    assert made.candidates[0].reason.endswith("free")


def test_for_research_a_model_that_searches_comes_first_whatever_its_value():
    searching = replace(MID, features=frozenset({"web"}))
    made = planned(replace(EASY, task=Task.RESEARCH), quality=0.5, models=(SMALL, searching))
    assert refs(made)[0] == searching.ref


@pytest.mark.parametrize("quality", [0.0, 0.3, 0.7, 0.99])
def test_an_answer_is_worth_more_the_higher_the_dial_and_the_longer_it_is(quality):
    here = worth(quality, 1_000)
    assert here < worth(quality + 0.005, 1_000)
    assert here <= worth(quality, 2_000)
    assert worth(1.0, 1_000) is None
