"""Answers of which a caller sends the id back in place of the item."""

from __future__ import annotations

import json
from typing import Any

from llm_router.dialects.inbound.openai_responses_kept import KeptItems
from llm_router.nouns import Origin, Request, ask


def asked(**fields: Any) -> Request:
    body = json.dumps({"model": "m", "input": "hi", **fields}).encode()
    return Request(ask("hi").messages, origin=Origin("openai_responses", body))


def body(*items: Any) -> bytes:
    return json.dumps({"model": "m", "input": list(items), "store": True}).encode()


def reference(item_id: str) -> dict[str, str]:
    return {"type": "item_reference", "id": item_id}


def test_a_reference_becomes_the_item_and_all_else_stays() -> None:
    kept, item = KeptItems(), {"id": "msg_1", "type": "message", "content": [{"text": "“x”"}]}
    kept.keep([item], asked())
    said = {"role": "user", "content": 'what is "item_reference"?'}
    given = json.loads(kept.put_in(body(said, reference("msg_1"), reference("msg_2"), "a text")))
    assert given == {"model": "m", "input": [said, item, reference("msg_2"), "a text"], "store": True}


def test_a_body_without_references_or_that_is_none_is_left_alone() -> None:
    kept = KeptItems()
    for given in (
        b'{"input": "hi"}',
        b'{"input": "item_reference',
        b'["item_reference"]',
        b'{"a": "item_reference"}',
    ):
        assert kept.put_in(given) is given


def test_nothing_is_kept_for_who_does_not_want_it() -> None:
    kept = KeptItems()
    kept.keep([{"id": "msg_1"}], asked(store=False))
    assert json.loads(kept.put_in(body(reference("msg_1"))))["input"] == [reference("msg_1")]


def test_the_newest_and_the_lately_used_stay() -> None:
    kept = KeptItems(most_bytes=2 * 40)
    for item_id in ("a", "b"):
        kept.keep([{"id": item_id, "text": "x" * 15}], asked())
    kept.put_in(body(reference("a")))
    kept.keep([{"id": "c", "text": "x" * 15}], asked())
    found = json.loads(kept.put_in(body(*map(reference, "abc"))))["input"]
    assert [item.get("type") for item in found] == [None, "item_reference", None]
