"""What could answer now: asked once for many, never for long, and remembered by all processes."""

import asyncio
import sys

import pytest

from llm_router import inventory
from llm_router.db import Database
from llm_router.inventory import Inventory
from llm_router.providers import listing
from llm_router.providers.registry import Registry
from llm_router.sandbox import Fault, Sandbox
from llm_router.settings import Settings


@pytest.fixture
async def looking(tmp_path):
    """`looking(environ)` is the inventory of one process of the user."""
    made = []

    def make(environ, patience=1.0):
        registry = Registry(Settings(), {"OLLAMA_HOST": "http://127.0.0.1:1"} | environ, patience=patience)
        made.append(Inventory(registry, Database(tmp_path / "router.db"), patience=patience))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()
        await each._providers.aclose()
        each.close()


@pytest.fixture
def slow_codex(tmp_path):
    """The PATH of a `codex` that notes each start and never answers."""
    path = tmp_path / "bin" / "codex"
    path.parent.mkdir()
    path.write_text(
        f"#!{sys.executable} -SE\nimport time; open({str(tmp_path / 'started')!r}, 'a').write('x')\ntime.sleep(60)"
    )
    path.chmod(0o755)
    return str(path.parent)


async def test_a_login_check_that_hangs_is_given_up_and_remembered_by_all_processes(
    looking, slow_codex, tmp_path, own_limits
):
    for _ in range(2):
        async with asyncio.timeout(30):
            found = await looking({"PATH": slow_codex}).look()
        assert not found["codex"].readiness.ready
        assert "in time" in found["codex"].readiness.detail
    assert (tmp_path / "started").read_text() == "x"


async def test_many_callers_at_once_ask_a_local_server_once_and_one_who_leaves_takes_nobody_along(looking):
    with Sandbox() as box:
        inventory = looking({"PATH": "", **box.environ(["ollama"])})
        waiting = [asyncio.create_task(inventory.look()) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        first, *others = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(first, asyncio.CancelledError)
        assert all(found["ollama"].readiness.ready for found in others)
        assert [request.operation for request in box.requests].count("models") == 1


async def test_a_local_server_that_hangs_is_not_ready_and_its_listing_ends_soon(looking, own_limits):
    with Sandbox() as box:
        box.fault("ollama", Fault("hang"), operation="*")
        inventory = looking({"PATH": "", **box.environ(["ollama"])})
        async with asyncio.timeout(30):
            found = await inventory.look()
        assert not found["ollama"].readiness.ready


async def test_a_local_server_that_answers_is_ready_and_one_that_is_down_says_how_to_start_it(looking):
    with Sandbox() as box:
        up = await looking({"PATH": "", **box.environ(["ollama"])}).readiness("ollama")
    assert up.ready
    assert up.detail.startswith("3 models at http://127.0.0.1:")
    down = await looking({"PATH": ""}).readiness("ollama")
    assert not down.ready
    assert "ollama serve" in down.fix


@pytest.mark.parametrize("name", ["openai", "groq", "anthropic", "gemini"])
async def test_a_vendor_on_the_internet_is_not_asked_for_its_models(looking, name):
    with Sandbox() as box:
        inventory = looking({"PATH": "", **box.environ([name])})
        assert (await inventory.look())[name].models is None
        assert (await inventory.readiness(name)).ready
        assert box.requests == []


async def test_a_vendor_whose_sdk_does_not_load_is_not_ready(looking, monkeypatch):
    monkeypatch.setitem(sys.modules, "llm_router.providers.openai_sdk", None)
    with Sandbox() as box:
        found = await looking({"PATH": "", **box.environ(["openai"])}).readiness("openai")
    assert not found.ready
    assert "ModuleNotFoundError" in found.detail


async def test_a_provider_that_does_not_end_its_listing_in_time_is_not_ready(
    looking, own_limits, monkeypatch
):
    monkeypatch.setattr(listing, "LISTING_LIMIT_S", 60.0)
    with Sandbox() as box:
        box.fault("ollama", Fault("hang"), operation="*")
        async with asyncio.timeout(30):
            found = await looking({"PATH": "", **box.environ(["ollama"])}).look()
        assert "did not answer in time" in found["ollama"].readiness.detail


@pytest.mark.parametrize("module", [inventory, listing])
async def test_who_has_more_patience_waits_longer(looking, monkeypatch, module):
    monkeypatch.setattr(module, "LISTING_LIMIT_S", 1e-6)
    with Sandbox() as box:
        found = await looking({"PATH": "", **box.environ(["ollama"])}, patience=1e8).look()
    assert found["ollama"].readiness.ready


async def test_an_address_that_takes_no_connection_is_not_waited_for(looking, own_limits, monkeypatch):
    async def dropped(*_address):
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio, "open_connection", dropped)
    async with asyncio.timeout(30):
        found = await looking({"PATH": ""}).look()
    assert "did not answer in time" in found["ollama"].readiness.detail
