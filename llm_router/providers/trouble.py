"""What it means when a transport fails: one reading of the exceptions of every SDK and of our own wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from llm_router.dialects.failures import redact
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind
from llm_router.providers.vendors import Vendor

_SAID: Mapping[FailureKind, str] = {
    FailureKind.TIMEOUT: "no answer in time",
    FailureKind.CONNECTION: "no connection",
    FailureKind.TRUNCATED: "the stream was cut",
    FailureKind.MALFORMED: "the answer could not be read",
    FailureKind.AUTH: "no credentials",
    FailureKind.SERVER_ERROR: "the call failed",
}
# By name: aiohttp, httpx, httpx2 and the SDKs each have their own classes, and importing all of them to compare costs
# more than the call.
_NOT_SIGNED_IN = {"GoogleAuthError"}
_TIMEOUTS = {"TimeoutError", "TimeoutException"}
_BROKEN = {"OSError", "TransportError", "EndOfStream", "ClientConnectionError", "ClientPayloadError"}
_UNREADABLE = {
    "ValueError",
    "DecodingError",
    "TypeError",
    "AttributeError",
    "LookupError",
    "ClientResponseError",
}


def trouble(vendor: Vendor, error: Exception, *, begun: bool) -> UpstreamError:
    """The failure behind an exception. `begun`: the upstream had begun to answer, so it is the answer that broke."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, UpstreamError):
            return cause
    kind = _kind({cls.__name__ for cause in causes for cls in type(cause).__mro__}, begun=begun)
    innermost = causes[-1]
    words = redact(" ".join(str(innermost).split()))
    said = f" ({type(innermost).__name__}: {words})" if kind is not FailureKind.TIMEOUT else ""
    fix = vendor.install if kind in {FailureKind.CONNECTION, FailureKind.AUTH} else ""
    return UpstreamError(kind, f"{vendor.title}: {_SAID[kind]}{said}", fix=fix)


def _kind(names: set[str], *, begun: bool) -> FailureKind:
    if names & _NOT_SIGNED_IN:
        return FailureKind.AUTH
    if names & _TIMEOUTS:
        return FailureKind.TIMEOUT
    if names & _BROKEN:
        return FailureKind.TRUNCATED if begun else FailureKind.CONNECTION
    return FailureKind.MALFORMED if names & _UNREADABLE else FailureKind.SERVER_ERROR


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from. Not `__context__`: that may be the failure of an earlier attempt."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
