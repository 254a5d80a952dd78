"""One timer for all the waits of a task: as exact as one for each."""

import asyncio

import pytest

from llm_router.run.patience import Patience


@pytest.fixture
async def patience():
    patience = Patience()
    yield patience
    patience.close()


async def forever():
    await asyncio.Event().wait()


async def soon(result="done"):
    await asyncio.sleep(0.001)
    return result


async def test_a_wait_gives_the_result_of_what_it_waited_for(patience):
    assert await patience.wait(soon(), 10) == "done"
    with pytest.raises(ZeroDivisionError):
        await patience.wait(failing(), 10)


async def failing():
    await asyncio.sleep(0)
    raise ZeroDivisionError


async def test_a_wait_ends_after_its_time_and_what_it_waited_for_is_cancelled(patience):
    waiting = asyncio.Event()
    cancelled = []

    async def endless():
        waiting.set()
        try:
            await forever()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with pytest.raises(TimeoutError):
        await patience.wait(endless(), 0.02)
    assert waiting.is_set()
    assert cancelled == [True]
    assert asyncio.current_task().cancelling() == 0


async def test_the_timer_of_a_long_wait_does_not_end_later_ones(patience):
    assert await patience.wait(asyncio.sleep(0, "done"), 0.5) == "done"
    for _ in range(14):
        assert await patience.wait(asyncio.sleep(0.05, "again"), 30) == "again"


async def test_a_shorter_wait_after_a_long_one_is_kept(patience):
    assert await patience.wait(soon(), 100) == "done"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(patience.wait(forever(), 0.02), 10)


async def test_no_time_at_all_still_lets_what_is_ready_through(patience):
    with pytest.raises(TimeoutError):
        await patience.wait(forever(), -5)


async def test_a_cancelled_task_is_cancelled_and_not_told_of_a_timeout(patience):
    async def work():
        await patience.wait(forever(), 10)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_at_the_moment_of_the_timeout_wins():
    async def work():
        patience = Patience()
        try:
            await patience.wait(forever(), 0)
        finally:
            patience.close()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()  # before the timer of this very moment has gone off
    with pytest.raises(asyncio.CancelledError):
        await task
