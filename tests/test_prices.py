from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest
from genai_prices.data import providers as price_data
from genai_prices.types import ModelPrice

from llm_router.dialects.reading import HIGHEST
from llm_router.errors import ConfigError
from llm_router.nouns import Billing, Model, Usage
from llm_router.prices import HIGHEST_PER_MILLION, PriceBook
from llm_router.settings import PriceSettings

VENDORS = {"openai": "openai", "anthropic": "anthropic", "openrouter": "openrouter", "cerebras": "cerebras"}
MILLION = 1_000_000


def override(input_price, output_price, read=None, write=None):
    return PriceSettings(
        input_per_million=Decimal(str(input_price)),
        output_per_million=Decimal(str(output_price)),
        cache_read_per_million=None if read is None else Decimal(str(read)),
        cache_write_per_million=None if write is None else Decimal(str(write)),
    )


@pytest.fixture(scope="module")
def book():
    return PriceBook({}, VENDORS)


def in_data(vendor, model_id):
    (provider,) = (each for each in price_data if each.id == vendor)
    (found,) = (each for each in provider.models if each.id == model_id)
    assert isinstance(found.prices, ModelPrice)
    return found.prices


def test_a_known_model_costs_what_the_price_data_says(book):
    price = in_data("openai", "gpt-4o-mini")
    cost = book.cost(Model("openai", "gpt-4o-mini"), Usage(MILLION, MILLION))
    assert cost == int((price.input_mtok + price.output_mtok) * MILLION)
    assert cost > 0


def test_cached_tokens_are_parts_of_the_input_and_have_their_own_price(book):
    price = in_data("anthropic", "claude-haiku-4-5")
    usage = Usage(input_tokens=1000, output_tokens=0, cache_read_tokens=700, cache_write_tokens=200)
    expected = 100 * price.input_mtok + 700 * price.cache_read_mtok + 200 * price.cache_write_mtok
    assert book.cost(Model("anthropic", "claude-haiku-4-5"), usage) == round(expected)


def test_a_model_of_a_reseller_is_priced_by_its_full_name(book):
    assert book.cost(Model("openrouter", "openai/gpt-4o-mini"), Usage(MILLION, 0)) == 150_000


@pytest.mark.parametrize("model", [Model("openai", "no-such-model"), Model("my-proxy", "gpt-4o-mini")])
def test_an_unknown_price_is_none_and_not_zero(book, model):
    assert book.cost(model, Usage(MILLION, MILLION)) is None
    assert book.cost(model, Usage()) is None


def test_an_empty_price_in_the_data_is_unknown_and_not_free(book):
    assert not [v for v in vars(in_data("cerebras", "qwen-3-coder-480b")).values() if v is not None]
    assert book.cost(Model("cerebras", "qwen-3-coder-480b"), Usage(MILLION, MILLION)) is None


def test_a_model_the_data_calls_free_costs_nothing(book):
    assert book.cost(Model("openrouter", "deepseek/deepseek-r1:free"), Usage(MILLION, MILLION)) == 0


def test_output_of_a_model_with_an_input_price_only_is_unknown(book):
    embedding = Model("openai", "text-embedding-3-small")
    assert book.cost(embedding, Usage(MILLION, 0)) == 20_000
    assert book.cost(embedding, Usage(MILLION, 1)) is None


@pytest.mark.parametrize("billing", [Billing.LOCAL, Billing.SUBSCRIPTION])
def test_what_is_not_metered_costs_nothing_whatever_the_prices_say(billing):
    model = Model("openai", "gpt-4o-mini", billing=billing)
    assert PriceBook({"gpt-4o-mini": override(5, 5)}, VENDORS).cost(model, Usage(MILLION, MILLION)) == 0


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "gpt-4o-mini"])
def test_the_users_own_price_comes_first(name):
    assert (
        PriceBook({name: override(2, 3)}, VENDORS).cost(
            Model("openai", "gpt-4o-mini"), Usage(MILLION, MILLION)
        )
        == 5 * MILLION
    )


def test_a_price_of_one_provider_comes_before_the_price_of_the_model():
    book = PriceBook({"m": override(1, 1), "here/m": override(2, 2)}, {})
    assert book.cost(Model("here", "m"), Usage(MILLION, 0)) == 2 * MILLION
    assert book.cost(Model("there", "m"), Usage(MILLION, 0)) == 1 * MILLION


