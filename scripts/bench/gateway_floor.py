"""What Python allows: uvicorn and aiohttp, and between them nothing (`pass`) or a bare translation (`translate`).

    gateway_floor.py pass|translate UPSTREAM_URL

The translation turns Anthropic's Messages into Chat Completions and back, text only, without a look at anything else.
Prints its port.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import msgspec
import uvicorn

MODE, UPSTREAM = sys.argv[1:]
JSON, STREAM = b"application/json", b"text/event-stream"
Receive, Send = Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]
_encode, _decode = msgspec.json.encode, msgspec.json.decode


def to_chat(body: dict[str, Any]) -> dict[str, Any]:
    messages = [{"role": "system", "content": "\n".join(b["text"] for b in body.get("system", ()))}]
    messages += [{"role": m["role"], "content": _text(m["content"])} for m in body["messages"]]
    tools = [
        {
            "type": "function",
            "function": {"name": t["name"], "description": t["description"], "parameters": t["input_schema"]},
        }
        for t in body.get("tools", ())
    ]
    chat = {"model": body["model"].partition("/")[2], "messages": messages, "max_tokens": body["max_tokens"]}
    return chat | ({"tools": tools} if tools else {}) | ({"stream": True} if body.get("stream") else {})


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(b.get("text", "") for b in content)


def to_message(chat: dict[str, Any]) -> bytes:
    usage = {
        "input_tokens": chat["usage"]["prompt_tokens"],
        "output_tokens": chat["usage"]["completion_tokens"],
    }
    content = [{"type": "text", "text": chat["choices"][0]["message"]["content"]}]
    return _encode(
        {
            "type": "message",
            "role": "assistant",
            "content": content,
            "stop_reason": "end_turn",
            "usage": usage,
        }
    )


def events(data: bytes) -> bytes:
    out: list[bytes] = []
    for line in data.split(b"\n\n"):
        if line.startswith(b"data: {"):
            for choice in _decode(line[6:])["choices"]:
                if text := choice["delta"].get("content"):
                    delta = {
                        "type": "content_block_delta",
                        "index": 0,
                        "delta": {"type": "text_delta", "text": text},
                    }
                    out.append(b"event: content_block_delta\ndata: %s\n\n" % _encode(delta))
    return b"".join(out)


class Floor:
    session: aiohttp.ClientSession

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        parts: list[bytes] = []
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        body, translates = b"".join(parts), MODE == "translate"
        path = "/v1/chat/completions" if translates else scope["path"]
        data = _encode(to_chat(_decode(body))) if translates else body
        headers = {"content-type": "application/json"}
        async with self.session.post(UPSTREAM + path, data=data, headers=headers) as answer:
            if answer.content_type == "text/event-stream":
                await _head(send, STREAM)
                rest = b""
                async for piece in answer.content.iter_any():
                    if translates:
                        whole, _, rest = (rest + piece).rpartition(b"\n\n")
                        piece = events(whole)  # noqa: PLW2901 - translated
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                end = b'event: message_stop\ndata: {"type":"message_stop"}\n\n' if translates else b""
            else:
                end = await answer.read()
                end = to_message(_decode(end)) if translates else end
                await _head(send, JSON, len(end))
            await send({"type": "http.response.body", "body": end})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.session.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _head(send: Send, kind: bytes, length: int | None = None) -> None:
    headers = [(b"content-type", kind)] + (
        [] if length is None else [(b"content-length", str(length).encode())]
    )
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(Floor(), log_level="warning", http="httptools", proxy_headers=False)
    await uvicorn.Server(config).serve(sockets=[listening])


if sys.platform == "win32":
    asyncio.run(main())
else:
    import uvloop

    uvloop.run(main())
