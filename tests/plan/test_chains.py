from dataclasses import replace

import pytest
from plan_worlds import READY, FixedHealth, TablePrices, local, made, providers, reasons, refs, resting, world

from llm_router.errors import BudgetError, CredentialsError, PolicyError, UsageError
from llm_router.nouns import (
    Billing,
    Complexity,
    Document,
    FailureKind,
    Image,
    Message,
    Model,
    Profile,
    Request,
    Task,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    Verdict,
)
from llm_router.plan import replan
from llm_router.plan.build import _chains
from llm_router.plan.chain import Chain, Facts
from llm_router.ports import Readiness
from llm_router.settings import ProviderSettings, RoutingSettings, Settings

SIMPLE, MODERATE, COMPLEX, DEEP = Complexity
EVERYBODY = ("codex", "gemini", "groq", "openai", "anthropic", "mistral")


def _seeing(prompt="what is this?"):
    return Request((Message("user", (Text(prompt), Image(data="aGk="))),))


# ── the chains ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("complexity", "expected"),
    [
        (SIMPLE, ["ollama", "codex", "gemini", "groq"]),
        (MODERATE, ["ollama", "codex", "gemini", "openai", "anthropic"]),
        (COMPLEX, ["ollama", "codex", "openai", "gemini", "anthropic"]),
        (DEEP, ["ollama", "codex", "openai", "gemini", "anthropic"]),
    ],
)
def test_balanced_asks_what_is_free_first_and_then_the_named_ones_in_order(complexity, expected):
    planned = made(at=world(*EVERYBODY, ollama=("qwen3:8b",)), complexity=complexity)
    assert providers(planned)[: len(expected)] == expected
    assert set(providers(planned)) == {"ollama", *EVERYBODY}


def test_the_budget_profile_keeps_the_order_and_takes_cheaper_tiers():
    at = world("openai", "anthropic", "gemini")
    tiers = {
        profile: [
            c.model.tier for c in made(at=at, complexity=COMPLEX, verdict=Verdict(profile=profile)).candidates
        ]
        for profile in (Profile.BUDGET, Profile.BALANCED)
    }
    assert tiers[Profile.BUDGET] == ["mid"] * 3
    assert tiers[Profile.BALANCED] == ["frontier"] * 3


def test_the_premium_profile_asks_the_best_first_where_it_matters_and_stays_free_where_it_does_not():
    at, premium = world(*EVERYBODY, ollama=("qwen3:8b",)), Verdict(profile=Profile.PREMIUM)
    assert providers(made(at=at, complexity=COMPLEX, verdict=premium))[:3] == [
        "anthropic",
        "openai",
        "gemini",
    ]
    assert providers(made(at=at, complexity=SIMPLE, verdict=premium))[:2] == ["ollama", "codex"]


@pytest.mark.parametrize("complexity", list(Complexity))
def test_somebody_with_a_single_key_gets_an_answer_whatever_it_is(complexity):
    assert providers(made(at=world("mistral"), complexity=complexity)) == ["mistral"]


def test_a_free_provider_that_no_chain_names_still_comes_before_every_paid_one():
    planned = made(
        at=world("openai", "gemini-cli", installed={"lmstudio": local("phi:14b", provider="lmstudio")})
    )
    assert providers(planned) == ["lmstudio", "gemini-cli", "openai"]


def test_the_others_follow_by_what_they_are_expected_to_cost_and_unpriced_ones_come_last():
    prices = TablePrices({"mistral": (3, 9), "xai": (1, 2), "zai": None, "deepseek": (2, 2)})
    assert providers(made(at=world("zai", "mistral", "deepseek", "xai", prices=prices))) == [
        "xai",
        "deepseek",
        "mistral",
        "zai",
    ]


def test_a_cheap_provider_without_a_model_of_the_fitting_tier_comes_after_those_that_have_one():
    prices = TablePrices({"cerebras": (0.1, 0.1), "xai": (5, 9)})
    planned = made(at=world("cerebras", "xai", prices=prices), complexity=COMPLEX)
    assert providers(planned) == ["xai", "cerebras"]


