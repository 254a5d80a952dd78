"""Another process holds the database: answers under way go on, and only who needs money that is not leased yet waits."""

import asyncio
import contextlib
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from gateway_support import LIMIT_S, PROGRAM
from holding import held

from llm_router import db, paths
from llm_router.admit.budgets import SqliteBudgets
from llm_router.record import SqliteLedger
from llm_router.settings import BudgetSettings

PAID, FREE, FAILING = "openai/gpt-5-mini", "ollama/qwen3:8b", "mistral/mistral-small-latest"
PATIENT = [sys.executable, str(Path(__file__).with_name("patient_program.py"))]
PIECE_S = 0.02
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
    """The status."""
    return (await calls.post("/v1/messages", json=body(model, prompt, **fields))).status_code


async def under_way(calls, many):
    async with asyncio.timeout(LIMIT_S):
        while len((await calls.get("/status")).json()["under_way"]) < many:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.05)


class Stream:
    """An answer of some hundred and fifty pieces, PIECE_S apart."""

    def __init__(self, calls):
        self.text, self.pieces = b"", 0
        self.task = asyncio.create_task(self._read(calls))

    async def _read(self, calls):
        slow = f"[[say {'word ' * 500}]] [[fault slow delay={PIECE_S}]]"
        told = body(PAID, slow, stream=True, max_tokens=4000)
        async with calls.stream("POST", "/v1/messages", json=told) as answer:
            async for data in answer.aiter_raw():
                self.pieces += 1
                self.text += data

    async def goes_on(self, pieces):
        """Until so many more have come, or the last."""
        until = self.pieces + pieces
        while self.pieces < until and not self.task.done():  # noqa: ASYNC110 - as often as they come
            await asyncio.sleep(PIECE_S)


async def all_else(calls, n):
    """What may look at the database beside the budgets: breakers, sessions, who is there, figures."""
    named = {"x-claude-code-session-id": f"session-{n}"}
    await asyncio.gather(
        answered(calls, FREE),
        calls.post("/v1/messages", json=body("auto", f"what is errno {n}?"), headers=named),
        *(calls.get(path) for path in ("/readyz", "/status", "/metrics")),
    )


async def test_no_stream_stands_still_while_another_process_holds_the_database(serve):
    """It is held until everything that must not wait has gone on; what waits all the same does not end by itself."""
    service = serve(config=CONFIG % 2, by=PATIENT)
    async with client(service) as calls:
        assert await answered(calls, PAID) == 200
        assert await answered(calls, FAILING) == 200
        stream = Stream(calls)
        await stream.goes_on(1)
        with held(paths.database(service.home)):
            # as many as fit under the cap
            dear = [asyncio.create_task(answered(calls, PAID, max_tokens=DEAR)) for _ in range(12)]
            failing = asyncio.create_task(answered(calls, FAILING, "[[fault wrong_key]]"))  # and paid for
            await under_way(calls, len(dear) + 1)
            async with asyncio.timeout(LIMIT_S):
                for n in range(3):
                    await all_else(calls, n)
                    await stream.goes_on(20)
            early = [each for each in dear if each.done()]
        statuses = set(await asyncio.gather(*dear))
        await asyncio.gather(failing, stream.task)
    assert not early
    assert statuses == {200}  # they waited, and were not refused
    assert b"message_stop" in stream.text
    assert service.stop() == 0


async def test_a_gateway_that_starts_while_the_database_is_held_answers_what_costs_nothing(serve):
    service = serve(config=CONFIG % 2)
    db.connect(paths.database(service.home)).close()
    async with client(service) as calls:
        await calls.get("/healthz")
        with held(paths.database(service.home)):
            paid = asyncio.create_task(answered(calls, PAID))
            assert await answered(calls, FREE) == 200
        await paid
        assert await answered(calls, PAID) == 200


async def test_what_waited_together_passes_no_cap(serve):
    """Of forty calls that may cost thirteen cents each, three fit under fifty cents at a time."""
    service = serve(config=CONFIG % 0.5, by=PATIENT)
    path = paths.database(service.home)
    async with client(service) as calls:
        assert await answered(calls, PAID) == 200
        with held(path):
            waiting = [asyncio.create_task(answered(calls, PAID, max_tokens=DEAR)) for _ in range(40)]
            await under_way(calls, len(waiting))
        statuses = set(await asyncio.gather(*waiting))
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
        assert await answered(calls, PAID) == 200
        with held(path):
            await asyncio.gather(*(answered(calls, PAID) for _ in range(5)), answered(calls, FREE))
            waits = asyncio.create_task(answered(calls, PAID, max_tokens=DEAR))
            await under_way(calls, 1)
            since = time.monotonic()
            stopped = await asyncio.to_thread(command, service, "stop")
            took = time.monotonic() - since
            with contextlib.suppress(httpx2.HTTPError):
                assert await waits == 503
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
