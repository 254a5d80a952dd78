"""Whatever is asked of a door that serves many at once: its event loop neither opens nor waits for the database, nor for a
lock on a file. Held against where the code does it, so that a fast disk proves nothing.
"""

import asyncio
import sqlite3
import traceback

import pytest
from asgi_calls import call

from llm_router import db, locks
from llm_router.app import App
from llm_router.gateway.app import Gateway
from llm_router.gateway.current import Current
from llm_router.nouns import Assessment, Complexity, Task, ask
from llm_router.sandbox import Sandbox

CONFIG = """
budget: {daily: 5, unpriced: allow}
routing:
  chains: {simple: [ollama/qwen3:8b], moderate: [openai/gpt-5-mini]}
"""
ON_THE_BORDER = Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.24, source="artefact", rival=Task.RESEARCH)


@pytest.fixture
def box():
    with Sandbox() as box:
        yield box


@pytest.fixture
def seen(monkeypatch):
    """Where an event loop's thread came to the database, or to a lock."""
    found = []

    def watched(owner, name):
        real = getattr(owner, name)

        def instead(*args, **kwargs):
            if asyncio._get_running_loop() is not None:
                found.append("".join(traceback.format_stack(limit=6)))
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, instead)

    watched(sqlite3, "connect")
    watched(db.Database, "_held")
    watched(db.Database, "close")
    watched(locks, "held")
    return found


@pytest.fixture
def home(tmp_path, monkeypatch):
    root = tmp_path / "home"
    root.mkdir()
    (root / "config.yaml").write_text(CONFIG)
    (root / "config.yaml").chmod(0o600)
    monkeypatch.setenv("LLM_ROUTER_HOME", str(root))
    return root


def environ(box, home):
    return box.environ() | {"HOME": str(home), "PATH": "/usr/bin:/bin"}


def body(model, prompt, **fields):
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": prompt}]} | fields


async def test_behind_the_gateway(box, home, seen, monkeypatch):
    monkeypatch.setattr("llm_router.plan.health.FRESH_S", 0.0)
    current = Current("127.0.0.1", {}, environ(box, home))
    gateway = Gateway(current)
    messages = "/v1/messages"
    statuses = []

    async def post(path, told, **headers):
        answer = await call(gateway, path, told, **headers)
        statuses.append(answer.status)
        return answer

    for n in range(3):
        session = {"x-claude-code-session-id": f"session-{n}"}
        await post(messages, body("auto", f"what is errno {n}?"), **session)
        await post(messages, body("openai/gpt-5-mini", "[[say hi]]", stream=True), **session)
        await post(messages, body("openai/gpt-5-mini", "[[say hi]]", max_tokens=4_000 * (n + 1)))
        await post(messages, body("mistral/mistral-small-latest", "[[fault wrong_key]]"))
        await post(messages, body("openai/nobody-priced-this", "[[say hi]]"))
        for path in ("/metrics", "/status", "/readyz", "/v1/models"):
            await post(path, {}, method="GET")
    monkeypatch.setattr("llm_router.route.assess", lambda _request: ON_THE_BORDER)
    await post(messages, body("auto", "is it unsure?"))
    await post("/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": "hello"})
    await post("/reload", {})
    await post(messages, body("openai/gpt-5-mini", "[[say of the new configuration]]"))
    await current.now.app.keeper._snapshot.write()
    await current.aclose()
    assert statuses.count(200) >= 12, statuses
    assert not seen, "\n".join(seen)


async def test_behind_the_tools(box, home, seen):
    app = App.build(root=home, cwd=home, environ=environ(box, home), serves=True)
    for model, prompt in (
        ("openai/gpt-5-mini", "[[say hi]]"),
        ("openai/gpt-5-mini", "[[say hi]]"),
        ("auto", "what is errno 11?"),
    ):
        reply = await app.ask(ask(prompt, model=model, session="s", door="mcp"))
        assert reply.answer.text
    with pytest.raises(Exception, match="key"):
        await app.ask(ask("[[fault wrong_key]]", model="mistral/mistral-small-latest"))
    assert app.health.cooling("mistral", "mistral-small-latest")
    await app.aclose()
    assert not seen, "\n".join(seen)