def test_an_own_price_of_zero_is_a_price():
    assert PriceBook({"m": override(0, 0)}, {}).cost(Model("here", "m"), Usage(MILLION, MILLION)) == 0


def test_own_cache_prices_apply_and_default_to_the_input_price():
    usage = Usage(input_tokens=MILLION, cache_read_tokens=MILLION // 2, cache_write_tokens=MILLION // 4)
    model = Model("here", "m")
    assert PriceBook({"m": override(4, 0, read=1, write=8)}, {}).cost(model, usage) == 3_500_000
    assert PriceBook({"m": override(4, 0)}, {}).cost(model, usage) == 4_000_000


@pytest.mark.parametrize(("tokens", "micros"), [(1, 1), (4, 2), (5, 3), (6, 3)])
def test_half_a_micro_dollar_is_rounded_up(tokens, micros):
    assert PriceBook({"m": override("0.5", 0)}, {}).cost(Model("here", "m"), Usage(tokens)) == micros


@pytest.mark.parametrize("vendor", ["openai", "here"])
def test_usage_that_contradicts_itself_is_still_priced(vendor):
    """Some count cached tokens beside the input; nothing an upstream reports may raise or cost less than nothing."""
    book = PriceBook({"here/gpt-4o-mini": override(1, 1)}, VENDORS)
    model = Model(vendor, "gpt-4o-mini")
    assert book.cost(model, Usage(10, 0, cache_read_tokens=1000)) == book.cost(model, Usage(1000, 0, 1000))
    assert book.cost(model, Usage(-5, -5, -5, -5)) == 0


def test_an_estimate_is_the_cost_of_the_same_tokens(book):
    model = Model("openai", "gpt-4o-mini")
    assert book.estimate(model, 1000, 500) == book.cost(model, Usage(1000, 500))
    assert book.estimate(Model("openai", "no-such-model"), 1000, 500) is None


def test_a_price_nobody_can_mean_is_refused_with_its_key():
    with pytest.raises(ConfigError) as caught:
        PriceBook({"openai/gpt-x": override(1, 10_001)}, {})
    assert caught.value.key == "prices.openai/gpt-x.output_per_million"
    assert "per million" in caught.value.fix


def test_the_price_data_is_not_loaded_before_a_price_is_asked_for():
    code = (
        "import sys; from llm_router.prices import PriceBook; from llm_router.nouns import *;"
        "book = PriceBook({}, {'openai': 'openai'});"
        "book.cost(Model('a', 'b', billing=Billing.LOCAL), Usage(1, 1));"
        "assert not [name for name in sys.modules if name.startswith('genai_prices')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_highest_count_at_the_highest_price_is_an_amount_a_database_holds():
    book = PriceBook({"a/m": override(HIGHEST_PER_MILLION, HIGHEST_PER_MILLION)}, {})
    cost = book.cost(Model("a", "m"), Usage(input_tokens=HIGHEST, output_tokens=HIGHEST))
    assert cost is not None
    assert cost < 2**63


def test_learned_rates_are_exactly_what_the_price_data_say():
    """For every model there is, on both sides of every step of its price."""
    book = PriceBook({}, {provider.id: provider.id for provider in price_data})
    for provider in price_data:
        for entry in provider.models:
            model = Model(provider.id, entry.id)
            steps = book._price_steps(model).above
            for tokens in (0, 1, 999, 2_500_001, *steps, *(step + 1 for step in steps)):
                for output, read, write in ((12_345, 0, 0), (7, tokens // 3, tokens // 5)):
                    usage = Usage(tokens, output, read, write)
                    assert book._by_rates(model, usage) == book._by_data(model, usage), (model.ref, usage)


def test_names_that_callers_make_up_do_not_pile_up(monkeypatch):
    monkeypatch.setattr("llm_router.prices._MOST_KEPT", 10)
    book = PriceBook({}, VENDORS)
    for n in range(50):
        assert book.cost(Model("openai", f"made-up-{n}"), Usage(1, 1)) is None
    assert max(len(kept) for kept in (book._found, book._steps, book._rates)) <= 12
