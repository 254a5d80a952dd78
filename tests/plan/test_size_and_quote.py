import pytest
from plan_worlds import TablePrices, made, world

from llm_router.nouns import (
    Billing,
    Complexity,
    Document,
    Image,
    Message,
    Model,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    ask,
)
from llm_router.plan import Catalogue, quote, size
from llm_router.prices import PriceBook
from llm_router.providers import vendors

MODEL = Model("lab", "one")


def _tokens(*parts):
    return size.input_tokens(Request((Message("user", parts),)))


def test_english_is_about_four_characters_a_token():
    assert size.text_tokens("The quick brown fox jumps over the lazy dog. " * 100) == pytest.approx(
        1000, rel=0.2
    )


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("你好世界" * 100, 350, 600), ("привет мир " * 100, 500, 900), ("🙂" * 100, 100, 200)],
)
def test_other_scripts_weigh_more(text, low, high):
    assert low <= size.text_tokens(text) <= high


def test_nothing_is_no_token_and_lone_surrogates_do_no_harm():
    assert size.text_tokens("") == 0
    assert size.text_tokens("\ud800" * 10) > 0


def test_every_kind_of_part_counts():
    nothing = _tokens()
    text = "word " * 1000
    for part in (
        Text(text),
        Thinking(text),
        ToolCall("1", "f", text),
        ToolResult("1", (Text(text),)),
        Document(text=text),
    ):
        assert _tokens(part) - nothing == pytest.approx(1250, abs=5)
    assert _tokens(Image(data="x" * 5_000_000)) - nothing == size.IMAGE_TOKENS
    assert _tokens(Document(url="http://127.0.0.1/a.pdf")) - nothing == size.DOCUMENT_TOKENS
    assert _tokens(Document(data="x" * 4_000_000)) - nothing == pytest.approx(100_000)


def test_all_messages_tools_and_the_schema_count():
    one = ask("word " * 100)
    assert size.input_tokens(Request(one.messages * 3)) == 3 * size.input_tokens(one)
    big = {"type": "object", "description": "x" * 4000}
    assert size.input_tokens(ask("a", tools=(Tool("t", parameters=big),))) > 1000
    assert size.input_tokens(ask("a", schema=big)) > 1000


def test_the_largest_output_is_what_the_request_allows_else_by_complexity_and_never_more_than_the_model_has():
    assert size.largest_output(ask("a", max_output_tokens=77), Complexity.COMPLEX, None) == 77
    assert size.largest_output(ask("a"), Complexity.COMPLEX, None) == size.LARGEST_OUTPUT[Complexity.COMPLEX]
    assert size.largest_output(ask("a"), Complexity.COMPLEX, 500) == 500
    assert size.largest_output(ask("a", max_output_tokens=10_000), Complexity.SIMPLE, 500) == 500


def test_an_agent_that_is_told_to_go_on_may_write_a_whole_file():
    for request in (ask("go on", tools=(Tool("write"),)), ask("go on", needs=frozenset({"tools"}))):
        planned = made(request, at=world("openai"), complexity=Complexity.SIMPLE)
        assert {candidate.max_output for candidate in planned.candidates} == {size.AGENTS_OUTPUT}


def test_harder_requests_are_expected_to_be_answered_at_more_length():
    outputs = [size.expected_output(ask("a"), each) for each in Complexity]
    assert outputs == sorted(outputs)
    assert size.expected_output(ask("a", max_output_tokens=5), Complexity.DEEP_REASONING) == 5


def test_a_price_is_looked_up_once_per_model_and_prompt_length():
    prices = TablePrices(default=(3, 15))
    costs = {quote.expected(prices, MODEL, tokens, 100) for tokens in (10, 500, 8_000) for _ in range(5)}
    assert costs == {10 * 3 + 1500, 500 * 3 + 1500, 8_000 * 3 + 1500}
    assert prices.asked == 3


def test_two_price_lists_do_not_share_what_they_found():
    cheap, dear = TablePrices(default=(1, 1)), TablePrices(default=(9, 9))
    assert quote.expected(cheap, MODEL, 1000, 0) < quote.expected(dear, MODEL, 1000, 0)


def test_a_price_that_rises_with_the_prompt_is_followed():
    class Stepped(TablePrices):
        def cost(self, model, usage):
            rate = 1 if usage.input_tokens <= 200_000 else 5
            return (usage.input_tokens + usage.output_tokens) * rate

    prices = Stepped()
    assert quote.expected(prices, MODEL, 150_000, 0) == 150_000
    assert quote.expected(prices, MODEL, 250_000, 0) == 1_250_000
    assert quote.at_most(prices, MODEL, 150_000, 0) == 225_000 * 5  # with the margin it crosses the step


def test_the_most_is_never_less_than_what_is_expected():
    prices = TablePrices(default=(3, 15))
    for tokens in (1, 5_000, 90_000, 700_000):
        assert quote.at_most(prices, MODEL, tokens, 1000) >= quote.expected(prices, MODEL, tokens, 1000)


def test_free_is_zero_without_a_look_and_unknown_is_none():
    prices = TablePrices(default=None)
    assert quote.at_most(prices, Model("ollama", "a", billing=Billing.LOCAL), 1000, 1000) == 0
    assert prices.asked == 0
    assert quote.at_most(prices, MODEL, 1000, 1000) is None
    assert quote.expected(prices, MODEL, 1000, 1000) is None


def test_a_charge_for_the_call_itself_counts_once_however_short_the_prompt():
    class Searching(TablePrices):
        def cost(self, model, usage):
            return 12_000 + super().cost(model, usage)

    assert quote.expected(Searching(), MODEL, 100, 10) == 12_000 + 140
    assert quote.at_most(Searching(), MODEL, 100, 10) == 12_000 + 190


def test_nothing_the_catalogue_sells_costs_more_than_was_said_at_most():
    rows = vendors.load()
    prices = PriceBook({}, {name: row.prices for name, row in rows.items()})
    for model in Catalogue.load().models:
        for tokens in (Usage(1, 1), Usage(8_192, 4_096), Usage(200_001, 10)):
            most = quote.at_most(prices, model, tokens.input_tokens, tokens.output_tokens)
            real = prices.cost(model, tokens)
            assert (most is None) == (real is None), model.ref
            assert real is None or most >= real, model.ref
