"""Our errors as Google tells its own: https://cloud.google.com/apis/design/errors"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from llm_router.dialects.inbound.faults import Fault, What, common_headers
from llm_router.dialects.inbound.openai_chat_errors import openai_fault
from llm_router.errors import RouterError
from llm_router.nouns import JsonDict
from llm_router.ports import Problem

_STATUS: Mapping[What, str] = {
    "invalid": "INVALID_ARGUMENT",
    "authentication": "UNAUTHENTICATED",
    "billing": "FAILED_PRECONDITION",
    "permission": "PERMISSION_DENIED",
    "not_found": "NOT_FOUND",
    "too_large": "INVALID_ARGUMENT",
    "too_long": "INVALID_ARGUMENT",
    "rate_limit": "RESOURCE_EXHAUSTED",
    "budget": "RESOURCE_EXHAUSTED",
    "server": "INTERNAL",
    "timeout": "DEADLINE_EXCEEDED",
    "overloaded": "UNAVAILABLE",
}
_RPC = "type.googleapis.com/google.rpc."


def problem(error: RouterError, request_id: str) -> Problem:
    told = openai_fault(error)
    return Problem(told.status, error_body(error), common_headers(told) | {"x-request-id": request_id})


def error_body(error: RouterError) -> bytes:
    told = openai_fault(error)
    body: JsonDict = {"code": told.status, "message": told.message, "status": _STATUS[told.what]}
    if details := _details(told):
        body["details"] = details
    return msgspec.json.encode({"error": body})


def _details(told: Fault) -> list[JsonDict]:
    """Gemini CLI waits as long as RetryInfo says, and does not try again where a quota of the day is used up."""
    if told.what == "budget":
        violation = {
            "quotaId": "LlmRouterBudgetPerDay",
            "quotaMetric": "llm-router/budget",
            "subject": "budget",
        }
        return [{"@type": f"{_RPC}QuotaFailure", "violations": [violation]}]
    if told.retry_after_s is None:
        return []
    return [{"@type": f"{_RPC}RetryInfo", "retryDelay": f"{max(1, math.ceil(told.retry_after_s))}s"}]
