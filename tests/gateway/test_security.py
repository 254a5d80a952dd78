"""Who is let in, from where, with how much; and what never leaves."""

import asyncio
import json
import socket
import tracemalloc
from contextlib import closing

import httpx2
import pytest
from gateway_support import HELLO, KEY, LIMIT_S

from llm_router.access import Keys, Names, is_loopback
from llm_router.errors import RefusedError

OTHER = "another-long-random-text"


# ── the key ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def locked(shared_box, tmp_path_factory):
    from gateway_support import Service

    service = Service(
        tmp_path_factory.mktemp("locked"),
        shared_box,
        config=f"gateway:\n  access_keys:\n    laptop: {OTHER}\n",
        LLM_ROUTER_ACCESS_KEY=KEY,
    )
    yield service
    service.kill()


@pytest.mark.parametrize("key", [KEY, OTHER])
@pytest.mark.parametrize(
    "shown",
    [
        lambda key: {"headers": {"authorization": f"Bearer {key}"}},
        lambda key: {"headers": {"authorization": f"bearer {key}"}},
        lambda key: {"headers": {"x-api-key": key}},
        lambda key: {"headers": {"x-goog-api-key": key}},
        lambda key: {"params": {"key": key}},
        lambda key: {"headers": {"authorization": "Bearer of-my-own", "x-api-key": key}},
    ],
)
def test_whoever_shows_a_key_is_served(locked, key, shown):
    assert locked.post("/v1/messages", HELLO, **shown(key)).status_code == 200


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"headers": {"authorization": "Bearer wrong"}},
        {"headers": {"authorization": f"Basic {KEY}"}},
        {"headers": {"authorization": KEY}},
        {"headers": {"x-api-key": KEY[:-1]}},
        {"headers": {"x-api-key": KEY + "x"}},
        {"headers": {"x-api-key": ""}},
        {"params": {"key": "wrong"}},
        {"params": {"kex": KEY}},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/responses"),
        ("POST", "/v1beta/models/auto:generateContent"),
        ("POST", "/api/chat"),
        ("GET", "/v1/models"),
        ("GET", "/status"),
        ("GET", "/metrics"),
        ("POST", "/reload"),
        ("POST", "/mcp"),
        ("GET", "/nowhere"),
    ],
)
def test_nobody_else_is_whatever_he_asks_for(locked, method, path, shown):
    answer = httpx2.request(method, locked.url + path, json=HELLO, timeout=LIMIT_S, **shown)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/json"
    assert KEY not in answer.text
    assert "error" in answer.json()


def test_a_refusal_for_the_key_is_in_the_callers_dialect_and_not_to_be_tried_again(locked):
    answer = locked.post("/v1/messages", HELLO)
    assert answer.json()["error"]["type"] == "authentication_error"
    assert answer.headers["x-should-retry"] == "false"
    assert locked.post("/v1beta/models/x:generateContent", {}).json()["error"]["status"] == "UNAUTHENTICATED"


def test_whether_it_lives_may_be_asked_without_a_key(locked):
    assert locked.get("/healthz").status_code == 200


def test_which_key_was_shown_is_told_by_name(locked):
    assert locked.get("/v1/models", headers={"x-api-key": OTHER}).status_code == 200
    lately = locked.get("/status", headers={"x-api-key": KEY}).json()["lately"]
    assert "laptop" in {each.get("key") for each in lately}


def test_every_key_is_compared_and_none_of_another_length_breaks_it():
    keys = Keys({"a": "one", "b": "two", "empty": ""})
    assert keys.name_of({b"x-api-key": b"two"}) == "b"
    assert keys.name_of({b"x-api-key": b""}) is None
    assert keys.name_of({b"x-api-key": "é".encode() * 1000}) is None
    assert not Keys({"empty": ""})