def test_research_asks_free_ones_first_and_among_paid_ones_those_that_search_the_web():
    planned = made(
        at=world("gemini", "openai", "perplexity", ollama=("a:8b",)), task=Task.RESEARCH, complexity=MODERATE
    )
    assert providers(planned)[:2] == ["ollama", "perplexity"]
    assert planned.candidates[1].reason == "searches the web"


def test_a_deprecated_model_is_never_chosen():
    at = world(*(name for name in world().catalogue.billing if name != "ollama"))
    for complexity in Complexity:
        assert not set(refs(made(at=at, complexity=complexity))) & at.catalogue.deprecated


def test_deep_reasoning_prefers_a_model_that_thinks():
    settings = Settings(providers={"lab": ProviderSettings(models=("dull", "deep"))})
    at = world("lab", settings=settings)
    dull, deep = (
        Model("lab", each, "frontier", features=frozenset(can))
        for each, can in (("dull", {"tools"}), ("deep", {"thinking"}))
    )
    catalogue = replace(at.catalogue, providers={"lab": (dull, deep)})
    assert refs(made(at=replace(at, catalogue=catalogue), complexity=DEEP)) == ["lab/deep"]
    assert refs(made(at=replace(at, catalogue=catalogue), complexity=COMPLEX)) == ["lab/dull"]


def test_every_entry_of_the_shipped_chains_is_understood():
    at = world(*world().catalogue.billing)
    chains = _chains()
    rows = [row for group in ("profiles", "strategies") for row in chains[group].values()]
    entries = {
        each for row in rows for name, value in row.items() if isinstance(value, list) for each in value
    }
    assert len(entries) > 15
    chain = Chain(Facts(at, Request(()), Task.QUERY, SIMPLE, "small", frozenset(), 1), "test")
    chain.extend(entries)
    assert not [skip for skip in chain.skipped.values() if skip.cause == "unknown"]


def test_a_plan_says_what_each_candidate_is_expected_to_cost_and_can_cost():
    prices = TablePrices({"openai": (2, 10)})
    only = made("word " * 4000, at=world("openai", prices=prices), max_output_tokens=100).candidates[0]
    tokens = made("word " * 4000, at=world("openai")).input_tokens
    assert only.expected_cost == pytest.approx(tokens * 2 + 100 * 10, abs=2)
    assert only.max_cost == pytest.approx(tokens * 1.5 * 2 + 100 * 10, abs=2)


def test_what_is_free_costs_nothing_and_what_has_no_price_has_no_cost():
    planned = made(at=world("codex", "openai", ollama=("a:8b",), prices=TablePrices(default=None)))
    costs = {c.model.provider: (c.expected_cost, c.max_cost) for c in planned.candidates}
    assert costs == {"ollama": (0, 0), "codex": (0, 0), "openai": (None, None)}


# ── the user's own chains ────────────────────────────────────────────────────


def _own(*chain, **fields):
    return Settings(routing=RoutingSettings(chains={SIMPLE: chain}), **fields)


def test_a_users_chain_is_taken_as_it_stands_paid_before_free_and_nobody_else():
    at = world(*EVERYBODY, ollama=("a:8b",), settings=_own("sonnet", "mistral", "ollama"))
    assert providers(made(at=at)) == ["anthropic", "mistral", "ollama"]


def test_a_users_chain_may_go_on_with_the_rest():
    planned = made(at=world("groq", "mistral", "openai", settings=_own("mistral", "@rest")))
    assert providers(planned)[0] == "mistral"
    assert set(providers(planned)) == {"groq", "mistral", "openai"}


