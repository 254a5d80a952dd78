import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from llm_router.classify import assess, features, judge
from llm_router.classify.difficulty import LEVELS
from llm_router.classify.rules import TASKS, classify
from llm_router.nouns import Task, ask


class OnlyWindows(str):
    """Text that may be measured and cut to a window, and refuses everything that would read all of it."""

    __slots__ = ()

    def __getitem__(self, place):
        cut = str.__getitem__(self, place)
        assert len(cut) <= features.HEAD
        return cut

    def _refuse(self, *args, **kwargs):
        raise AssertionError("the whole text was read")

    __iter__ = __contains__ = __add__ = __mod__ = __eq__ = __format__ = _refuse
    __hash__ = str.__hash__
    lower = upper = casefold = split = splitlines = strip = lstrip = rstrip = partition = rpartition = _refuse
    find = rfind = index = count = replace = translate = encode = startswith = endswith = isspace = (
        isascii
    ) = _refuse


def test_only_the_windows_of_a_long_text_are_looked_at():
    task, *_ = classify(OnlyWindows("please fix the parser\n" + "x = 1\n" * 200_000 + "and add a test"))
    assert task == "code"


def test_the_middle_of_a_long_text_changes_nothing():
    head, tail = (
        "add a flag to the importer\n".ljust(features.HEAD, "."),
        "\nthanks".rjust(features.TAIL, "."),
    )
    short, long = (classify(head + "prove it, draw it " * times + tail) for times in (100, 60_000))
    assert short == long


def test_text_handed_to_the_word_finder_stays_bounded(monkeypatch):
    seen: list[int] = []
    original = features._tokenise

    def watched(reading, ask, letters):
        seen.append(len(ask))
        original(reading, ask, letters)

    monkeypatch.setattr(features, "_tokenise", watched)
    for piece in ("why is it slow? ", "def f(): pass\n", "написать функцию ", "写代码", "- a\n"):
        assess(ask(piece * 100_000))
    assert len(seen) == 5
    assert max(seen) <= 2 * (features.ASK_HEAD + features.ASK_TAIL)


MIXED = st.text(st.characters(codec=None) | st.sampled_from("\n`'\"/<>{}?.,-$ aé写\u0000")) | st.lists(
    st.sampled_from(
        [
            "write",
            "a",
            "in",
            ",",
            "?",
            "```",
            "/x",
            "function",
            "draw",
            "was",
            "das",
            "如何",
            "if",
            "<system-reminder>",
        ]
    )
).map(" ".join)


@given(MIXED)
def test_any_text_is_classified_without_raising(text):
    task, complexity, confidence, difficulty, reasons = classify(text)
    assert task in TASKS
    assert complexity in LEVELS
    assert 0 <= confidence <= 1
    assert 0 <= difficulty <= 1
    assert all(isinstance(reason, str) and reason for reason in reasons)


@given(MIXED, st.sampled_from(list(Task)))
def test_any_text_with_a_given_task_keeps_it(text, task):
    assert assess(ask(text, task=task)).task is task


BARE = """
import sys
sys.path.insert(0, {folder!r})
before = set(sys.modules)
import judge
for text in ("fix the parser", "почини парсер", "corrige la función por favor", "", "/compact"):
    judge.classify(text)
extra = set(sys.modules) - before
assert extra <= {{"judge", "rules", "features", "words", "leads", "difficulty",
    "artefact", "form", "heads", "math", "mmap", "zlib", "_bisect", "_operator",
    "math.integer", "_math_integer"}}, extra  # the last two are part of `math` since Python 3.15
found = judge.classify("fix the parser")
print(found.task, found.gain, found.source)
"""

BY_PATH = """
import importlib.util
spec = importlib.util.spec_from_file_location("prompt_rules", {file!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
found = module.classify("fix the parser")
print(found.task, found.gain, found.source)
"""


def _bare(script: str, tmp_path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


JUDGED = judge.classify("fix the parser")
TOLD = f"{JUDGED.task} {JUDGED.gain} artefact"


def test_it_loads_in_a_bare_interpreter_without_the_package(tmp_path):
    folder = Path(judge.__file__).parent
    assert _bare(BARE.format(folder=str(folder)), tmp_path) == TOLD


def test_it_loads_by_its_file_path_alone(tmp_path):
    assert _bare(BY_PATH.format(file=judge.__file__), tmp_path) == TOLD
