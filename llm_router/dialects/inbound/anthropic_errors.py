"""Our errors as Anthropic tells its own: https://platform.claude.com/docs/en/api/errors"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from llm_router.dialects.inbound.faults import Fault, What, common_headers, fault, too_long
from llm_router.errors import RouterError
from llm_router.nouns import JsonDict
from llm_router.ports import Problem

_TYPES: Mapping[What, str] = {
    "invalid": "invalid_request_error",
    "authentication": "authentication_error",
    "billing": "billing_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "too_large": "request_too_large",
    "too_long": "invalid_request_error",
    "rate_limit": "rate_limit_error",
    "budget": "billing_error",
    "server": "api_error",
    "timeout": "timeout_error",
    "overloaded": "overloaded_error",
}


def problem(error: RouterError, request_id: str) -> Problem:
    told = _fault(error)
    headers = common_headers(told)
    if told.what == "budget":
        headers |= _limits(told)
    return Problem(told.status, _body(told, request_id), headers)


def error_body(error: RouterError) -> bytes:
    """The data of an `error` event. It begins as the body of a response does, but is told without a request id."""
    return _body(_fault(error), "")


def _fault(error: RouterError) -> Fault:
    told = fault(error)
    return too_long(told, error) if told.what == "too_long" else told


def _body(told: Fault, request_id: str) -> bytes:
    body: JsonDict = {"type": "error", "error": {"type": _TYPES[told.what], "message": told.message}}
    if request_id:
        body["request_id"] = request_id
    return msgspec.json.encode(body)


def _limits(told: Fault) -> dict[str, str]:
    """What a subscription's own limits look like: Claude Code then says when it may go on, and does not try again."""
    headers = {"anthropic-ratelimit-unified-status": "rejected"}
    if told.resets_at:
        headers["anthropic-ratelimit-unified-reset"] = str(int(told.resets_at))
    return headers
