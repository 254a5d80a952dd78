"""Our errors as OpenAI tells its own: https://platform.openai.com/docs/guides/error-codes"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from llm_router.dialects.inbound.faults import Fault, What, common_headers, fault
from llm_router.errors import RouterError
from llm_router.nouns import JsonDict
from llm_router.ports import Problem

_TYPES: Mapping[What, tuple[str, str | None]] = {
    "invalid": ("invalid_request_error", None),
    "authentication": ("invalid_request_error", "invalid_api_key"),
    "billing": ("insufficient_quota", "insufficient_quota"),
    "permission": ("invalid_request_error", "permission_denied"),
    "not_found": ("invalid_request_error", "model_not_found"),
    "too_large": ("invalid_request_error", "request_too_large"),
    "too_long": ("invalid_request_error", "context_length_exceeded"),
    "rate_limit": ("rate_limit_error", "rate_limit_exceeded"),
    "budget": ("insufficient_quota", "insufficient_quota"),
    "server": ("server_error", None),
    "timeout": ("timeout_error", "timeout"),
    "overloaded": ("server_error", "overloaded"),
}


def problem(error: RouterError, request_id: str) -> Problem:
    told = openai_fault(error)
    return Problem(
        told.status,
        msgspec.json.encode({"error": openai_error(told)}),
        common_headers(told) | {"x-request-id": request_id},
    )


def openai_fault(error: RouterError) -> Fault:
    """529 is Anthropic's; everybody else says 503."""
    told = fault(error)
    return replace(told, status=503) if told.status == 529 else told


def openai_error(told: Fault) -> JsonDict:
    kind, code = _TYPES[told.what]
    return {"message": told.message, "type": kind, "param": None, "code": code}