# ── the name and the page ────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:{port}", None, 200),
        ("localhost:{port}", None, 200),
        ("LOCALHOST", None, 200),
        ("[::1]:{port}", None, 200),
        ("evil.example", None, 421),
        ("evil.example:{port}", None, 421),
        ("127.0.0.1.evil.example:{port}", None, 421),
        ("localhost:{port}@evil.example", None, 421),
        ("", None, 421),
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 200),
        ("127.0.0.1:{port}", "http://localhost:3000", 403),
        ("127.0.0.1:{port}", "http://127.0.0.1:3000", 403),
        ("127.0.0.1:{port}", "http://evil.example", 403),
        ("127.0.0.1:{port}", "null", 403),
        ("127.0.0.1:{port}", "", 403),
        ("127.0.0.1:{port}", "http://[", 403),
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/healthz", "/mcp"])
def test_a_name_that_is_not_ours_and_a_page_of_another_site_are_refused(shared, path, host, origin, status):
    port = shared.url.rpartition(":")[2]
    headers = {"host": host.format(port=port)}
    if origin is not None:
        headers["origin"] = origin.format(port=port)
    answer = shared.get(path, headers=headers)
    if path == "/mcp" and status == 200:
        assert answer.status_code not in {403, 421}
    else:
        assert answer.status_code == status


def test_a_preflight_is_refused_and_no_page_may_read_an_answer(shared):
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answer = httpx2.options(f"{shared.url}/v1/messages", headers=asked, timeout=LIMIT_S)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert not [n for n in shared.get("/v1/models").headers if n.startswith("access-control-")]


def test_a_proxy_may_call_it_by_the_name_the_user_gave_it(serve):
    service = serve(config="gateway:\n  allowed_hosts: [router.lan]\n")
    assert service.get("/healthz", headers={"host": "router.lan"}).status_code == 200
    assert service.get("/healthz", headers={"host": "other.lan"}).status_code == 421


def test_behind_a_wildcard_the_key_protects_and_pages_stay_out(serve):
    service = serve(options=("--port", "0", "--host", "0.0.0.0"), LLM_ROUTER_ACCESS_KEY=KEY)
    known = {"x-api-key": KEY, "host": "router.lan:1"}
    assert service.get("/v1/models", headers=known).status_code == 200
    assert service.get("/v1/models", headers=known | {"origin": "http://evil.example"}).status_code == 403


def test_what_another_page_may_do_where_local_pages_are_let_in():
    Names("127.0.0.1", local_pages=True).check(b"127.0.0.1:1", b"http://localhost:3000")
    with pytest.raises(RefusedError):
        Names("127.0.0.1", local_pages=True).check(b"127.0.0.1:1", b"http://evil.example")


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.2", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.com", False)],
)
def test_what_is_this_machine(host, here):
    assert is_loopback(host) is here


# ── sizes and speeds ─────────────────────────────────────────────────────────


def _raw(service, *pieces, read=True):
    """What comes back for these bytes, to the end of the connection."""
    host, port = service.url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=LIMIT_S)) as client:
        for piece in pieces:
            client.sendall(piece)
        answer = b""
        while read and (data := client.recv(65536)):
            answer += data
        return answer


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/api/chat"])
def test_a_body_beyond_the_limit_is_413_before_it_was_sent(serve, path):
    service = serve(config="gateway:\n  max_body_mb: 1\n")
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {2 * 1024**2}\r\n\r\n".encode()
    answer = _raw(service, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert "error" in json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_body_without_a_length_is_cut_at_the_limit_too(serve):
    service = serve(config="gateway:\n  max_body_mb: 1\n")

    def pieces():
        for _ in range(40):
            yield b" " * 65536

    try:
        status = httpx2.post(f"{service.url}/v1/messages", content=pieces(), timeout=LIMIT_S).status_code
    except httpx2.HTTPError:  # closed while it was still being sent
        status = 413
    assert status == 413
    assert service.get("/healthz").status_code == 200


def test_a_large_body_within_the_limit_is_served(shared):
    words = "word " * 400_000
    body = {"model": "x", "messages": [{"role": "user", "content": words}]}
    assert shared.post("/v1/messages/count_tokens", body).json()["input_tokens"] > 400_000


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n",
    ],
)
def test_a_head_that_does_not_come_is_not_waited_for(serve, sent):
    service = serve(config="gateway:\n  read_seconds: 1\n")
    answer = _raw(service, sent)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_does_not_come_is_not_waited_for(serve):
    service = serve(config="gateway:\n  read_seconds: 1\n")
    head = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"
    assert _raw(service, head).startswith(b"HTTP/1.1 408 ")


