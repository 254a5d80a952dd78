"""What was made of an object serves again for the same object: the tools of a session, the candidates of a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")


def kept_for_each(most: int) -> Callable[[Callable[[T], V]], Callable[[T], V]]:
    """A decorator for functions of one immutable object, which is told apart by its identity: to hash or compare it
    would cost more than is saved. The caller must not change the result. At most so many results are kept.
    """

    def decorated(make: Callable[[T], V]) -> Callable[[T], V]:
        # the object is kept beside its result, so that no other can have its id
        kept: dict[int, tuple[T, V]] = {}

        def kept_or_made(value: T) -> V:
            found = kept.get(id(value))
            if found is None or found[0] is not value:
                if len(kept) >= most:
                    kept.clear()
                found = kept[id(value)] = (value, make(value))
            return found[1]

        return kept_or_made

    return decorated
