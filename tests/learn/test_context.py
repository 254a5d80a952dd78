"""A turn in the light of those before it."""

import pytest

from llm_router.classify import assess
from llm_router.learn import Turn, in_context
from llm_router.nouns import Assessment, Complexity, Message, Request, Task, Text, ToolCall, ToolResult, ask

NOW = 1_790_000_000.0
BEFORE = Assessment(Task.CODE, Complexity.COMPLEX, 0.9, 0.7, p_small=0.5, p_mid=0.65, p_frontier=0.8)
FOUND = Assessment(Task.QUERY, Complexity.SIMPLE, 0.4, 0.1, p_small=0.9, p_mid=0.93, p_frontier=0.95)


def turn(ago=60.0, fingerprint="other", doubted=False):
    return Turn(NOW - ago, BEFORE, fingerprint, doubted)


def seen(prompt, *turns, found=FOUND, request=None, fingerprint="this"):
    return in_context(found, request or ask(prompt), turns, fingerprint, NOW)


@pytest.mark.parametrize(
    "prompt",
    [
        "yes",
        "ok, do it",
        "go on",
        "yup, do it",
        "continue please",
        "ja bitte",
        "sí",
        "weiter",
        "继续",
        "はい",
        "да",
    ],
)
def test_a_continuation_is_as_hard_as_what_it_continues(prompt):
    found = seen(prompt, turn())
    assert (found.task, found.complexity, found.p_small) == (Task.CODE, Complexity.COMPLEX, 0.5)
    assert "goes on with the turn before" in found.reasons


@pytest.mark.parametrize(
    "prompt", ["yes or no: is SQLite thread-safe?", "continue statements in Python: how do they work?"]
)
def test_a_question_of_its_own_is_no_continuation(prompt):
    assert seen(prompt, turn()).task is Task.QUERY


@pytest.mark.parametrize(
    "prompt",
    [
        "no, that's wrong",
        "still failing",
        "it still doesn't compile",
        "same error",
        "try again",
        "immer noch kaputt",
        "不对",
        "не работает",
    ],
)
def test_a_correction_raises_the_tier(prompt):
    found = seen(prompt, turn())
    assert found.complexity is Complexity.DEEP_REASONING  # of a complex turn
    assert found.p_small < BEFORE.p_small
    assert found.gain > 0
    assert "corrects the answer before" in found.reasons


def test_asking_again_and_a_doubted_answer_raise_the_tier_but_not_without_end():
    question = "what is a mutex, and how does it differ from a semaphore and from a condition variable?"
    again = seen(question, turn(fingerprint="this"))
    assert again.complexity is Complexity.MODERATE
    both = seen(f"still failing: {question}", turn(fingerprint="this", doubted=True))
    assert both.complexity is Complexity.COMPLEX  # two degrees, however many reasons


def test_tests_that_keep_failing_and_many_files_raise_the_tier():
    failed = Message("user", (ToolResult("c", (Text("FAILED tests/test_a.py::test_b - AssertionError"),)),))
    edits = Message(
        "assistant", tuple(ToolCall(str(n), "Edit", f'{{"file_path": "src/{n}.py"}}') for n in range(5))
    )
    request = Request((Message("user", (Text("fix it"),)), edits, failed, failed))
    found = seen("", request=request)
    assert {"tests keep failing", "touches many files"} <= set(found.reasons)
    assert found.complexity is Complexity.COMPLEX


def test_nothing_happens_without_a_session_after_an_hour_or_against_the_callers_word():
    assert seen("still failing") is FOUND
    assert seen("still failing", turn(ago=4_000)) is FOUND
    assert seen("yes", turn(), request=ask("yes", complexity=Complexity.SIMPLE)) is FOUND
    assert seen("yes", turn(), request=ask("yes", task=Task.GENERATE)).task is Task.GENERATE


def test_an_ordinary_second_question_is_left_alone():
    prompt = "what does HTTP status 418 mean?"
    assert seen(prompt, turn(), found=assess(ask(prompt))) == assess(ask(prompt))
