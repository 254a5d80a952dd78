"""Many at once, readers that are slow, and a service that is killed: no answer is lost, mixed up or unrecorded."""

import asyncio
import json
import re
import socket
import sys
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from gateway_support import LIMIT_S

from llm_router import db, paths
from llm_router.record import SqliteLedger

CHAIN = '["openai/gpt-5-mini"]'
LEVELS = ("simple", "moderate", "complex", "deep_reasoning")
CONFIG = "routing:\n  chains:\n" + "".join(f"    {each}: {CHAIN}\n" for each in LEVELS)
CONNECTIONS = 1000
_ID = re.compile(rb"x-llm-router-decision-id: (\S+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def asked(text, **fields):
    body = {
        "model": "auto",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": f"[[say {text}]]"}],
    } | fields
    data = json.dumps(body).encode()
    return b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n%s" % (
        len(data),
        data,
    )


async def connected(service, buffer=None):
    """`buffer`: bytes that it takes without being read."""
    parts = urlsplit(service.url)
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, (parts.hostname, parts.port))
    return await asyncio.open_connection(sock=client)


async def answered(reader):
    """The head and the whole body of an answer that is not streamed."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(int(_LENGTH.search(head)[1]))


async def test_a_thousand_connections_each_get_their_own_answer(serve):
    service = serve(config=CONFIG)
    opened = await asyncio.gather(*(connected(service) for _ in range(CONNECTIONS)))

    async def one(number, reader, writer):
        writer.write(asked(f"number {number}"))
        head, body = await answered(reader)
        writer.close()
        return head.startswith(b"HTTP/1.1 200") and f'"number {number}"'.encode() in body

    async with asyncio.timeout(4 * LIMIT_S):
        told = await asyncio.gather(*(one(number, *each) for number, each in enumerate(opened)))
    assert sum(told) == CONNECTIONS
    assert service.get("/healthz").status_code == 200


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(("files", "answers"), [((256, 4096), {b"200"}), ((256, 256), {b"200", b"503"})])
async def test_connections_are_as_many_as_open_files_allow(serve, files, answers):
    """The service asks for what its shell did not give it, and turns away whom it has no file for."""
    import resource

    mine = resource.getrlimit(resource.RLIMIT_NOFILE)
    if mine[1] != resource.RLIM_INFINITY and mine[1] < files[1]:
        pytest.skip(f"the hard limit of open files is {mine[1]}")
    service = serve(
        config=CONFIG, by=["sh", "-c", f'ulimit -Sn {files[0]}; ulimit -Hn {files[1]}; exec "$@"', "sh"]
    )
    opened = [await connected(service) for _ in range(300)]
    async with asyncio.timeout(4 * LIMIT_S):
        told = await asyncio.gather(*(status_of(number, *each) for number, each in enumerate(opened)))
    assert set(told) == answers
    assert service.get("/healthz").status_code == 200


async def status_of(number, reader, writer):
    line = asyncio.ensure_future(reader.readline())
    # who is turned away is told so before he asks; while the machine stands still no time passes
    for _ in range(10):
        await asyncio.wait({line}, timeout=0.1)
    if not line.done():
        writer.write(asked(f"number {number}"))
    status = (await line).split(b" ")[1]
    writer.close()
    return status


async def test_a_reader_who_is_slow_costs_the_others_nothing(serve):
    service = serve(config=CONFIG)
    long = "word " * 90_000
    readers = [await connected(service, buffer=4096) for _ in range(8)]
    for _, writer in readers:
        writer.write(asked(long, stream=True, max_tokens=120_000))  # and nobody reads
    reader, writer = await connected(service)
    async with asyncio.timeout(LIMIT_S):
        writer.write(asked("still here"))
        _, body = await answered(reader)
    assert b"still here" in body
    writer.close()
    reader, writer = readers[0]
    async with asyncio.timeout(2 * LIMIT_S):
        told = await to_the_end(reader)
    assert b"message_stop" in told
    assert told.count(b"word") > 70_000  # some are cut by the pieces
    for _, each in readers:
        each.close()


async def to_the_end(reader):
    told = b""
    while not told.endswith(b"\r\n0\r\n\r\n"):
        piece = await reader.read(1 << 20)
        assert piece, "it was cut off"
        told += piece
    return told


async def test_no_answer_that_a_client_has_received_is_missing_when_the_service_is_killed(serve):
    service = serve(config=CONFIG)
    received = set()

    async def client():
        reader, writer = await connected(service)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                writer.write(asked("hello"))
                head, _ = await answered(reader)
                received.add(_ID.search(head)[1].decode())
                if len(received) == 200:
                    service.popen.kill()  # while seven others are in the middle of a request
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async with asyncio.timeout(2 * LIMIT_S):
        await asyncio.gather(*(client() for _ in range(8)))
    service.popen.wait(LIMIT_S)
    ledger = SqliteLedger(service.home, store_prompts=False)
    ledger.drain()
    ledger.close()
    connection = db.connect(paths.database(service.home))
    stored = {row["id"] for row in connection.execute("SELECT id FROM decisions")}
    connection.close()
    assert len(received) >= 200
    assert received <= stored
