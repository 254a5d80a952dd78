"""What was made of an object serves again for that object, and for no other."""

import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from llm_router.kept import kept_for_each


class Made:
    """What is made of a value: its length, and how often it was."""

    def __init__(self):
        self.of = []

    def __call__(self, value):
        self.of.append(list(value))
        return len(value)


@pytest.fixture
def made():
    return Made()


def test_the_same_object_comes_again_and_nothing_is_made_anew(made):
    kept, value = kept_for_each(2)(made), ["a", "b"]
    assert [kept(value) for _ in range(3)] == [2, 2, 2]
    assert made.of == [["a", "b"]]


def test_nothing_made_is_a_result_too():
    calls = []
    kept, value = kept_for_each(2)(calls.append), ["a"]
    assert (kept(value), kept(value)) == (None, None)
    assert calls == [["a"]]


def test_the_result_is_the_very_object_that_was_made():
    kept, value = kept_for_each(2)(list), ("a",)
    assert kept(value) is kept(value)


def test_an_equal_object_is_another_one(made):
    kept, one, other = kept_for_each(2)(made), ["a"], ["a"]
    assert kept(one) == kept(other) == 1
    assert len(made.of) == 2


def test_what_can_neither_be_hashed_nor_compared_is_kept_as_well():
    class Odd:
        __hash__ = None

        def __eq__(self, other):
            raise AssertionError("compared")

    calls = []
    kept, one, other = kept_for_each(2)(calls.append), Odd(), Odd()
    for value in (one, other, one, other):
        kept(value)
    assert len(calls) == 2


def test_two_functions_keep_nothing_of_each_other():
    value = ["b", "a"]
    assert kept_for_each(2)(sorted)(value) == ["a", "b"]
    assert kept_for_each(2)(len)(value) == 2


def test_what_failed_is_tried_again():
    tries = []

    @kept_for_each(2)
    def second_time(value):
        tries.append(value)
        return 1 / (len(tries) - 1)

    value = ["a"]
    with pytest.raises(ZeroDivisionError):
        second_time(value)
    assert second_time(value) == 1
    assert second_time(value) == 1
    assert len(tries) == 2


@pytest.mark.parametrize("most", [1, 3, 20])
def test_so_many_are_kept_and_no_more(most):
    class Value:
        pass

    calls = []
    kept = kept_for_each(most)(lambda value: calls.append(id(value)))
    values = [Value() for _ in range(most)]
    for value in values * 2:
        kept(value)
    assert len(calls) == most  # as many as there is room for stay
    alive = [weakref.ref(value) for value in values]
    del value, values
    assert all(each() for each in alive)
    for _ in range(10 * most):
        kept(value := Value())
        alive.append(weakref.ref(value))
        del value
        assert sum(each() is not None for each in alive) <= most


def test_an_object_at_the_place_of_one_that_is_gone_gets_a_result_of_its_own():
    kept, seen = kept_for_each(2)(lambda value: value[0]), set()
    for number in range(200):
        value = [number]
        seen.add(id(value))
        assert kept(value) == number
    assert len(seen) < 200  # places were taken again


def test_threads_get_the_result_of_their_own_object():
    """Far more objects than are kept, all the time thrown out under each other's eyes."""
    kept, mixed = kept_for_each(3)(lambda value: value[0]), []

    def ask(start):
        lasting = [start]
        for number in range(start, start + 3000):
            value = [number]
            if (kept(value), kept(lasting), kept(value)) != (number, start, number):
                mixed.append(number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(ask, range(0, 40_000, 10_000)))
    finally:
        sys.setswitchinterval(interval)
    assert mixed == []
