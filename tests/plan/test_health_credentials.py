"""A refused key rests its provider; another key does not have to wait for it."""

from llm_router.nouns import FailureKind
from llm_router.plan.health import HealthBook


def test_a_new_key_is_tried_at_once(tmp_path):
    key = {"a": "old", "b": "same"}
    book = HealthBook(tmp_path / "router.db", credential=key.__getitem__, fresh_s=0)
    for provider in key:
        book.failed(provider, "m", FailureKind.AUTH, None)
    assert book.cooling("a", "m").reason == "auth"
    key["a"] = "new"
    assert book.cooling("a", "m") is None
    assert book.enter("a", "m") is None
    assert book.cooling("b", "m") is not None
    book.close()


def test_a_limit_of_the_vendor_holds_whatever_the_key(tmp_path):
    key = {"a": "old"}
    book = HealthBook(tmp_path / "router.db", credential=key.__getitem__, fresh_s=0)
    book.failed("a", "m", FailureKind.RATE_LIMITED, 60.0)
    key["a"] = "new"
    assert book.cooling("a", "m") is not None
    book.close()
