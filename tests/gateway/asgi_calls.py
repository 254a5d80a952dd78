"""The gateway called as an ASGI application, in this process: what a client would read, without a socket between."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from dataclasses import dataclass, field
from pathlib import Path

from llm_router.gateway.app import Gateway
from llm_router.gateway.current import Current

_ORDER = importlib.util.spec_from_file_location(
    "order", Path(__file__).parents[1] / "dialects" / "inbound" / "order.py"
)
order = importlib.util.module_from_spec(_ORDER)
_ORDER.loader.exec_module(order)


@dataclass
class Answered:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)


async def call(app, path, body, *, method="POST", limit_s=30.0, **headers):
    """Send `body`; the whole of what was answered. TimeoutError where that takes longer than `limit_s`."""
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
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in named.items()],
    }  # fmt: skip
    async with asyncio.timeout(limit_s):
        await app(scope, receive, send)
    return answered


class Ledger:
    """Keeps what is recorded, as it is recorded."""

    def __init__(self):
        self.decisions = []

    def record(self, decision):
        self.decisions.append(decision)

    def close(self):
        pass


def gateway(home, environ, config, ledger, patch):
    """A gateway of its own in this process, whose decisions come into `ledger`."""
    (home / "config.yaml").write_text(config)
    (home / "config.yaml").chmod(0o600)
    patch.setenv("LLM_ROUTER_HOME", str(home))
    current = Current("127.0.0.1", {}, environ | {"HOME": str(home), "PATH": "/usr/bin:/bin"})
    object.__setattr__(current.now.app.router, "ledger", ledger)
    return Gateway(current)
