"""The whole path over real sockets and the real SDKs: every vendor is the sandbox."""

import asyncio
import json

import pytest

from llm_router import db, paths
from llm_router.app import App
from llm_router.errors import AllFailedError, CredentialsError, NotFoundError, PolicyError
from llm_router.nouns import Done, Failed, TextDelta, ask
from llm_router.record import queries
from llm_router.sandbox import Fault, Sandbox, digest

ASKED = "what is a mutex?"


@pytest.fixture(scope="module")
def shared_box():
    with Sandbox() as box:
        yield box


@pytest.fixture
def box(shared_box):
    shared_box.clear()
    shared_box.forget()
    return shared_box


@pytest.fixture
def build(box, tmp_path):
    """`build(vendors...)` makes the application of a user who has set up just these vendors."""
    apps = []

    def make(*vendors, config="", path="/nonexistent", **environ):
        root = tmp_path / "home"
        root.mkdir(exist_ok=True)
        (root / "config.yaml").write_text(config)
        nobody = {"PATH": path, "OLLAMA_BASE_URL": "http://127.0.0.1:1"}
        variables = nobody | box.environ(vendors) | environ
        app = App.build(root=root, cwd=tmp_path, environ=variables)
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.ledger.close()
        app.budgets.close()
        app.health.close()
        app.inventory.close()


def story(app, decision):
    app.ledger.close()
    connection = db.connect(paths.database(app.root))
    try:
        return queries.decision(connection, decision.id)
    finally:
        connection.close()


def tried(decision):
    return [(a.provider, str(a.outcome)) for a in decision.attempts]


async def test_free_comes_first(build, box):
    app = build("ollama", "gemini", "openai")
    reply = await app.ask(ask(ASKED))
    assert reply.decision.winner.provider == "ollama"
    assert digest(ASKED) in reply.text
    assert reply.decision.cost == 0
    assert reply.decision.baseline_cost > 0
    await app.aclose()


async def test_ollama_unwell_codex_absent_gemini_limited_the_next_one_answers_and_all_is_in_the_ledger(
    build, box
):
    box.fault("ollama", Fault("status", status=503))
    box.fault("gemini", Fault("status", status=429, retry_after=60))
    app = build("ollama", "gemini", "groq")
    reply = await app.ask(ask(ASKED))
    outcomes = tried(reply.decision)
    assert outcomes[-1] == ("groq", "ok")
    assert ("ollama", "overloaded") in outcomes
    assert ("gemini", "rate_limited") in outcomes
    await app.aclose()
    told = story(app, reply.decision)
    assert [(a["provider"], a["outcome"]) for a in told["attempts"]] == outcomes
    limited = next(a for a in told["attempts"] if a["provider"] == "gemini")
    assert (limited["status"], limited["retry_after_s"]) == (429, 60)


async def test_a_model_that_asked_for_a_minute_is_not_asked_again_by_any_process(build, box):
    box.fault("gemini", Fault("status", status=429, retry_after=60))
    first = build("gemini", "groq")
    await first.ask(ask(ASKED))
    await first.aclose()
    (limited,) = box.answers("gemini")
    second = build("gemini", "groq")
    reply = await second.ask(ask(ASKED))
    await second.aclose()
    assert reply.decision.winner.provider == "groq"
    assert [r.model for r in box.answers("gemini")].count(limited.model) == 1
    assert any("gemini" in s.ref and "cooling" in s.reason for s in reply.decision.plan.skipped)


@pytest.mark.parametrize("model", ["openai/m", "anthropic/m", "gemini/m", "groq/m"])
@pytest.mark.parametrize("stream", [False, True])
async def test_each_family_answers_plain_and_streamed(build, box, model, stream):
    app = build("openai", "anthropic", "gemini", "groq")
    events = [e async for e in app.stream(ask(ASKED, model=model, stream=stream))]
    reply = events[-1].reply
    assert isinstance(events[-1], Done)
    assert digest(ASKED) in reply.text
    if stream:
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == reply.text
    assert reply.decision.winner.usage.output_tokens > 0
    assert not reply.decision.winner.usage.estimated
    await app.aclose()


async def test_a_named_model_is_never_replaced(build, box):
    box.fault("openai", Fault("status", status=500))
    app = build("openai", "groq")
    with pytest.raises(AllFailedError) as caught:
        await app.ask(ask(ASKED, model="openai/m", deadline_s=3))
    assert {a.provider for a in caught.value.attempts} == {"openai"}
    assert not box.answers("groq")
    assert story(app, caught.value.decision)["error"]
    await app.aclose()


