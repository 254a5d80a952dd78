"""Errors as each caller's SDK knows them, with what clients act on: status, type, retry-after, x-should-retry."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from llm_router.dialects.inbound import get
from llm_router.errors import (
    AllFailedError,
    BudgetError,
    ConfigError,
    CredentialsError,
    NotFoundError,
    PolicyError,
    RefusedError,
    RouterError,
    UpstreamError,
    UsageError,
)
from llm_router.nouns import (
    Assessment,
    Attempt,
    Candidate,
    Complexity,
    Decision,
    FailureKind,
    Model,
    Plan,
    Task,
    Verdict,
    ask,
)

CLAUDE_CODE_READS = re.compile(r"prompt is too long: \d+ tokens > \d+ maximum")


def upstream(kind: FailureKind, message: str = "The vendor's words.", **fields: Any) -> UpstreamError:
    return UpstreamError(kind, message, **fields)


def told(error: RouterError, dialect: str = "anthropic") -> tuple[int, dict[str, Any], dict[str, str]]:
    problem = get(dialect).problem(error, "req_1")
    return problem.status, json.loads(problem.body), dict(problem.headers)


ANTHROPIC: list[tuple[RouterError, int, str]] = [
    (UsageError("messages: Field required"), 400, "invalid_request_error"),
    (RefusedError(401, "no key"), 401, "authentication_error"),
    (RefusedError(403, "not from there"), 403, "permission_error"),
    (RefusedError(404, "no such path"), 404, "not_found_error"),
    (RefusedError(413, "too large"), 413, "request_too_large"),
    (ConfigError("broken file"), 500, "api_error"),
    (CredentialsError("no key is set"), 401, "authentication_error"),
    (NotFoundError("no such model"), 404, "not_found_error"),
    (PolicyError("blocked"), 403, "permission_error"),
    (BudgetError("the day's budget is used up"), 429, "billing_error"),
    (RouterError("a defect"), 500, "api_error"),
    (upstream(FailureKind.BAD_REQUEST, status=400), 400, "invalid_request_error"),
    (upstream(FailureKind.BAD_REQUEST, status=422), 422, "invalid_request_error"),
    (upstream(FailureKind.UNSUPPORTED), 400, "invalid_request_error"),
    (upstream(FailureKind.CONTENT_FILTER, status=451), 400, "invalid_request_error"),
    (upstream(FailureKind.CONTEXT_TOO_LONG, "too large", status=413), 413, "request_too_large"),
    (upstream(FailureKind.AUTH, status=401), 401, "authentication_error"),
    (upstream(FailureKind.AUTH, status=403), 403, "permission_error"),
    (upstream(FailureKind.BILLING, status=402), 402, "billing_error"),
    (upstream(FailureKind.NOT_FOUND, status=404), 404, "not_found_error"),
    (upstream(FailureKind.RATE_LIMITED, status=429), 429, "rate_limit_error"),
    (upstream(FailureKind.OVERLOADED, status=529), 529, "overloaded_error"),
    (upstream(FailureKind.OVERLOADED, status=503), 503, "overloaded_error"),
    (upstream(FailureKind.OVERLOADED), 529, "overloaded_error"),
    (upstream(FailureKind.SERVER_ERROR, status=500), 500, "api_error"),
    (upstream(FailureKind.SERVER_ERROR, status=502), 502, "api_error"),
    (upstream(FailureKind.TIMEOUT), 504, "timeout_error"),
    (upstream(FailureKind.CONNECTION), 502, "api_error"),
    (upstream(FailureKind.MALFORMED, status=200), 502, "api_error"),
    (upstream(FailureKind.TRUNCATED), 502, "api_error"),
    (upstream(FailureKind.EMPTY), 502, "api_error"),
    (upstream(FailureKind.COOLING), 529, "overloaded_error"),
]


@pytest.mark.parametrize(("error", "status", "kind"), ANTHROPIC)
def test_errors_for_anthropic_clients(error: RouterError, status: int, kind: str) -> None:
    got, body, _ = told(error)
    assert (got, body["error"]["type"]) == (status, kind)
    assert body["type"] == "error"
    assert body["request_id"] == "req_1"
    assert error.message.rstrip(".") in body["error"]["message"]


@pytest.mark.parametrize("error", [row[0] for row in ANTHROPIC])
def test_anthropics_client_raises_them_as_its_own(error: RouterError) -> None:
    import anthropic
    import httpx2

    problem = get("anthropic").problem(error, "req_1")
    response = httpx2.Response(
        problem.status,
        content=problem.body,
        headers={"content-type": "application/json", **problem.headers},
        request=httpx2.Request("POST", "http://127.0.0.1:9/v1/messages"),
    )
    with anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1:9", max_retries=0) as client:
        raised = client._make_status_error_from_response(response)
        assert raised.status_code == problem.status
        assert isinstance(raised.body, dict)
        # budgets, keys, policies and a filter's refusal are nothing that another try would mend
        final = problem.headers.get("x-should-retry") == "false"
        filtered = isinstance(error, UpstreamError) and error.kind is FailureKind.CONTENT_FILTER
        assert final == (problem.status in (401, 402, 403) or filtered or isinstance(error, BudgetError))
        assert not (final and client._should_retry(response))


@pytest.mark.parametrize("status", [400, 413])
def test_what_a_vendor_says_of_a_request_is_told_word_by_word(status: int) -> None:
    words = "messages.3.content.0: unexpected `thing`."
    error = upstream(FailureKind.BAD_REQUEST, words, status=status, fix="ask differently")
    for dialect in ("anthropic", "openai_chat"):
        assert told(error, dialect)[1]["error"]["message"] == words


def test_what_to_do_about_a_key_is_told_with_it() -> None:
    error = upstream(FailureKind.AUTH, "Wrong key.", status=401, fix="Check OPENAI_API_KEY.")
    assert told(error)[1]["error"]["message"] == "Wrong key. Check OPENAI_API_KEY."


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
def test_when_to_come_back_is_told_in_whole_seconds(dialect: str) -> None:
    headers = told(upstream(FailureKind.RATE_LIMITED, status=429, retry_after_s=7.2), dialect)[2]
    assert headers["retry-after"] == "8"
    assert "retry-after" not in told(upstream(FailureKind.RATE_LIMITED, status=429), dialect)[2]


def test_a_budget_looks_like_a_limit_of_the_subscription() -> None:
    error = BudgetError("$5 a day are used up", fix="`llm-router budget set`", resets_at=time.time() + 600)
    status, body, headers = told(error)
    assert (status, body["error"]["type"]) == (429, "billing_error")
    assert body["error"]["message"] == "$5 a day are used up. `llm-router budget set`"
    assert headers["x-should-retry"] == "false"
    assert headers["anthropic-ratelimit-unified-status"] == "rejected"
    assert headers["anthropic-ratelimit-unified-reset"] == str(int(error.resets_at))
    assert 0 < int(headers["retry-after"]) <= 601
    status, body, headers = told(error, "openai_chat")
    assert (status, body["error"]["code"], headers["x-should-retry"]) == (429, "insufficient_quota", "false")


# ── too long ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "prompt is too long: 210000 tokens > 200000 maximum",
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
        (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130123 tokens.",
            "prompt is too long: 130123 tokens > 128000 maximum",
        ),
        (
            "This model's maximum context length is 32,768 tokens. However, you requested 40,000 tokens.",
            "prompt is too long: 40000 tokens > 32768 maximum",
        ),
        (
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "prompt is too long: 1200000 tokens > 1048576 maximum",
        ),
        (
            "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it",
            "prompt is too long: 9000 tokens > 8192 maximum",
        ),
    ],
)
def test_a_prompt_too_long_is_said_as_claude_code_reads_it(message: str, expected: str) -> None:
    status, body, _ = told(upstream(FailureKind.CONTEXT_TOO_LONG, message, status=400))
    assert (status, body["error"]) == (400, {"type": "invalid_request_error", "message": expected})
    status, body, _ = told(upstream(FailureKind.CONTEXT_TOO_LONG, message, status=400), "openai_chat")
    assert (status, body["error"]["code"]) == (400, "context_length_exceeded")
    assert body["error"]["message"] == message


def test_without_figures_the_plan_knows_them() -> None:
    error = upstream(FailureKind.CONTEXT_TOO_LONG, "it does not fit", status=400)
    error.decision = decision(Plan((Candidate(Model("a", "m", context=8_000), ""),), input_tokens=9_500))
    assert told(error)[1]["error"]["message"] == "prompt is too long: 9500 tokens > 8000 maximum"
    assert CLAUDE_CODE_READS.fullmatch(
        told(upstream(FailureKind.CONTEXT_TOO_LONG, "no"))[1]["error"]["message"]
    )


def decision(plan: Plan) -> Decision:
    assessment = Assessment(Task.QUERY, Complexity.SIMPLE, 1.0, 0.0)
    return Decision("d", 0.0, ask("hi"), assessment, Verdict(), plan)


# ── when everybody failed ────────────────────────────────────────────────────


def attempt(provider: str, kind: FailureKind, detail: str, **fields: Any) -> Attempt:
    return Attempt(provider, "m", kind, 0.0, 1.0, detail=detail, **fields)


def test_the_only_candidates_failure_is_told_as_its_own() -> None:
    attempts = [attempt("a", FailureKind.OVERLOADED, "Overloaded", status=529, retry_after_s=3.0)] * 3
    error = AllFailedError("no answer from a/m: Overloaded (tried 3 times)", attempts, fix="another")
    status, body, headers = told(error)
    assert (status, body["error"]) == (529, {"type": "overloaded_error", "message": "Overloaded"})
    assert headers["retry-after"] == "3"


@pytest.mark.parametrize(
    ("kinds", "status", "kind"),
    [
        ([FailureKind.RATE_LIMITED, FailureKind.AUTH], 429, "rate_limit_error"),
        ([FailureKind.AUTH, FailureKind.CONTEXT_TOO_LONG], 400, "invalid_request_error"),
        ([FailureKind.COOLING, FailureKind.BILLING], 402, "billing_error"),
        ([FailureKind.COOLING, FailureKind.COOLING], 529, "overloaded_error"),
        ([FailureKind.UNSUPPORTED, FailureKind.SERVER_ERROR], 500, "api_error"),
    ],
)
def test_of_several_failures_the_one_the_client_can_act_on_is_told(
    kinds: list[FailureKind], status: int, kind: str
) -> None:
    attempts = [attempt(f"p{n}", each, f"words {n}") for n, each in enumerate(kinds)]
    got, body, _ = told(AllFailedError("none of 2 attempts gave an answer", attempts))
    assert (got, body["error"]["type"]) == (status, kind)


# ── OpenAI ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (UsageError("no"), 400, "invalid_request_error", None),
        (RefusedError(401, "no key"), 401, "invalid_request_error", "invalid_api_key"),
        (NotFoundError("no such model"), 404, "invalid_request_error", "model_not_found"),
        (upstream(FailureKind.RATE_LIMITED, status=429), 429, "rate_limit_error", "rate_limit_exceeded"),
        (upstream(FailureKind.OVERLOADED, status=529), 503, "server_error", "overloaded"),
        (upstream(FailureKind.SERVER_ERROR, status=500), 500, "server_error", None),
        (upstream(FailureKind.BILLING), 402, "insufficient_quota", "insufficient_quota"),
    ],
)
def test_errors_for_openai_clients(error: RouterError, status: int, kind: str, code: str | None) -> None:
    got, body, headers = told(error, "openai_chat")
    assert (got, body["error"]["type"], body["error"]["code"]) == (status, kind, code)
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert headers["x-request-id"] == "req_1"
