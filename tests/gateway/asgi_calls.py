"""The gateway called as an ASGI application, in this process: what a client would read, without a socket between."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field


@dataclass
class Answered:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)


async def call(app, path, body, *, limit_s=30.0, **headers):
    """POST `body`; the whole of what was answered. TimeoutError where that takes longer than `limit_s`."""
    told, answered = (
        [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}],
        Answered(),
    )

    async def receive():
        if told:
            return told.pop()
        return await asyncio.Event().wait()  # the client stays

    async def send(message):
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = {k.decode(): v.decode("latin-1") for k, v in message["headers"]}
        else:
            answered.body += message.get("body", b"")

    path, _, query = path.partition("?")
    named = {"host": "127.0.0.1", "content-type": "application/json"} | headers
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in named.items()],
    }  # fmt: skip
    async with asyncio.timeout(limit_s):
        await app(scope, receive, send)
    return answered
