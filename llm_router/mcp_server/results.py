"""What a tool hands back: the same in text and as structured content, because some hosts show their model only the
one, some only the other. Errors likewise, each with what to do about it.
"""

from __future__ import annotations

import json

from mcp_types import CallToolResult, TextContent

from llm_router.errors import RouterError, UsageError
from llm_router.nouns import Billing, Decision, JsonDict, Reply

FAILURE: JsonDict = {"error": {"type": "string"}, "fix": {"type": "string"}}


def _schema(**properties: JsonDict) -> JsonDict:
    """Nothing is required: a failure has none of the other fields, and clients check it against the same schema."""
    return {"type": "object", "properties": properties | FAILURE}


_STRING: JsonDict = {"type": "string"}
_NUMBER_OR_NULL: JsonDict = {"type": ["number", "null"]}

ANSWER_SCHEMA = _schema(
    answer=_STRING,
    footer=_STRING,
    model=_STRING,
    tokens={"type": "integer"},
    cost_usd=_NUMBER_OR_NULL,
    decision=_STRING,
)
CLASS_SCHEMA = _schema(
    task=_STRING,
    complexity=_STRING,
    confidence={"type": "number"},
    difficulty={"type": "number"},
    p_small={"type": "number"},
    p_mid={"type": "number"},
    p_frontier={"type": "number"},
    gain={"type": "number"},
    by=_STRING,
    reasons={"type": "array", "items": _STRING},
)
_OBJECTS: JsonDict = {"type": "array", "items": {"type": "object"}}
ROUTE_SCHEMA = _schema(
    **{key: value for key, value in ANSWER_SCHEMA["properties"].items() if key not in FAILURE},
    task=_STRING,
    complexity=_STRING,
    chain=_OBJECTS,
)
ROWS_SCHEMA = _schema(rows=_OBJECTS)
RATED_SCHEMA = _schema(decision=_STRING)


def usd(micro: int | None) -> float | None:
    """None stays None: an unknown price is not zero."""
    return None if micro is None else micro / 1_000_000


def money(micro: int | None) -> str:
    if micro is None:
        return "unpriced"
    dollars = f"{micro / 1_000_000:.6f}".rstrip("0")
    return "$0" if micro == 0 else f"${dollars}{'0' * max(0, 2 - len(dollars.split('.')[1]))}"


def footer(reply: Reply) -> str:
    """`model · tokens · cost · ms`. Tokens are input and output together; ~ marks an estimate."""
    decision, usage = reply.decision, reply.answer.usage
    winner = decision.winner
    tokens = f"{'~' if usage.estimated else ''}{usage.input_tokens + usage.output_tokens:,} tokens"
    cost = money(decision.cost)
    if decision.cost == 0 and winner is not None and winner.billing is not Billing.METERED:
        cost = f"$0 ({winner.billing})"
    parts = [_model(decision), tokens, cost, f"{decision.total_ms:.0f} ms"]
    if reply.answer.stop_reason == "length":
        parts.append("cut at the output limit")
    if winner is not None and winner.verification is not None and winner.verification.failed:
        names = ", ".join(check.verifier for check in winner.verification.failed)
        parts.append(f"checks failed: {names}")
    return " · ".join(parts)


def _model(decision: Decision) -> str:
    winner = decision.winner
    return f"{winner.provider}/{winner.model}" if winner is not None else "unknown"


def answered(reply: Reply) -> CallToolResult:
    usage, last_line = reply.answer.usage, footer(reply)
    return CallToolResult(
        content=[TextContent(text=f"{clean(reply.text)}\n\n{last_line}")],
        structured_content={
            "answer": clean(reply.text),
            "footer": last_line,
            "model": _model(reply.decision),
            "tokens": usage.input_tokens + usage.output_tokens,
            "cost_usd": usd(reply.decision.cost),
            "decision": reply.decision.id,
        },
    )


def reported(facts: JsonDict) -> CallToolResult:
    """Facts without prose: the text is the same JSON."""
    text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
    return CallToolResult(content=[TextContent(text=clean(text))], structured_content=json.loads(clean(text)))


def misused(message: str) -> CallToolResult:
    return failed(UsageError(message, fix="correct the arguments and call again"))


def failed(error: RouterError) -> CallToolResult:
    return failure(error.message, error.fix, error.as_dict())


def failure(message: str, fix: str, facts: JsonDict | None = None) -> CallToolResult:
    text = f"{message}\nFix: {fix}" if fix else message
    facts = {"error": message, "code": "internal", "fix": fix} if facts is None else facts
    return CallToolResult(
        content=[TextContent(text=clean(text))],
        structured_content=json.loads(clean(json.dumps(facts, ensure_ascii=False, default=str))),
        is_error=True,
    )


def clean(text: str) -> str:
    """Half a surrogate pair, which JSON may carry and UTF-8 may not, becomes a replacement mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
