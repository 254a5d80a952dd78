"""Every fault of the sandbox, streamed and not, for callers of every dialect, on their own vendor and on another one: what
the client is told, what the ledger holds, and that nothing hangs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import pytest_asyncio
from asgi_calls import Ledger, call, gateway, order

from llm_router.gateway.app import Gateway
from llm_router.nouns import FailureKind as Kind
from llm_router.run import actions, relay, tries
from llm_router.sandbox import Fault, Sandbox
from llm_router.sandbox.faults import KINDS

asynchronous = pytest.mark.asyncio(loop_scope="module")

SAID = "word " * 12
PROMPT = f"[[say {SAID}]]"
SOON_S = 0.4  # for faults that are silence
CONFIG = """
providers:
  responder: {{dialect: openai_responses, base_url: "{url}/responder/v1", api_key: sandbox-key-x, models: [some-model]}}
routing: {{attempt_seconds: {{simple: {limit}, moderate: {limit}, complex: {limit}, deep_reasoning: {limit}}}}}
"""
NATIVE = {
    "anthropic": "anthropic/claude-haiku-5-5",
    "openai_chat": "openai/gpt-6-luna",
    "openai_responses": "responder/some-model",
    "gemini": "gemini/gemini-3.5-flash-lite",
    "ollama": "ollama/qwen3:8b",
}
FOREIGN = dict.fromkeys(NATIVE, "openai/gpt-6-luna") | {"openai_chat": "anthropic/claude-haiku-5-5"}


@dataclass(frozen=True)
class Expected:
    """`late` is what the ledger holds where pieces of the answer came before the fault; None = it then is no failure,
    or nothing came before it.
    """

    early: Kind | None
    status: int
    late: Kind | None = None


EXPECTED = {
    "status": Expected(Kind.SERVER_ERROR, 500),
    "wrong_key": Expected(Kind.AUTH, 401),
    "out_of_credit": Expected(Kind.BILLING, 402),
    "unknown_model": Expected(Kind.NOT_FOUND, 404),
    "context_too_long": Expected(Kind.CONTEXT_TOO_LONG, 400),
    "refusal": Expected(Kind.CONTENT_FILTER, 400),
    "empty": Expected(Kind.EMPTY, 502),
    "hang": Expected(Kind.TIMEOUT, 504),
    "slow_headers": Expected(None, 200),
    "slow": Expected(None, 200),
    "says": Expected(None, 200),
    "stall": Expected(Kind.TIMEOUT, 504, Kind.TIMEOUT),
    "truncated": Expected(Kind.TRUNCATED, 502, Kind.TRUNCATED),
    "malformed": Expected(Kind.MALFORMED, 502, Kind.MALFORMED),
    "reset": Expected(Kind.CONNECTION, 502, Kind.TRUNCATED),
    "error_event": Expected(Kind.SERVER_ERROR, 500, Kind.SERVER_ERROR),
    "wrong_type": Expected(Kind.MALFORMED, 502),
}
SILENT = {"hang", "stall"}


@dataclass
class Ground:
    box: Sandbox
    gateways: dict[float, Gateway]
    ledger: Ledger

    async def ask(self, dialect, model, *, stream, limit):
        self.ledger.decisions.clear()
        app = self.gateways[limit]
        app.current.now.app.health.reset()
        path, body = asking(dialect, model, stream=stream)
        return await call(app, path, body)


def asking(dialect, model, *, stream):
    said = [{"role": "user", "content": PROMPT}]
    match dialect:
        case "anthropic":
            return "/v1/messages", {"model": model, "max_tokens": 100, "messages": said, "stream": stream}
        case "openai_chat":
            return "/v1/chat/completions", {"model": model, "messages": said, "stream": stream}
        case "openai_responses":
            return "/v1/responses", {"model": model, "input": PROMPT, "stream": stream}
        case "gemini":
            verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
            return f"/v1beta/models/{model}:{verb}", {
                "contents": [{"role": "user", "parts": [{"text": PROMPT}]}]
            }
        case _:
            return "/api/chat", {"model": model, "messages": said, "stream": stream}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    ledger, gateways = Ledger(), {}
    with Sandbox() as box:
        for limit in (SOON_S, 30.0):
            home = tmp_path_factory.mktemp("router")
            known = box.environ(["anthropic", "openai", "gemini", "ollama"])
            config = CONFIG.format(url=box.url, limit=limit)
            gateways[limit] = gateway(home, known, config, ledger, patch)
        yield Ground(box, gateways, ledger)
        for each in gateways.values():
            await each.current.aclose()
    patch.undo()


@pytest.fixture
def impatient(monkeypatch):
    """One try, no rest between, and silence is noticed soon."""
    monkeypatch.setattr(actions, "MAX_RETRIES", 0)

    def soon():
        monkeypatch.setattr(tries, "GAP_S", SOON_S)
        monkeypatch.setattr(tries, "LAST_FACTOR", 1)
        monkeypatch.setattr(relay, "PLAIN_FACTOR", 1)
        return SOON_S

    return soon


# ── what a client must be able to read ───────────────────────────────────────


def refused(dialect, answered):
    """The error in a whole body, its message."""
    body = answered.json
    match dialect:
        case "anthropic":
            assert body["type"] == "error"
            assert body["error"]["type"].endswith("_error")
            assert body["request_id"]
            return body["error"]["message"]
        case "gemini":
            assert body["error"]["code"] == answered.status
            assert body["error"]["status"].isupper()
            return body["error"]["message"]
        case "ollama":
            return body["error"]
        case _:
            assert {"message", "type", "param", "code"} <= set(body["error"])
            return body["error"]["message"]


def pieces_of(dialect, data):
    """The JSON of every event or line; each must be whole."""
    if dialect == "ollama":
        return [json.loads(line) for line in data.decode().splitlines()]
    blocks = [
        b for b in data.decode().replace("\r\n", "\n").split("\n\n") if b.strip() and not b.startswith(":")
    ]
    lines = [line[6:] for block in blocks for line in block.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def broke(dialect, data):
    """A stream that ends with an error, and nowhere with a success."""
    events = pieces_of(dialect, data)
    match dialect:
        case "anthropic":
            order.error(data)
        case "openai_chat":
            assert events[-1]["error"]["message"]
            assert b"[DONE]" not in data
            assert not any(e["choices"][0]["finish_reason"] for e in events if e.get("choices"))
        case "openai_responses":
            assert events[-1]["type"] == "response.failed"
            assert events[-1]["response"]["error"]["message"]
            assert not any(e["type"] == "response.completed" for e in events)
        case "gemini":
            assert events[-1]["error"]["message"]
            assert b"finishReason" not in data
        case _:
            assert events[-1]["error"]
            assert not any(event.get("done") for event in events)


def answered_whole(dialect, data, *, stream):
    if stream and dialect == "anthropic":
        assert order.message(data)["content"][0]["text"] == SAID
        return
    if not stream:
        assert SAID.strip() in json.dumps(json.loads(data))
        return
    events = pieces_of(dialect, data)
    ends = {
        "openai_chat": lambda: data.endswith(b"data: [DONE]\n\n"),
        "openai_responses": lambda: events[-1]["type"] == "response.completed",
        "gemini": lambda: events[-1]["candidates"][0]["finishReason"] == "STOP",
        "ollama": lambda: events[-1]["done"] is True,
    }
    assert ends[dialect](), data[-300:]


# ── the matrix ───────────────────────────────────────────────────────────────


def test_every_fault_is_in_the_matrix():
    assert set(EXPECTED) == set(KINDS)


def fault_of(kind, **more):
    return Fault(
        kind,
        status=500 if kind == "status" else 0,
        delay=0.05,
        message=SAID if kind == "says" else "",
        **more,
    )


@asynchronous
@pytest.mark.parametrize("models", [NATIVE, FOREIGN], ids=["native", "foreign"])
@pytest.mark.parametrize("dialect", NATIVE)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("kind", EXPECTED)
async def test_a_fault_before_any_word(kind, stream, dialect, models, ground, impatient):
    model = models[dialect]
    lacks_filter = kind == "refusal" and model.startswith("ollama/")
    expected = EXPECTED["empty" if lacks_filter else kind]
    ground.box.clear()
    ground.box.fault(model.partition("/")[0], fault_of(kind))
    limit = impatient() if kind in SILENT else 30.0
    answered = await ground.ask(dialect, model, stream=stream, limit=limit)
    (decision,) = ground.ledger.decisions
    assert [attempt.outcome for attempt in decision.attempts] == [expected.early or "ok"]
    if expected.early is None:
        assert answered.status == 200
        answered_whole(dialect, answered.body, stream=stream)
        assert decision.attempts[0].usage.output_tokens
        return
    assert answered.status == expected.status
    assert refused(dialect, answered)
    assert decision.error
    assert decision.answer is None
    final = expected.early in {Kind.AUTH, Kind.BILLING, Kind.CONTENT_FILTER}
    assert answered.headers.get("x-should-retry") == ("false" if final else None)


@asynchronous
@pytest.mark.parametrize("models", [NATIVE, FOREIGN], ids=["native", "foreign"])
@pytest.mark.parametrize("dialect", NATIVE)
@pytest.mark.parametrize("kind", [kind for kind, told in EXPECTED.items() if told.late])
async def test_a_fault_after_the_first_words(kind, dialect, models, ground, impatient):
    model = models[dialect]
    ground.box.clear()
    ground.box.fault(model.partition("/")[0], fault_of(kind, after=3))
    limit = impatient() if kind in SILENT else 30.0
    answered = await ground.ask(dialect, model, stream=True, limit=limit)
    (decision,) = ground.ledger.decisions
    assert [attempt.outcome for attempt in decision.attempts] == [EXPECTED[kind].late]
    assert decision.answer is None
    assert decision.error
    if answered.status == 200:  # words had gone out; where all came in one read, nothing had
        broke(dialect, answered.body)
        usage = decision.attempts[0].usage
        assert usage.output_tokens > 0  # what came is paid for
    else:
        assert answered.status == EXPECTED[kind].status
        assert refused(dialect, answered)
