"""What a routed call costs the host's own model, so that a saving is what is left of it. Money is micro-dollars.

    calling    the call written: its prompt and context, and what stands around them
    reading    the call and its answer, read in the request that follows
    again      the conversation, read once more for that request, from the host's cache
    repeating  as much of the answer as the host writes again, for its user or into a file

Tokens are counted by the hosts where they note them (the conversation), else four characters are taken for one.
"""

import files

CHARS = 4
CALL = 60  # tokens of a call around its prompt
SHOWN = 60  # tokens that tell the host's model of an answer its user has been shown already
CACHED = 0.1  # what cached input costs of the price of input, at the vendors of all three hosts
_TAIL = 128 << 10
# where a host's transcript tells what a request was sent, and the parts of that which add up
_CLAUDE_CODE_AND_CODEX = (
    b'"usage":{', (b"input_tokens", b"cache_creation_input_tokens", b"cache_read_input_tokens"),
)  # fmt: skip
_GEMINI_CLI = (b'"tokens":{', (b"input",))


def routing(asked: float, answer: float, context: float, price_in: float, price_out: float) -> float:
    """Calling, reading and again, of so many tokens, at dollars a million."""
    call = CALL + asked
    return call * price_out + (call + answer + context * CACHED) * price_in


def judged(verdict: dict, baseline: "dict | None") -> dict:
    """{"saved", "overhead"} of one answer, each None where something of it is not known.

    saved     what the answer's tokens would have cost at the baseline's prices, less its cost and the overhead; nothing
              but these two, and so a loss, where the answer was not used
    overhead  what the call cost the host; repeating is part of it where it took the place of the host's own words
    """
    tokens, cost, context = verdict["tokens"], verdict["cost"], verdict["context"]
    if baseline is None or context is None:
        return {"saved": None, "overhead": None}
    price_in, price_out = baseline["input_per_million"], baseline["output_per_million"]
    answer, was_used = verdict["chars"] / CHARS, verdict["verdict"] == "used"
    overhead = routing(verdict["asked"] / CHARS, answer, context, price_in, price_out)
    overhead += (verdict.get("shown") is True) * SHOWN * price_in
    overhead = round(overhead + was_used * verdict["kept"] * answer * price_out)
    if tokens is None or cost is None:
        return {"saved": None, "overhead": overhead}
    written = min(tokens, answer)
    worth = was_used * ((tokens - written) * price_in + written * price_out)
    return {"saved": round(worth) - cost - overhead, "overhead": overhead}


def context(transcript: str) -> "int | None":
    """Tokens of the conversation, as the host's last request of this transcript counted them; None when it tells none."""
    try:
        tail = files.tail(transcript, _TAIL)
    except (OSError, ValueError):
        return None
    found = max(
        ((tail.rfind(mark), mark, parts) for mark, parts in (_CLAUDE_CODE_AND_CODEX, _GEMINI_CLI)),
        key=lambda each: each[0],
    )
    at, mark, parts = found
    if at < 0:
        return None
    told = tail[at + len(mark) :].partition(b"}")[0]
    numbers = [_number(told, b'"' + part + b'":') for part in parts]
    return sum(numbers) or None


def _number(told: bytes, key: bytes) -> int:
    digits = told.partition(key)[2][:12].partition(b",")[0].strip()
    return int(digits) if digits.isdigit() else 0
