"""Clients that leave."""

import json
import socket
import sqlite3
from contextlib import closing

import pytest
from gateway_support import HELLO, LIMIT_S, wait_for

from llm_router.sandbox import Fault


def _ask(service, body, path="/v1/messages"):
    """A connection on which the request was sent."""
    host, port = service.url.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)), timeout=LIMIT_S)
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(content)}\r\n\r\n"
    client.sendall(head.encode() + content)
    return client


def _recorded(service):
    """The ledger's attempts so far."""
    with closing(sqlite3.connect(service.home / "router.db", timeout=LIMIT_S)) as database:
        return database.execute("SELECT outcome, input_tokens, output_tokens FROM attempts").fetchall()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_who_leaves_before_the_first_token_cancels_the_upstream(serve, box, path, stream):
    service = serve()
    assert service.get("/healthz").status_code == 200
    box.fault("openai", Fault("hang"))
    client = _ask(service, HELLO | {"model": "openai/gpt-6-luna", "stream": stream}, path)
    assert box.wait(lambda asked: any(r.operation == "answer" for r in asked), LIMIT_S)
    client.close()
    assert box.wait(
        lambda asked: [r.closed_early for r in asked if r.operation == "answer"] == [True], LIMIT_S
    )
    wait_for(lambda: not service.get("/status").json()["under_way"], "the end")
    assert wait_for(lambda: _recorded(service), "the record")[0][0] == "cancelled"
    assert "Traceback" not in service.errors()


def test_who_leaves_in_the_middle_cancels_it_too_and_what_was_used_is_recorded(serve, box):
    service = serve()
    assert service.get("/healthz").status_code == 200
    box.fault("openai", Fault("stall", after=2))
    client = _ask(service, HELLO | {"model": "openai/gpt-6-luna", "stream": True})
    told = b""
    while b"text_delta" not in told:
        told += (data := client.recv(65536))
        assert data
    client.close()
    assert box.wait(
        lambda asked: [r.closed_early for r in asked if r.operation == "answer"] == [True], LIMIT_S
    )
    outcome, asked, said = wait_for(lambda: _recorded(service), "the record")[0]
    assert outcome == "cancelled"
    assert asked > 0
    assert said > 0
    (line,) = wait_for(lambda: [e for e in service.log() if e.get("endpoint") == "answer"], "its line")
    assert line["ended"] == "cancelled"
