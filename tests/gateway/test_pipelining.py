"""Clients that send requests ahead of the answers: each is answered in its turn, and leaving cancels the one under way."""

import json
import socket
import sqlite3
from contextlib import closing

import pytest
from gateway_support import HELLO, LIMIT_S, wait_for

from llm_router.gateway.protocol import LARGEST_HEAD, MOST_AHEAD
from llm_router.sandbox import Fault

MODEL = "openai/gpt-6-luna"


@pytest.fixture
def client(serve):
    service = serve()
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), LIMIT_S) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client, service


def post(word, **fields):
    """A request to say this word."""
    said = [{"role": "user", "content": f"[[say {word}]]"}]
    content = json.dumps(HELLO | {"model": MODEL, "messages": said} | fields).encode()
    return (
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(content)
        + content
    )


def answers(client, count):
    """The bodies of so many answers, with their status."""
    read, found = client.makefile("rb"), []
    for _ in range(count):
        status, length = int(read.readline().split()[1]), 0
        while (line := read.readline().lower()) != b"\r\n":
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        found.append((status, read.read(length)))
    return found


def said(answer):
    status, body = answer
    assert status == 200
    return json.loads(body)["content"][0]["text"]


def calls(asked):
    return [each for each in asked if each.operation == "answer"]


def asked_of(box, count):
    return box.wait(lambda asked: len(calls(asked)) == count)


def outcomes(service):
    with closing(sqlite3.connect(service.home / "router.db", timeout=LIMIT_S)) as database:
        return [row[0] for row in database.execute("SELECT outcome FROM attempts ORDER BY started_at")]


@pytest.mark.parametrize("size", [1_000_000, 997, 20], ids=["at once", "in pieces", "in small pieces"])
def test_requests_sent_ahead_are_answered_in_their_order(client, size):
    wire, _ = client
    stream = b"".join(
        post(word, metadata={"user_id": "x" * 2_000}) for word in ("one", "two", "three", "four")
    )
    for at in range(0, len(stream), size):
        wire.sendall(stream[at : at + size])
    assert [said(answer) for answer in answers(wire, 4)] == ["one", "two", "three", "four"]


def test_more_than_is_read_ahead_waits_for_its_turn(client, box):
    wire, _ = client
    box.fault("openai", Fault("slow_headers", delay=0.3))
    words = [f"word{n}" for n in range(6)]
    filler = {"role": "user", "content": "x" * (MOST_AHEAD // 3)}
    wire.sendall(
        b"".join(post(w, messages=[filler, {"role": "user", "content": f"[[say {w}]]"}]) for w in words)
    )
    assert [said(answer) for answer in answers(wire, 6)] == words


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("together", [True, False], ids=["in one piece", "one by one"])
@pytest.mark.parametrize("padding", [10, 100_000])
def test_who_leaves_cancels_what_is_under_way_and_the_rest_is_never_asked(
    client, box, stream, together, padding
):
    wire, service = client
    box.fault("openai", Fault("hang"))
    first = post("first", stream=stream)
    second = post("second", metadata={"user_id": "y" * padding})
    if together:
        wire.sendall(first + second)
    else:
        wire.sendall(first)
        assert asked_of(box, 1)
        wire.sendall(second)
    assert asked_of(box, 1)
    wire.close()
    assert box.wait(lambda asked: [each.closed_early for each in calls(asked)] == [True])
    wait_for(lambda: not service.get("/status").json()["under_way"], "the end")
    assert wait_for(lambda: outcomes(service), "the record") == ["cancelled"]
    assert len(box.answers()) == 1
    assert not [line for line in service.log() if line.get("level") == "error"]


def test_who_leaves_after_the_first_answer_cancels_the_second(client, box):
    wire, service = client
    box.fault("openai", Fault("slow_headers", delay=0.2), times=1)
    box.fault("openai", Fault("hang"))
    wire.sendall(post("first") + post("second"))
    assert said(answers(wire, 1)[0]) == "first"
    assert asked_of(box, 2)
    wire.close()
    assert box.wait(lambda asked: calls(asked)[-1].closed_early)
    assert wait_for(lambda: len(outcomes(service)) == 2 and outcomes(service)) == ["ok", "cancelled"]


def test_a_head_without_end_behind_a_request_is_refused_when_its_turn_comes(client, box):
    wire, _ = client
    box.fault("openai", Fault("slow_headers", delay=0.3), times=1)
    wire.sendall(post("first"))
    assert asked_of(box, 1)
    wire.sendall(b"GET /healthz HTTP/1.1\r\nx: " + b"y" * (LARGEST_HEAD + 1))
    first, second = answers(wire, 2)
    assert said(first) == "first"
    assert second[0] == 431
