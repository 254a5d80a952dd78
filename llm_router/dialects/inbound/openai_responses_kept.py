"""Items of our answers, for callers who send a reference back instead of the item (the Vercel AI SDK does, by itself)."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from llm_router.dialects.reading import string
from llm_router.nouns import JsonDict, Request

MOST_BYTES = 32 * 2**20
_REFERENCE = b'"item_reference"'
_NOT_STORED = re.compile(rb'"store"\s*:\s*false')  # in a text the quotes would be escaped
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_ANY = msgspec.json.Decoder()


class KeptItems:
    """The newest items by their ids, as JSON, in memory alone: a restart forgets them."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._size = most_bytes, 0
        self._items: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, items: Iterable[JsonDict], request: Request) -> None:
        """What answered this request, unless its caller wants nothing stored."""
        if request.origin is None or _NOT_STORED.search(request.origin.body):
            return
        for item in items:
            self._items[item["id"]] = written = msgspec.json.encode(item)
            self._size += len(written)
        while self._size > self._most:
            self._size -= len(self._items.popitem(last=False)[1])

    def put_in(self, body: bytes) -> bytes:
        """The body with the items its references are to. Unknown ones stay: OpenAI may know them."""
        if _REFERENCE not in body:
            return body
        try:
            fields = _FIELDS.decode(body)
            items = _ITEMS.decode(fields["input"])
        except (msgspec.DecodeError, KeyError):
            return body  # whoever reads it says what is wrong
        fields["input"] = msgspec.Raw(msgspec.json.encode([self._meant(item) for item in items]))
        return msgspec.json.encode(fields)

    def _meant(self, item: msgspec.Raw) -> msgspec.Raw:
        if _REFERENCE not in bytes(item):
            return item
        told: Any = _ANY.decode(item)
        if not isinstance(told, dict):
            return item
        reference = cast("JsonDict", told)
        if reference.get("type") != "item_reference":
            return item
        item_id = string(reference.get("id"))
        if (kept := self._items.get(item_id)) is None:
            return item
        self._items.move_to_end(item_id)
        return msgspec.Raw(kept)