async def test_a_pin_is_honoured_and_a_block_wins(build):
    app = build("openai", "groq", config="routing: {pin: {query: groq/m}}")
    assert (await app.ask(ask(ASKED))).decision.winner.provider == "groq"
    await app.aclose()
    app = build("openai", "groq", config="routing: {block: [groq]}")
    with pytest.raises(PolicyError, match="groq"):
        await app.ask(ask(ASKED, model="groq/m"))
    await app.aclose()


async def test_an_unknown_model_names_close_ones(build):
    app = build("openai")
    with pytest.raises(NotFoundError):
        await app.ask(ask(ASKED, model="sonett"))
    await app.aclose()


async def test_with_nothing_set_up_the_error_says_what_to_do(build):
    app = build()
    with pytest.raises(CredentialsError) as caught:
        await app.ask(ask(ASKED))
    assert "doctor" in caught.value.fix
    await app.aclose()


async def test_an_answer_whose_price_is_unknown_is_returned_and_shown_as_unpriced(build):
    app = build("groq")
    reply = await app.ask(ask(ASKED, model="groq/a-model-nobody-priced"))
    assert reply.text
    assert reply.decision.cost is None
    await app.aclose()
    assert story(app, reply.decision)["cost"] is None


async def test_a_cap_stops_what_costs_and_lets_what_is_free_pass(build):
    config = "budget: {daily: 0.000001}"
    app = build("groq", config=config)
    with pytest.raises(Exception, match="daily budget") as caught:
        await app.ask(ask(ASKED))
    assert caught.value.exit_code == 5
    await app.aclose()
    app = build("ollama", "groq", config=config)
    assert (await app.ask(ask(ASKED))).decision.winner.provider == "ollama"
    await app.aclose()


async def test_a_stream_that_breaks_after_it_began_is_recorded_as_a_failure(build, box):
    box.fault("groq", Fault("truncated", after=4))
    app = build("groq", "openai")
    events = []
    with pytest.raises(Exception) as caught:
        async for event in app.stream(ask("tell me " + "a long story " * 40, model="groq/m", stream=True)):
            events.append(event)  # noqa: PERF401 - those before the error are looked at
    assert any(isinstance(e, TextDelta) for e in events)
    assert not any(isinstance(e, Failed) and e.attempt.provider == "openai" for e in events)
    await app.aclose()
    assert story(app, caught.value.decision)["attempts"][0]["outcome"] == "truncated"


async def test_cancelling_closes_the_upstream_and_is_in_the_ledger(build, box):
    box.fault("groq", Fault("hang"))
    app = build("groq")
    task = asyncio.create_task(app.ask(ask(ASKED, model="groq/m")))
    assert await asyncio.to_thread(box.wait, lambda records: bool(box.answers("groq")))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await app.aclose()
    connection = db.connect(paths.database(app.root))
    (row,) = queries.recent(connection, 1)
    connection.close()
    assert row["error"] == "cancelled"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_prompt_that_does_not_fit_is_never_silently_cut(build, box, stream):
    app = build("ollama", "groq")
    nearly = "secret " + "x" * 190_000  # by the estimate it may just fit, so the attempt must find out
    with pytest.raises(AllFailedError) as caught:
        await app.ask(ask(nearly, model="ollama/qwen3:8b", stream=stream))
    assert [str(a.outcome) for a in caught.value.attempts] == ["context_too_long"]
    await app.aclose()


async def test_keys_reach_no_file_of_ours(build, box, tmp_path):
    canary = "sk-canary-0123456789abcdefghij"
    box.fault("openai", Fault("status", status=401))
    app = build("openai", "groq", OPENAI_API_KEY=canary)
    await app.ask(ask(ASKED, model=None))
    await app.aclose()
    written = b"".join(f.read_bytes() for f in (tmp_path / "home").rglob("*") if f.is_file())
    assert b"canary" not in written
    assert written


async def test_inside_a_host_our_anthropic_calls_do_not_follow_its_base_url(build, box):
    app = build("anthropic", CLAUDECODE="1")
    assert "api.anthropic.com" in app.providers.configured("anthropic").detail
    await app.aclose()


async def test_a_prompt_is_not_stored_unless_asked_for(build, tmp_path):
    app = build("groq")
    reply = await app.ask(ask("a very particular sentence", model="groq/m"))
    await app.aclose()
    assert "particular sentence" not in json.dumps(story(app, reply.decision), default=str)
