"""Requests of real clients, their long texts cut short, and gateways to play them through to an upstream of every dialect."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from asgi_calls import Ledger, call, gateway

from llm_router.sandbox import Installed, Sandbox

FOLDER = Path(__file__).parent / "recorded"
SIGNED = "c2FuZGJveD"  # how the signatures of Anthropic's recorded thoughts begin
ABILITIES = ("completion", "tools", "thinking", "vision")
ABLE = Installed("qwen3-vl:8b", "qwen3", "8.2B", ABILITIES, 131_072, 5_000_000_000)
ALIASES = "routing: {aliases: {some-model: auto}}\n"  # the name that the unknown model of a recording has
CONFIG = """
providers:
  responder: {{dialect: openai_responses, base_url: "{url}/responder/v1", api_key: sandbox-key-x, models: [some-model]}}
"""
UPSTREAMS = {
    "anthropic": "anthropic",
    "openai_chat": "openai",
    "openai_responses": "responder",
    "gemini": "gemini",
    "ollama": "ollama",
}


def recorded(name):
    """The path with its query, the body, the headers."""
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    query = "&".join(f"{key}={value}" for key, value in data["query"].items())
    headers = {key.replace("-", "_"): value for key, value in data["headers"].items()}
    return f"{data['path']}?{query}", data["body"], headers


class Stage:
    """One gateway for each upstream, which is the only one it has."""

    def __init__(self, box, gateways, ledger):
        self.box, self.gateways, self.ledger = box, gateways, ledger

    async def play(self, dialect, path, body, headers):
        """What the client got, the decision, and what the provider received: nobody else was asked."""
        self.box.forget()
        self.ledger.decisions.clear()
        answered = await call(self.gateways[dialect], path, body, **headers)
        assert answered.status == 200, answered.body
        (decision,) = self.ledger.decisions
        assert [(each.provider, each.ok) for each in decision.attempts] == [(UPSTREAMS[dialect], True)]
        (request,) = self.box.answers()
        return answered, decision, request


@asynccontextmanager
async def stage(folder):
    """`folder` makes one of its own for each gateway."""
    patch, ledger, gateways = pytest.MonkeyPatch(), Ledger(), {}
    with Sandbox(installed=(ABLE,)) as box:
        for dialect, vendor in UPSTREAMS.items():
            known = box.environ([vendor]) if vendor != "responder" else {}
            known.setdefault("OLLAMA_BASE_URL", "http://127.0.0.1:1")
            config = ALIASES + (CONFIG.format(url=box.url) if vendor == "responder" else "")
            gateways[dialect] = gateway(folder(dialect), known, config, ledger, patch)
        yield Stage(box, gateways, ledger)
        for each in gateways.values():
            await each.current.aclose()
    patch.undo()
