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
    request = await read(visit, speaks, stream=False)
    visit.activity.asks(request)
    body = {_FIELDS.get(visit.dialect, "input_tokens"): size.input_tokens(speaks.parse(request))}
    if visit.dialect == "openai_responses":
        body |= {"object": "response.input_tokens"}
    await visit.reply(body)