def test_a_users_chain_names_tiers_models_and_the_cheapest():
    prices = TablePrices({"groq": (9, 9), "xai": (1, 1), "zai": (2, 2), "deepseek": (3, 3)})
    at = world(
        "openai",
        "mistral",
        "groq",
        "xai",
        "zai",
        "deepseek",
        prices=prices,
        settings=_own("openai:frontier", "mistral/any", "@cheapest"),
    )
    planned = made(at=at)
    assert planned.candidates[0].model.tier == "frontier"
    assert refs(planned)[1] == "mistral/any"
    assert providers(planned)[2:] == ["xai", "zai"]


def test_a_typo_in_a_users_chain_is_told_and_does_not_stop_the_others():
    planned = made(at=world("openai", settings=_own("opnai", "openai")))
    assert providers(planned) == ["openai"]
    assert "no model is called `opnai`" in reasons(planned)["opnai"]


def test_a_chain_for_one_complexity_leaves_the_others_alone():
    at = world("codex", "mistral", settings=_own("mistral"))
    assert providers(made(at=at)) == ["mistral"]
    assert providers(made(at=at, complexity=COMPLEX))[0] == "codex"


# ── strategies ───────────────────────────────────────────────────────────────


def test_auto_is_the_default_strategy():
    at = world(*EVERYBODY, ollama=("a:8b",))
    assert refs(made(at=at, model="auto")) == refs(made(at=at))
    assert made(at=at, model="AUTO").strategy == "free_first"


@pytest.mark.parametrize("word", ["cheap", "auto:cheap"])
def test_cheap_takes_free_ones_and_then_strictly_by_cost(word):
    planned = made(at=world(*EVERYBODY, ollama=("a:8b",)), model=word, complexity=COMPLEX)
    assert planned.strategy == "cheap"
    costs = [c.expected_cost for c in planned.candidates]
    assert costs == sorted(costs)


def test_best_asks_frontier_models_even_for_a_simple_question():
    planned = made(at=world(*EVERYBODY, ollama=("a:8b",)), model="auto:best")
    assert planned.strategy == "best"
    assert {c.model.tier for c in planned.candidates[:3]} == {"frontier"}
    assert providers(planned)[:3] == ["anthropic", "openai", "gemini"]
    assert "ollama" in providers(planned)[3:]


def test_an_alias_of_the_user_may_mean_a_strategy():
    settings = Settings(routing=RoutingSettings(aliases={"quick": "fast"}))
    assert made(at=world("openai", settings=settings), model="QUICK").strategy == "fast"


def test_fast_asks_the_fast_services_first():
    planned = made(at=world(*EVERYBODY, "cerebras", ollama=("a:8b",)), model="fast")
    assert providers(planned)[:2] == ["cerebras", "groq"]


def test_a_strategy_word_stands_above_a_users_chain():
    at = world("openai", "mistral", "anthropic", settings=_own("mistral"))
    assert providers(made(at=at, model="best"))[0] == "anthropic"


# ── who is not asked, and why ────────────────────────────────────────────────


def test_what_is_not_set_up_is_not_worth_a_line_and_what_does_not_answer_is():
    at = world("mistral")
    at = replace(at, ready={**at.ready, "ollama": Readiness(ready=False, detail="503 at 127.0.0.1")})
    planned = made(at=at)
    assert reasons(planned) == {"ollama": "503 at 127.0.0.1"}


def test_a_local_server_without_models_says_so():
    at = world("mistral", installed={"ollama": []})
    assert reasons(made(at=at)) == {"ollama": "no model is installed there"}


def test_a_picture_goes_to_a_model_that_sees():
    planned = made(_seeing(), at=world("deepseek", "groq", "zai", "openai"))
    assert all("vision" in c.model.features for c in planned.candidates)
    assert reasons(planned)["zai/glm-5.3"] == "it cannot see images"


def test_a_picture_inside_a_tool_result_counts():
    seen = ToolResult("c1", (Image(url="http://127.0.0.1/x.png"),))
    planned = made(Request((Message("user", (seen, Text("and?"))),)), at=world("zai", "openai"))
    assert providers(planned) == ["openai"]


