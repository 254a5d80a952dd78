"""How many tokens a request has: our own estimate of system, tools and messages, at once and for every vendor.

Not asked of Anthropic: that costs a round trip in the way of the client's next turn and a part of the user's rate
limit, for a figure that is only right if the turn then goes there. The answer says that it is an estimate.
"""

from __future__ import annotations

from llm_router.dialects import inbound
from llm_router.gateway.answers import read
from llm_router.gateway.visit import Visit
from llm_router.plan import size

_FIELDS = {"gemini": "totalTokens"}


async def count(visit: Visit) -> None:
    speaks = inbound.get(visit.dialect)
    body = await visit.body()
    if visit.dialect == "anthropic":
        body = _bounded(body)
    request = read(visit, speaks, body, stream=False)
    visit.activity.asks(request)
    told = {_FIELDS.get(visit.dialect, "input_tokens"): size.input_tokens(speaks.parse(request))}
    await visit.reply(
        told | ({"object": "response.input_tokens"} if visit.dialect == "openai_responses" else {})
    )


def _bounded(body: bytes) -> bytes:
    """What is only counted has no `max_tokens`, which a request must have. Where it has one, the later one counts."""
    opened = body.lstrip()
    if not opened.startswith(b"{") or opened[1:].lstrip().startswith(b"}"):
        return body
    return b'{"max_tokens":1,' + opened[1:]
