"""What keeps the code small and its dependencies one way."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "llm_router"
FILES = sorted(PACKAGE.rglob("*.py"))
SDKS = ("openai", "anthropic", "google.genai", "ollama")
LONGEST_FILE, LONGEST_FUNCTION = 400, 50
LONGER = {"nouns.py": 560}  # the vocabulary: one question, many words. A row may shrink, never grow


def _functions(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_there_is_something_to_check():
    assert len(FILES) > 30


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_file_answers_one_question(file):
    limit = LONGER.get(str(file.relative_to(PACKAGE)), LONGEST_FILE)
    assert len(file.read_text(encoding="utf-8").splitlines()) <= limit
    too_long = {name: lines for name, lines in _functions(file) if lines > LONGEST_FUNCTION}
    assert not too_long


def test_most_functions_fit_a_glance():
    lengths = sorted(lines for file in FILES for _, lines in _functions(file))
    assert statistics.median(lengths) <= 12
    assert lengths[int(len(lengths) * 0.9)] <= 35


def test_the_path_is_a_story_of_at_most_150_lines():
    assert len((PACKAGE / "route.py").read_text().splitlines()) <= 150


def test_imports_point_one_way():
    code = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, "--no-cache"],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _loaded_after(statement):
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["llm_router.app", "llm_router.cli", "llm_router.route"])
def test_no_provider_sdk_is_imported_at_import_time(module):
    assert not _loaded_after(f"import {module}") & set(SDKS)


def test_the_nouns_import_nothing_of_the_package():
    names = {name for name in _loaded_after("import llm_router.nouns") if name.startswith("llm_router")}
    assert names == {"llm_router", "llm_router.nouns", "llm_router.checks"}  # nouns too


def test_no_model_id_is_written_in_code():
    """Model names are dated data (catalogue, prices); code that knows one is wrong the day after."""
    families = (
        "gpt-4",
        "gpt-5",
        "claude-opus",
        "claude-sonnet",
        "claude-haiku",
        "gemini-2",
        "gemini-3",
        "llama-3",
        "qwen3",
        "grok-4",
    )
    checked = [f for f in FILES if "sandbox" not in f.parts]
    found = {
        str(file.relative_to(PACKAGE)): family
        for file in checked
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for family in families
        if family in node.value
    }
    assert not found