def test_a_pdf_goes_to_a_model_that_reads_it_and_a_text_document_to_anybody():
    pdf = Request((Message("user", (Document(data="JVBERi0="),)),))
    text = Request((Message("user", (Document(text="plain"),)),))
    at = world("groq", "anthropic")
    assert providers(made(pdf, at=at)) == ["anthropic"]
    assert set(providers(made(text, at=at))) == {"groq", "anthropic"}


def test_tools_go_to_a_model_that_calls_them_unless_they_may_not_be_called():
    at, tools = world("codex", "openai"), (Tool("search"),)
    assert providers(made(at=at, tools=tools)) == ["openai"]
    assert providers(made(at=at, tools=tools, tool_choice=ToolChoice("none"))) == ["codex", "openai"]


def test_a_json_schema_goes_to_a_model_that_keeps_to_it():
    planned = made(at=world("gemini-cli", "codex"), schema={"type": "object"})
    assert providers(planned) == ["codex"]
    assert "JSON schema" in reasons(planned)["gemini-cli/default"]


def test_a_model_nobody_described_gets_the_benefit_of_the_doubt():
    assert refs(made(_seeing(), at=world(ollama=("mystery:8b",)))) == ["ollama/mystery:8b"]


def test_another_model_of_the_same_provider_serves_where_its_first_cannot():
    blind, seeing = local("a:8b", features=frozenset({"tools"})) + local(
        "b:70b", features=frozenset({"vision"})
    )
    planned = made(_seeing(), at=world(ollama=(blind, seeing)))
    assert refs(planned) == ["ollama/b:70b"]


def test_what_does_not_fit_the_window_with_the_answer_wanted_goes_to_a_larger_one():
    at = world("groq", "openai")
    planned = made("x" * 4 * 128_000, at=at, max_output_tokens=10_000)
    assert providers(planned) == ["openai"]
    assert "131,072" in reasons(planned)["groq/openai/gpt-oss-20b"]
    assert set(providers(made("x" * 4 * 100_000, at=at, max_output_tokens=10_000))) == {"groq", "openai"}


def test_what_a_coding_agent_allows_is_a_ceiling_and_rules_no_window_out():
    at = world(installed={"ollama": local("qwen3", context=40_960)})
    assert refs(made("x" * 4 * 12_000, at=at, max_output_tokens=128_000)) == ["ollama/qwen3"]


def test_a_request_that_allows_more_output_than_a_model_has_is_not_too_long_for_it():
    assert providers(made("hi", at=world("cohere"), max_output_tokens=200_000)) == ["cohere"]


def test_a_blocked_provider_or_model_is_skipped_with_the_pattern():
    at = world("openai", "groq", "gemini", "mistral")
    planned = made(at=at, verdict=Verdict(blocked=("openai", "groq/*", "*/gemini-*")))
    assert providers(planned) == ["mistral"]
    assert reasons(planned)["groq/openai/gpt-oss-20b"] == "blocked by `groq/*`"


def test_a_block_of_a_provider_does_not_reach_its_models_elsewhere():
    assert providers(made(at=world("openai", "azure"), verdict=Verdict(blocked=("openai",)))) == ["azure"]


def test_a_model_that_rests_is_skipped_with_the_time_it_is_back():
    health = FixedHealth(resting("openai", "gpt-6-luna") | resting("gemini", "", "auth"))
    planned = made(at=world("openai", "gemini", "mistral", health=health))
    assert "openai/gpt-6-luna" not in refs(planned)
    assert "gemini" not in providers(planned)
    assert "cooling down until" in reasons(planned)["openai/gpt-6-luna"]
    assert "rate limited" in reasons(planned)["openai/gpt-6-luna"]


def test_what_could_cost_more_than_the_call_may_is_skipped_and_so_is_what_has_no_price():
    prices = TablePrices({"openai": (50, 100), "mistral": (0.1, 0.1), "xai": None})
    planned = made(at=world("openai", "mistral", "xai", prices=prices), verdict=Verdict(max_cost=2_000))
    assert providers(planned) == ["mistral"]
    assert "the maximum is $0.0020" in next(
        r for ref, r in reasons(planned).items() if ref.startswith("openai")
    )
    assert "price is unknown" in next(r for ref, r in reasons(planned).items() if ref.startswith("xai"))


