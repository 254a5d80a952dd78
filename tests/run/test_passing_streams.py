"""Streams that pass as they came, from upstreams that use all that the formats allow."""

import json
from contextlib import aclosing

import pytest

from llm_router.app import App
from llm_router.dialects import inbound
from llm_router.errors import RouterError
from llm_router.nouns import Chunk, Done
from llm_router.run import relay
from llm_router.run.relay import Relay
from tests.run.scripted_upstream import upstream

END = b"data: [DONE]\n\n"
CONFIG = "providers:\n  own: {{dialect: {dialect}, base_url: '{url}', models: [m]}}\n"
BODIES = {
    "openai_chat": {"stream": True, "messages": [{"role": "user", "content": "hi"}]},
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


async def heard(tmp_path, dialect, url, **fields):
    """What the caller was sent, and the reply; the error where it was one."""
    (tmp_path / "config.yaml").write_text(CONFIG.format(dialect=dialect, url=url))
    app = App.build(root=tmp_path, cwd=tmp_path, environ={"PATH": "/nonexistent"}, relays=True)
    speaks = inbound.get(dialect)
    body = json.dumps({"model": "own/m"} | BODIES[dialect] | fields).encode()
    sketch = speaks.sketch(body, model="own/m", stream=True)
    chunks, reply, failed = [], None, None
    try:
        async with aclosing(app.router.stream(sketch, exchange=Relay(speaks, {}))) as events:
            async for event in events:
                match event:
                    case Chunk(data):
                        chunks.append(data)
                    case Done():
                        reply = event.reply
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
