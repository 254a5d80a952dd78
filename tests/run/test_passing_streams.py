"""Streams that pass as they came, from upstreams that use all that the formats allow."""

import json

import pytest

from llm_router.app import App
from llm_router.dialects import inbound
from llm_router.errors import RouterError
from llm_router.run import relay
from llm_router.run.relay import Relay
from tests.run.hearing import hear
from tests.run.scripted_upstream import upstream

END = b"data: [DONE]\n\n"
CONFIG = "providers:\n  own: {{dialect: {dialect}, base_url: '{url}', models: [m]}}\n"
BODIES = {
    "openai_chat": {"messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"input": "hi"},
    "anthropic": {"max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}


def piece(index, text=None, finish=None):
    choice = {"index": index, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return b"data: %s\n\n" % json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode()


def candidate(index, text, finish=None):
    told = {"index": index, "content": {"parts": [{"text": text}]}, "finishReason": finish}
    return b"data: %s\n\n" % json.dumps({"candidates": [told], "modelVersion": "m"}).encode()


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(relay, "FAREWELL_S", 0.05)


async def heard(tmp_path, dialect, url, *, caller=None, stream=True, **fields):
    """What the caller was sent, and the reply; the error where it was one. `caller` speaks another dialect."""
    (tmp_path / "config.yaml").write_text(CONFIG.format(dialect=dialect, url=url))
    app = App.build(root=tmp_path, cwd=tmp_path, environ={"PATH": "/nonexistent"}, relays=True)
    speaks = inbound.get(caller or dialect)
    body = json.dumps({"model": "own/m", "stream": stream} | BODIES[speaks.name] | fields).encode()
    sketch = speaks.sketch(body, model="own/m", stream=stream)
    chunks, reply, failed = [], None, None
    try:
        reply = await hear(app, sketch, Relay(speaks, {}), chunks)
    except RouterError as error:
        failed = error
    await app.aclose()
    return b"".join(chunks), reply, failed


CHAT = [
    piece(0, "one"),
    piece(1, "two"),
    piece(0, finish="stop"),
    0.4,
    piece(1, "more"),
    piece(1, finish="stop"),
]
GEMINI = [
    candidate(0, "one"),
    candidate(1, "two"),
    candidate(0, "end", "STOP"),
    0.4,
    candidate(1, "end", "STOP"),
]


@pytest.mark.parametrize(
    ("dialect", "script", "fields"),
    [
        ("openai_chat", [*CHAT, END], {"n": 2}),
        ("openai_chat", CHAT, {"n": 2}),
        ("gemini", GEMINI, {"generationConfig": {"candidateCount": 2}}),
    ],
    ids=["to its mark", "to the end of the body", "gemini"],
)
async def test_of_several_answers_none_is_cut_when_the_first_has_ended(
    tmp_path, soon, dialect, script, fields
):
    async with upstream(*script) as (url, _):
        out, reply, failed = await heard(tmp_path, dialect, url, **fields)
    assert failed is None
    told = b"".join(each for each in script if isinstance(each, bytes))
    assert out == told + (END if dialect == "openai_chat" and END not in script else b"")
    assert reply.answer.stop_reason == "end"


async def test_an_answer_of_several_that_breaks_off_is_no_success(tmp_path):
    async with upstream(*CHAT[:4]) as (url, _):
        out, reply, failed = await heard(tmp_path, "openai_chat", url, n=2)
    assert reply is None
    assert "broke off" in failed.message
    assert END not in out
    assert b'"error"' in out


async def test_who_asked_for_one_answer_does_not_wait_for_what_comes_behind_it(tmp_path, soon):
    script = [piece(0, "one"), piece(0, finish="stop"), 30.0]
    async with upstream(*script) as (url, _):
        out, reply, _ = await heard(tmp_path, "openai_chat", url)
    assert out == script[0] + script[1] + END
    assert reply.answer.stop_reason == "end"


async def test_an_upstream_that_gives_fewer_answers_than_asked_for_is_no_failure(tmp_path, soon):
    script = [piece(0, "one"), piece(0, finish="stop")]
    async with upstream(*script) as (url, _):
        out, reply, _ = await heard(tmp_path, "openai_chat", url, n=3)
    assert out == b"".join(script) + END
    assert reply is not None


async def test_an_end_mark_on_every_piece_is_none_where_a_stream_passes_either(tmp_path, soon):
    script = [piece(0, "one", "stop"), piece(0, "two", "stop"), 0.4, piece(0, "three", "stop"), END]
    async with upstream(*script) as (url, _):
        out, _, failed = await heard(tmp_path, "openai_chat", url)
    assert failed is None
    assert out == b"".join(each for each in script if isinstance(each, bytes))


async def test_a_text_that_speaks_of_the_end_mark_is_not_it(tmp_path):
    script = [piece(0, "[DONE]"), piece(0, finish="stop")]
    async with upstream(*script) as (url, _):
        out, _, _ = await heard(tmp_path, "openai_chat", url)
    assert out == b"".join(script) + END


# ── a body where a stream was asked for, and a stream where none was ─────────

JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
USAGE = {"prompt_tokens": 7, "completion_tokens": 5}
MESSAGE = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}
PLAIN = {
    "openai_chat": {
        "id": "c",
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
        ],
        "usage": USAGE,
    },
    "openai_responses": {
        "id": "r",
        "object": "response",
        "model": "m",
        "status": "completed",
        "output": [MESSAGE],
    },
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 5},
    },
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": "hello"}]}, "finishReason": "STOP"}],
        "modelVersion": "m",
    },
}
ENDS = {
    "openai_chat": b"data: [DONE]",
    "openai_responses": b"response.completed",
    "anthropic": b"message_stop",
    "gemini": b"STOP",
}
BUSY = {
    "openai_chat": {"error": {"message": "Busy bee", "type": "server_error"}},
    "openai_responses": {"error": {"message": "Busy bee", "type": "server_error"}},
    "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": "Busy bee"}},
    "gemini": {"error": {"code": 503, "message": "Busy bee", "status": "UNAVAILABLE"}},
}