def test_a_head_without_end_is_refused(shared):
    line = b"x-padding: " + b"y" * 1000 + b"\r\n"
    answer = _raw(shared, b"GET / HTTP/1.1\r\nhost: localhost\r\n", line * 80)
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_http_gets_a_400_and_ends(shared, sent):
    assert _raw(shared, sent).startswith(b"HTTP/1.1 400 ")
    assert shared.get("/healthz").status_code == 200


def test_more_connections_than_allowed_are_turned_away_and_those_before_go_on(serve):
    service = serve(config="gateway:\n  max_connections: 20\n")
    host, port = service.url.removeprefix("http://").split(":")
    held = [socket.create_connection((host, int(port)), timeout=LIMIT_S) for _ in range(20)]
    try:
        assert _raw(service).startswith(b"HTTP/1.1 503 ")
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert held[0].recv(65536).startswith(b"HTTP/1.1 200 ")
    finally:
        for each in held:
            each.close()


def test_pipelined_requests_are_answered_in_order(shared):
    one = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-request-id: r%d\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    answer = _raw(shared, one % 1 + one % 2 + last % 3)
    assert [line[-2:] for line in answer.splitlines() if line.startswith(b"x-request-id")] == [
        b"r1",
        b"r2",
        b"r3",
    ]


# ── what never leaves ────────────────────────────────────────────────────────


def test_a_vendor_that_quotes_our_key_does_not_tell_it_to_the_client(serve, box):
    from llm_router.sandbox import Fault

    service = serve()
    assert service.get("/healthz").status_code == 200
    box.fault("openai", Fault("wrong_key"))
    answer = service.post("/v1/messages", HELLO | {"model": "openai/gpt-6-luna"})
    assert answer.status_code == 401
    key = box.environ()["OPENAI_API_KEY"]
    assert key not in answer.text
    assert service.stop() == 0
    logs = "".join(path.read_text() for path in service.home.rglob("*.log"))
    assert key not in logs + service.errors()


def test_an_address_in_a_request_is_never_fetched_by_us(shared, shared_box):
    """It is the vendor's to fetch, or refused: otherwise a prompt could reach what only this machine can."""

    async def listen():
        hits = []
        server = await asyncio.start_server(lambda _r, w: (hits.append(1), w.close()), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        image = {"type": "image", "source": {"type": "url", "url": f"http://127.0.0.1:{port}/secret"}}
        body = HELLO | {
            "messages": [{"role": "user", "content": [image, {"type": "text", "text": "what is it?"}]}]
        }
        for model in (
            "openai/gpt-6-luna",
            "anthropic/claude-haiku-5-5",
            "gemini/gemini-3.5-flash-lite",
            "ollama/gemma3:4b",
        ):
            answer = await asyncio.to_thread(shared.post, "/v1/messages", body | {"model": model})
            assert answer.status_code in {200, 400}, answer.text
        server.close()
        return hits

    assert asyncio.run(listen()) == []


def test_a_flood_of_refused_requests_leaves_nothing_behind():
    """The activity of each request is let go of when it ends."""
    from llm_router.gateway.activity import KEPT, Activities
    from llm_router.gateway.http import HttpCall
    from llm_router.gateway.metrics import MOST_MODELS, Figures

    activities = Activities()
    figures = Figures(activities)
    scope = {"method": "GET", "path": "/" + "x" * 10_000, "query_string": b"", "headers": []}
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(3_000):
        each = activities.begin(HttpCall(scope, None, None), "none", "openai_chat")
        each.provider, each.model = "p", f"model-{number}"
        activities.end(each, 404, "error")
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert not activities.under_way
    assert len(activities.lately) == KEPT
    assert len({key[1] for key in figures.requests}) <= MOST_MODELS + 1
    assert grown < 1_000_000
