"""The vendor table: complete, well formed, and known to the price data and the dialects."""

from datetime import date

import pytest
from genai_prices.data import providers as priced

from llm_router import dialects
from llm_router.nouns import Billing
from llm_router.providers import vendors

EXPECTED = [
    "ollama",
    "codex",
    "gemini-cli",
    "gemini",
    "openai",
    "anthropic",
    "groq",
    "deepseek",
    "mistral",
    "xai",
    "together",
    "fireworks",
    "openrouter",
    "cerebras",
    "perplexity",
    "cohere",
    "moonshot",
    "zai",
    "qwen",
    "siliconflow",
    "volcengine",
    "minimax",
    "nvidia",
    "github",
    "azure",
    "bedrock",
    "vertex",
    "lmstudio",
    "vllm",
    "llamacpp",
]
ROWS = list(vendors.load().values())
HTTP = [row for row in ROWS if not row.is_cli]


def named(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name)


def test_every_vendor_that_is_promised_has_a_row():
    assert set(EXPECTED) == set(vendors.load())


def test_the_table_is_read_once():
    assert vendors.load() is vendors.load()


def test_the_table_cannot_be_changed_by_its_readers():
    with pytest.raises(TypeError):
        vendors.load()["groq"] = vendors.load()["openai"]


@named(ROWS)
def test_a_row_says_who_it_is_when_it_was_edited_and_where_help_is(row):
    assert row.title
    assert row.help.startswith("https://")
    assert isinstance(row.updated, date)
    assert row.updated <= date.today()  # noqa: DTZ011


@named(ROWS)
def test_a_rows_dialect_exists(row):
    assert row.dialect in dialects.NAMES


@named(ROWS)
def test_a_rows_prices_exist_in_the_price_data(row):
    assert row.prices is None or row.prices in {provider.id for provider in priced}


@named(HTTP)
def test_a_row_over_http_has_a_key_variable_and_an_address(row):
    assert row.key_env
    assert row.base_url.startswith(("http://127.0.0.1:", "https://", "{endpoint}")) or row.name == "vertex"
    assert not row.base_url.endswith("/")


@named([row for row in ROWS if row.is_cli])
def test_a_command_line_client_says_how_to_get_it_and_is_a_subscription(row):
    assert "npm i -g" in row.install
    assert row.billing is Billing.SUBSCRIPTION


@named([row for row in ROWS if row.billing is Billing.LOCAL])
def test_a_local_server_needs_no_key_and_is_asked_for_its_models(row):
    assert row.key_optional
    assert row.discover
    assert row.install


def test_no_two_vendors_share_a_key_variable():
    """A key set for one vendor must never make another look configured, let alone be sent to it."""
    names = [name for row in ROWS for name in row.key_env]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "prefix"), [("gemini-cli", "GEMINI_CLI"), ("my.box", "MY_BOX"), ("groq", "GROQ")]
)
def test_a_name_becomes_a_variable_prefix(name, prefix):
    assert vendors.variable_prefix(name) == prefix
