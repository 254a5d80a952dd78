"""What the hooks are told: written soon after decisions, whole or not at all, and read by the hooks' own reader."""

import asyncio
import importlib
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from llm_router.app import App
from llm_router.hosts import snapshot
from llm_router.hosts.snapshot import Keeper
from llm_router.nouns import ask
from llm_router.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
READ = """
import sys; sys.path.insert(0, sys.argv[1]); import json, snapshot
print(json.dumps(snapshot.read(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def box():
    with Sandbox() as box:
        yield box


@pytest.fixture
def build(box, tmp_path):
    def make(config="", vendors=("openai",), **environ):
        root = tmp_path / "home"
        root.mkdir(exist_ok=True)
        (root / "config.yaml").write_text(config)
        nobody = {"PATH": "/nonexistent", "OLLAMA_BASE_URL": "http://127.0.0.1:1"}
        return App.build(root=root, cwd=tmp_path, environ=nobody | box.environ(vendors) | environ)

    return make


def read_by_hook(root):
    command = [sys.executable, "-S", "-E", "-I", "-c", READ, ROOT / "hooks", root]
    done = subprocess.run(command, env={}, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def written(app):
    return json.loads((app.root / "snapshot.json").read_text())


async def test_a_decision_is_followed_by_a_snapshot_that_counts_it(build):
    app = build("budget: {daily: 2, providers: {openai: {daily: 1}}}")
    await app.ask(ask("what is a mutex?"))
    await app.aclose()
    told = written(app)
    assert told["version"] == 1
    assert (told["enforce"], told["profile"], told["mcp"]) == ("smart", "balanced", True)
    assert set(told["routes"]) == {"simple", "moderate", "complex", "deep_reasoning"}
    assert all(ref.startswith("openai/") for ref in told["routes"].values())
    assert told["spend_today"] > 0
    assert told["saved_today"] > 0
    assert told["budget_left"] == 2_000_000 - told["spend_today"]
    assert told["baseline"]["output_per_million"] > told["baseline"]["input_per_million"] > 0
    assert stat.S_IMODE((app.root / "snapshot.json").stat().st_mode) == 0o600


async def test_the_hooks_read_what_is_written(build):
    app = build("router: {enforce: hard, profile: budget}")
    await app.ask(ask("what is a mutex?"))
    await app.aclose()
    read, told = read_by_hook(app.root), written(app)
    assert read == {key: told.get(key) for key in read}


async def test_it_is_the_users_word_that_is_told_not_that_of_one_shell_or_project(build, tmp_path):
    (tmp_path / ".llm-router.yaml").write_text("router: {profile: budget}")
    app = build("router: {enforce: soft}", LLM_ROUTER_ENFORCE="hard", LLM_ROUTER_PROFILE="premium")
    app.keeper.touch()
    await app.aclose()
    assert (written(app)["enforce"], written(app)["profile"]) == ("soft", "balanced")


async def test_without_a_provider_or_a_cap_there_is_still_a_snapshot(build):
    app = build(vendors=(), config="router: {baseline: nobody/knows}")
    app.keeper.touch()
    await app.aclose()
    told = written(app)
    assert (told["routes"], told["baseline"], told["budget_left"], told["spend_today"]) == ({}, None, None, 0)


async def test_prices_are_not_loaded_for_the_hooks_alone(build, monkeypatch):
    app = build(vendors=())
    monkeypatch.delitem(sys.modules, "genai_prices.data", raising=False)
    assert app.prices.asleep(app.router.baseline)
    assert await app.keeper._snapshot.write()
    assert written(app)["baseline"] is None
    assert "genai_prices.data" not in sys.modules
    importlib.import_module("genai_prices.data")  # as the first price does
    assert await app.keeper._snapshot.write()
    told = written(app)["baseline"]
    assert told["input_per_million"] > 0
    monkeypatch.delitem(sys.modules, "genai_prices.data", raising=False)
    assert await app.keeper._snapshot.write()
    assert written(app)["baseline"] == told
    await app.aclose()


async def test_local_models_are_named_for_warming_only_where_the_user_wants_it(build):
    for wanted in (False, True):
        app = build(f"router: {{warm_up: {str(wanted).lower()}}}", vendors=("ollama",), OLLAMA_BASE_URL="")
        app.keeper.touch()
        await app.aclose()
        told = written(app)
        assert told["ollama_url"].startswith("http://127.0.0.1:")
        assert bool(told["warm"]) is wanted
        assert all("/" not in name for name in told["warm"])


async def test_a_home_that_cannot_be_written_costs_nobody_an_answer(build):
    app = build()
    (app.root / "snapshot.json").mkdir()
    reply = await app.ask(ask("what is a mutex?"))
    await app.aclose()
    assert reply.text
    assert [path.name for path in app.root.glob(".snapshot*")] == []


async def test_events_of_hooks_come_along(build):
    app = build()
    (app.root / "hooks").mkdir()
    (app.root / "hooks" / "events.jsonl").write_text('{"at": 1, "kind": "routed"}\n')
    app.keeper.touch()
    await app.aclose()
    assert list((app.root / "hooks").iterdir()) == []


def test_replacing_leaves_the_old_file_when_the_new_one_cannot_be_made(tmp_path):
    snapshot.replace(tmp_path / "s.json", {"a": 1})
    with pytest.raises(TypeError):
        snapshot.replace(tmp_path / "s.json", {"a": object()})
    assert json.loads((tmp_path / "s.json").read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


class Counting:
    def __init__(self):
        self.writes = 0
        self.wrote = asyncio.Event()

    async def write(self):
        self.writes += 1
        self.wrote.set()
        return True


async def test_many_decisions_are_one_writing():
    counting = Counting()
    keeper = Keeper(counting, every_s=3600)
    for _ in range(50):
        keeper.touch()
    await asyncio.wait_for(counting.wrote.wait(), 30)
    for _ in range(50):
        keeper.touch()
        await asyncio.sleep(0)
    assert counting.writes == 1
    await keeper.aclose()
    assert counting.writes == 2  # what came after the first is not forgotten


async def test_who_is_replaced_writes_no_more_and_the_successor_writes_after_him():
    begun, go_on, written = asyncio.Event(), asyncio.Event(), []

    class Old:
        async def write(self):
            begun.set()
            await go_on.wait()
            written.append("old")

    class New:
        async def write(self):
            written.append("new")

    old, new = Keeper(Old()), Keeper(New())
    old.touch()
    await asyncio.wait_for(begun.wait(), 30)
    old.touch()
    old.hand_over(new)
    old.touch()  # a call that has begun with the old configuration ends
    closing = asyncio.gather(old.aclose(), new.aclose())
    go_on.set()
    await closing
    assert written == ["old", "new"]


async def test_a_keeper_that_was_never_touched_writes_nothing():
    counting = Counting()
    await Keeper(counting).aclose()
    assert counting.writes == 0


async def test_a_shell_without_keys_has_no_news_of_who_would_answer(build):
    bare = build(vendors=())
    assert not await bare.keeper.write_now()
    assert not (bare.root / snapshot.FILE).exists()
    told = build(vendors=("openai",))
    assert await told.keeper.write_now()
    routes = written(told)["routes"]
    assert routes
    again = build("budget: {daily: 3}", vendors=())
    assert await again.keeper.write_now()
    assert written(again)["routes"] == routes
    assert written(again)["budget_left"] == 3_000_000
    for each in (bare, told, again):
        await each.aclose()
