import tomllib
from importlib.resources import files

import pytest

from llm_router.errors import NotFoundError
from llm_router.nouns import Billing, Model
from llm_router.plan import Catalogue
from llm_router.settings import ProviderSettings, RoutingSettings, Settings

CATALOGUE = Catalogue.load()
VENDORS = tomllib.loads((files("llm_router.providers") / "vendors.toml").read_text(encoding="utf-8"))
FEATURES = {"vision", "documents", "tools", "thinking", "schema", "web"}


def _extended(**fields):
    return Catalogue.load(Settings(**fields))


def test_every_vendor_that_can_be_called_is_in_the_catalogue_and_no_other():
    vendors = {name: row for name, row in VENDORS.items() if isinstance(row, dict) and "billing" in row}
    assert {name: Billing(row["billing"]) for name, row in vendors.items()} == dict(CATALOGUE.billing)


def test_a_local_server_has_no_model_in_the_catalogue_and_every_other_provider_has_one_to_choose():
    for provider, billing in CATALOGUE.billing.items():
        usable = [model for model in CATALOGUE.of(provider) if model.ref not in CATALOGUE.deprecated]
        assert bool(usable) is (billing is not Billing.LOCAL), provider


@pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda m: m.ref)
def test_a_model_states_what_it_can_do_in_known_words(model):
    assert model.features
    assert model.features <= FEATURES
    assert model.tier in {"small", "mid", "frontier"}
    assert model.context is None or 8_000 < model.context <= 2_000_000
    assert model.max_output is None or model.context is None or model.max_output <= model.context


@pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda m: m.ref)
def test_a_metered_model_of_a_vendor_in_the_price_data_has_a_price(model):
    from genai_prices.data_snapshot import get_snapshot

    vendor = VENDORS[model.provider].get("prices")
    if model.billing is not Billing.METERED or vendor is None:
        return
    _, entry = get_snapshot().find_provider_model(model.id, None, vendor, None)
    assert entry.prices
    assert model.context is None or entry.context_window in {None, 1_000_000, model.context}


def test_every_alias_means_a_model_of_the_catalogue_that_is_not_deprecated():
    for alias in CATALOGUE.aliases:
        model = CATALOGUE.resolve(alias)
        assert model in CATALOGUE.models
        assert model.ref not in CATALOGUE.deprecated


@pytest.mark.parametrize(
    "alias", ["haiku", "sonnet", "opus", "fable", "gpt", "gpt-mini", "gemini-flash", "gemini-pro"]
)
def test_the_names_people_say_are_known_in_any_case(alias):
    assert CATALOGUE.resolve(alias.upper()) == CATALOGUE.resolve(f" {alias} ")


def test_the_data_are_dated():
    assert CATALOGUE.as_of.startswith("20")
    assert len(CATALOGUE.as_of) == len("2026-01-31")


def test_a_bare_model_id_is_enough():
    for model in CATALOGUE.of("anthropic"):
        assert CATALOGUE.resolve(model.id) == model


def test_a_bare_id_that_several_offer_is_the_vendors_own_and_not_a_resellers():
    shared = {m.id for m in CATALOGUE.of("openai")} & {m.id for m in CATALOGUE.of("azure")}
    assert shared
    assert {CATALOGUE.resolve(each).provider for each in shared} == {"openai"}


def test_a_model_that_the_catalogue_does_not_know_is_accepted_with_its_provider_named():
    model = CATALOGUE.resolve("openrouter/somebody/brand-new")
    assert model == Model("openrouter", "somebody/brand-new")
    assert not model.features
    assert model.context is None


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        ("claude-sonnet-4-6", "anthropic/claude-sonnet-4-6"),
        ("claude-3-5-haiku-20241022", "anthropic/claude-3-5-haiku-20241022"),
        ("gpt-4o", "openai/gpt-4o"),
        ("claude-opus-4-7", "anthropic/claude-opus-4-7"),
        ("o3-mini", "openai/o3-mini"),
        ("gemini-2.0-flash", "gemini/gemini-2.0-flash"),
    ],
)
def test_a_vendors_own_model_need_not_be_listed_nor_the_vendor_named(name, ref):
    assert CATALOGUE.resolve(name).ref == ref


@pytest.mark.parametrize(
    "name", ["claude-opus", "gpt-oss:20b", "gpt-next", "o", "gemini-flsh", "gpt-6-lunaa"]
)
def test_what_only_looks_like_a_vendors_model_is_none(name):
    with pytest.raises(NotFoundError):
        CATALOGUE.resolve(name)


def test_an_unknown_model_of_a_local_or_subscribed_provider_is_not_metered():
    assert CATALOGUE.resolve("ollama/mystery:7b").billing is Billing.LOCAL
    assert CATALOGUE.resolve("codex/next").billing is Billing.SUBSCRIPTION


def test_the_word_default_alone_means_no_model():
    with pytest.raises(NotFoundError):
        CATALOGUE.resolve("default")


