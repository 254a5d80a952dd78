"""Another process holds the database: answers under way go on, and only who needs money that is not leased yet waits."""

import asyncio
import contextlib
import time

import httpx2
import pytest
from gateway_support import LIMIT_S
from holding import held

from llm_router import db, paths
from llm_router.admit.budgets import SqliteBudgets
from llm_router.record import SqliteLedger
from llm_router.settings import BudgetSettings

PAID, FAILING = "openai/gpt-5-mini", "mistral/mistral-small-latest"
HELD_S = 2.5
PIECE_S = 0.02
STILL_S = 0.15  # of a stream with a piece every 20 ms: that is seen, and no busy machine's hiccup
CAP = "budget: {daily: %s}\n"


def body(model, prompt, **fields):
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": prompt}]} | fields


@contextlib.asynccontextmanager
async def client(service):
    limits = httpx2.Limits(max_connections=200)
    async with httpx2.AsyncClient(base_url=service.url, timeout=LIMIT_S, limits=limits) as opened:
        yield opened


class Stream:
    """An answer that takes longer than the database is held. `arrivals` are the moments at which something of it came."""

    def __init__(self, client):
        self.arrivals, self.text = [], b""
        self.begun = asyncio.Event()
        self.task = asyncio.create_task(self._read(client))

    async def _read(self, client):
        words = 4 * int(2 * HELD_S / PIECE_S)  # three or four of them are a piece
        prompt = f"[[say {'word ' * words}]] [[fault slow delay={PIECE_S}]]"
        async with client.stream(
            "POST", "/v1/messages", json=body(PAID, prompt, stream=True, max_tokens=4000)
        ) as answer:
            async for data in answer.aiter_raw():
                self.arrivals.append(time.monotonic())
                self.text += data
                self.begun.set()

    def stood_still(self, since, until):
        """Seconds of that time in which it stood still."""
        seen = [since, *(at for at in self.arrivals if since < at < until), until]
        gaps = [later - earlier for earlier, later in zip(seen, seen[1:], strict=False)]
        return sum(gap for gap in gaps if gap > STILL_S)


async def needs_money(client, tokens=64_000):
    """A call for which nothing is leased yet: its answer, and when it came."""
    prompt = "[[say paid]]"
    answer = await client.post("/v1/messages", json=body(PAID, prompt, max_tokens=tokens))
    return answer.status_code, time.monotonic()


async def everything_else(client, ends):
    """What else may look at the database, until then: breakers, sessions, figures, the configuration."""
    told = []
    for n in range(1000):
        if time.monotonic() > ends:
            return told
        fails = body(FAILING, f"[[fault status status=500]] {n}")
        named = {"x-claude-code-session-id": f"session-{n}"}
        told += await asyncio.gather(
            client.post("/v1/messages", json=fails, headers=named),
            client.post("/v1/messages", json=body("auto", f"write a haiku about {n}"), headers=named),
            client.get("/readyz"),
            client.get("/status"),
        )
        await asyncio.sleep(0.1)
    return told


@pytest.mark.parametrize("first", ["the gateway", "the holder"])
async def test_no_stream_stands_still_while_another_process_holds_the_database(serve, first):
    service = serve(config=CAP % 2)
    path = paths.database(service.home)
    if first == "the holder":
        db.connect(path).close()
    async with client(service) as calls:
        if first == "the gateway":
            assert (await needs_money(calls, 64))[0] == 200
        stream = Stream(calls)
        if first == "the gateway":
            await stream.begun.wait()
        with held(path, HELD_S):
            since = time.monotonic()
            if first == "the holder":  # it needs money itself, and then goes on
                await asyncio.sleep(HELD_S / 2)
            ends = since + HELD_S * 0.9
            other = asyncio.create_task(everything_else(calls, ends))
            asked = []
            while time.monotonic() < ends:
                asked.append(asyncio.create_task(needs_money(calls)))
                metrics = asyncio.create_task(calls.get("/metrics"))
                await asyncio.sleep(0.25)
            assert not any(task.done() for task in asked)
        told = await other
        answers = await asyncio.gather(*asked)
        assert (await metrics).status_code == 200
        await stream.task
    if first == "the gateway":
        assert stream.stood_still(since, ends) < HELD_S / 2
    assert b"message_stop" in stream.text
    assert {status for status, _ in answers} == {200}  # it waited, and was not refused
    assert min(at for _, at in answers) > ends
    assert {each.status_code for each in told} <= {200, 409, 500, 502, 503}
    assert service.stop() == 0
