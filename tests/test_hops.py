"""Marks of installations, and calls that come back."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from llm_router import hops


@pytest.fixture(autouse=True)
def _forget():
    hops.mark.cache_clear()


def test_a_home_keeps_its_mark_and_another_has_another(tmp_path):
    first = hops.mark(tmp_path / "a")
    hops.mark.cache_clear()
    assert hops.mark(tmp_path / "a") == first
    assert hops.mark(tmp_path / "b") != first
    assert [path.name for path in (tmp_path / "a").iterdir()] == [hops.FILE]


def test_processes_that_make_it_at_once_have_the_same(tmp_path):
    ask = f"from pathlib import Path; from llm_router import hops; print(hops.mark(Path({str(tmp_path)!r})))"
    asked = [subprocess.Popen([sys.executable, "-c", ask], stdout=subprocess.PIPE) for _ in range(4)]
    assert len({each.communicate()[0] for each in asked}) == 1


def test_threads_that_make_it_at_once_have_the_same(tmp_path):
    for n in range(30):
        home, together = tmp_path / str(n), Barrier(8)

        def ask(home=home, together=together):
            together.wait()
            return hops.mark(home)

        with ThreadPoolExecutor(8) as threads:
            marks = {each.result() for each in [threads.submit(ask) for _ in range(8)]}
        assert marks == {(home / hops.FILE).read_text()}


def test_a_home_that_takes_no_file_is_known_by_where_it_is(tmp_path):
    (tmp_path / "file").write_text("")
    marks = [hops.mark(tmp_path / "file" / name) for name in ("a", "b")]
    assert len(set(marks)) == 2
    hops.mark.cache_clear()
    assert hops.mark(tmp_path / "file" / "a") == marks[0]


def test_what_has_been_here_comes_back():
    told = hops.passed("one", "two")
    assert hops.comes_back(told, "one")
    assert hops.comes_back(told, "two")
    assert not hops.comes_back(told, "three")
    for number in range(hops.MOST):
        told = hops.passed(told, str(number))
    assert hops.comes_back(told, "three")


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe", b"\n"])
def test_a_damaged_mark_is_no_mark(tmp_path, damaged):
    (tmp_path / hops.FILE).write_bytes(damaged)
    assert len(hops.mark(tmp_path)) == 16
