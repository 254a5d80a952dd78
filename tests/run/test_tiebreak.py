"""Where the classifier is unsure: a model on this machine that is warm and quick chooses, if the choice matters."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from llm_router import db, paths, route
from llm_router.app import App
from llm_router.nouns import Assessment, Complexity, FailureKind, Task, ask
from llm_router.record import queries
from llm_router.sandbox import Fault, Sandbox

PINNED = "routing: {pin: {research: openai/gpt-5-mini}}"
CHAINS = "routing: {chains: {simple: [ollama/qwen3:8b], moderate: [openai/gpt-5-mini]}}"
UNSURE = Assessment(Task.QUERY, Complexity.SIMPLE, 0.45, 0.1, source="artefact", rival=Task.RESEARCH)
ON_THE_BORDER = Assessment(Task.QUERY, Complexity.SIMPLE, 0.9, 0.24, source="artefact", rival=Task.RESEARCH)


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
async def build(box, tmp_path, monkeypatch):
    apps = []

    def make(found, config="", *, warm=True):
        monkeypatch.setattr(route, "assess", lambda _request: found)
        root = tmp_path / "home"
        root.mkdir(exist_ok=True)
        (root / "config.yaml").write_text(config)
        environ = {"PATH": "/nonexistent"} | box.environ(["ollama", "openai"])
        app = App.build(root=root, cwd=tmp_path, environ=environ)
        apps.append(app)
        if warm:
            monkeypatch.setattr(app.router.tie_break, "_warm", lambda _now: {"ollama/qwen3:8b"})
        return app

    yield make
    for app in apps:
        await app.aclose()


def says(box, words):
    box.fault("ollama", Fault("says", message=words), times=1)


def asked(box):
    """What the local model was asked, as text."""
    return [json.dumps(each.body) for each in box.answers("ollama")]


async def test_the_choice_of_a_warm_model_decides_who_is_asked(build, box):
    app = build(UNSURE, PINNED)
    says(box, "Research.")
    decision = (await app.ask(ask("latest release of sqlite?"))).decision
    assert decision.winner.model == "gpt-5-mini"
    assert decision.assessment.task is Task.RESEARCH
    assert decision.attempts[0].role == "classify"
    assert "unsure, so ollama/qwen3:8b chose: research, simple" in decision.assessment.reasons
    (question,) = asked(box)
    assert "query (" in question
    assert "research (" in question
    assert "moderate" not in question  # of which there is no doubt


async def test_the_choice_is_told_by_explain(build, box):
    app = build(UNSURE, PINNED)
    says(box, "research")
    decision = (await app.ask(ask("latest release of sqlite?"))).decision
    await app.aclose()
    with db.connect(paths.database(app.root)) as connection:
        kept = queries.decision(connection, decision.id)
    assert [each["role"] for each in kept["attempts"]] == ["classify", "answer"]
    assert kept["model"] == "gpt-5-mini"


async def test_two_levels_are_in_doubt_at_their_border(build, box):
    app = build(ON_THE_BORDER, CHAINS)
    says(box, "It needs: moderate")
    decision = (await app.ask(ask("rename the field everywhere"))).decision
    assert decision.assessment.complexity is Complexity.MODERATE
    assert decision.assessment.difficulty == 0.25
    assert decision.winner.model == "gpt-5-mini"


@pytest.mark.parametrize(
    ("found", "config", "request_"),
    [
        pytest.param(replace(UNSURE, confidence=0.7), PINNED, ask("x"), id="sure"),
        pytest.param(UNSURE, "", ask("x"), id="the same model either way"),
        pytest.param(UNSURE, PINNED, ask("x", task=Task.QUERY), id="the caller said"),
        pytest.param(UNSURE, PINNED, ask("x", model="ollama/qwen3:8b"), id="a model was named"),
        pytest.param(UNSURE, "routing: {tie_break: false, pin: {research: openai/gpt-5-mini}}", ask("x"), id="off"),
    ],
)  # fmt: skip
async def test_nobody_is_asked_where_nothing_is_gained(build, box, found, config, request_):
    decision = (await build(found, config).ask(request_)).decision
    assert [each.role for each in decision.attempts] == ["answer"]
    assert len(box.answers()) == 1


async def test_a_model_that_may_have_to_be_loaded_is_not_asked(build, box):
    app = build(UNSURE, PINNED, warm=False)
    assert (await app.ask(ask("latest release of sqlite?"))).decision.winner.provider == "ollama"
    assert len(box.answers()) == 1


async def test_who_has_just_answered_at_once_is_warm(build, box):
    app = build(UNSURE, PINNED, warm=False)
    await app.ask(ask("what is a mutex?", task=Task.QUERY))
    app.ledger.close()
    says(box, "research")
    assert (await app.ask(ask("latest release of sqlite?"))).decision.winner.model == "gpt-5-mini"


@pytest.mark.parametrize(("first_token_ms", "is_asked"), [(650.0, True), (750.0, False)])
async def test_who_began_late_is_not_quick(build, box, own_limits, first_token_ms, is_asked):
    app = build(UNSURE, PINNED, warm=False)
    await app.ask(ask("what is a mutex?", task=Task.QUERY))
    app.ledger.close()
    with db.connect(paths.database(app.root)) as connection:
        connection.execute("UPDATE attempts SET first_token_ms = ?", (first_token_ms,))
    says(box, "research")
    decision = (await app.ask(ask("latest release of sqlite?"))).decision
    assert ("classify" in {each.role for each in decision.attempts}) is is_asked


async def test_the_same_words_are_asked_about_once(build, box):
    app = build(UNSURE, PINNED)
    says(box, "research")
    for _ in range(3):
        assert (await app.ask(ask("latest release of sqlite?"))).decision.winner.model == "gpt-5-mini"
    assert len(box.answers("ollama")) == 1


async def test_other_words_change_nothing(build, box):
    app = build(UNSURE, PINNED)
    says(box, "SQLite 3.50.4 is the latest.")
    decision = (await app.ask(ask("latest release of sqlite?"))).decision
    assert (decision.assessment, decision.winner.provider) == (UNSURE, "ollama")


@pytest.mark.parametrize("fault", [Fault("hang"), Fault("slow", delay=0.15)], ids=["silent", "slow"])
async def test_who_keeps_us_waiting_is_left_alone(build, box, monkeypatch, fault):
    monkeypatch.setattr("llm_router.run.tiebreak.LIMIT_S", 0.2)
    app = build(UNSURE, PINNED)
    box.fault("ollama", fault, times=1)
    decision = (await app.ask(ask("latest release of sqlite?"))).decision
    assert decision.winner.provider == "ollama"
    assert [(each.role, each.outcome) for each in decision.attempts] == [
        ("classify", FailureKind.TIMEOUT),
        ("answer", "ok"),
    ]
    decision = (await app.ask(ask("latest release of redis?"))).decision
    assert [each.role for each in decision.attempts] == ["answer"]
    assert decision.assessment == UNSURE


async def test_silence_chooses_nothing_and_is_not_waited_for(build, box, own_limits):
    app = build(UNSURE, PINNED)
    box.fault("ollama", Fault("hang"), times=1)
    async with asyncio.timeout(30):
        assert (await app.ask(ask("latest release of sqlite?"))).decision.assessment == UNSURE


async def test_a_picture_that_nobody_makes_is_asked_about_before_it_is_refused(build, box):
    app = build(replace(UNSURE, task=Task.IMAGE, rival=Task.CODE))
    says(box, "code")
    assert (await app.ask(ask("draw the graph in matplotlib"))).decision.assessment.task is Task.CODE


async def test_a_dry_run_asks_nobody(build, box):
    await build(UNSURE, PINNED).dry_run(ask("latest release of sqlite?"))
    assert box.answers() == []
