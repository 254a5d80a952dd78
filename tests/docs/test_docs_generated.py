"""The parts made from the code are up to date, and would be found out if they were not."""

import subprocess
import sys

import generate_docs
import pytest
from docs_parts import failures
from docs_parts.settings import every
from docs_tools import PAGES, ROOT, name_of

from llm_router.nouns import FailureKind
from llm_router.run.actions import ACTIONS


def test_every_generated_part_is_up_to_date():
    done = subprocess.run(
        [sys.executable, "scripts/generate_docs.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"run scripts/generate_docs.py\n{done.stdout}{done.stderr}"


def test_every_part_has_its_place_and_only_one():
    placed = [part for page in PAGES for part in generate_docs.parts_of(page.read_text())]
    assert sorted(placed) == sorted(generate_docs.PARTS)


def test_a_part_that_was_edited_by_hand_is_found_and_mended(tmp_path):
    page = tmp_path / "page.md"
    text = (ROOT / "docs" / "architecture.md").read_text()
    page.write_text(text.replace("| `auth` |", "| `authority` |"))
    assert page.read_text() != text
    ((found, mended),) = generate_docs.stale([page])
    assert found == page
    assert mended == text


def test_what_stands_outside_the_marks_is_left_alone():
    assert generate_docs.rendered("by `hand`\n") == "by `hand`\n"


def test_a_mark_that_names_no_part_is_an_error():
    with pytest.raises(KeyError, match="nothing-like-it"):
        generate_docs.rendered("<!-- generated: nothing-like-it -->\n<!-- end of nothing-like-it -->")


def test_an_unknown_argument_is_refused():
    assert generate_docs.main(["--chek"]) == 2


def test_the_table_of_failures_has_every_kind_with_its_action():
    rows = [line.split(" | ") for line in failures.failures().splitlines()[2:]]
    shown = {row[0].strip("| `"): row[2] for row in rows}
    assert shown == {str(kind): str(ACTIONS[kind]) for kind in FailureKind}


def test_the_settings_that_redirect_or_spend_are_marked_as_not_for_a_project_file():
    from docs_parts.settings import settings

    rows = {line.split(" | ")[0].strip("| `"): line.split(" | ")[3] for line in settings().splitlines()[2:]}
    assert set(rows) == {each.name for each in every()}
    for name in ("api_key", "base_url", "dialect", "billing"):
        assert rows[f"providers.<provider>.{name}"] == "no"
    assert rows["router.store_prompts"] == "only `false`"
    assert rows["budget.daily"] == rows["routing.block"] == "yes"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_marks_come_in_pairs(page):
    text = page.read_text()
    parts = generate_docs.parts_of(text)
    assert text.count("<!-- generated: ") == text.count("<!-- end of ") == len(parts)
