"""Reading a caller's body: typed by msgspec, and what is wrong with it said in the caller's own terms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from llm_router.dialects.events import Pairs
from llm_router.errors import UpstreamError, UsageError
from llm_router.nouns import FailureKind, JsonDict

T = TypeVar("T")

LONGEST_NOTHING = 8  # bytes; an empty list with some blanks

_PLACED = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$(?P<where>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")


class AnsweredError(UsageError):
    """There is nothing for a model to do: `answer` is what the caller is told, with status 200."""

    def __init__(self, answer: JsonDict) -> None:
        super().__init__("nothing is asked")
        self.answer = answer


def read(body: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T], at: str = "") -> T:
    """The body as the decoder's type. Raises UsageError, which names the place: `messages.0.content: ...`. `at` is where
    in the whole body this part of it stands.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise UsageError(_told(str(error), at)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        whole = Pairs(more=False).mended(bytes(body))  # clients that cut a text cut characters too
        if whole == bytes(body):
            raise UsageError(f"The request body is not valid JSON: {error}") from None
        return read(whole, decoder, at)
    except RecursionError:
        raise UsageError("The request body is nested too deeply.") from None


def _told(error: str, at: str) -> str:
    placed = _PLACED.fullmatch(error)
    what, where = (placed["what"], placed["where"]) if placed else (error, None)
    path = (at + (where or "")).replace("[", ".").replace("]", "").strip(".")
    if missing := _MISSING.fullmatch(what):
        return f"{path}.{missing['name']}: Field required".strip(".")
    return f"{path}: {what}" if path else f"The request body is no JSON object: {what}"


def refused(path: str, what: str) -> UsageError:
    return UsageError(f"{path}: {what}")


def untranslatable(
    what: str, fix: str = "Leave it out, or name a model of the vendor whose API this is."
) -> UpstreamError:
    """What only an upstream of the caller's own dialect can do: another candidate may be one. The message is all that comes
    through to the caller, so it says what to do, too.
    """
    said = f"{what} cannot be translated for a model of another vendor. {fix}"
    return UpstreamError(FailureKind.UNSUPPORTED, said, status=400)


def holds(raw: msgspec.Raw) -> bool:
    """Whether a field that was not read says anything."""
    return len(raw) > LONGEST_NOTHING or bytes(raw).replace(b" ", b"") not in (b"", b"null", b"[]", b"{}")


def limit(tokens: int | None, path: str, least: int = 1) -> int | None:
    """How long an answer may become. Raises UsageError: no budget could set anything aside for less than nothing."""
    if tokens is not None and tokens < least:
        raise refused(path, f"Input should be greater than or equal to {least}, not {tokens}")
    return tokens


def stops(given: str | Iterable[object] | None) -> tuple[str, ...]:
    """An empty one would stop every answer before its first word."""
    told = (given,) if isinstance(given, str) else given or ()
    return tuple(stop for stop in told if isinstance(stop, str) and stop)


def sampled(**told: float | None) -> dict[str, float] | None:
    """What was said of sampling, by the names of nouns.Request; None where nothing was."""
    return {name: value for name, value in told.items() if value is not None} or None


def one_of(value: str, choices: Iterable[str], path: str) -> str:
    known = tuple(choices)
    if value not in known:
        raise refused(path, f"Input should be {', '.join(map(repr, known))}, not {value!r}")
    return value


def json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
