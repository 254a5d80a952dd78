"""A running conversation keeps its model unless moving pays."""

import pytest
from msgspec.structs import replace
from plan_worlds import FixedHealth, made, refs, resting, world

from llm_router.nouns import (
    Assessment,
    Billing,
    Complexity,
    Conversation,
    Profile,
    Task,
    Verdict,
    WebSearch,
    ask,
)
from llm_router.plan.sticky import Cached, Standing, settle

NOW = 1_000.0
OPUS, HAIKU, SOL = "anthropic/claude-opus-5-5", "anthropic/claude-haiku-5-5", "openai/gpt-6.1-sol"

RATES = {OPUS: (5.0, 25.0, 0.5, 6.25), HAIKU: (1.0, 5.0, 0.1, 1.25), SOL: (3.0, 12.0, 0.3, 3.0)}


class Prices:
    """Micro-dollars a token: (input, output, cache read, cache write); what is read or written is part of the input."""

    def cost(self, model, usage):
        if model.billing is not Billing.METERED:
            return 0
        rates = RATES.get(model.ref)
        if rates is None:
            return None
        fresh = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
        counts = (fresh, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
        return round(sum(rate * count for rate, count in zip(rates, counts, strict=True)))


def settled(
    standing, *, complexity=Complexity.SIMPLE, tokens=50_000, profile=Profile.BALANCED, goes_on=False,
    opening="", prefer=(), turn=None, model=None, chances=(0.9, 0.9, 0.9), **fields,
):  # fmt: skip
    at = world("anthropic", "openai", prices=Prices(), **fields)
    request = ask(
        "x",
        input_tokens=tokens,
        prefer=prefer,
        turn=turn or ("think" if prefer else None),
        conversation=Conversation("s", opening, goes_on),
    )
    assessment = Assessment(Task.CODE, complexity, 0.9, 0.5, (), "rules", *chances)
    verdict = Verdict(profile=profile, model=model, model_because="asked" if model else None)
    planned = made(request, at=at, task=Task.CODE, complexity=complexity, verdict=verdict)
    return settle(planned, request, assessment, verdict, standing, world=at, now=NOW)


def on(ref, *, cached=50_000, until=NOW + 300, tokens=50_000, **fields):
    return Standing(ref, tokens, cached={ref: Cached(cached, until)}, **fields)


def test_a_first_request_is_planned_as_ever():
    planned, switch = settled(None)
    assert switch is None
    assert refs(planned)[0] != OPUS


def test_what_is_cached_keeps_a_simple_prompt_where_the_conversation_is():
    planned, switch = settled(on(OPUS))
    assert refs(planned)[0] == OPUS
    assert planned.candidates[0].reason == "the conversation stays: moving does not pay"
    assert switch.kept
    assert switch.model == OPUS
    # one call: all read from the cache and 300 tokens said, against all of it sent anew
    assert switch.stay_cost == 50_000 * 0.5 + 300 * 25
    assert switch.move_cost > switch.stay_cost
    assert len(set(refs(planned))) == len(refs(planned))  # the others stay as they were, behind it


def test_nothing_is_cached_once_its_time_is_over():
    planned, switch = settled(on(OPUS, until=NOW - 1))
    assert not switch.kept
    assert switch.because == "moving pays"
    assert refs(planned)[0] == switch.other
    assert switch.stay_cost == 50_000 * 6.25 + 300 * 25


def test_many_calls_to_a_prompt_make_moving_pay():
    _, once = settled(on(OPUS))
    _, often = settled(on(OPUS, requests=30, prompts=2))
    assert once.kept
    assert not often.kept
    assert often.stay_cost == pytest.approx(15 * 50_000 * 0.5 + 300 * 25)


def test_a_stronger_model_is_worth_its_price_where_it_is_expected_to_do_better():
    chances = (0.2, 0.6, 0.95)
    planned, switch = settled(
        on(HAIKU, tokens=9_000, cached=9_000), tokens=9_000, complexity=Complexity.COMPLEX, chances=chances
    )
    assert not switch.kept
    assert refs(planned)[0] == switch.other != HAIKU
    _, even = settled(
        on(HAIKU, tokens=9_000, cached=9_000),
        tokens=9_000,
        complexity=Complexity.COMPLEX,
        chances=(0.9, 0.9, 0.9),
    )
    assert even.kept


def test_how_much_better_is_worth_is_the_profile_of_the_user():
    chances = (0.6, 0.8, 0.9)
    standing = on(HAIKU, tokens=20_000, cached=20_000)
    kept = {
        profile: settled(
            standing, tokens=20_000, complexity=Complexity.COMPLEX, chances=chances, profile=profile
        )[1].kept
        for profile in (Profile.BALANCED, Profile.PREMIUM)
    }
    assert kept == {Profile.BALANCED: True, Profile.PREMIUM: False}


def test_what_the_other_model_still_has_cached_makes_the_way_back_cheap():
    both = Standing(HAIKU, 50_000, cached={OPUS: Cached(48_000, NOW + 100), HAIKU: Cached(50_000, NOW + 300)})
    known, unknown = (
        settled(each, complexity=Complexity.COMPLEX, prefer=("opus",))[1] for each in (both, on(HAIKU))
    )
    assert known.move_cost == 48_000 * 0.5 + 2_000 * 6.25 + 3_000 * 25
    assert unknown.move_cost == 50_000 * 6.25 + 3_000 * 25


def test_a_loop_that_goes_on_keeps_its_model_whatever_the_prompt_was():
    planned, switch = settled(on(HAIKU), complexity=Complexity.DEEP_REASONING, goes_on=True, prefer=("opus",))
    assert refs(planned)[:2] == [HAIKU, OPUS]
    assert (switch.kept, switch.because) == (True, "an agent's loop goes on")


def test_a_loop_that_is_summed_up_may_be_so_by_the_model_of_the_rule_and_else_where_it_is_cached():
    planned, switch = settled(on(HAIKU), goes_on=True, turn="compaction", prefer=("opus",))
    assert (refs(planned)[0], switch.kept) == (OPUS, False)
    planned, switch = settled(on(OPUS), goes_on=True, turn="compaction")
    assert (refs(planned)[0], switch.because) == (OPUS, "moving does not pay")


@pytest.mark.parametrize("how", ["another opening", "shorter"])
def test_a_conversation_that_was_compacted_or_cleared_is_free(how):
    standing = on(OPUS, opening="before")
    fields = {"opening": "after"} if how == "another opening" else {"opening": "before", "tokens": 20_000}
    planned, switch = settled(standing, goes_on=True, **fields)
    assert (switch.kept, switch.because) == (False, "compacted or cleared")
    assert refs(planned)[0] == switch.other


def test_a_model_that_rests_is_left():
    planned, switch = settled(
        on(OPUS), health=FixedHealth(resting("anthropic", "claude-opus-5-5")), goes_on=True
    )
    assert not switch.kept
    assert "cooling down" in switch.because
    assert OPUS not in refs(planned)


def test_a_provider_that_is_not_set_up_any_more_is_left():
    planned, switch = settled(on("groq/llama-3.3-70b-versatile"))
    assert (switch.kept, switch.because) == (False, "groq is not set up")
    assert refs(planned)[0] == switch.other


def test_a_conversation_stays_where_a_price_is_unknown():
    _, switch = settled(on("openai/gpt-unheard-of"))
    assert (switch.kept, switch.because, switch.stay_cost) == (True, "a price is unknown", None)


def test_the_plans_own_first_choice_needs_no_comparison():
    first = refs(settled(None)[0])[0]
    planned, switch = settled(on(first))
    assert (switch.kept, switch.stay_cost) == (True, None)
    assert planned.candidates[0].reason != "the conversation stays"


def test_a_named_model_is_left_alone():
    planned, switch = settled(on(OPUS), model="haiku")
    assert refs(planned) == [HAIKU]
    assert switch is None


def test_a_rule_for_the_turn_goes_above_the_cache_and_both_prices_are_told():
    planned, switch = settled(on(HAIKU), prefer=("opus", "gpt-pro"))
    assert refs(planned)[:2] == [OPUS, SOL]
    assert planned.candidates[0].reason == "by routing.turns.think"
    assert (switch.kept, switch.because) == (False, "by routing.turns.think")
    assert switch.move_cost > switch.stay_cost > 0


def test_who_cannot_be_asked_by_a_rule_is_skipped_with_the_reason():
    planned, _ = settled(None, prefer=("no-such-model", "grok", "opus"))
    assert refs(planned)[0] == OPUS
    told = {each.ref: each.reason for each in planned.skipped}
    assert told["no-such-model"] == "no model is called `no-such-model`"
    assert told["grok"] == "xai is not set up"


def test_a_rule_may_name_a_provider_and_a_search_goes_to_a_model_of_it_that_searches():
    at = world("anthropic", "openai", "perplexity", "groq")
    request = ask("news?", prefer=("perplexity",), turn="webSearch", web_search=WebSearch())
    assessment = Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.5)
    planned = made(request, at=at)

    def first(request):
        found, _ = settle(planned, request, assessment, Verdict(), None, world=at, now=NOW)
        return found.candidates[0].model, {each.ref: each.reason for each in found.skipped}

    model, _ = first(request)
    assert (model.provider, "web" in model.features) == ("perplexity", True)
    assert first(replace(request, prefer=("perplexity:small",)))[0].tier == "small"
    assert first(replace(request, prefer=("openai:frontier",), web_search=None))[0].tier == "frontier"
    _, skipped = first(replace(request, prefer=("groq", "deepseek")))
    assert skipped["groq"] == "no model of groq searches the web"
    assert skipped["deepseek"] == "deepseek is not set up"


def test_a_conversation_that_stays_with_its_last_resort_may_try_it():
    health = FixedHealth(resting("anthropic", "") | resting("openai", ""))
    second = settled(None, health=health)[0].candidates[1]
    assert second.last_resort
    planned, switch = settled(on(second.model.ref), health=health, goes_on=True)
    assert switch.kept
    assert planned.candidates[0].model == second.model
    assert planned.candidates[0].reason.startswith("the conversation stays")
    assert planned.candidates[0].last_resort
