import pytest
from plan_worlds import local, made, refs, world

from llm_router.nouns import Complexity, Task
from llm_router.plan.local import billions, ranked

SIMPLE, MODERATE, COMPLEX, DEEP = Complexity


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("qwen3:8b", 8),
        ("llama3.2:1b", 1),
        ("phi4-mini:3.8b", 3.8),
        ("mixtral:8x7b-instruct-v0.1-q4_K_M", 56),
        ("smollm2:135m", 0.135),
        ("qwen3-30b-a3b", 30),
        ("deepseek-r1:70b-llama-distill-q4_K_M", 70),
        ("gemma3n:e4b", 4),
        ("Meta-Llama-3.1-70B-Instruct-GGUF", 70),
    ],
)
def test_the_size_is_read_off_the_name(name, size):
    assert billions(name, "mid") == pytest.approx(size)


def test_a_name_without_a_size_is_judged_by_its_tier():
    assert (
        billions("mistral:latest", "small")
        < billions("mistral:latest", "mid")
        < billions("mistral:latest", "frontier")
    )


def _order(*names, complexity, task=Task.QUERY):
    return [model.id for model in ranked(local(*names), task, complexity)]


def test_an_easy_request_takes_the_smallest_that_is_no_toy():
    assert _order("a:70b", "b:1b", "c:4b", "d:14b", complexity=SIMPLE) == ["c:4b", "d:14b", "a:70b", "b:1b"]


def test_a_moderate_request_takes_a_larger_one():
    assert _order("a:70b", "c:4b", "d:14b", complexity=MODERATE)[0] == "d:14b"


@pytest.mark.parametrize("complexity", [COMPLEX, DEEP])
def test_a_hard_request_takes_the_largest(complexity):
    assert _order("b:1b", "a:70b", "d:14b", complexity=complexity)[0] == "a:70b"


def test_only_toys_are_better_than_nothing():
    assert _order("a:135m", "b:1.5b", complexity=SIMPLE) == ["b:1.5b", "a:135m"]


def test_code_goes_to_a_code_model_of_similar_size_and_prose_does_not():
    names = ("general:8b", "some-coder:7b")
    assert _order(*names, complexity=MODERATE, task=Task.CODE)[0] == "some-coder:7b"
    assert _order(*names, complexity=MODERATE, task=Task.GENERATE)[0] == "general:8b"


def test_code_does_not_go_to_a_code_model_that_is_much_smaller():
    assert _order("general:70b", "some-coder:7b", complexity=COMPLEX, task=Task.CODE)[0] == "general:70b"


def test_no_toy_is_preferred_for_being_a_code_model():
    assert _order("general:3b", "some-coder:1.5b", complexity=SIMPLE, task=Task.CODE)[0] == "general:3b"


def test_no_models_are_no_error():
    assert ranked([], Task.CODE, SIMPLE) == []


def test_at_most_two_installed_models_are_tried():
    assert len(refs(made(at=world(ollama=("a:8b", "b:14b", "c:70b"))))) == 2


def test_the_order_does_not_depend_on_how_the_server_lists_them():
    names = ("a:8b", "b:8b", "c:8b", "d:70b")
    assert _order(*names, complexity=SIMPLE) == _order(*reversed(names), complexity=SIMPLE)
