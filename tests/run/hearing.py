"""What the caller of a relayed call hears."""

from contextlib import aclosing

from llm_router.nouns import Chunk, Done


async def hear(app, request, relay, chunks):
    """The reply; `chunks` has what was sent, also of a call that fails."""
    reply = None
    async with aclosing(app.router.stream(request, exchange=relay)) as events:
        async for event in events:
            match event:
                case Chunk(data):
                    chunks.append(data)
                case Done():
                    reply = event.reply
    return reply
