"""Errors in each vendor's own words. A `Problem` says what is wrong; each function gives its status and body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llm_router.sandbox.frames import new_id
from llm_router.sandbox.plain import JsonDict


@dataclass(frozen=True, slots=True)
class Problem:
    """`kind` is "status" or a fault's name; `message` replaces the vendor's words; `retry_s` goes into bodies
    that have a place for it; `input_tokens` is what a context error complains about.
    """

    kind: str = "status"
    status: int = 500
    message: str = ""
    retry_s: float | None = None
    model: str = ""
    vendor: str = ""
    input_tokens: int = 0

    @property
    def limit(self) -> int:
        """The context window a context error claims: a round number the input does not fit."""
        return next((n for n in (1_048_576, 200_000, 128_000, 32_768, 8192) if n < self.input_tokens), 4096)

    @property
    def too_many(self) -> int:
        return max(self.input_tokens, self.limit + 1)


Told = tuple[int, JsonDict]


def _status(problem: Problem, by_kind: dict[str, int]) -> int:
    return problem.status or by_kind.get(problem.kind, 500)


_ANTHROPIC_TYPES = {
    400: ("invalid_request_error", "The request was not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your organization's billing prevents this request."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your account's rate limit. Please try again later."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}
_ANTHROPIC_KINDS = {"wrong_key": 401, "out_of_credit": 400, "unknown_model": 404, "context_too_long": 400}


def anthropic(problem: Problem) -> Told:
    status = _status(problem, _ANTHROPIC_KINDS)
    fallback = _ANTHROPIC_TYPES[400 if status < 500 else 500]
    kind, message = _ANTHROPIC_TYPES.get(status, fallback)
    special = {
        "out_of_credit": "Your credit balance is too low to access the Anthropic API. "
        "Please go to Plans & Billing to upgrade or purchase credits.",
        "unknown_model": f"model: {problem.model}",
        "context_too_long": f"prompt is too long: {problem.too_many} tokens > {problem.limit} maximum",
    }
    message = problem.message or special.get(problem.kind, message)
    error = {"type": kind, "message": message}
    return status, {"type": "error", "error": error, "request_id": new_id("req_")}


_OPENAI_TEXTS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request was not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sandbox-***."),
    402: ("unknown_error", "invalid_request_error", "Insufficient Balance"),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", None, "Not found"),
    429: (
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached for {model} in organization org-sandbox on requests per min (RPM): Limit 3, Used 3, Requested 1.",
    ),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("service_unavailable_error", None, "The engine is currently overloaded, please try again later."),
}
_OPENAI_KINDS = {"wrong_key": 401, "out_of_credit": 429, "unknown_model": 404, "context_too_long": 400}
_OPENAI_PREPAID = {"deepseek", "openrouter", "moonshot", "siliconflow"}


def openai(problem: Problem) -> Told:
    """The body OpenAI and the vendors compatible with it send; prepaid ones say 402 when the credit is gone."""
    prepaid = problem.kind == "out_of_credit" and problem.vendor in _OPENAI_PREPAID
    status = 402 if prepaid and not problem.status else _status(problem, _OPENAI_KINDS)
    fallback = _OPENAI_TEXTS[400 if status < 500 else 500]
    kind, code, message = _OPENAI_TEXTS.get(status, fallback)
    param: str | None = None
    message = message.format(model=problem.model)
    if status == 429 and problem.retry_s is not None:
        message += f" Please try again in {problem.retry_s:g}s."
    if problem.kind == "out_of_credit" and status == 429:
        kind = code = "insufficient_quota"
        message = "You exceeded your current quota, please check your plan and billing details."
    elif problem.kind == "unknown_model":
        code = "model_not_found"
        message = f"The model `{problem.model}` does not exist or you do not have access to it."
    elif problem.kind == "context_too_long":
        code, param = "context_length_exceeded", "messages"
        message = (
            f"This model's maximum context length is {problem.limit} tokens. However, your messages resulted in "
            f"{problem.too_many} tokens. Please reduce the length of the messages."
        )
    return status, {
        "error": {"message": problem.message or message, "type": kind, "param": param, "code": code}
    }


_GEMINI_TEXTS = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    402: ("FAILED_PRECONDITION", "Billing is not enabled for this project."),
    403: ("PERMISSION_DENIED", "Permission denied on resource project sandbox."),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: (
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "The request timed out. Please try again."),
}
_GEMINI_KINDS = {"wrong_key": 400, "out_of_credit": 429, "unknown_model": 404, "context_too_long": 400}
_RPC = "type.googleapis.com/google.rpc."


def gemini(problem: Problem) -> Told:
    status = _status(problem, _GEMINI_KINDS)
    name, message = _GEMINI_TEXTS.get(status, _GEMINI_TEXTS[400 if status < 500 else 500])
    special = {
        "wrong_key": "API key not valid. Please pass a valid API key.",
        "out_of_credit": "Your prepayment credits are depleted. Please go to AI Studio to manage your billing.",
        "unknown_model": f"models/{problem.model} is not found for API version v1beta, or is not supported for generateContent.",
        "context_too_long": f"The input token count ({problem.too_many}) exceeds the maximum number of tokens allowed ({problem.limit}).",
    }
    error: JsonDict = {
        "code": status,
        "message": problem.message or special.get(problem.kind, message),
        "status": name,
    }
    if details := _gemini_details(problem, status):
        error["details"] = details
    return status, {"error": error}


def _gemini_details(problem: Problem, status: int) -> list[dict[str, Any]]:
    details: list[dict[str, Any]] = []
    if problem.kind == "wrong_key":
        info = {"reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        details.append({"@type": _RPC + "ErrorInfo", **info})
    if status == 429 and problem.kind == "status":
        quota = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "50"}
        details.append({"@type": _RPC + "QuotaFailure", "violations": [quota]})
    if problem.retry_s is not None:
        details.append({"@type": _RPC + "RetryInfo", "retryDelay": f"{problem.retry_s:g}s"})
    return details


_OLLAMA_TEXTS = {
    400: "invalid request",
    401: "unauthorized",
    402: "payment required",
    403: "forbidden",
    429: "too many requests",
    500: "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error",
    503: "server busy, please try again.  maximum pending requests exceeded",
}
_OLLAMA_KINDS = {"wrong_key": 401, "out_of_credit": 402, "unknown_model": 404, "context_too_long": 400}


def ollama(problem: Problem) -> Told:
    status = _status(problem, _OLLAMA_KINDS)
    special = {
        "unknown_model": f"model '{problem.model}' not found",
        "context_too_long": "the input length exceeds the context length",
    }
    message = special.get(problem.kind) or _OLLAMA_TEXTS.get(status, f"request failed with status {status}")
    return status, {"error": problem.message or message}
