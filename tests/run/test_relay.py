"""The gateway's exchange over real sockets: bytes for the caller, failover before the first, an honest end after it."""

import asyncio
import json
from contextlib import aclosing

import pytest

from llm_router import db, paths
from llm_router.app import App
from llm_router.errors import AllFailedError, RouterError, UpstreamError
from llm_router.nouns import Chunk, Done, Failed, Planned, Trying
from llm_router.record import queries
from llm_router.run import relay
from llm_router.run.lanes import Translation
from llm_router.run.relay import Relay
from llm_router.sandbox import Fault, Sandbox, digest
from tests.run.plain_inbound import PlainInbound

WORDS = "one two three four five six seven eight"
ASKED = f"[[say {WORDS}]]"
MODELS = {
    "openai": "openai/gpt-5-mini",
    "anthropic": "anthropic/claude-haiku-4-5",
    "gemini": "gemini/gemini-2.5-flash",
    "vertex": "vertex/gemini-2.5-flash",
    "ollama": "ollama/qwen3:8b",
    "groq": "groq/llama-3.3-70b-versatile",
}
RAW = ["openai", "anthropic", "gemini", "ollama"]
BEFORE_THE_FIRST_TOKEN = [
    Fault("status", status=500),
    Fault("status", status=503),
    Fault("status", status=429, retry_after=30),
    Fault("wrong_key"),
    Fault("unknown_model"),
    Fault("reset"),
    Fault("malformed"),
    Fault("wrong_type"),
    Fault("empty"),
    Fault("truncated", clean=True),
    Fault("truncated"),
    Fault("error_event", status=529),
    Fault("hang"),
]


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
async def build(box, tmp_path):
    """`build(providers...)` makes the gateway's application of a user whose chain is these, in this order."""
    apps = []

    def make(*providers, config=""):
        root = tmp_path / "home"
        root.mkdir(exist_ok=True)
        chain = json.dumps([MODELS[name] for name in providers])
        chains = ", ".join(f"{c}: {chain}" for c in ("simple", "moderate", "complex", "deep_reasoning"))
        (root / "config.yaml").write_text(f"routing:\n  chains: {{{chains}}}\n{config}")
        environ = {"PATH": "/nonexistent", "OLLAMA_BASE_URL": "http://127.0.0.1:1"} | box.environ(providers)
        app = App.build(root=root, cwd=tmp_path, environ=environ, relays=True)
        apps.append(app)
        return app

    yield make
    for app in apps:
        await app.aclose()


def asked(prompt=ASKED, **fields):
    return PlainInbound().sketch(json.dumps({"prompt": prompt, **fields}).encode())


def relayed(app, request):
    return app.router.stream(request, exchange=Relay(PlainInbound(), {}))


async def heard(app, request):
    """What the caller was sent, the reply and the failed attempts on the way."""
    data, reply, failures = [], None, []
    async with aclosing(relayed(app, request)) as events:
        async for event in events:
            match event:
                case Chunk(piece):
                    data.append(piece)
                case Done():
                    reply = event.reply
                case Failed(attempt):
                    failures.append((attempt.provider, str(attempt.outcome)))
                case Planned() | Trying():
                    assert not data
    return b"".join(data).decode(), reply, failures


async def broken(app, request, data, box=None):
    """A call that fails, what was sent before kept in `data`; with the first of it, what `box` holds is let go."""
    async with aclosing(relayed(app, request)) as events:
        async for event in events:
            if isinstance(event, Chunk):
                data.append(event.data)
                if box is not None:
                    box.clear()


def said(told):
    return "".join(line.removeprefix("text ") for line in told.splitlines() if line.startswith("text "))


def rows(app):
    app.ledger.close()
    connection = db.connect(paths.database(app.root))
    try:
        found = connection.execute("SELECT id FROM decisions ORDER BY at").fetchall()
        return [queries.decision(connection, row["id"]) for row in found]
    finally:
        connection.close()


def reads(box):
    return [request for request in box.answers() if request.body is not None]


# ── what arrives ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("provider", [*RAW, "vertex"])
async def test_a_stream_arrives_in_the_callers_dialect_from_every_upstream(provider, build, box):
    told, reply, _ = await heard(build(provider), asked(stream=True))
    assert said(told) == WORDS
    assert told.splitlines()[-1].startswith("end end ")
    assert reply.answer.text == WORDS
    assert reply.decision.winner.first_token_ms is not None
    assert reply.answer.usage.output_tokens > 0


