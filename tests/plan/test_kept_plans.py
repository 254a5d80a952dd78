"""A plan that is kept is the one that would be made: whatever changes a plan changes its key."""

import itertools
import time

import pytest
from plan_worlds import FixedHealth, resting, world

from llm_router.nouns import (
    Assessment,
    Complexity,
    Image,
    Message,
    Profile,
    Request,
    Task,
    Text,
    Tool,
    ToolChoice,
    Verdict,
    ask,
)
from llm_router.plan import Plans, kept, plan
from llm_router.settings import RoutingSettings, Settings

REQUESTS = {
    "plain": ask("hello"),
    "long": ask("hello " * 100_000),
    "short answer": ask("hello", max_output_tokens=10),
    "long answer": ask("hello", max_output_tokens=100_000),
    "schema": ask("hello", schema={"type": "object"}),
    "tools": ask("hello", tools=(Tool("t"),)),
    "no tools": ask("hello", tools=(Tool("t"),), tool_choice=ToolChoice("none")),
    "picture": Request((Message("user", (Text("hello"), Image(data="AA"))),)),
    "cheap": ask("hello", model="cheap"),
    "best": ask("hello", model="best"),
    "weighed": ask("hello", model="best_for_task"),
    "sketch": ask("hello", input_tokens=9, needs=frozenset()),
    "long sketch": ask("hello", input_tokens=500_000, needs=frozenset()),
    "seeing sketch": ask("hello", input_tokens=9, needs=frozenset({"vision"})),
}
ASSESSMENTS = {
    "easy": Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.1),
    "hard": Assessment(Task.QUERY, Complexity.DEEP_REASONING, 0.9, 0.9),
    "code": Assessment(Task.CODE, Complexity.SIMPLE, 0.9, 0.1),
    "research": Assessment(Task.RESEARCH, Complexity.SIMPLE, 0.9, 0.1),
    "unsure": Assessment(Task.QUERY, Complexity.SIMPLE, 0.1, 0.1),
    "small can": Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.1, p_small=0.99),
    "mid can": Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.1, p_small=0.1, p_mid=0.99),
    "mid cannot": Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.1, p_small=0.1, p_mid=0.1),
    "frontier can": Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.1, p_small=0.1, p_mid=0.1, p_frontier=0.99),
    "nobody can": Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.1, p_small=0.1, p_mid=0.1, p_frontier=0.1),
}  # fmt: skip
VERDICTS = {
    "free": Verdict(),
    "blocked": Verdict(blocked=("openai",)),
    "budget": Verdict(profile=Profile.BUDGET),
    "premium": Verdict(profile=Profile.PREMIUM),
    "cheaply": Verdict(max_cost=20_000),
    "named": Verdict("anthropic/claude-opus-5-5", "asked"),
    "pinned": Verdict("anthropic/claude-opus-5-5", "pinned"),
    "another": Verdict("openai/gpt-6-luna", "asked"),
}


class Calm(FixedHealth):
    def calm(self):
        return not self.resting


def somewhere(**fields):
    return world("openai", "anthropic", "gemini", "perplexity", **({"health": Calm()} | fields))


def outcome(make, request, assessment, verdict, at):
    try:
        return make(request, assessment, verdict, world=at)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("settings", [None, Settings(routing=RoutingSettings(quality=0.5))])
def test_of_everything_that_was_asked_before_the_plan_is_its_own(settings):
    at, plans = somewhere(settings=settings), Plans()
    asked = list(itertools.product(REQUESTS.values(), ASSESSMENTS.values(), VERDICTS.values()))
    for _ in range(2):  # made, and then kept
        for request, assessment, verdict in asked:
            expected = outcome(plan, request, assessment, verdict, at)
            assert outcome(plans.plan, request, assessment, verdict, at) == expected


def test_the_cases_are_of_plans_that_differ():
    at = somewhere(settings=Settings(routing=RoutingSettings(quality=0.5)))
    first = next(iter(REQUESTS.values())), next(iter(ASSESSMENTS.values())), next(iter(VERDICTS.values()))
    for place, cases in enumerate((REQUESTS, ASSESSMENTS, VERDICTS)):
        found = {}
        for name, case in cases.items():
            given = [*first[:place], case, *first[place + 1 :]]
            found[name] = str(outcome(plan, *given, at))
        assert len(set(found.values())) >= len(found) * 2 // 3, found


class Watched:
    """Notes which of its fields are looked at."""

    def __init__(self, target):
        self.target, self.seen = target, set()

    def __getattr__(self, name):
        self.seen.add(name)
        return getattr(self.target, name)


def test_a_plan_reads_nothing_that_its_key_lacks():
    at = somewhere(settings=Settings(routing=RoutingSettings(quality=0.5)))
    for word, assessment, verdict in itertools.product(
        ("auto", "cheap", "best_for_task"), ASSESSMENTS.values(), VERDICTS.values()
    ):
        sketch = Watched(ask("hello", model=word, input_tokens=9, needs=frozenset({"tools"})))
        judged = Watched(assessment)
        outcome(plan, sketch, judged, verdict, at)
        assert sketch.seen <= {"model", "needs", "input_tokens", "max_output_tokens"}
        assert judged.seen <= {
            *("task", "complexity", "confidence", "p_success"),
            *("p_small", "p_mid", "p_frontier"),
        }


def planned(plans, at, request=REQUESTS["plain"]):
    return plans.plan(request, ASSESSMENTS["easy"], VERDICTS["free"], world=at)


def test_a_plan_is_kept_for_one_world_for_a_while_and_not_while_somebody_rests(monkeypatch):
    plans, at, other = Plans(), somewhere(), somewhere()
    first = planned(plans, at)
    assert planned(plans, at) is first
    assert planned(plans, at, ask("hello")) is first  # another request, which asks the same
    assert planned(plans, other) is not first
    second = planned(plans, at)
    assert second is not first
    now = time.monotonic()
    monkeypatch.setattr(kept.time, "monotonic", lambda: now + kept.KEPT_S + 1)
    assert planned(plans, at) is not second
    tired = somewhere(health=Calm(resting("openai", "")))
    assert planned(plans, tired) is not planned(plans, tired)


def test_no_more_are_kept_than_memory_is_worth(monkeypatch):
    monkeypatch.setattr(kept, "MOST", 10)
    plans, at = Plans(), somewhere()
    for tokens in range(1, 50):
        planned(plans, at, ask("hello", input_tokens=tokens))
        assert len(plans._made) <= 10
