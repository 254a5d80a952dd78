"""A closed loop of HTTP/1.1 requests: so many connections, each sending its next request when the last was answered."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LIMIT_S = 120.0


@dataclass
class Load:
    """What came of it. Milliseconds; `first` is the time to the first byte of the body."""

    seconds: float = 0.0
    whole: list[float] = field(default_factory=list[float])
    first: list[float] = field(default_factory=list[float])
    bad: int = 0


def request(port: int, path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def load(port: int, path: str, body: bytes, *, at_once: int, count: int, expect: bytes) -> Load:
    """Raises OSError where an answer is not a 200 with `expect` in it."""
    told = asyncio.run(_load(port, request(port, path, body), at_once, count, expect))
    if told.bad:
        raise OSError(f"{told.bad} of {count} answers of port {port} were not what they should be")
    return told


async def _load(port: int, sent: bytes, at_once: int, count: int, expect: bytes) -> Load:
    told, left = Load(), iter(range(count))
    begun = time.perf_counter()
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*(_one(port, sent, left, expect, told) for _ in range(at_once)))
    told.seconds = time.perf_counter() - begun
    return told


async def _one(port: int, sent: bytes, left: object, expect: bytes, told: Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    for _ in left:  # type: ignore[attr-defined]
        begun = time.perf_counter()
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        first, body = await _body(reader, head)
        told.first.append((first - begun) * 1000)
        told.whole.append((time.perf_counter() - begun) * 1000)
        told.bad += not (head.startswith(b"HTTP/1.1 200") and expect in body)
    writer.close()


async def _body(reader: asyncio.StreamReader, head: bytes) -> tuple[float, bytes]:
    if length := _LENGTH.search(head):
        body = await reader.readexactly(int(length[1]))
        return time.perf_counter(), body
    pieces: list[bytes] = []
    first = 0.0
    while size := int(await reader.readline(), 16):
        pieces.append(await reader.readexactly(size + 2))
        first = first or time.perf_counter()
    await reader.readline()
    return first, b"".join(pieces)
