from dataclasses import replace

import pytest
from plan_worlds import READY, FixedHealth, TablePrices, local, made, refs, resting, world

from llm_router.errors import BudgetError, CredentialsError, NotFoundError, PolicyError, UsageError
from llm_router.nouns import Complexity, Image, Message, Request, Text, Verdict
from llm_router.ports import Readiness
from llm_router.settings import RoutingSettings, Settings

SEEING = Request((Message("user", (Text("what?"), Image(data="aGk="))),))


def _only(name, prompt="hello", *, at, because="asked", **fields):
    planned = made(prompt, at=at, verdict=Verdict(name, because, **fields))
    assert len(planned.candidates) == 1
    assert not planned.skipped
    return planned.candidates[0]


@pytest.mark.parametrize("name", ["opus", "anthropic/claude-opus-5-5", "claude-opus-5-5"])
def test_the_model_that_was_named_is_the_only_one(name):
    chosen = _only(name, at=world("openai", "anthropic", "codex", ollama=("a:8b",)))
    assert chosen.model.ref == "anthropic/claude-opus-5-5"
    assert chosen.reason == "asked for"


def test_a_pinned_model_says_that_it_is_pinned():
    assert _only("opus", at=world("anthropic"), because="pinned").reason == "pinned in the settings"


def test_a_model_that_rests_is_called_all_the_same_and_says_so():
    health = FixedHealth(resting("anthropic", "", "auth"))
    assert "cooling down until" in _only("opus", at=world("anthropic", health=health)).reason


def test_a_model_nobody_knows_is_called_when_its_provider_is_known():
    assert _only("groq/next-year", at=world("groq")).model.ref == "groq/next-year"


def test_a_name_nobody_knows_is_an_error_with_close_matches():
    with pytest.raises(NotFoundError) as caught:
        _only("qwen3:8", at=world(ollama=("qwen3:8b",)))
    assert "`qwen3:8b`" in caught.value.fix


def test_an_installed_model_is_called_by_its_bare_name():
    assert _only("qwen3:8b", at=world("openai", ollama=("qwen3:8b",))).model.ref == "ollama/qwen3:8b"


def test_a_provider_alone_means_its_model_that_suits_best():
    at = world("openai", ollama=("a:8b", "b:70b"))
    assert (
        made(at=at, complexity=Complexity.COMPLEX, verdict=Verdict("ollama", "asked")).candidates[0].model.id
        == "b:70b"
    )
    assert _only("openai", at=at).model.tier == "small"


def test_a_provider_alone_means_a_model_of_it_that_can():
    blind, seeing = local("a:8b", features=frozenset({"tools"})) + local(
        "b:70b", features=frozenset({"vision"})
    )
    assert _only("ollama", SEEING, at=world(ollama=(blind, seeing))).model.id == "b:70b"


def test_a_provider_without_any_model_is_an_error_that_says_what_to_do():
    with pytest.raises(NotFoundError) as caught:
        _only("ollama", at=world(installed={"ollama": []}))
    assert "install a model" in caught.value.fix


def test_a_users_alias_stands_above_a_provider_of_the_same_name():
    settings = Settings(routing=RoutingSettings(aliases={"groq": "openai/some-model"}))
    assert _only("groq", at=world("openai", "groq", settings=settings)).model.ref == "openai/some-model"


def test_a_blocked_model_that_was_named_is_refused_with_the_block():
    with pytest.raises(PolicyError) as caught:
        _only("qwen3:8b", at=world(ollama=("qwen3:8b",)), blocked=("ollama/*",))
    assert "ollama/*" in caught.value.message


def test_a_provider_that_is_not_set_up_is_refused_with_the_variable_that_is_missing():
    def configured(name):
        return (
            READY
            if name == "openai"
            else Readiness(ready=False, detail="no key", fix="export ANTHROPIC_API_KEY=...")
        )

    with pytest.raises(CredentialsError) as caught:
        _only("opus", at=world("openai", configured=configured))
    assert caught.value.fix == "export ANTHROPIC_API_KEY=..."
    assert _only("gpt", at=world(configured=configured)).model.provider == "openai"


def test_a_provider_that_is_set_up_but_does_not_answer_is_tried():
    ready = {"ollama": Readiness(ready=False, detail="503")}
    assert _only("ollama/a:8b", at=world(ready=ready)).model.ref == "ollama/a:8b"


def test_a_client_that_is_not_logged_in_is_refused_at_once_because_it_would_wait_for_a_login():
    logged_out = Readiness(ready=False, detail="Not logged in", fix="codex login")
    at = replace(world("codex"), ready={"codex": logged_out})
    with pytest.raises(CredentialsError, match="Not logged in") as caught:
        made("hello", at=at, verdict=Verdict("codex/default", "asked"))
    assert caught.value.fix == "codex login"


def test_a_model_that_cannot_see_is_refused_with_one_that_can_and_is_set_up():
    with pytest.raises(UsageError) as caught:
        _only("glm", SEEING, at=world("zai", "mistral"))
    assert "it cannot see images" in caught.value.message
    assert "mistral/" in caught.value.fix


def test_a_request_that_is_surely_too_long_is_refused_and_one_that_may_fit_is_not():
    at = world("groq")
    with pytest.raises(UsageError) as caught:
        _only("gpt-oss", "x" * 4 * 170_000, at=at)
    assert "131,072" in caught.value.message
    assert _only("gpt-oss", "x" * 4 * 132_000, at=at).model.provider == "groq"


def test_a_maximum_cost_holds_for_a_named_model_too():
    at = world("anthropic", prices=TablePrices({"anthropic": (5, 25)}))
    with pytest.raises(BudgetError) as caught:
        _only("opus", at=at, max_cost=100)
    assert "--max-cost" in caught.value.fix
    assert _only("opus", at=at, max_cost=1_000_000).max_cost <= 1_000_000


def test_a_named_model_is_priced():
    chosen = _only("opus", at=world("anthropic", prices=TablePrices({"anthropic": (5, 25)})))
    assert 0 < chosen.expected_cost < chosen.max_cost


def test_a_named_model_is_called_although_a_chain_of_the_user_lacks_it():
    settings = Settings(routing=RoutingSettings(chains={Complexity.SIMPLE: ("openai",)}))
    assert refs(
        made(at=world("openai", "anthropic", settings=settings), verdict=Verdict("sonnet", "asked"))
    ) == ["anthropic/claude-sonnet-5-5"]
