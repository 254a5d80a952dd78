"""What text and artefact make together: ranges, order, agreement of all who ask."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.classify import assess, form, judge
from llm_router.classify.features import read
from llm_router.nouns import Complexity, Task, ask

PROMPTS = [
    "rename x to total",
    "why does the scheduler starve writers under load?",
    "draw a fox in watercolour",
    "докажи, что алгоритм завершается",
    "写一个函数，反转链表",
    "",
    "/compact",
    "\x00\x01\x02",
    "Which is right?\nA. one\nB. two\nC. three\nD. four",
    "def f(a):\n    return a[::-1]\nassert f('abc') == ??",
    "\ud800 lone surrogate, fix it",
    "write an email to the team\n" * 400,
]


@given(st.text() | st.text(st.sampled_from("ab 0\n.'\"{}\\$?é写\ud800")))
def test_any_text_gets_numbers_in_their_ranges(text):
    found = judge.classify(text)
    assert found.task in set(Task)
    assert found.complexity in set(Complexity)
    for number in (found.confidence, found.difficulty, found.gain):
        assert 0 <= number <= 1
    assert 0 <= found.p_small <= found.p_mid <= found.p_frontier <= 1
    assert all(isinstance(reason, str) and reason for reason in found.reasons)


@pytest.mark.parametrize("text", PROMPTS)
def test_a_form_has_a_number_for_every_name(text):
    seen = form.Form(text, read(text), 0.5, 0.5)
    assert len(seen.measures) == len(form.NAMES)
    assert len(set(form.NAMES)) == len(form.NAMES)
    assert 0 <= seen.genre < len(form.GENRES)


def test_the_middle_of_a_megabyte_is_not_looked_at():
    head, tail = "fix the parser\n".ljust(3_000, "."), "\nand add a test".rjust(2_000, ".")
    one, other = (judge.classify(head + filler * 100_000 + tail) for filler in ("prove it ", "paint it "))
    assert (one.task, one.gain, one.difficulty) == (other.task, other.gain, other.difficulty)


def test_harder_work_is_judged_harder_and_to_gain_more():
    easy, hard = (
        judge.classify(text)
        for text in ("rename x to total", "make the allocator lock-free and prove it correct")
    )
    assert easy.difficulty < hard.difficulty
    assert easy.p_small > hard.p_small
    assert easy.gain < hard.gain


def test_the_genre_is_told_by_looks():
    assert "reads like: options" in judge.classify(PROMPTS[8]).reasons
    assert "reads like: program" in judge.classify(PROMPTS[9]).reasons


def test_a_given_task_is_kept_and_the_rest_is_judged():
    found = judge.classify("a lighthouse in a storm", "image")
    assert (found.task, found.source) == ("image", "artefact")


HOOK = """
import json, sys
sys.path.insert(0, {hooks!r})
import hint
judged = [hint._classified(prompt) for prompt in json.load(sys.stdin)]
names = ("task", "complexity", "confidence", "difficulty", "gain", "p_small", "p_mid", "p_frontier", "source")
print(json.dumps([[getattr(found, name) for name in names] for found in judged]))
"""


def test_the_hooks_and_the_path_agree_prompt_for_prompt(tmp_path):
    hooks = Path(judge.__file__).parents[2] / "hooks"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", HOOK.format(hooks=str(hooks))],
        input=json.dumps(PROMPTS),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=tmp_path,
    )
    by_path = [assess(ask(prompt)) for prompt in PROMPTS]
    expected = [
        [f.task, f.complexity, f.confidence, f.difficulty, f.gain, f.p_small, f.p_mid, f.p_frontier, f.source]
        for f in by_path
    ]
    assert json.loads(done.stdout) == expected
