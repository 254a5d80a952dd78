import pytest

from llm_router.admit.policy import admit
from llm_router.errors import PolicyError
from llm_router.nouns import Assessment, Complexity, Profile, Task, ask
from llm_router.settings import RouterSettings, RoutingSettings, Settings

CODE = Assessment(Task.CODE, Complexity.MODERATE, 0.9, 0.5)


def _admitted(*, profile=Profile.BALANCED, pin=None, block=(), aliases=None, **fields):
    routing = RoutingSettings(pin=pin or {}, block=block, aliases=aliases or {})
    return admit(
        ask("hello", **fields), CODE, Settings(router=RouterSettings(profile=profile), routing=routing)
    )


def test_without_a_word_from_anybody_the_router_is_free_to_choose():
    verdict = _admitted()
    assert verdict.model is None
    assert verdict.model_because is None
    assert verdict.blocked == ()
    assert verdict.max_cost is None


def test_a_model_that_the_caller_names_is_the_one():
    verdict = _admitted(model=" opus ")
    assert (verdict.model, verdict.model_because) == ("opus", "asked")


@pytest.mark.parametrize(
    "word", ["auto", "AUTO", "auto:cheap", "auto:best", "cheap", "fast", "best", "", "  "]
)
def test_a_strategy_word_names_no_model(word):
    verdict = _admitted(model=word)
    assert (verdict.model, verdict.model_because) == (None, None)


def test_an_alias_of_the_user_stands_above_a_strategy_word_and_may_mean_one():
    assert _admitted(model="fast", aliases={"Fast": "groq/quick"}).model == "fast"
    assert _admitted(model="quick", aliases={"quick": "fast"}).model is None


def test_a_pin_of_the_task_is_the_one_and_stands_above_a_pin_of_all():
    verdict = _admitted(pin={"code": "sonnet", "all": "haiku"})
    assert (verdict.model, verdict.model_because) == ("sonnet", "pinned")
    assert _admitted(pin={"query": "sonnet", "all": "haiku"}).model == "haiku"
    assert _admitted(pin={"query": "sonnet"}).model is None


def test_a_pin_holds_against_a_strategy_word_and_yields_to_a_named_model():
    assert _admitted(pin={"all": "haiku"}, model="best").model == "haiku"
    assert _admitted(pin={"all": "haiku"}, model="opus").model == "opus"


@pytest.mark.parametrize("pattern", ["anthropic", "anthropic/*", "*/claude-opus*", "ANTHROPIC"])
def test_a_named_model_that_is_blocked_is_refused_naming_the_block_and_how_to_lift_it(pattern):
    with pytest.raises(PolicyError) as caught:
        _admitted(model="opus", block=("groq", pattern))
    assert f"`{pattern}`" in caught.value.message
    assert "asked for" in caught.value.message
    assert "routing.block" in caught.value.fix
    assert caught.value.exit_code == 2


def test_a_pinned_model_that_is_blocked_is_refused_too():
    with pytest.raises(PolicyError) as caught:
        _admitted(pin={"code": "opus"}, block=("anthropic",))
    assert "pinned" in caught.value.message


def test_a_block_sees_through_the_users_own_alias():
    with pytest.raises(PolicyError):
        _admitted(model="mine", aliases={"mine": "openai/secret"}, block=("openai",))


def test_blocks_that_do_not_concern_the_named_model_let_it_through():
    verdict = _admitted(model="opus", block=("openai", "*/mini*"))
    assert verdict.model == "opus"
    assert verdict.blocked == ("openai", "*/mini*")


def test_a_name_nobody_knows_here_is_left_to_plan_which_knows_what_is_installed():
    assert _admitted(model="qwen3:8b").model == "qwen3:8b"


def test_the_cost_limit_of_the_call_is_carried_on():
    assert _admitted(max_cost=5_000).max_cost == 5_000
    assert _admitted(max_cost=0).max_cost == 0


def test_the_profile_of_the_request_stands_above_the_settings():
    assert _admitted(profile=Profile.BUDGET).profile is Profile.BUDGET
    assert admit(ask("x", profile=Profile.PREMIUM), CODE, Settings()).profile is Profile.PREMIUM
    assert _admitted(profile=Profile.PREMIUM).profile is Profile.PREMIUM
