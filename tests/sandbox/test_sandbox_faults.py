"""Faults on the wire, as a client meets them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from llm_router.sandbox import Fault, Sandbox

BODY = {"model": "m", "messages": [{"role": "user", "content": "Tell me something long enough for a stream"}]}
STREAM = BODY | {"stream": True}
PATHS = {
    "openai": ("/v1/chat/completions", STREAM),
    "anthropic": ("/v1/messages", STREAM | {"max_tokens": 100}),
    "ollama": ("/api/chat", STREAM | {"model": "qwen3:8b"}),
    "gemini": (
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {"contents": [{"parts": [{"text": "Tell me something long enough for a stream"}]}]},
    ),
    "xai": ("/v1/responses", {"model": "m", "input": "Tell me something", "stream": True}),
}
ENDS = {
    "openai": "[DONE]",
    "anthropic": "message_stop",
    "ollama": '"done":true',
    "gemini": "finishReason",
    "xai": "response.completed",
}


def post(box, vendor, body, path="/v1/chat/completions", **more):
    return httpx.post(f"{box.url}/{vendor}{path}", json=body, timeout=60, **more)


def read_until_it_breaks(box, vendor):
    """What came, and whether the connection ended as HTTP wants it."""
    path, body = PATHS[vendor]
    came = ""
    try:
        with httpx.stream("POST", f"{box.url}/{vendor}{path}", json=body, timeout=60) as reply:
            for text in reply.iter_text():
                came += text
    except httpx.TransportError:
        return came, False
    return came, True


@pytest.mark.parametrize("vendor", PATHS)
def test_without_a_fault_every_stream_ends_with_its_mark(box, vendor):
    came, clean = read_until_it_breaks(box, vendor)
    assert clean
    assert ENDS[vendor] in came


@pytest.mark.parametrize("vendor", PATHS)
@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("after", [0, 2, 10_000])
def test_a_truncated_stream_never_brings_its_end_mark(box, vendor, clean, after):
    box.fault(vendor, Fault("truncated", after=after, clean=clean))
    came, ended_well = read_until_it_breaks(box, vendor)
    assert ended_well == clean
    assert ENDS[vendor] not in came


def test_after_counts_the_pieces_of_the_answer(box):
    box.fault("openai", Fault("truncated", after=2, clean=True))
    came, _ = read_until_it_breaks(box, "openai")
    chunks = [json.loads(line[6:]) for line in came.splitlines() if line.startswith("data: ")]
    assert [bool(c["choices"][0]["delta"].get("content")) for c in chunks] == [False, True, True]


def test_a_truncated_body_is_shorter_than_it_claims(box):
    box.fault("openai", Fault("truncated"))
    with pytest.raises(httpx.RemoteProtocolError):
        post(box, "openai", BODY)


@pytest.mark.parametrize("vendor", PATHS)
def test_a_malformed_stream_brings_json_that_cannot_be_read(box, vendor):
    box.fault(vendor, Fault("malformed", after=1))
    came, clean = read_until_it_breaks(box, vendor)
    assert clean
    last = [line.removeprefix("data: ") for line in came.splitlines() if line.strip()][-1]
    with pytest.raises(ValueError, match=r".+"):
        json.loads(last)


def test_a_malformed_body_is_a_200_that_cannot_be_read(box):
    box.fault("openai", Fault("malformed"))
    reply = post(box, "openai", BODY)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r".+"):
        reply.json()


@pytest.mark.parametrize(("body", "after"), [(BODY, 0), (STREAM, 0), (STREAM, 2)])
def test_a_reset_is_a_reset_and_no_orderly_end(box, body, after):
    box.fault("openai", Fault("reset", after=after))
    payload = json.dumps(body).encode()
    head = f"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(payload)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", box.port), timeout=60) as raw:
        raw.sendall(head.encode() + payload)
        with pytest.raises(ConnectionResetError):
            while raw.recv(65536):
                pass


def test_an_empty_answer_is_a_valid_200_without_content(box):
    box.fault("*", Fault("empty"))
    assert post(box, "openai", BODY).json()["choices"][0]["message"]["content"] == ""
    claude = post(box, "anthropic", BODY | {"max_tokens": 9}, "/v1/messages").json()
    assert (claude["content"], claude["stop_reason"]) == ([], "end_turn")
    assert (
        post(box, "ollama", BODY | {"model": "qwen3:8b", "stream": False}, "/api/chat").json()["done"] is True
    )
    google = post(box, "gemini", PATHS["gemini"][1], "/v1beta/models/m:generateContent").json()
    assert google["candidates"][0]["content"] == {"role": "model"}
    assert post(box, "xai", {"model": "m", "input": "x"}, "/v1/responses").json()["output"] == []
    came, _ = read_until_it_breaks(box, "openai")
    assert "[DONE]" in came


def test_a_page_that_is_no_api_is_html(box):
    box.fault("openai", Fault("wrong_type"))
    reply = post(box, "openai", BODY)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_hanging_upstream_accepts_and_never_answers_and_sees_the_client_leave(box):
    box.fault("openai", Fault("hang"))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{box.url}/openai/v1/chat/completions", json=BODY, timeout=httpx.Timeout(30, read=0.3))
    assert box.wait(lambda records: records and records[-1].done)
    assert box.requests[-1].closed_early
    assert box.requests[-1].status == 0


async def test_a_stalled_stream_stays_open_after_some_pieces(box):
    box.fault("openai", Fault("stall", after=1))
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("POST", f"{box.url}/openai/v1/chat/completions", json=STREAM) as reply,
    ):
        texts, came = reply.aiter_text(), ""
        while came.count("data: ") < 2:
            came += await anext(texts)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(texts), 0.3)
    assert came.count("data: ") == 2
    assert await asyncio.to_thread(box.wait, lambda records: records[-1].done)
    assert box.requests[-1].closed_early


@pytest.mark.parametrize(("kind", "whole"), [("stall", True), ("truncated", False)])
def test_what_is_held_comes_when_the_faults_are_taken_back(box, kind, whole):
    box.fault("openai", Fault(kind, after=1, held=True, clean=True))
    came = ""
    with httpx.stream("POST", f"{box.url}/openai/v1/chat/completions", json=STREAM, timeout=30) as reply:
        for text in reply.iter_text():
            came += text
            if came.count("data: ") == 2:
                box.clear()
    assert came.count("data: ") > (2 if whole else 1)
    assert ("[DONE]" in came) is whole


def test_a_held_request_is_answered_when_the_faults_are_taken_back(box):
    box.fault("openai", Fault("hang", held=True))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(post, box, "openai", BODY)
        assert box.wait(lambda records: len(records) == 1)
        box.clear()
        assert asked.result(30).status_code == 200


async def test_a_client_that_leaves_a_stream_is_noticed_at_once(box):
    box.fault("openai", Fault("slow", delay=30))
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", f"{box.url}/openai/v1/chat/completions", json=STREAM) as reply,
    ):
        assert reply.status_code == 200
    assert await asyncio.to_thread(box.wait, lambda records: records[-1].closed_early)


def test_a_client_that_took_its_answer_did_not_leave_early(box):
    read_until_it_breaks(box, "openai")
    post(box, "openai", BODY)
    assert box.wait(lambda records: all(r.done for r in records))
    assert [r.closed_early for r in box.requests] == [False, False]


def test_slow_headers_come_late_and_complete(box):
    box.fault("openai", Fault("slow_headers", delay=0.2))
    began = time.monotonic()
    assert post(box, "openai", BODY).status_code == 200
    assert time.monotonic() - began >= 0.2


def test_a_hang_ends_with_the_sandbox(recwarn):
    running = Sandbox().start()
    running.fault("openai", Fault("hang"))
    met: list[BaseException] = []

    def ask():
        try:
            post(running, "openai", BODY)
        except httpx.HTTPError as error:
            met.append(error)

    client = threading.Thread(target=ask)
    client.start()
    assert running.wait(lambda records: len(records) == 1)
    running.stop()
    client.join(10)
    assert len(met) == 1
    assert not isinstance(met[0], httpx.TimeoutException)


def test_a_fault_hits_as_often_as_it_was_told_and_then_the_next_one_does(box):
    box.fault("openai", Fault("status", status=429, retry_after=3), times=2)
    box.fault("openai", Fault("status", status=500), times=1)
    assert [post(box, "openai", BODY).status_code for _ in range(4)] == [429, 429, 500, 200]
    assert [r.fault for r in box.requests] == ["status", "status", "status", None]


def test_a_fault_hits_its_vendor_and_its_model_only_until_cleared(box):
    box.fault("openai", Fault("status", status=500), model="gpt-*")
    assert post(box, "openai", BODY | {"model": "gpt-9"}).status_code == 500
    assert post(box, "openai", BODY).status_code == 200
    assert post(box, "groq", BODY | {"model": "gpt-9"}).status_code == 200
    box.clear("groq")
    assert post(box, "openai", BODY | {"model": "gpt-9"}).status_code == 500
    box.clear("openai")
    assert post(box, "openai", BODY | {"model": "gpt-9"}).status_code == 200


def test_a_retry_time_can_be_a_date(box):
    when = "Wed, 21 Oct 2026 07:28:00 GMT"
    box.fault("openai", Fault("status", status=503, retry_after=when))
    assert post(box, "openai", BODY).headers["retry-after"] == when


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize("vendor", PATHS)
def test_every_status_can_be_had_from_every_vendor_with_a_message(box, vendor, status):
    box.fault(vendor, Fault("status", status=status))
    path, body = PATHS[vendor]
    reply = post(box, vendor, body, path)
    assert reply.status_code == status
    error = reply.json()["error"]
    assert error if isinstance(error, str) else error["message"]


@pytest.mark.parametrize("said", ["[[fault explode]]", "[[fault status]]", "[[fault hang after=x]]"])
def test_a_fault_a_prompt_asks_for_in_vain_is_explained(box, said):
    reply = post(box, "openai", BODY | {"messages": [{"role": "user", "content": said}]})
    assert reply.status_code == 400
    assert "fault" in reply.json()["error"]["message"] or "after" in reply.json()["error"]["message"]


def test_a_schema_that_points_nowhere_is_refused(box):
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "#/$defs/none"}}}
    assert post(box, "openai", BODY | {"response_format": wanted}).status_code == 400


def test_a_message_can_be_given(box):
    box.fault("openai", Fault("status", status=400, message="unsupported parameter: 'x'"))
    assert post(box, "openai", BODY).json()["error"]["message"] == "unsupported parameter: 'x'"


def test_a_prompt_can_ask_for_its_own_fault(box):
    said = "please [[fault status status=429 retry_after=7]]"
    reply = post(box, "openai", BODY | {"messages": [{"role": "user", "content": said}]})
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")


def test_a_fault_that_does_not_exist_is_refused_with_the_list_of_those_that_do():
    with pytest.raises(ValueError, match="truncated"):
        Fault("explode")
    with pytest.raises(ValueError, match="from 400 to 599"):
        Fault("status")
