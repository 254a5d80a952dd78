"""What vendors' refusals mean, in their own words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.dialects.cli_messages import classify
from llm_router.dialects.failures import LONGEST_MESSAGE, failure, redact
from llm_router.nouns import FailureKind as Kind


def openai(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def google(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


QUOTA = "You exceeded your current quota, please check your plan and billing details."

TABLE: list[tuple[int | None, Any, Kind]] = [
    (401, openai("Incorrect API key provided", "invalid_api_key"), Kind.AUTH),
    (429, openai(QUOTA, "insufficient_quota", "insufficient_quota"), Kind.BILLING),
    (
        429,
        openai("Rate limit reached. Please try again in 6.5s.", "rate_limit_exceeded", "tokens"),
        Kind.RATE_LIMITED,
    ),
    (
        429,
        openai("Request too large for gpt: Limit 30000, Requested 40000.", "rate_limit_exceeded"),
        Kind.CONTEXT_TOO_LONG,
    ),
    (
        400,
        openai("This model's maximum context length is 8192 tokens.", "context_length_exceeded"),
        Kind.CONTEXT_TOO_LONG,
    ),
    (404, openai("The model `x` does not exist", "model_not_found"), Kind.NOT_FOUND),
    (
        400,
        openai(
            "Unsupported parameter: 'max_tokens' is not supported with this model.", "unsupported_parameter"
        ),
        Kind.UNSUPPORTED,
    ),
    (400, openai("Invalid value for 'content': expected a string."), Kind.BAD_REQUEST),
    (400, openai("Missing required parameter: 'messages'."), Kind.BAD_REQUEST),
    (400, openai("The response was filtered due to the prompt", "content_filter"), Kind.CONTENT_FILTER),
    (
        403,
        {
            "error": {
                "message": "Country, region, or territory not supported",
                "code": "unsupported_country_region_territory",
            }
        },
        Kind.AUTH,
    ),
    (500, openai("The server had an error", None, "server_error"), Kind.SERVER_ERROR),
    (409, openai("Conflict"), Kind.SERVER_ERROR),
    (
        400,
        anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
        Kind.BILLING,
    ),
    (
        400,
        anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        Kind.CONTEXT_TOO_LONG,
    ),
    (
        400,
        anthropic(
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        ),
        Kind.CONTEXT_TOO_LONG,
    ),
    (
        400,
        anthropic("invalid_request_error", "temperature: Extra inputs are not permitted"),
        Kind.UNSUPPORTED,
    ),
    (401, anthropic("authentication_error", "invalid x-api-key"), Kind.AUTH),
    (403, anthropic("permission_error", "Your API key does not have permission"), Kind.AUTH),
    (402, anthropic("billing_error", "Payment needed"), Kind.BILLING),
    (404, anthropic("not_found_error", "model: claude-x"), Kind.NOT_FOUND),
    (413, anthropic("request_too_large", "Request exceeds the maximum size"), Kind.CONTEXT_TOO_LONG),
    (529, anthropic("overloaded_error", "Overloaded"), Kind.OVERLOADED),
    (None, anthropic("overloaded_error", "Overloaded"), Kind.OVERLOADED),
    (None, anthropic("api_error", "Internal server error"), Kind.SERVER_ERROR),
    (None, anthropic("rate_limit_error", "slow down"), Kind.RATE_LIMITED),
    (
        400,
        google(
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            {"reason": "API_KEY_INVALID"},
        ),
        Kind.AUTH,
    ),
    (429, google(429, "RESOURCE_EXHAUSTED", QUOTA + " Please retry in 46.3s."), Kind.RATE_LIMITED),
    (429, [google(429, "RESOURCE_EXHAUSTED", QUOTA)], Kind.RATE_LIMITED),
    (429, google(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), Kind.BILLING),
    (
        400,
        google(
            400,
            "INVALID_ARGUMENT",
            "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        Kind.CONTEXT_TOO_LONG,
    ),
    (
        400,
        google(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name \"$ref\" at 'tools[0]'"),
        Kind.UNSUPPORTED,
    ),
    (
        400,
        google(
            400,
            "INVALID_ARGUMENT",
            "Function calling with a response mime type: 'application/json' is unsupported",
        ),
        Kind.UNSUPPORTED,
    ),
    (404, google(404, "NOT_FOUND", "models/x is not found for API version v1beta"), Kind.NOT_FOUND),
    (503, google(503, "UNAVAILABLE", "The model is overloaded."), Kind.OVERLOADED),
    (504, google(504, "DEADLINE_EXCEEDED", "Deadline expired"), Kind.TIMEOUT),
    (404, {"error": "model 'x' not found"}, Kind.NOT_FOUND),
    (400, {"error": "registry.ollama.ai/library/gemma:2b does not support tools"}, Kind.UNSUPPORTED),
    (
        400,
        {"error": '{"error": {"message": "it did not fit", "type": "exceed_context_size_error"}}'},
        Kind.CONTEXT_TOO_LONG,
    ),
    (400, {"error": "{broken"}, Kind.BAD_REQUEST),
    (400, {"error": "this model is missing data required for image input"}, Kind.BAD_REQUEST),
    (
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
            }
        },
        Kind.CONTEXT_TOO_LONG,
    ),
    (
        422,
        {"detail": [{"msg": "Extra inputs are not permitted", "loc": ["body", "stream_options"]}]},
        Kind.UNSUPPORTED,
    ),
    (
        400,
        {
            "object": "error",
            "message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            "code": 3051,
        },
        Kind.CONTEXT_TOO_LONG,
    ),
    (402, {"error": {"message": "Insufficient Balance"}}, Kind.BILLING),
    (
        402,
        {"error": {"message": "This request requires more credits, or fewer max_tokens.", "code": 402}},
        Kind.BILLING,
    ),
    (
        200,
        {"error": {"message": "Provider returned error", "code": 503, "metadata": {"raw": "busy"}}},
        Kind.OVERLOADED,
    ),
    (
        413,
        openai(
            "Request too large for model `llama` on tokens per minute (TPM): Limit 6000",
            "rate_limit_exceeded",
        ),
        Kind.CONTEXT_TOO_LONG,
    ),
    (400, openai("model `llama` has been decommissioned and is no longer supported"), Kind.NOT_FOUND),
    (None, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, Kind.BILLING),
    (502, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", Kind.SERVER_ERROR),
    (408, None, Kind.TIMEOUT),
    (524, b"", Kind.TIMEOUT),
    (418, "teapot", Kind.SERVER_ERROR),
    (405, "", Kind.NOT_FOUND),
    (410, "Gone", Kind.NOT_FOUND),
    (415, "", Kind.UNSUPPORTED),
    (451, "", Kind.AUTH),
    (422, {"detail": [{"msg": "Field required", "loc": ["body"]}]}, Kind.BAD_REQUEST),
    (
        400,
        {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***Hh."},
        Kind.AUTH,
    ),
    (400, anthropic("invalid_request_error", "This organization has been disabled."), Kind.AUTH),
    (
        400,
        anthropic("invalid_request_error", "You have reached your specified API usage limits."),
        Kind.BILLING,
    ),
    (
        400,
        google(400, "FAILED_PRECONDITION", "The free tier is not offered there. Please enable billing."),
        Kind.BILLING,
    ),
    (
        429,
        anthropic(
            "rate_limit_error",
            "This request would exceed 40,000 input tokens per minute. Please reduce the prompt length.",
        ),
        Kind.RATE_LIMITED,
    ),
    (400, openai("Model Not Exist"), Kind.NOT_FOUND),
    (
        400,
        anthropic("invalid_request_error", "max_tokens: 9 > 8, which is the maximum allowed number"),
        Kind.UNSUPPORTED,
    ),
    (400, openai("This model only supports single tool-calls at once!"), Kind.UNSUPPORTED),
    (None, None, Kind.SERVER_ERROR),
]


@pytest.mark.parametrize(("status", "body", "kind"), TABLE)
def test_each_refusal_has_its_kind(status: int | None, body: Any, kind: Kind) -> None:
    error = failure("vendor", status, {}, body)
    assert error.kind is kind
    assert error.message
    assert error.fix


@pytest.mark.parametrize(
    ("status", "body", "kind"), [row for row in TABLE if isinstance(row[1], (dict, list))]
)
def test_a_body_reads_the_same_as_text_and_as_bytes(status: int | None, body: Any, kind: Kind) -> None:
    text = json.dumps(body)
    assert failure("vendor", status, {}, text).kind is kind
    assert failure("vendor", status, {}, text.encode()).message == failure("vendor", status, {}, body).message


def test_an_error_in_a_list_is_read_there() -> None:
    told = {"error": {"code": 400, "message": "Bad words", "status": "INVALID_ARGUMENT"}}
    for body in ([told], {"error": [told]}):
        assert failure("vendor", 400, {}, body).message == "Bad words"


@given(
    st.one_of(st.none(), st.integers(0, 999)),
    st.recursive(
        st.one_of(st.none(), st.text(), st.integers(), st.binary()),
        lambda i: st.one_of(
            st.lists(i),
            st.dictionaries(st.sampled_from(["error", "message", "code", "details", "status", "detail"]), i),
        ),
        max_leaves=8,
    ),
)
def test_no_body_is_too_strange(status: int | None, body: Any) -> None:
    error = failure("vendor", status, {}, body)
    assert isinstance(error.kind, Kind)
    assert 0 < len(error.message) <= LONGEST_MESSAGE


def test_the_message_is_the_vendors_own_and_short() -> None:
    assert failure("x", 502, {}, "<title>502 Bad Gateway</title>").message == "502 Bad Gateway"
    assert failure("x", 500, {}, openai("a " * 2000)).message.endswith("…")
    assert len(failure("x", 500, {}, openai("a" * 9_000_000)).message) == LONGEST_MESSAGE


def test_the_fix_names_the_provider() -> None:
    assert "deepseek" in failure("deepseek", 401, {}, None).fix


# ── when to come back ────────────────────────────────────────────────────────


def wait(headers: dict[str, str], body: Any = None, status: int = 429) -> float | None:
    return failure("x", status, headers, body).retry_after_s


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "60"}, 60),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        (
            {
                "x-ratelimit-reset-requests": "90ms",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "1h",
            },
            0.09,
        ),
        ({"Retry-After": "99999999"}, 7 * 86_400),
    ],
)
def test_headers_say_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert wait(headers) == seconds


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (
            google(
                429,
                "RESOURCE_EXHAUSTED",
                "no",
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "60s"},
            ),
            60,
        ),
        (openai("Rate limit reached. Please try again in 6.5s. Visit the docs."), 6.5),
        (openai("Rate limit reached. Please try again in 1m2.5s."), 62.5),
        (openai("Please try again in 310ms."), 0.31),
        (openai("Please retry after 20 seconds."), 20),
        (openai("Try again in 2 days 3 hours 5 minutes."), 2 * 86_400 + 3 * 3600 + 5 * 60),
        (openai("Rate limit reached."), None),
    ],
)
def test_words_and_details_say_when_to_come_back(body: Any, seconds: float | None) -> None:
    assert wait({}, body) == seconds


def test_a_date_says_when_to_come_back() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=300)
    for headers in (
        {"Retry-After": format_datetime(soon, usegmt=True)},
        {"anthropic-ratelimit-requests-reset": soon.isoformat()},
        {"X-RateLimit-Reset": str(int(soon.timestamp() * 1000))},
        {"x-ratelimit-reset": str(int(soon.timestamp()))},
    ):
        assert wait(headers) == pytest.approx(300, abs=30)


def test_a_clock_time_in_the_clients_words_is_local_time() -> None:
    later = datetime.now().astimezone() + timedelta(seconds=7200)
    clock = later.strftime("%I:%M %p").lstrip("0")
    found = classify("codex", f"You've hit your usage limit. Upgrade to Pro or try again at {clock}.")
    assert found.kind is Kind.RATE_LIMITED
    assert found.retry_after_s == pytest.approx(7200, abs=120)
    dated = classify(
        "codex",
        f"You've hit your usage limit. Try again at {later.strftime('%b %d').replace(' 0', ' ')}th, {later.year} {clock}.",
    )
    assert dated.retry_after_s == pytest.approx(7200, abs=120)


def test_only_limits_and_overload_say_when_to_come_back() -> None:
    assert wait({"Retry-After": "60"}, status=401) is None
    assert wait({"Retry-After": "60"}, status=503) == 60


def test_how_the_users_limits_stand_says_nothing_about_the_vendors_load() -> None:
    standing = {"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "900"}
    assert wait(standing, status=503) is None
    assert wait(standing, status=429) == 360


# ── the words of command line clients ────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("exceeded retry limit, last status: 429 Too Many Requests", Kind.RATE_LIMITED),
        (
            "You’ve hit your usage limit. Upgrade to Pro, visit settings to purchase more credits or try again later.",
            Kind.RATE_LIMITED,
        ),
        (
            "unexpected status 401 Unauthorized: Incorrect API key provided: sk-abcdefgh1234, url: http://x/v1",
            Kind.AUTH,
        ),
        ("Your access token could not be refreshed. Please log in again.", Kind.AUTH),
        ("The requested model 'nope' does not exist.", Kind.NOT_FOUND),
        ("We’re currently experiencing high demand, which may cause temporary errors.", Kind.OVERLOADED),
        ("stream disconnected before completion: it broke", Kind.SERVER_ERROR),
        (
            '{"type":"error","status":400,"error":{"type":"invalid_request_error","message":"The \'x\' model is not supported when using Codex with a ChatGPT account."}}',
            Kind.UNSUPPORTED,
        ),
        ("Please set an Auth method in your settings.json", Kind.AUTH),
        ("", Kind.SERVER_ERROR),
    ],
)
def test_the_words_of_clients_have_their_kind(message: str, kind: Kind) -> None:
    found = classify("codex", message)
    assert found.kind is kind
    assert "sk-abc" not in found.message


# ── credentials ──────────────────────────────────────────────────────────────

KEYS = [
    "sk-proj-abcDEF123456789abcDEF123456789",
    "sk-ant-api03-AbCdEf_123456-xyz",
    "sk-or-v1-0123456789abcdef",
    "sk-abc***********wxyz",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "gsk_abcdefghij1234567890",
    "xai-abcdefghij1234567890",
    "nvapi-abcdefghij1234567890",
    "hf_abcdefghijKLMNOP",
    "ghp_abcdefghij1234567890",
    "github_pat_11ABCDEFG0abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "ya29.a0AfH6SMBabcdefghijk",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-DEF_123",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "frame", ["key {} refused", '{{"api_key": "{}"}}', "Bearer {}", "https://x.test/?key={}", "({}),", "x={}"]
)
def test_nothing_that_looks_like_a_key_gets_through(key: str, frame: str) -> None:
    assert key not in redact(frame.format(key))
    assert key not in failure("x", 400, {}, openai(frame.format(key))).message


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer 0123456789abcdef",
        "x-api-key: 0123456789abcdef",
        "api_key=0123456789abcdef",
        "password='0123456789abcdef'",
        "https://user:0123456789abcdef@host/v1",
        "Authorization: Basic 0123456789abcdef",
    ],
)
def test_a_labelled_secret_of_any_shape_is_blotted_out(text: str) -> None:
    assert "0123456789abcdef" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "The model `gpt-x` does not exist",
        "Bearer authentication is required",
        "a task-based risk-free approach",
        "Unknown key: messages",
        "prompt is too long: 210000 tokens > 200000 maximum",
    ],
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


def test_redacting_a_megabyte_of_noise_terminates() -> None:
    for noise in ("sk-" * 300_000, "a" * 1_000_000, "key=" * 250_000, "eyJ" * 300_000, "://" * 300_000):
        redact(noise)