# ── nobody ───────────────────────────────────────────────────────────────────


def _nothing_set_up(name):
    return Readiness(ready=False, detail="not set up", fix=f"set up {name}")


def test_with_nothing_set_up_the_error_says_what_is_missing_for_the_nearest_ones():
    with pytest.raises(CredentialsError) as caught:
        made(at=world(configured=_nothing_set_up))
    assert caught.value.exit_code == 3
    for name in ("ollama", "codex", "gemini", "groq"):
        assert f"{name}: set up {name}" in caught.value.fix
    assert "llm-router demo" in caught.value.fix


def test_what_is_set_up_but_does_not_answer_is_named_with_its_fix():
    ready = {"ollama": Readiness(ready=False, detail="does not answer", fix="ollama serve")}
    with pytest.raises(CredentialsError) as caught:
        made(at=world(ready=ready))
    assert "ollama: does not answer" in caught.value.message
    assert "ollama: ollama serve" in caught.value.fix


def test_when_nobody_set_up_can_see_the_error_names_who_could():
    with pytest.raises(UsageError) as caught:
        made(_seeing(), at=world("zai", configured=_nothing_set_up))
    assert "it cannot see images" in caught.value.message
    assert "anthropic: set up anthropic" in caught.value.fix


def test_an_agents_conversation_goes_on_without_the_pictures_nobody_can_see():
    blind = local("a:8b", "b:8b", features=frozenset({"tools"}))
    request = Request(_seeing().messages, tools=(Tool("Read"),))
    planned = made(request, at=world(ollama=blind))
    assert refs(planned) == ["ollama/a:8b", "ollama/b:8b"]
    assert "left out" in planned.candidates[0].reason
    assert "vision" in made(request, at=world("openai", ollama=blind)).candidates[0].model.features
    named = made(request, at=world(ollama=blind), verdict=Verdict("ollama/b:8b", "asked"))
    assert refs(named) == ["ollama/b:8b"]
    with pytest.raises(UsageError, match="cannot call tools"):
        made(request, at=world(ollama=local("c:4b", features=frozenset({"vision"}))))


def test_what_is_too_long_for_those_who_can_is_told_so_whoever_else_cannot():
    blind, seeing = local("a:8b", features=frozenset({"tools"})) + local(
        "b:4b", features=frozenset({"tools", "vision"}), context=8_000
    )
    request = Request((Message("user", (Text("x" * 200_000), *_seeing().messages[-1].parts)),))
    with pytest.raises(UsageError, match="fits no model") as caught:
        made(request, at=world(ollama=(blind, seeing)))
    assert "it cannot see images" in caught.value.message


def test_when_every_model_is_blocked_the_error_says_which_pattern():
    with pytest.raises(PolicyError) as caught:
        made(at=world("openai"), verdict=Verdict(blocked=("open*",)))
    assert "open*" in caught.value.message
    assert "routing.block" in caught.value.fix


def test_when_every_model_is_too_dear_it_is_a_matter_of_budget():
    with pytest.raises(BudgetError) as caught:
        made(at=world("openai"), verdict=Verdict(max_cost=1))
    assert caught.value.exit_code == 5
    assert caught.value.cap == 1


def test_when_nothing_is_large_enough_the_error_says_how_large_the_request_is():
    with pytest.raises(UsageError) as caught:
        made("x" * 4 * 300_000, at=world("groq"))
    assert "300,0" in caught.value.message


