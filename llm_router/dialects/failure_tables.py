"""What vendors' codes, statuses and words mean, as data for `failures.py`. Order matters: the first match wins."""

from __future__ import annotations

import re

from llm_router.nouns import FailureKind as Kind

# Codes that mean one thing whatever the status; the vendors' own, in lower case.
CODES: dict[str, Kind] = {
    "context_length_exceeded": Kind.CONTEXT_TOO_LONG,
    "request_too_large": Kind.CONTEXT_TOO_LONG,
    "string_above_max_length": Kind.CONTEXT_TOO_LONG,
    "exceed_context_size_error": Kind.CONTEXT_TOO_LONG,
    "insufficient_quota": Kind.BILLING,
    "billing_error": Kind.BILLING,
    "billing_hard_limit_reached": Kind.BILLING,
    "billing_not_active": Kind.BILLING,
    "insufficient_balance": Kind.BILLING,
    "exceeded_current_quota_error": Kind.BILLING,
    "arrearage": Kind.BILLING,
    "content_filter": Kind.CONTENT_FILTER,
    "content_policy_violation": Kind.CONTENT_FILTER,
    "data_inspection_failed": Kind.CONTENT_FILTER,
    "image_content_policy_violation": Kind.CONTENT_FILTER,
    "invalid_prompt": Kind.CONTENT_FILTER,
    "bio_policy": Kind.CONTENT_FILTER,
    "cyber_policy": Kind.CONTENT_FILTER,
    "model_not_found": Kind.NOT_FOUND,
    "model_not_supported": Kind.NOT_FOUND,
    "deploymentnotfound": Kind.NOT_FOUND,
    "invalid_api_key": Kind.AUTH,
    "api_key_invalid": Kind.AUTH,
    "unsupported_parameter": Kind.UNSUPPORTED,
    "unsupported_value": Kind.UNSUPPORTED,
    "unsupported_image_media_type": Kind.UNSUPPORTED,
    "misalignment_policy_violation": Kind.CONTENT_FILTER,
    "data_residency_mismatch": Kind.AUTH,
    # Anthropic's `error.details.error_code`: with 429 and 400, and yet neither passes nor lies in the request
    "contract_spend_limit_reached": Kind.BILLING,
    "enforced_spend_limit_reached": Kind.BILLING,
    "organization_on_hold": Kind.AUTH,
    "organization_type_not_supported": Kind.AUTH,
    "claude_code_key_creator_not_member": Kind.AUTH,
    "cmek_key_disabled": Kind.AUTH,
    "cmek_key_network_blocked": Kind.AUTH,
}

# Kinds of error that say little more than the status: they count where there is none, as inside a stream.
TYPES: dict[str, Kind] = {
    "authentication_error": Kind.AUTH,
    "permission_error": Kind.AUTH,
    "permission_denied": Kind.AUTH,
    "unauthenticated": Kind.AUTH,
    "not_found_error": Kind.NOT_FOUND,
    "not_found": Kind.NOT_FOUND,
    "rate_limit_error": Kind.RATE_LIMITED,
    "rate_limit_exceeded": Kind.RATE_LIMITED,
    "too_many_requests": Kind.RATE_LIMITED,
    "resource_exhausted": Kind.RATE_LIMITED,
    "overloaded_error": Kind.OVERLOADED,
    "overloaded": Kind.OVERLOADED,
    "server_is_overloaded": Kind.OVERLOADED,
    "unavailable": Kind.OVERLOADED,
    "timeout_error": Kind.TIMEOUT,
    "deadline_exceeded": Kind.TIMEOUT,
    "invalid_request_error": Kind.BAD_REQUEST,
    "invalid_argument": Kind.BAD_REQUEST,
    "failed_precondition": Kind.BAD_REQUEST,
    "vector_store_timeout": Kind.TIMEOUT,
} | dict.fromkeys(
    # https://platform.openai.com/docs/api-reference/responses/object: pictures that OpenAI cannot read
    (
        *("invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url"),
        *("invalid_image_mode", "image_too_large", "image_too_small", "image_parse_error"),
        *("image_file_too_large", "empty_image_file", "failed_to_download_image", "image_file_not_found"),
    ),
    Kind.BAD_REQUEST,
)

STATUS: dict[int, Kind] = {
    401: Kind.AUTH,
    402: Kind.BILLING,
    403: Kind.AUTH,
    404: Kind.NOT_FOUND,
    405: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    409: Kind.SERVER_ERROR,
    410: Kind.NOT_FOUND,
    413: Kind.CONTEXT_TOO_LONG,
    415: Kind.UNSUPPORTED,
    425: Kind.SERVER_ERROR,
    429: Kind.RATE_LIMITED,
    451: Kind.AUTH,  # not offered where the user is
    498: Kind.OVERLOADED,  # Groq: flex capacity exceeded
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    508: Kind.LOOP,  # an llm-router that the request had passed: see hops.py
    524: Kind.TIMEOUT,  # Cloudflare
    529: Kind.OVERLOADED,
}

WORDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        Kind.CONTEXT_TOO_LONG,
        re.compile(
            r"context (?:length|window|size)|maximum (?:context|prompt|input) length|prompt is too long"
            r"|(?:prompt|input|request|messages?|conversation)\b[^.]{0,40} (?:is |are |was |were )?too (?:long|large)"
            r"|too many (?:input |total )?tokens|input (?:token count|length)[^.]{0,60}exceed|exceeds?[^.]{0,40}(?:token limit|max(?:imum)? tokens|context)"
            r"|reduce (?:the|your) (?:length|prompt|input|number of tokens)|longer than the model|max_seq_len|exceeds the available context",
            re.IGNORECASE,
        ),
    ),
    (
        Kind.BILLING,
        re.compile(
            r"credit balance|insufficient[ _](?:balance|credits?|funds|quota)|out of credits?|requires? more credits"
            r"|credits? (?:are |is |have been )?(?:depleted|exhausted|used up)|payment required|account is (?:overdue|not active|in arrears)"
            r"|spend(?:ing)? limit|billing (?:hard limit|is not (?:active|enabled))|no (?:active )?(?:subscription|resource package)|recharge"
            r"|specified (?:api )?usage limits?|enable billing",
            re.IGNORECASE,
        ),
    ),
    (
        Kind.CONTENT_FILTER,
        re.compile(
            r"content (?:management|filter|policy)|safety (?:system|policy|filter)|responsible ?ai|flagged as potentially"
            r"|violat\w+ (?:our|the|its) (?:usage|content) polic|prompt (?:was )?blocked",
            re.IGNORECASE,
        ),
    ),
)
KEY_WORDS = re.compile(
    r"api[ _-]?key (?:not valid|is invalid|expired|not found)|(?:invalid|incorrect) api[ _-]?(?:key|token)"
    r"|organization has been disabled",
    re.IGNORECASE,
)
MODEL_WORDS = re.compile(
    r"model[^.]{0,80}(?:(?:does )?not exist|not found|not available|is not a valid|has been (?:deprecated|decommissioned|retired))"
    r"|(?:unknown|invalid|no such) model\b|not a valid model",
    re.IGNORECASE,
)
UNSUPPORTED_WORDS = re.compile(
    r"(?:not|n't|un)[ -]?(?:currently |yet )?(?:support|accept|available (?:for|with) this|permitted|allowed|enabled (?:for|with) this)"
    r"|only (?:the )?(?:default|text)\b|only supports\b|which is the maximum allowed|(?:is|are|was) deprecated|extra inputs?|unrecognized (?:request )?(?:argument|parameter)"
    r"|unknown (?:name|field|parameter)|not a multimodal|invalid (?:json )?schema|invalid_function_parameters",
    re.IGNORECASE,
)

PLAIN_WORDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        Kind.RATE_LIMITED,
        re.compile(r"rate.?limit|usage limit|quota|too many requests|resource.exhausted", re.IGNORECASE),
    ),
    (Kind.OVERLOADED, re.compile(r"overloaded|high demand|at capacity|unavailable", re.IGNORECASE)),
    (
        Kind.AUTH,
        re.compile(
            r"not logged in|(?:log|sign) ?in again|please (?:log|sign) ?in|unauthori[sz]ed|forbidden|authenticat|auth method"
            r"|(?:access |refresh )?token (?:has )?(?:expired|was revoked|could not be refreshed)",
            re.IGNORECASE,
        ),
    ),
    (Kind.AUTH, KEY_WORDS),
    (Kind.NOT_FOUND, MODEL_WORDS),
    (Kind.TIMEOUT, re.compile(r"timed? ?out|deadline", re.IGNORECASE)),
    (Kind.UNSUPPORTED, UNSUPPORTED_WORDS),
)

FIXES: dict[Kind, str] = {
    Kind.AUTH: "Check the key or login of {provider}: `llm-router doctor` names what it needs.",
    Kind.BILLING: "Add credit or raise the limit of your account at {provider}.",
    Kind.NOT_FOUND: "`llm-router models` lists the models that {provider} offers.",
    Kind.RATE_LIMITED: "Wait{wait}, or allow another provider.",
    Kind.OVERLOADED: "Try again{wait}, or allow another provider.",
    Kind.SERVER_ERROR: "Try again, or allow another provider.",
    Kind.TIMEOUT: "Try again, or give it longer.",
    Kind.CONTEXT_TOO_LONG: "Shorten the prompt, or use a model with a larger context window.",
    Kind.UNSUPPORTED: "Use a model that supports it: `llm-router models` shows what each can do.",
    Kind.CONTENT_FILTER: "Rephrase the request, or use another provider.",
    Kind.LOOP: "Correct the base_url of {provider}: `llm-router providers` shows it.",
    Kind.BAD_REQUEST: "Correct the request: another model would refuse it too.",
}
