"""Waiting for what happens in another thread or process, as a busy machine lets it happen."""

import asyncio
import threading
import time

LIMIT_S = 120.0  # ends a test that hangs; no test that passes comes near it


def wait_for(condition, what="it", limit_s=LIMIT_S):
    """Whatever `condition` gives, as soon as it gives something."""
    limit = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < limit, f"{what} did not happen within {limit_s} s"
        time.sleep(0.02)
    return found


class Pulse:
    """The longest time between two beats."""

    def __init__(self):
        self.longest, self._last = 0.0, time.perf_counter()

    def beat(self):
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now


async def stood_still(until):
    """How much longer the loop once stood still than a thread beside it, which only a busy machine stops."""
    loop, beside, end = Pulse(), Pulse(), threading.Event()

    def beat():
        while not end.wait(0.01):
            beside.beat()

    thread = threading.Thread(target=beat)
    thread.start()
    while not until.done():
        await asyncio.sleep(0.01)
        loop.beat()
    end.set()
    thread.join()
    return loop.longest - beside.longest
