"""What HTTP allows beside what clients do every day: old versions, headers sent twice, HEAD; and JSON cut in a character."""

import http.client
import json
import socket

import pytest
from gateway_support import HELLO, LIMIT_S

from llm_router.gateway.routes import ROUTES, find


def exchanged(service, head, body=b""):
    """All that comes back until the server closes: the head of the answer, and what follows it."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), LIMIT_S) as client:
        client.sendall(head.replace(b"\n", b"\r\n") + b"\r\n" + body)
        told = b""
        while piece := client.recv(65536):
            told += piece
    return told.split(b"\r\n\r\n", 1)


@pytest.fixture
def connection(shared):
    host, port = shared.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=LIMIT_S)
    yield connection
    connection.close()


@pytest.mark.parametrize("stream", [True, False])
def test_http_1_0_gets_an_answer_without_chunks_that_ends_with_its_connection(shared, stream):
    body = json.dumps(HELLO | {"stream": stream}).encode()
    asked = b"POST /v1/messages HTTP/1.0\nhost: localhost\ncontent-length: %d\n" % len(body)
    head, told = exchanged(shared, asked, body)
    assert b"200 OK" in head
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    if stream:
        assert told.startswith(b"event: message_start\n")
        assert told.endswith(b'data: {"type":"message_stop"}\n\n')
    else:
        assert json.loads(told)["type"] == "message"


def test_a_header_that_is_sent_twice_is_a_list(shared, shared_box):
    body = json.dumps(HELLO | {"model": "anthropic/claude-sonnet-4-6"}).encode()
    head = b"POST /v1/messages HTTP/1.0\nhost: localhost\nanthropic-beta: a-1\nanthropic-beta: b-2\n"
    exchanged(shared, head + b"content-length: %d\n" % len(body), body)
    assert shared_box.answers("anthropic")[-1].headers["anthropic-beta"] == "a-1,b-2"


@pytest.mark.parametrize(("second", "status"), [("localhost", b" 200 "), ("127.0.0.1", b" 421 ")])
def test_two_hosts_are_one_where_they_are_the_same(shared, second, status):
    hosts = f"GET /healthz HTTP/1.0\nhost: localhost\nhost: {second}\n"
    head, _ = exchanged(shared, hosts.encode())
    assert status in head


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/models", "/metrics", "/api/tags"])
def test_head_is_get_without_the_body(connection, path):
    for _ in range(2):  # the connection is kept
        connection.request("HEAD", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        assert int(answer.headers["content-length"]) > 0


def test_head_is_allowed_where_get_is():
    for route in ROUTES:
        path = route.path.replace("{model}", "m")
        if route.method == "GET":
            assert find("HEAD", path).route == route
        assert ("GET" in find("PATCH", path).allowed) == ("HEAD" in find("PATCH", path).allowed)


@pytest.mark.parametrize("half", [rb"\ud83d", rb"\ude00"])
def test_half_a_character_in_a_request_is_replaced_where_it_is_translated(connection, shared_box, half):
    said = json.dumps(HELLO | {"model": "openai/gpt-6-luna"}).encode().replace(b"errno 11", b"errno " + half)
    connection.request("POST", "/v1/messages", said)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    assert "errno \ufffd" in json.dumps(shared_box.answers("openai")[-1].body, ensure_ascii=False)


def test_ollamas_clients_may_load_a_model_before_they_ask_and_see_who_runs(shared):
    answer = shared.post("/api/generate", {"model": "auto"})
    assert answer.status_code == 200
    assert answer.json()["done_reason"] == "load"
    assert shared.get("/api/ps").json() == {"models": []}


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta1/projects/p/locations/l/publishers/google/models/auto:generateContent",
        "/models/auto:generateContent",
        "/v1beta/models/auto%3AgenerateContent",
        "/v1beta/models/openai%2Fgpt-6-luna:generateContent",
        "/v1beta/models/auto:streamGenerateContent?$alt=sse",
    ],
)
def test_googles_paths_in_all_their_spellings(shared, path):
    answer = shared.post(path, {"contents": {"role": "user", "parts": {"text": "hi"}}})
    assert answer.status_code == 200
    assert ("$alt" in path) == answer.headers["content-type"].startswith("text/event-stream")
