"""Another process holds the database: answers under way go on, and only who needs money that is not leased yet waits."""

import asyncio
import contextlib
import itertools
import subprocess
import time

import httpx2
from gateway_support import LIMIT_S, PROGRAM
from holding import held

from llm_router import db, paths
from llm_router.admit.budgets import SqliteBudgets
from llm_router.record import SqliteLedger
from llm_router.settings import BudgetSettings

PAID, FREE, FAILING = "openai/gpt-5-mini", "ollama/qwen3:8b", "mistral/mistral-small-latest"
HELD_S = 2.5
PIECE_S = 0.02
STILL_S = 0.15  # of a stream with a piece every 20 ms: that is seen, and a busy machine's hiccups are shorter
ENDED_S = 8.0  # one second for the answers, two for the database, and a busy machine
DEAR = 64_000  # tokens, which cost more than is leased ahead
CONFIG = "budget: {daily: %s}\n"


def body(model, prompt, **fields):
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": prompt}]} | fields


@contextlib.asynccontextmanager
async def client(service):
    limits = httpx2.Limits(max_connections=200)
    async with httpx2.AsyncClient(base_url=service.url, timeout=LIMIT_S, limits=limits) as opened:
        yield opened


async def answered(calls, model, prompt="[[say it]]", **fields):
    """The status, and when it came."""
    answer = await calls.post("/v1/messages", json=body(model, prompt, **fields))
    return answer.status_code, time.monotonic()


class Stream:
    """An answer that takes twice as long as the database is held."""

    def __init__(self, calls):
        self.text, self._arrivals = b"", []
        self.begun = asyncio.Event()
        self.task = asyncio.create_task(self._read(calls))

    async def _read(self, calls):
        words = 4 * int(2 * HELD_S / PIECE_S)  # three or four of them are a piece
        told = body(
            PAID,
            f"[[say {'word ' * words}]] [[fault slow delay={PIECE_S}]]",
            stream=True,
            max_tokens=4000,
        )
        async with calls.stream("POST", "/v1/messages", json=told) as answer:
            async for data in answer.aiter_raw():
                self._arrivals.append(time.monotonic())
                self.text += data
                self.begun.set()

    def stood_still(self, since, until):
        """Seconds of that time in which nothing came for longer than STILL_S."""
        seen = [since, *(at for at in self._arrivals if since < at < until), until]
        gaps = [later - earlier for earlier, later in itertools.pairwise(seen)]
        return sum(gap for gap in gaps if gap > STILL_S)


async def all_else(calls, until):
    """What may look at the database beside the budgets: breakers, sessions, who is there, figures. How often it went
    through.
    """
    rounds, failing = 0, []
    for n in itertools.takewhile(lambda _: time.monotonic() < until, itertools.count()):
        named = {"x-claude-code-session-id": f"session-{n}"}
        failing.append(asyncio.create_task(answered(calls, FAILING, "[[fault wrong_key]]")))  # and paid for
        await asyncio.gather(
            answered(calls, FREE),
            calls.post("/v1/messages", json=body("auto", f"what is errno {n}?"), headers=named),
            calls.get("/readyz"),
            calls.get("/status"),
        )
        rounds += time.monotonic() < until
        await asyncio.sleep(0.1)
    await asyncio.gather(*failing)
    return rounds


async def held_up(service, calls):
    """The database is held: how long a stream stood still, how often all else went through, whether who needs money was
    answered before it was let go, and how afterwards.
    """
    stream = Stream(calls)
    await stream.begun.wait()
    with held(paths.database(service.home)):
        since = time.monotonic()
        until, waiting = since + HELD_S, []
        others = asyncio.create_task(all_else(calls, until))
        while time.monotonic() < until:
            waiting.append(asyncio.create_task(answered(calls, PAID, max_tokens=DEAR)))
            waiting.append(asyncio.create_task(calls.get("/metrics")))
            await asyncio.sleep(0.25)
        still, dear = stream.stood_still(since, time.monotonic()), waiting[::2]
        early = any(each.done() for each in dear)
    statuses = {status for status, _ in await asyncio.gather(*dear)}
    rounds, *_ = await asyncio.gather(others, *waiting, stream.task)
    assert b"message_stop" in stream.text
    return still, rounds, early, statuses


