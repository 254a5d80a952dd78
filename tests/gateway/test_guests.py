"""Paths of callers with a login of their own: what is kept of them, and what is not."""

import time

import pytest

from llm_router.app import App
from llm_router.gateway import guests
from llm_router.gateway.guests import Guests
from llm_router.gateway.turns import Turns
from llm_router.nouns import FailureKind
from llm_router.ports import PROBE


@pytest.fixture
async def welcome(tmp_path):
    app = App.build(
        root=tmp_path, cwd=tmp_path, environ={"OLLAMA_BASE_URL": "http://127.0.0.1:1"}, relays=True
    )
    yield Guests(app, Turns(app.settings, app.catalogue))
    await app.aclose()


def login(n):
    return {"authorization": f"Bearer secret-{n}"}


def sent(path):
    return path.means.provider("anthropic")._headers["authorization"]


async def test_who_comes_again_finds_his_path_and_nobody_else_s(welcome):
    first, second = welcome.router(login(1)), welcome.router(login(2))
    assert welcome.router(login(1)) is first
    assert (sent(first), sent(second)) == ("Bearer secret-1", "Bearer secret-2")
    assert welcome.router({"x-api-key": "secret-1"}) is not first
    assert welcome.router(login(1) | {"anthropic-beta": "oauth-2025-04-20"}) is not first


async def test_guests_share_their_world_and_its_plans_and_leave_those_of_others_alone(welcome):
    first, second = welcome.router(login(1)), welcome.router(login(2))
    assert await first.world() is await second.world()
    assert (await first.world()).is_ready("anthropic")
    assert first.plans is second.plans
    assert first.plans is not welcome._app.router.plans
    assert not (await welcome._app.router.world()).is_ready("anthropic")


async def test_the_last_logins_in_use_are_kept_and_none_in_clear(welcome, monkeypatch):
    monkeypatch.setattr(guests, "KEPT", 2)
    first = welcome.router(login(1))
    second = welcome.router(login(2))
    assert welcome.router(login(1)) is first
    welcome.router(login(3))
    assert len(welcome._kept) == 2
    assert welcome.router(login(1)) is first
    assert welcome.router(login(2)) is not second
    assert b"secret" not in b"".join(welcome._kept)


async def test_of_all_guests_one_gets_the_probe_of_a_breaker(welcome, monkeypatch):
    first, second = (welcome.router(login(n)).means.health for n in range(2))
    book = welcome._app.health
    book.failed("anthropic", "m", FailureKind.OVERLOADED, 5)
    monkeypatch.setattr(book, "_clock", lambda: time.time() + 6)
    assert first.enter("anthropic", "m") is PROBE
    assert await first.aenter("anthropic", "m") is None
    assert (await second.aenter("anthropic", "m")).state == "half_open"
    first.failed("anthropic", "m", FailureKind.AUTH, None)  # of one login: the probe is free for another
    assert await second.aenter("anthropic", "m") is None
