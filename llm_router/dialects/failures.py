"""What a vendor's refusal means. One function for status lines, error bodies and error events of streams."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from llm_router.dialects import failure_tables as tables
from llm_router.dialects.reading import record, records, sequence, string
from llm_router.dialects.retry_after import retry_after
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind as Kind

LONGEST_MESSAGE = 500
_LONGEST_READ = 20_000
_MESSAGES = ("message", "msg", "error", "detail", "status_msg", "error_msg", "error_description", "title")
_FULL_MINUTE = {"resource_exhausted", "rate_limit_error"}

_SECRETS = re.compile(
    r"""
    \b(?:sk|pk|rk|gsk|xai|nvapi|pplx|csk|fw|r8|hf|tgp|glpat|ghp|gho|ghs|github_pat)[-_][A-Za-z0-9_*.\-]{6,}
    | \bAIza[\w*\-]{10,} | \bya29\.[\w\-.]{10,} | \bAKIA[A-Z0-9]{12,} | \bASIA[A-Z0-9]{12,}
    | \beyJ[\w\-]{10,}(?:\.[\w\-]+){1,2}
    | (?<=://)[^\s/@:]{1,200}:[^\s/@]{1,200}(?=@)
    """,
    re.VERBOSE,
)
_LABELLED = re.compile(
    r"""(\b(?:bearer|basic)\s+(?=[^\s]{16})
        | [?&]key=
        | \b(?:x-)?(?:goog-)?(?:api[-_ ]?key|access[-_ ]?token|auth[-_ ]?token|secret|password|authorization)
          (?:\s+provided)?["']?\s*[:=]\s*["']?(?:bearer\s+|basic\s+)?)
        ([A-Za-z0-9_\-.~+/*=]{6,})""",
    re.VERBOSE | re.IGNORECASE,
)


def failure(provider: str, status: int | None, headers: Mapping[str, str], body: object) -> UpstreamError:
    """The error that this answer of a vendor is. `status` None: it came inside a body or a stream.

    The message is the vendor's own words, redacted, at most 500 characters. `provider` "" is nobody in particular.
    """
    error = _read(body)
    status = status if status is not None and status >= 400 else error.status
    kind = _kind(error, status)
    wait = (
        retry_after(headers, error.details, error.message, limited=kind is Kind.RATE_LIMITED)
        if kind in (Kind.RATE_LIMITED, Kind.OVERLOADED)
        else None
    )
    words = redact(error.message)
    message = words or (
        f"HTTP {status} without an explanation." if status else "It failed without an explanation."
    )
    fix = tables.FIXES.get(kind, "").format(
        provider=provider or "the provider", wait=f" {wait:.0f} s" if wait is not None else ""
    )
    return UpstreamError(kind, _shortened(message), fix=fix, status=status, retry_after_s=wait)


def redact(text: str) -> str:
    """The text with everything that looks like a credential blotted out."""
    return _LABELLED.sub(r"\1[redacted]", _SECRETS.sub("[redacted]", text))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


@dataclass(frozen=True, slots=True)
class _Error:
    message: str = ""
    codes: tuple[str, ...] = ()
    status: int | None = None
    details: object = None


def _read(body: object) -> _Error:
    """Every shape in which vendors put an error."""
    if isinstance(body, (bytes, bytearray)):
        body = bytes(body[:_LONGEST_READ]).decode("utf-8", "replace")
    if isinstance(body, str):
        return _read_text(body[:_LONGEST_READ])
    if isinstance(body, list):  # Google wraps some in a list, some vendors send a list of complaints
        found = [_read(item) for item in cast("list[Any]", body)[:5]]
        return found[0] if len(found) == 1 else _Error("; ".join(e.message for e in found if e.message))
    outer = record(body)
    if isinstance(outer.get("error"), list):  # so does who reads it as an object
        return _read(cast("object", outer["error"]))
    if string(outer.get("error")).startswith("{"):  # Ollama hands on its runner's error as text
        return _read_text(outer["error"])
    inner = next(
        (
            record(outer[key])
            for key in ("error", "response", "detail", "base_resp")
            if record(outer.get(key))
        ),
        outer,
    )
    if record(inner.get("error")):  # a failed response holds its error
        inner = record(inner["error"])
    return _Error(_message(outer, inner), _codes(outer, inner), _status(inner, outer), inner.get("details"))


def _read_text(text: str) -> _Error:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, (dict, list)):
        return _read(cast("object", parsed))
    title = re.search(r"<title>([^<]{1,300})</title>", text, re.IGNORECASE)
    plain = title[1] if title else re.sub(r"<[^>]{0,500}>", " ", text)
    return _Error(" ".join(plain.split()))


def _message(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    for holder in (inner, outer):
        for key in _MESSAGES:
            if text := string(holder.get(key)).strip():
                # OpenRouter: what the vendor behind it said
                raw = string(record(inner.get("metadata")).get("raw"))
                return " ".join((f"{text}: {raw}" if raw else text)[:_LONGEST_READ].split())
    complaints = records(outer.get("detail")) or records(outer.get("errors"))
    return "; ".join(string(item.get("msg") or item.get("message")) for item in complaints)


def _codes(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> tuple[str, ...]:
    reasons = [record(item).get("reason") for item in sequence(inner.get("details"))]
    deeper = record(inner.get("innererror"))  # Azure
    values = [
        record(inner.get("details")).get("error_code"),
        inner.get("code"),
        inner.get("type"),
        inner.get("status"),
        *reasons,
        deeper.get("code"),
        outer.get("code"),
    ]
    return tuple(value.lower() for value in values if isinstance(value, str))


def _status(*holders: Mapping[str, Any]) -> int | None:
    for holder in holders:
        for key in ("code", "status", "status_code", "http_code"):
            value = holder.get(key)
            if isinstance(value, str) and value.isdigit():
                value = int(value)
            if isinstance(value, int) and 400 <= value < 600:
                return value
    return None


def _kind(error: _Error, status: int | None) -> Kind:
    for code in error.codes:
        if code in tables.CODES:
            return tables.CODES[code]
    # when the minute is full Google says "check your billing details", and Anthropic "reduce the prompt length"
    exhausted = not _FULL_MINUTE.isdisjoint(error.codes)
    if status is None or status in (400, 402, 403, 413, 422, 429):
        for kind, words in tables.WORDS:
            if words.search(error.message) and not (exhausted and kind is not Kind.BILLING):
                return kind
    if status is not None:
        return _by_status(status, error.message)
    return next((tables.TYPES[code] for code in error.codes if code in tables.TYPES), None) or _by_words(
        error.message
    )


def _by_words(message: str) -> Kind:
    """No status and no code: only the words are left, as with command line clients."""
    for kind, words in tables.PLAIN_WORDS:
        if words.search(message):
            return kind
    return Kind.SERVER_ERROR


def _by_status(status: int, message: str) -> Kind:
    if status in tables.STATUS:
        return tables.STATUS[status]
    if status >= 500:
        return Kind.SERVER_ERROR
    if tables.KEY_WORDS.search(message):
        return Kind.AUTH
    if tables.MODEL_WORDS.search(message):
        return Kind.NOT_FOUND
    if tables.UNSUPPORTED_WORDS.search(message):
        return Kind.UNSUPPORTED
    # of the others only these blame the request: anything else is this server's own trouble
    return Kind.BAD_REQUEST if status in (400, 422) else Kind.SERVER_ERROR