async def test_no_stream_stands_still_while_another_process_holds_the_database(serve):
    service = serve(config=CONFIG % 2)
    async with client(service) as calls:
        assert (await answered(calls, PAID))[0] == 200
        for _ in range(3):  # a busy machine stands still by itself, but hardly every time
            still, rounds, early, statuses = await held_up(service, calls)
            if still < HELD_S / 2 and rounds >= 2 and statuses == {200}:
                break
    assert still < HELD_S / 2
    assert rounds >= 2
    assert not early
    assert statuses == {200}  # they waited, and were not refused
    assert service.stop() == 0


async def test_a_gateway_that_starts_while_the_database_is_held_answers_what_costs_nothing(serve):
    service = serve(config=CONFIG % 2)
    db.connect(paths.database(service.home)).close()
    async with client(service) as calls:
        await calls.get("/healthz")
        with held(paths.database(service.home)):
            paid = asyncio.create_task(answered(calls, PAID))
            assert (await answered(calls, FREE))[0] == 200
        await paid
        assert (await answered(calls, PAID))[0] == 200


async def test_what_waited_together_passes_no_cap(serve):
    """Of forty calls that may cost thirteen cents each, three fit under fifty cents at a time."""
    service = serve(config=CONFIG % 0.5)
    path = paths.database(service.home)
    async with client(service) as calls:
        assert (await answered(calls, PAID))[0] == 200
        with held(path):
            waiting = [asyncio.create_task(answered(calls, PAID, max_tokens=DEAR)) for _ in range(40)]
            await asyncio.sleep(HELD_S / 5)
        statuses = {status for status, _ in await asyncio.gather(*waiting)}
    assert 200 in statuses
    assert statuses <= {200, 429}
    assert service.stop() == 0
    accounts(path, service.home, cap=500_000)


async def test_a_service_that_is_killed_while_calls_wait_leaves_exactly_what_was_spent(serve):
    service = serve(config=CONFIG % 2)
    path = paths.database(service.home)
    async with client(service) as calls:
        await asyncio.gather(*(answered(calls, PAID) for _ in range(20)))
        with held(path):
            waiting = [asyncio.create_task(answered(calls, PAID, max_tokens=DEAR)) for _ in range(5)]
            await asyncio.gather(*(answered(calls, PAID) for _ in range(20)))  # leased, and not booked
            service.kill()
            await asyncio.gather(*waiting, return_exceptions=True)
    accounts(path, service.home, cap=2_000_000)


async def test_a_service_that_stops_meanwhile_stops_in_time_keeps_every_call_and_says_so(serve):
    service = serve(config="gateway: {stop_seconds: 1}\n" + CONFIG % 2)
    path = paths.database(service.home)
    async with client(service) as calls:
        assert (await answered(calls, PAID))[0] == 200
        with held(path):
            await asyncio.gather(*(answered(calls, PAID) for _ in range(5)), answered(calls, FREE))
            waits = asyncio.create_task(answered(calls, PAID, max_tokens=DEAR))
            await asyncio.sleep(HELD_S / 5)
            since = time.monotonic()
            stopped = await asyncio.to_thread(command, service, "stop")
            took = time.monotonic() - since
            with contextlib.suppress(httpx2.HTTPError):
                assert (await waits)[0] == 503
    assert took < ENDED_S
    assert "wait on disk" in stopped.stderr
    assert any("wait on disk" in line.get("event", "") for line in service.log())
    accounts(path, service.home, cap=2_000_000)
    with contextlib.closing(db.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM decisions WHERE error IS NULL").fetchone()[0] == 7


def command(service, *words):
    done = subprocess.run(
        [*PROGRAM, *words], env=service.environ, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def accounts(path, home, *, cap):
    """What was spent is what the ledger's decisions cost, and nothing is held any more."""
    ledger = SqliteLedger(home, store_prompts=False)
    ledger.drain()
    ledger.close()
    budgets = SqliteBudgets(path, BudgetSettings(daily=cap / 1_000_000))
    (status,) = budgets.status()
    budgets.close()
    with contextlib.closing(db.connect(path)) as connection:
        (cost,) = connection.execute("SELECT sum(cost) FROM decisions").fetchone()
    assert (status.spent, status.reserved) == (cost, 0)
    assert 0 < status.spent <= cap