def test_when_all_only_rest_they_are_tried_soonest_first_and_marked():
    health = FixedHealth(
        resting("openai", "gpt-6-luna", "overloaded", 2e9 + 50)
        | resting("openai", "gpt-6.1-terra", "timeout", 2e9 + 9)
        | resting("openai", "gpt-6.1-sol", "auth", 2e9)
        | resting("openai", "gpt-6-astra", "server_error", 2e9 + 70)
    )
    planned = made(at=world("openai", health=health))
    assert [c.model.id for c in planned.candidates] == ["gpt-6.1-terra", "gpt-6-luna", "gpt-6-astra"]
    assert all(c.last_resort for c in planned.candidates)
    assert "overloaded" in planned.candidates[1].reason
    assert list(reasons(planned)) == ["openai/gpt-6.1-sol"]


def test_a_candidate_that_does_not_rest_is_no_last_resort():
    assert not any(c.last_resort for c in made(at=world("openai", "mistral")).candidates)


def test_a_refused_key_is_not_tried_again_as_a_last_resort():
    with pytest.raises(CredentialsError) as caught:
        made(at=world("openai", health=FixedHealth(resting("openai", "", "auth"))))
    assert "auth" in caught.value.message


@pytest.mark.parametrize("task", [Task.IMAGE, Task.VIDEO, Task.AUDIO])
def test_a_wish_for_media_is_told_what_to_do(task):
    with pytest.raises(UsageError) as caught:
        made(at=world("openai"), task=task)
    assert "--task generate" in caught.value.fix
    assert refs(made(at=world("openai"), task=task, verdict=Verdict("openai/some-image-model", "asked"))) == [
        "openai/some-image-model"
    ]


# ── replan ───────────────────────────────────────────────────────────────────


def test_after_a_context_too_long_only_larger_windows_remain():
    at = world("perplexity", "groq", "openai", settings=_own("perplexity", "groq", "openai"))
    planned = made(at=at)
    rest = replan(planned, Request(()), planned.candidates[1], FailureKind.CONTEXT_TOO_LONG)
    assert [c.model.provider for c in rest] == ["openai"]


def test_after_a_context_too_long_an_unknown_window_may_be_larger():
    at = world(
        "groq", "lab", settings=_own("groq", "lab", providers={"lab": ProviderSettings(models=("x",))})
    )
    planned = made(at=at)
    rest = replan(planned, Request(()), planned.candidates[0], FailureKind.CONTEXT_TOO_LONG)
    assert [c.model.provider for c in rest] == ["lab"]


def test_after_unsupported_what_is_known_to_do_it_remains_and_the_same_unknown_server_does_not():
    at = world("openai", ollama=("a:8b", "b:13b"))
    planned = made(_seeing(), at=at)
    assert refs(planned)[:2] == ["ollama/a:8b", "ollama/b:13b"]
    rest = replan(planned, _seeing(), planned.candidates[0], FailureKind.UNSUPPORTED)
    assert [c.model.provider for c in rest] == ["openai"]


def test_replan_never_goes_back_to_who_was_asked_before():
    planned = made(at=world("groq", "openai", "mistral"))
    for position, failed in enumerate(planned.candidates):
        rest = replan(planned, Request(()), failed, FailureKind.UNSUPPORTED)
        assert not set(rest) & set(planned.candidates[: position + 1])


# ── settings ─────────────────────────────────────────────────────────────────


def test_a_custom_endpoint_with_its_models_takes_part():
    settings = Settings(providers={"lab": ProviderSettings(models=("big",), billing="local")})
    assert refs(made(at=world("lab", "openai", settings=settings)))[0] == "lab/big"


def test_only_installed_models_of_a_local_server_are_tried_whatever_the_settings_list():
    settings = Settings(providers={"ollama": ProviderSettings(models=("not-there:8b",))})
    assert refs(made(at=world(ollama=("there:8b",), settings=settings))) == ["ollama/there:8b"]


def test_a_discovering_endpoint_that_is_paid_offers_what_it_lists():
    found = {"lab": [Model("lab", "listed", billing=Billing.METERED)]}
    settings = Settings(providers={"lab": ProviderSettings(models=("named",))})
    planned = made(at=world(installed=found, ready={"lab": READY}, settings=settings))
    assert refs(planned) == ["lab/listed"]
