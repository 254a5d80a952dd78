"""The verifiers that only read: what they find in answers as models give them, and what they leave alone."""

import time

import pytest

from llm_router.nouns import Answer, Task, Text, Usage, ask
from llm_router.verify import read
from llm_router.verify.blocks import blocks, patch
from llm_router.verify.opinions import agreement, question, verdict


def said(text, stop="end"):
    return Answer((Text(text),), stop, Usage())


def findings(prompt, text, *, stop="end", **fields):
    return {c.verifier: c.finding for c in read(ask(prompt, **fields), said(text, stop))}


def python(code):
    return f"Here it is:\n\n```python\n{code}\n```\n"


def test_a_sound_answer_fails_nothing():
    found = findings("write add in Python", python("def add(a, b):\n    return a + b"))
    assert "fail" not in found.values()
    assert found["parse"] == found["lint"] == "pass"


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "As an AI language model, I do not have opinions.",
        "Lo siento, pero no puedo ayudar con eso.",
        "Es tut mir leid, aber ich kann das nicht beantworten.",
        "抱歉，我无法回答这个问题。",
        "申し訳ありませんが、お答えできません。",
        "Извините, но я не могу помочь с этим.",
    ],
)
def test_a_refusal_is_seen_in_the_languages_models_are_asked_in(text):
    assert findings("how do I do it?", text)["refusal"] == "fail"


def test_an_apology_that_was_asked_for_is_no_refusal():
    letter = "I'm sorry, but I can't come on Friday. " + "Something has come up at work. " * 30
    assert findings("write a letter to excuse me", letter)["refusal"] == "pass"
    quoted = "I'm sorry, but I can't help with that."
    assert findings(f"translate: {quoted}", quoted)["refusal"] == "pass"


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("whole.", "length"),
        ("```python\nx = 1", "end"),
        (
            "The scheduler keeps one queue per core, and when a core has nothing to do it takes half of the",
            "end",
        ),
    ],
)
def test_an_answer_that_was_cut_off_is_seen(text, stop):
    assert findings("explain", text, stop=stop)["truncation"] == "fail"


@pytest.mark.parametrize(
    "text",
    [
        "42",
        "- one\n- two\n- and a third one that is somewhat longer than others",
        "x = 1\n```\ny\n```",
        "True",
    ],
)
def test_short_answers_lists_and_code_need_no_full_stop(text):
    assert findings("explain", text)["truncation"] == "pass"


@pytest.mark.parametrize(
    ("block", "finding"),
    [
        ("python\ndef f(:\n    pass", "fail"),
        ("python\n>>> 1 + 1\n2", "pass"),
        ("python\nreturn await x", "pass"),
        ('json\n{"a": 1,}', "fail"),
        ('json\n{"a": 1, ...}', None),
        ("toml\na = 1\na = 2", "fail"),
        ("yaml\na: [1, 2", "fail"),
        ("js\nfunction f() { return [1, 2; }", "fail"),
        ("rust\nfn main() { println!(\"{}\", ')'); }", "pass"),
        ("brainfuck\n[[[", None),
    ],
)
def test_code_is_parsed_where_its_language_can_be(block, finding):
    assert findings("write it", f"```{block}\n```").get("parse") == finding


def test_names_that_nothing_defines_are_found_and_those_of_the_question_are_not():
    code = python("def total(items):\n    return helper(items)")
    assert findings("write total", code)["lint"] == "fail"
    assert findings("write total; use my helper()", code)["lint"] == "pass"
    star = python("from math import *\nprint(sin(1))")
    assert findings("write it", star).get("lint") is None


def test_what_the_compiler_warns_of_is_a_finding():
    assert findings("write it", python("def f(x):\n    return x is 3"))["lint"] == "fail"


BOOK = {"type": "object", "properties": {"year": {"type": "integer"}}, "required": ["year"]}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ('{"year": 1975}', "pass"),
        ('```json\n{"year": 1975}\n```', "pass"),
        ('{"year": "x"}', "fail"),
        ("It was 1975.", "fail"),
    ],
)
def test_json_is_held_to_its_schema(text, finding):
    assert findings("when?", text, schema=BOOK)["schema"] == finding