@pytest.mark.parametrize("provider", [*RAW, "vertex"])
async def test_who_wants_no_stream_gets_one_body_and_upstream_is_asked_for_one(provider, build, box):
    app = build(provider)
    told, reply, _ = await heard(app, asked(model="auto"))
    winner = reply.decision.winner
    assert json.loads(told) == {"model": f"{winner.provider}/{winner.model}", "text": WORDS}
    assert reply.decision.winner.usage.output_tokens > 0
    (request,) = reads(box)
    streams = request.body.get("stream") or "stream" in request.path.lower()
    assert bool(streams) == (provider == "vertex")  # which goes through its SDK


async def test_the_last_bytes_leave_after_the_answer_was_recorded(build, box):
    app = build("openai")
    async with aclosing(relayed(app, asked(stream=True))) as events:
        async for event in events:
            if isinstance(event, Chunk) and event.data.startswith(b"end "):
                break
    (row,) = rows(app)
    assert row["error"] is None
    assert row["provider"] == "openai"


async def test_the_body_is_read_once_for_all_attempts(build, box, monkeypatch):
    reads = []
    parse = PlainInbound.parse
    monkeypatch.setattr(PlainInbound, "parse", lambda self, sketch: reads.append(1) or parse(self, sketch))
    box.fault("openai", Fault("status", status=500))
    told, _, failures = await heard(build("openai", "groq"), asked(stream=True))
    assert said(told) == WORDS
    assert len(failures) == 1
    assert len(reads) == 1


# ── before the first token ───────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "fault", BEFORE_THE_FIRST_TOKEN, ids=lambda f: f"{f.kind}{f.status or ''}{f.clean or ''}"
)
async def test_whatever_fails_before_the_first_token_the_next_model_answers(
    fault, stream, build, box, monkeypatch
):
    monkeypatch.setattr(relay, "PLAIN_FACTOR", 1)
    box.fault("openai", fault)
    limits = "  attempt_seconds: {simple: 0.4, moderate: 0.4, complex: 0.4, deep_reasoning: 0.4}\n"
    told, reply, failures = await heard(build("openai", "anthropic", config=limits), asked(stream=stream))
    assert [provider for provider, _ in failures] == ["openai"]
    assert reply.decision.winner.provider == "anthropic"
    assert WORDS in (said(told) if stream else told)


@pytest.mark.parametrize("provider", RAW)
async def test_a_stream_without_a_word_is_replaced_whatever_its_dialect(provider, build, box):
    other = "groq" if provider != "groq" else "openai"
    box.fault(provider, Fault("empty"))
    told, reply, failures = await heard(build(provider, other), asked(stream=True))
    assert failures == [(provider, "empty")]
    assert reply.decision.winner.provider == other
    assert said(told) == WORDS


async def test_a_request_nobody_can_read_stops_at_once_in_the_callers_own_words(build, box):
    with pytest.raises(UpstreamError) as raised:
        await heard(build("openai", "groq"), asked("please refuse"))
    assert raised.value.message == "prompt: it says refuse"
    assert raised.value.status == 400
    assert not box.answers()


async def test_the_vendors_words_reach_the_caller_when_it_was_the_only_one(build, box):
    box.fault("anthropic", Fault("context_too_long"))
    with pytest.raises(AllFailedError) as raised:
        await heard(build("anthropic"), asked(stream=True))
    assert "prompt is too long" in raised.value.attempts[0].detail


# ── after it ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("provider", RAW)
@pytest.mark.parametrize(
    "fault",
    [
        Fault("truncated", after=3, held=True),
        Fault("truncated", after=3, held=True, clean=True),
        Fault("reset", after=3, held=True),
        Fault("malformed", after=3, held=True),
        Fault("error_event", after=3, held=True, status=529),
    ],
    ids=lambda f: f"{f.kind}{f.clean or ''}",
)
async def test_a_stream_that_breaks_ends_with_an_error_and_is_recorded_as_one(provider, fault, build, box):
    app = build(provider, "groq")
    box.fault(provider, fault)
    data = []
    with pytest.raises(RouterError):
        await broken(app, asked(stream=True), data, box)
    lines = b"".join(data).decode().splitlines()
    assert lines[0].startswith("text ")
    assert lines[-1].startswith("error ")
    assert not any(line.startswith("end ") for line in lines)
    (row,) = rows(app)
    assert row["error"]
    assert [a["provider"] for a in row["attempts"]] == [provider]
    assert row["attempts"][0]["output_tokens"] >= 1
    assert row["attempts"][0]["estimated"] == 1


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
async def test_what_a_vendor_told_at_the_start_of_a_stream_that_breaks_is_what_it_charges(
    provider, build, box
):
    app = build(provider)
    await heard(app, asked(stream=True))
    box.fault(provider, Fault("truncated", after=5, held=True))
    with pytest.raises(RouterError):
        await broken(app, asked(stream=True), [], box)
    whole, half = (row["attempts"][0] for row in rows(app))
    assert (whole["estimated"], half["estimated"]) == (0, 1)
    assert half["input_tokens"] == whole["input_tokens"]


