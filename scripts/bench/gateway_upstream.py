"""An upstream that costs next to nothing: answers `POST .../chat/completions` and `.../messages` from memory.

A body with `"stream"` set to true is streamed in one go, in as many pieces as the model's name ends with (`tiny-500`), else 20.
Prints its port.
"""

from __future__ import annotations

import asyncio
import re
from typing import cast

try:
    from uvloop import run
except ImportError:
    from asyncio import run

WORDS = b"the quick brown fox jumps over "
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream" *: *true')
_PIECES = re.compile(rb'"model" *: *"[^"]*-(\d+)"')


def _chat(pieces: int) -> bytes:
    head = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,"delta":'
    told = [head + b'{"content":"' + WORDS + b'"},"finish_reason":null}]}\n\n'] * pieces
    usage = b'"usage":{"prompt_tokens":100,"completion_tokens":%d,"total_tokens":200}' % pieces
    told.append(head + b'{},"finish_reason":"stop"}],' + usage + b"}\n\ndata: [DONE]\n\n")
    return b"".join(told)


def _messages(pieces: int) -> bytes:
    usage = b'"usage":{"input_tokens":100,"output_tokens":%d}' % pieces
    start = b'{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"tiny","content":[],"stop_reason":null,"stop_sequence":null,%s}}'
    delta = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"' + WORDS + b'"}}'
    end = b'{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},%s}'
    told = [
        (b"message_start", start % usage),
        (
            b"content_block_start",
            b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        ),
        *([(b"content_block_delta", delta)] * pieces),
        (b"content_block_stop", b'{"type":"content_block_stop","index":0}'),
        (b"message_delta", end % usage),
        (b"message_stop", b'{"type":"message_stop"}'),
    ]
    return b"".join(b"event: %s\ndata: %s\n\n" % each for each in told)


_WHOLE = {
    "chat": b'{"id":"c","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"' + WORDS + b'"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110}}',
    "messages": b'{"id":"m","type":"message","role":"assistant","model":"tiny","content":[{"type":"text","text":"'
    + WORDS
    + b'"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":100,"output_tokens":10}}',
}


def _answer(path: bytes, body: bytes) -> bytes:
    kind = "messages" if b"/messages" in path else "chat"
    if not _STREAM.search(body):
        told, sort = _WHOLE[kind], b"application/json"
    else:
        found = _PIECES.search(body)
        pieces = int(found[1]) if found else 20
        told, sort = (_messages if kind == "messages" else _chat)(pieces), b"text/event-stream"
    return b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (sort, len(told), told)


class Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.held = cast("asyncio.Transport", transport), bytearray()

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.held[:end])
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.held) < whole:
                return
            body = bytes(self.held[end + 4 : whole])
            del self.held[:whole]
            self.transport.write(_answer(head.split(b" ", 2)[1], body))


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


run(main())