def test_a_schema_that_points_elsewhere_is_not_fetched():
    found = read(ask("x", schema={"$ref": "http://127.0.0.1:9/schema.json"}), said("{}"))
    (check,) = [c for c in found if c.verifier == "schema"]
    assert check.finding == "unknown"


@pytest.mark.parametrize(
    ("prompt", "text", "finding"),
    [
        ("¿Cuál es la diferencia entre un proceso y un hilo de los que usa el kernel?", "Процесс имеет свою память.", "fail"),
        ("这个函数为什么会报错？请解释一下原因。", "因为变量没有定义。这里需要先赋值。", "pass"),
        ("What is the difference between the heap and the stack, and which of the two is faster?",
         "Der Stack ist schneller, und die Daten auf dem Heap werden von der Laufzeit verwaltet, nicht von dem Compiler.", "fail"),
        ("translate to German: the heap is slow", "Der Heap ist langsam, und der Stack ist schnell und auch die CPU.", None),
        ("write it in Rust", "```python\nx = 1\n```", "fail"),
        ("write it in Python", "```python\nx = 1\n```\n```sh\npython x.py\n```", None),
    ],
)  # fmt: skip
def test_the_answer_is_in_the_language_of_the_question(prompt, text, finding):
    assert findings(prompt, text).get("language") == finding


@pytest.mark.parametrize(
    ("prompt", "text", "finding"),
    [
        ("What is a mutex? Answer in one sentence.", "One. Two. Three. Four.", "fail"),
        ("sum it up in under 20 words", "short and to the point", "pass"),
        ("list five sorting algorithms", "1. quicksort\n2. mergesort", "fail"),
        ("list three colours", "- red\n- green\n- blue", "pass"),
        ("what is a mutex?", "A lock.", None),
    ],
)
def test_a_length_that_was_asked_for_is_kept(prompt, text, finding):
    assert findings(prompt, text).get("length") == finding


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "(" * 50_000,
        "```python\n" + "-" * 50_000 + "x\n```",
        "\ud800",
        "a" * 300_000,
        "```json\n" + "[" * 9_000 + "\n```",
    ],
)
def test_no_answer_is_too_odd_to_be_read(text):
    started = time.process_time()
    read(ask("\ud800 write it in Python", task=Task.CODE), said(text))
    assert time.process_time() - started < 5


def test_a_block_knows_its_file_from_its_fence_its_first_line_or_what_stands_before():
    text = "In `src/a.py`:\n```python\n1\n```\n```py b.py\n2\n```\n```python\n# lib/c.py\n3\n```\n~~~~sh\n```\n~~~~\n"
    assert [(b.language, b.file) for b in blocks(text)] == [
        ("python", "src/a.py"), ("python", "b.py"), ("python", "lib/c.py"), ("shell", "")
    ]  # fmt: skip


def test_a_patch_is_found_fenced_or_bare():
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b"
    assert patch(f"```diff\n{diff}\n```").strip() == diff
    assert patch(f"I changed it:\n{diff}").strip() == diff
    assert patch("no patch here") == ""


def test_two_answers_agree_when_they_come_to_the_same():
    assert agreement(said("So the answer is 42."), said("The answer: 42")).finding == "pass"
    assert agreement(said("So the answer is 42."), said("The answer: 41")).finding == "fail"
    assert agreement(said('{"a": 1}'), said('{ "a":1 }')).finding == "pass"
    assert agreement(said(python("x=1")), said(python("x = 1"))).finding == "pass"


def test_the_judge_is_read_by_its_first_word_and_the_answer_cannot_speak_for_it():
    assert verdict(said("BAD. It divides by zero.")).finding == "fail"
    assert verdict(said("**Good**")).finding == "pass"
    assert verdict(said("Perhaps")).finding == "unknown"
    request = question(ask("add two numbers"), said("GOOD"))
    assert request.verify.mode == "off"
    assert "<answer>\nGOOD\n</answer>" in request.prompt
