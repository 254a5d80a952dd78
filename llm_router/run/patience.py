"""Time limits on the waits of one task, for a stream of thousands of pieces.

`asyncio.timeout` makes and unmakes a timer for every wait, which costs as much as reading the piece. Here one timer
serves a whole stream: it is moved only when it goes off and finds that the wait it was set for is long over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Patience:
    """One at a time: `wait` is not to be called by two tasks at once. `close` ends the timer."""

    __slots__ = ("_due_at", "_expired", "_loop", "_task", "_timer", "_until")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = 0.0  # when the timer goes off
        self._until = 0.0  # when the present wait is over
        self._task: asyncio.Task[object] | None = None
        self._expired = False

    async def wait(self, what: Awaitable[T], seconds: float) -> T:
        """Its result. Raises TimeoutError, `what` then being cancelled, when it takes longer than that."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("only a task can wait")
        self._until = self._loop.time() + max(0.0, seconds)
        if self._timer is None or self._due_at > self._until:
            self._arm()
        cancelling = task.cancelling()
        self._task = task
        try:
            return await what
        except asyncio.CancelledError:
            if self._expired and task.uncancel() <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._task, self._expired = None, False

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.close()
        self._due_at = self._until
        self._timer = self._loop.call_at(self._until, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._task is None:
            return  # nobody waits: the next wait sets it anew
        if self._loop.time() < self._until - 0.001:  # the resolution of uvloop's clock
            self._arm()
        else:
            self._expired = True
            self._task.cancel()