@pytest.mark.parametrize("name", ["sonet", "gemini-flsh", "anthropc/claude-opus-5-5"])
def test_a_typo_is_answered_with_close_matches(name):
    with pytest.raises(NotFoundError) as caught:
        CATALOGUE.resolve(name)
    assert name in caught.value.message
    assert "did you mean `" in caught.value.fix


def test_nonsense_is_answered_with_the_way_to_the_list():
    with pytest.raises(NotFoundError) as caught:
        CATALOGUE.resolve("%%%")
    assert "llm-router models" in caught.value.fix


@pytest.mark.parametrize("name", ["", "/", "openai/", "/gpt", "nobody/model"])
def test_half_a_name_is_no_model(name):
    with pytest.raises(NotFoundError):
        CATALOGUE.resolve(name)


def test_an_installed_model_is_found_by_its_name_with_or_without_its_tag():
    installed = [
        Model("ollama", "phi:latest", billing=Billing.LOCAL),
        Model("ollama", "tiny:1b", billing=Billing.LOCAL),
    ]
    assert CATALOGUE.resolve("phi", installed).id == "phi:latest"
    assert CATALOGUE.resolve("ollama/phi", installed).id == "phi:latest"
    assert CATALOGUE.resolve("tiny:1b", installed).id == "tiny:1b"


def test_users_add_aliases_even_of_our_aliases_and_may_replace_ours():
    catalogue = _extended(
        routing=RoutingSettings(aliases={"Mine": "opus", "gpt": "groq/other", "twice": "mine"})
    )
    assert catalogue.resolve("mine") == CATALOGUE.resolve("opus")
    assert catalogue.resolve("gpt").ref == "groq/other"
    with pytest.raises(NotFoundError):
        catalogue.resolve("twice")  # one step is enough for people


def test_an_alias_of_itself_does_not_hang():
    assert _extended(routing=RoutingSettings(aliases={"opus": "opus"})).aliases["opus"] == "opus"


def test_users_add_models_and_providers_of_their_own():
    own = {
        "mistral": ProviderSettings(models=("my-finetune",)),
        "lab": ProviderSettings(models=("big", "little")),
    }
    catalogue = _extended(providers=own)
    assert catalogue.resolve("my-finetune").ref == "mistral/my-finetune"
    assert len(catalogue.of("mistral")) == len(CATALOGUE.of("mistral")) + 1
    assert [m.ref for m in catalogue.of("lab")] == ["lab/big", "lab/little"]
    assert catalogue.resolve("lab/else").billing is Billing.METERED


def test_an_endpoint_that_stands_for_a_vendor_has_its_models_and_what_they_can_do():
    office = ProviderSettings(base_url="https://llm.example.com", stands_for="deepseek")
    catalogue = _extended(providers={"office": office})
    theirs = {model.id: model for model in CATALOGUE.of("deepseek")}
    assert {model.id for model in catalogue.of("office")} == set(theirs)
    for name in ("office/deepseek-v4-pro", "office/unheard-of"):
        model = catalogue.resolve(name)
        assert (model.provider, model.vendor, model.billing) == ("office", "deepseek", Billing.METERED)
    assert catalogue.resolve("office/deepseek-v4-pro").features == theirs["deepseek-v4-pro"].features
    assert catalogue.resolve("deepseek-v4-pro").provider == "deepseek"
    named = _extended(providers={"office": office.model_copy(update={"models": ("deepseek-flash", "own")})})
    assert [model.id for model in named.of("office")] == ["deepseek-flash", "own"]
    assert named.of("office")[0].context == theirs["deepseek-flash"].context
    assert {model.vendor for model in named.of("office")} == {"deepseek"}


def test_an_endpoint_on_this_machine_costs_nothing_unless_it_says_so():
    desk = ProviderSettings(base_url="http://127.0.0.1:5000/v1", models=("m",))
    for own, billing in (
        (desk, Billing.LOCAL),
        (desk.model_copy(update={"billing": "metered"}), Billing.METERED),
        (desk.model_copy(update={"base_url": "https://llm.example.com"}), Billing.METERED),
    ):
        catalogue = _extended(providers={"desk": own})
        assert {catalogue.resolve(f"desk/{each}").billing for each in ("m", "other")} == {billing}


def test_the_deployments_of_a_user_replace_the_usual_names():
    catalogue = _extended(providers={"azure": ProviderSettings(models=("team-gpt",))})
    assert [m.id for m in catalogue.of("azure")] == ["team-gpt"]


def test_users_say_how_a_provider_is_paid():
    catalogue = _extended(providers={"zai": ProviderSettings(billing="subscription")})
    assert {m.billing for m in catalogue.of("zai")} == {Billing.SUBSCRIPTION}
    assert catalogue.resolve("glm").billing is Billing.SUBSCRIPTION


def test_settings_of_one_user_do_not_reach_the_shipped_data():
    _extended(routing=RoutingSettings(aliases={"opus": "groq/x"}))
    assert Catalogue.load().resolve("opus").provider == "anthropic"
