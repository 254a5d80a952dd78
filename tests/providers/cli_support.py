"""For the tests of what starts processes: the answer of a call, and whether a process is gone."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import aclosing
from pathlib import Path

from llm_router import dialects
from llm_router.nouns import Answer
from llm_router.ports import Call, Provider
from tests.waiting import LIMIT_S


async def answered(provider: Provider, call: Call) -> Answer:
    decoder = dialects.get(provider.dialect).decoder()
    async with aclosing(provider.stream(call)) as events:
        async for event in events:
            decoder.feed(event)
    return decoder.answer()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:  # no /proc here, or gone meanwhile
        return Path("/proc/self").exists() is False
    return state != "Z"  # dead already; whoever adopted it has not looked yet


async def gone(pid: int) -> bool:
    """Whether the process ends."""
    limit = time.monotonic() + LIMIT_S
    while alive(pid) and time.monotonic() < limit:  # noqa: ASYNC110 - nothing tells of the death of another's child
        await asyncio.sleep(0.01)
    return not alive(pid)


def exists(path: str) -> bool:
    return Path(path).exists()