@pytest.mark.parametrize("cut", [None, 20])
@pytest.mark.parametrize("end", [b"", b"\n\n"])
@pytest.mark.parametrize("dialect", PLAIN)
async def test_who_does_not_stream_is_told_as_a_stream(tmp_path, dialect, end, cut):
    body = json.dumps(PLAIN[dialect]).encode() + end
    script = [body] if cut is None else [body[:cut], 0.05, body[cut:]]
    async with upstream(*script, head=JSON_HEAD) as (url, _):
        out, reply, failed = await heard(tmp_path, dialect, url)
    assert failed is None
    assert b"hello" in out
    assert out.startswith((b"data: ", b"event: "))
    assert ENDS[dialect] in out.rstrip()[-1200:]
    assert reply.text == "hello"


@pytest.mark.parametrize("dialect", BUSY)
async def test_an_error_instead_of_a_stream_is_told_in_the_vendors_words(tmp_path, dialect):
    async with upstream(json.dumps(BUSY[dialect]).encode(), head=JSON_HEAD) as (url, _):
        _, reply, failed = await heard(tmp_path, dialect, url)
    assert reply is None
    assert "Busy bee" in failed.message


async def test_a_stream_that_nobody_asked_for_is_told_as_a_body(tmp_path):
    script = [piece(0, "hel"), piece(0, "lo"), piece(0, finish="stop"), END]
    async with upstream(*script) as (url, _):
        out, reply, _ = await heard(tmp_path, "openai_chat", url, stream=False)
    assert json.loads(out)["choices"][0]["message"]["content"] == "hello"
    assert reply.text == "hello"


@pytest.mark.parametrize("said", [b"<html>no</html>", b"nonsense", piece(0, "never ends")])
async def test_what_is_neither_is_unreadable(tmp_path, said):
    async with upstream(said, head=JSON_HEAD) as (url, _):
        _, reply, failed = await heard(tmp_path, "openai_chat", url, stream=False)
    assert reply is None
    assert failed is not None


# ── nothing asked, nothing said ──────────────────────────────────────────────


@pytest.mark.parametrize("stream", [True, False])
async def test_a_cache_that_was_warmed_has_nothing_to_say(tmp_path, stream):
    warmed = PLAIN["anthropic"] | {"content": [], "stop_reason": "max_tokens"}
    start = {"type": "message_start", "message": warmed | {"stop_reason": None}}
    end = {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 0}}
    events = [
        b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode())
        for e in (start, end, {"type": "message_stop"})
    ]
    script = events if stream else [json.dumps(warmed).encode()]
    async with upstream(*script) as (url, bodies):
        out, reply, failed = await heard(tmp_path, "anthropic", url, stream=stream, max_tokens=0)
    assert failed is None
    assert out == b"".join(script)
    assert json.loads(bodies[0])["max_tokens"] == 0
    assert [str(a.outcome) for a in reply.decision.attempts] == ["ok"]


@pytest.mark.parametrize("content", ["", None, []])
async def test_a_conversation_without_a_word_is_refused_before_anybody_is_asked(tmp_path, content):
    async with upstream() as (url, bodies):
        (tmp_path / "config.yaml").write_text(CONFIG.format(dialect="anthropic", url=url))
        app = App.build(root=tmp_path, cwd=tmp_path, environ={"PATH": "/nonexistent"}, relays=True)
        speaks = inbound.get("openai_chat")
        body = {"model": "own/m", "messages": [{"role": "user", "content": content}]}
        with pytest.raises(RouterError, match="nothing is said"):
            await hear(app, speaks.sketch(json.dumps(body).encode()), Relay(speaks, {}), [])
        await app.aclose()
    assert bodies == []


THOUGHT_AWAY = [
    piece(0, finish="length"),
    b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}\n\n',
    END,
]


@pytest.mark.parametrize("caller", ["openai_chat", "anthropic"])
async def test_an_answer_whose_limit_went_on_thinking_is_told_and_not_asked_for_again(tmp_path, caller, soon):
    fields = {"max_tokens": 5} | (
        {"stream_options": {"include_usage": True}} if caller == "openai_chat" else {}
    )
    async with upstream(*THOUGHT_AWAY) as (url, bodies):
        told, reply, failed = await heard(tmp_path, "openai_chat", url, caller=caller, **fields)
    assert failed is None
    assert (reply.answer.stop_reason, reply.answer.usage.output_tokens, len(bodies)) == ("length", 5, 1)
    assert (b'"length"' if caller == "openai_chat" else b'"max_tokens"') in told


async def test_nothing_said_without_a_limit_is_a_failure(tmp_path, soon):
    async with upstream(*THOUGHT_AWAY) as (url, _):
        _, _, failed = await heard(tmp_path, "openai_chat", url)
    assert {str(attempt.outcome) for attempt in failed.attempts} == {"empty"}