async def test_a_defect_of_ours_in_a_stream_that_has_begun_is_said_as_its_end(build, box, monkeypatch):
    app, note = build("openai", "groq"), Translation._note
    box.fault("openai", Fault("stall", after=1, held=True))

    def breaks(lane, deltas):
        note(lane, deltas)
        if lane.seen_chars > 20:
            raise KeyError("choices")

    monkeypatch.setattr(Translation, "_note", breaks)
    data = []
    with pytest.raises(UpstreamError, match="cannot read the answer"):
        await broken(app, asked(stream=True), data, box)
    assert b"".join(data).decode().splitlines()[-1].startswith("error ")


async def test_silence_after_the_first_token_ends_the_stream(build, box, monkeypatch):
    monkeypatch.setattr("llm_router.run.tries.GAP_S", 0.3)
    box.fault("openai", Fault("stall", after=3))
    data = []
    with pytest.raises(UpstreamError) as raised:
        await broken(build("openai"), asked(stream=True), data)
    assert raised.value.kind == "timeout"
    assert data[-1].startswith(b"error ")
    assert await asyncio.to_thread(box.wait, lambda seen: seen[-1].closed_early)


async def test_silence_after_the_first_token_is_bridged_by_pings(build, box, monkeypatch):
    monkeypatch.setattr(relay, "PING_S", 0.05)
    box.fault("openai", Fault("stall", after=3, held=True))
    data = []
    async with aclosing(relayed(build("openai"), asked(stream=True))) as events:
        async for event in events:
            data += [event.data] if isinstance(event, Chunk) else []
            if data.count(b"ping\n") == 2:
                box.clear()
    assert data[0].startswith(b"text ")
    assert said(b"".join(data).decode()) == WORDS


async def test_a_stream_may_take_longer_than_the_deadline_once_it_flows(build, box):
    app = build("openai", config="  deadline_seconds: 2\n")
    box.fault("openai", Fault("stall", after=1, held=True))
    data, reply = [], None
    async with aclosing(relayed(app, asked(stream=True))) as events:
        async for event in events:
            match event:
                case Chunk(piece):
                    if not data:
                        asyncio.get_running_loop().call_later(2.1, box.clear)
                    data.append(piece)
                case Done():
                    reply = event.reply
    assert said(b"".join(data).decode()) == WORDS
    assert reply.decision.winner.ms > 2000


async def test_a_provider_behind_an_sdk_loses_nothing_while_its_caller_is_pinged(build, box, monkeypatch):
    monkeypatch.setattr(relay, "PING_S", 0.05)
    box.fault("vertex", Fault("slow", delay=0.2))
    told, _, _ = await heard(build("vertex"), asked(stream=True))
    assert said(told) == WORDS
    assert "ping" in told


# ── the caller ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("provider", [*RAW, "vertex"])
async def test_a_caller_who_leaves_cancels_upstream_and_the_part_he_saw_is_recorded(provider, build, box):
    app = build(provider)
    box.fault(provider, Fault("stall", after=3))
    async with aclosing(relayed(app, asked(stream=True))) as events:
        async for event in events:
            if isinstance(event, Chunk):
                break
    assert await asyncio.to_thread(box.wait, lambda seen: seen[-1].closed_early)
    (row,) = rows(app)
    assert row["error"] == "cancelled"
    (attempt,) = row["attempts"]
    assert attempt["outcome"] == "cancelled"
    assert attempt["output_tokens"] >= 1


async def test_a_caller_who_leaves_before_the_first_byte_cancels_upstream_too(build, box):
    app = build("openai")
    box.fault("openai", Fault("hang"))
    task = asyncio.create_task(heard(app, asked(stream=True)))
    assert await asyncio.to_thread(box.wait, lambda seen: len(seen) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(box.wait, lambda seen: seen[-1].closed_early)
    (row,) = rows(app)
    assert row["error"] == "cancelled"


async def test_answers_at_the_same_time_do_not_mix(build, box):
    app = build("openai", "anthropic")

    async def one(number):
        stream = bool(number % 2)
        told, _, _ = await heard(app, asked(f"[[say number {number}]]", stream=stream))
        return f"number {number}" == (said(told) if stream else json.loads(told)["text"])

    assert all(await asyncio.gather(*map(one, range(40))))


async def test_what_the_sandbox_says_without_a_script_is_relayed_too(build, box):
    told, _, _ = await heard(build("openai"), asked("what is a mutex?", stream=True))
    assert digest("what is a mutex?") in said(told)
