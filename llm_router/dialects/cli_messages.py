"""What the messages of command line clients mean. They wrap the vendor's answer in words of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from llm_router.dialects.failures import failure
from llm_router.dialects.reading import record, string
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind

_STATUS = re.compile(r"\b(?:status(?: code)?:?|HTTP|error code:?)\s{1,3}([45]\d\d)\b", re.IGNORECASE)
_RECONNECTING = re.compile(r"Reconnecting\.{3} \d+/\d+ \((.*)\)", re.DOTALL)

# A client tries these again for seconds to minutes, and in vain: another model should have its turn.
_HOPELESS = frozenset(
    {
        FailureKind.AUTH,
        FailureKind.BILLING,
        FailureKind.RATE_LIMITED,
        FailureKind.OVERLOADED,
        FailureKind.NOT_FOUND,
    }
)


def classify(provider: str, message: str, *, status: int | None = None) -> UpstreamError:
    """The error behind a client's words: their HTTP status, the vendor's JSON in them, or the words themselves."""
    if status is None and (match := _STATUS.search(message)):
        status = int(match[1])
    return failure(provider, status, {}, _embedded(message) or message)


def _embedded(message: str) -> object:
    start = message.find("{")
    if start < 0:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(message[start:])
    except (ValueError, RecursionError):
        return None
    return value if record(value).get("error") or record(value).get("message") else None


def lost_turn(event: Mapping[str, object]) -> UpstreamError | None:
    """The failure a Codex event reports: the turn's end, or a retry of its own that cannot help."""
    match event.get("type"):
        case "turn.failed":
            return classify("codex", string(record(event.get("error")).get("message")))
        case "error" if retry := _RECONNECTING.search(string(event.get("message"))):
            error = classify("codex", retry[1])
            return error if error.kind in _HOPELESS and "unexpected status 404" not in retry[1] else None
        case _:
            return None
