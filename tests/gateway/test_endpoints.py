"""Which path is whose, what each endpoint says, and errors in the dialect of whoever asks."""

import gzip
import json
import socket
import zlib

import httpx2
import pytest
from gateway_support import HELLO, LIMIT_S

from llm_router.gateway.endpoints import ENDPOINTS
from llm_router.gateway.openapi import document
from llm_router.gateway.routes import ROUTES, find, paths_of

ANTHROPIC = {"anthropic-version": "2023-06-01"}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


# ── the table ────────────────────────────────────────────────────────────────


def test_every_route_has_an_endpoint_and_every_endpoint_a_route():
    assert {route.name for route in ROUTES} == set(ENDPOINTS)


def test_the_openapi_document_describes_every_route():
    described = {(method, path) for path, item in document()["paths"].items() for method in item}
    assert described == {(route.method.lower(), route.path) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
def test_a_route_is_found_under_each_spelling_and_behind_a_prefix(route):
    for path in paths_of(route):
        spelled = path.replace("{model}", "openai/a:b")
        assert find(route.method, spelled).route == route
        assert find(route.method, f"{spelled}/").route == route
        behind = find(route.method, f"/pre/fix{spelled}").route
        assert (behind == route) is route.anywhere


@pytest.mark.parametrize(
    ("method", "path", "name", "model"),
    [
        ("POST", "/v1beta/models/gemini-x:generateContent", "answer", "gemini-x"),
        ("POST", "/v1/models/openai/gpt:streamGenerateContent", "answer_streamed", "openai/gpt"),
        ("POST", "/v1alpha/models/auto:best:countTokens", "count", "auto:best"),
        ("GET", "/v1/models/openai/gpt-x", "model", "openai/gpt-x"),
        ("GET", "/models/ollama/qwen:8b", "model", "ollama/qwen:8b"),
    ],
)
def test_the_name_of_a_model_in_a_path_may_hold_slashes_and_colons(method, path, name, model):
    found = find(method, path)
    assert (found.route.name, found.values["model"]) == (name, model)


@pytest.mark.parametrize("path", ["/", "/v2/messages", "/v1/messagess", "/api", "/metricsx", "/x/metrics"])
def test_what_is_no_route_is_none(path):
    assert find("POST", path).route is None


# ── errors, in whose words ───────────────────────────────────────────────────

SHAPES = {
    "anthropic": lambda body: body["type"] == "error" and body["error"]["type"] and body["error"]["message"],
    "openai": lambda body: body["error"]["message"] and body["error"]["type"],
    "gemini": lambda body: body["error"]["code"] and body["error"]["status"] and body["error"]["message"],
    "ollama": lambda body: isinstance(body["error"], str),
}
POSTS = [
    ("/v1/messages", "anthropic"),
    ("/v1/messages/count_tokens?beta=true", "anthropic"),
    ("/pre/fix/v1/messages?beta=true", "anthropic"),
    ("/v1/chat/completions", "openai"),
    ("/v1/responses", "openai"),
    ("/v1beta/models/auto:generateContent", "gemini"),
    ("/v1beta/models/auto:streamGenerateContent?alt=sse", "gemini"),
    ("/api/chat", "ollama"),
    ("/api/generate", "ollama"),
]


@pytest.mark.parametrize(("path", "shape"), POSTS)
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b"[" * 100_000])
def test_what_is_no_request_is_a_400_in_the_callers_dialect(shared, path, shape, content):
    answer = httpx2.post(shared.url + path, content=content, timeout=LIMIT_S)
    assert answer.status_code == 400
    assert SHAPES[shape](answer.json())


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda data: gzip.compress(data[:20]) + gzip.compress(data[20:])),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
        ("identity", lambda data: b"\xef\xbb\xbf" + data),
    ],
)
def test_a_compressed_request_is_read(shared, coding, pack):
    headers = {"content-encoding": coding}
    answer = httpx2.post(
        shared.url + "/v1/messages",
        content=pack(json.dumps(HELLO).encode()),
        headers=headers,
        timeout=LIMIT_S,
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("coding", "content", "status"),
    [
        ("zstd", b"\x28\xb5\x2f\xfd", 415),
        ("gzip", b"no gzip at all", 400),
        ("gzip", gzip.compress(b"", mtime=0), 400),
        ("gzip", gzip.compress(b"{", mtime=0) + gzip.compress(b"}" * 100, mtime=0)[:20], 400),
        pytest.param("gzip", gzip.compress(b"", mtime=0) * 100_000, 400, id="members"),
        ("deflate", b"no deflate at all", 400),
        ("gzip", gzip.compress(b"{}" * 1000, mtime=0)[:20], 400),  # all workers must make the same test of it
        pytest.param("gzip", gzip.compress(b" " * (65 * 1024 * 1024)), 413, id="large"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(shared, coding, content, status):
    headers = {"content-encoding": coding}
    answer = httpx2.post(shared.url + "/v1/messages", content=content, headers=headers, timeout=LIMIT_S)
    assert answer.status_code == status
    assert SHAPES["anthropic"](answer.json())


def test_the_long_window_is_asked_of_anthropic_in_its_own_way(shared, shared_box):
    body = HELLO | {"model": "anthropic/claude-sonnet-4-6[1m]"}
    answer = shared.post("/v1/messages", body, headers={"anthropic-beta": "other-1"})
    assert answer.status_code == 200
    seen = shared_box.answers("anthropic")[-1]
    assert seen.body["model"] == "claude-sonnet-4-6"
    assert seen.headers["anthropic-beta"] == "other-1,context-1m-2025-08-07"


@pytest.mark.parametrize(("path", "shape"), POSTS)
def test_the_wrong_method_is_a_405_that_names_the_right_one(shared, path, shape):
    answer = httpx2.put(shared.url + path, timeout=LIMIT_S)
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert SHAPES[shape](answer.json())


@pytest.mark.parametrize(
    ("path", "headers", "shape"),
    [
        ("/v1/nothing", {}, "openai"),
        ("/v1/nothing", ANTHROPIC, "anthropic"),
        ("/v1beta/nothing", {}, "gemini"),
        ("/api/nothing", {}, "ollama"),
    ],
)
def test_a_path_that_nobody_has_is_a_404_in_the_likely_dialect(shared, path, headers, shape):
    answer = shared.get(path, headers=headers)
    assert answer.status_code == 404
    assert SHAPES[shape](answer.json())


@pytest.mark.parametrize(("path", "shape"), POSTS[3:5])
def test_an_unknown_model_is_a_404(shared, path, shape):
    body = HELLO | {"model": "no-such-model-at-all", "input": "hi"}
    answer = shared.post(path, body)
    assert answer.status_code == 404
    assert SHAPES[shape](answer.json())
    assert "no-such-model-at-all" in answer.text


# ── headers ──────────────────────────────────────────────────────────────────


def test_an_answer_tells_who_gave_it_and_what_it_cost(shared):
    headers = shared.post(
        "/v1/messages", HELLO | {"model": "openai/gpt-6-luna"}, headers={"x-request-id": "mine-1"}
    ).headers
    told = {
        name.removeprefix("x-llm-router-"): value for name, value in headers.items() if "llm-router" in name
    }
    assert told.pop("decision-id").startswith("d_")
    assert float(told.pop("cost-usd")) > 0
    assert told.pop("turn")
    assert told == {
        "provider": "openai",
        "model": "gpt-6-luna",
        "reason": "asked for",
        "attempts": "1",
        "cache": "miss",
    }
    assert headers["x-request-id"] == "mine-1"


def test_an_answer_tells_whether_its_prompt_was_in_the_vendors_cache(shared):
    long = [{"type": "text", "text": "A rule. " * 3_000, "cache_control": {"type": "ephemeral"}}]
    body = HELLO | {"model": "anthropic/claude-haiku-5-5", "system": long}
    told = [shared.post("/v1/messages", body).headers["x-llm-router-cache"] for _ in range(2)]
    assert told == ["miss", "hit"]


def test_a_stream_tells_the_same_but_its_cost(shared):
    with httpx2.stream(
        "POST", shared.url + "/v1/messages", json=HELLO | {"stream": True}, timeout=LIMIT_S
    ) as answer:
        answer.read()
    assert answer.headers["x-llm-router-decision-id"].startswith("d_")
    assert answer.headers["x-llm-router-model"]
    assert not {"x-llm-router-cost-usd", "x-llm-router-cache"} & answer.headers.keys()
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("given", ["a b", "x" * 200, "<script>", "ä"])
def test_a_request_id_that_is_none_is_replaced(shared, given):
    answer = shared.get("/healthz", headers={"x-request-id": given.encode()})
    assert answer.headers["x-request-id"].startswith("req_")


# ── lists ────────────────────────────────────────────────────────────────────


def test_models_are_listed_as_openai_does(shared):
    body = shared.get("/v1/models").json()
    ids = [each["id"] for each in body["data"]]
    assert body["object"] == "list"
    assert {"auto", "cheap", "best", "opus", "openai/gpt-6-luna", "ollama/qwen3:8b"} <= set(ids)
    assert len(ids) == len(set(ids))
    assert len(shared.get("/v1/models?limit=3").json()["data"]) == 3


def test_models_are_listed_as_anthropic_does_in_pages(shared):
    ids, query = [], "limit=7"
    while query:
        body = shared.get(f"/v1/models?{query}", headers=ANTHROPIC).json()
        assert all(each["type"] == "model" and each["display_name"] for each in body["data"])
        ids += [each["id"] for each in body["data"]]
        query = f"limit=7&after_id={body['last_id']}" if body["has_more"] else ""
    assert ids == [each["id"] for each in shared.get("/v1/models").json()["data"]]


def test_claude_code_is_shown_names_that_it_takes_and_that_mean_the_model(shared):
    headers = ANTHROPIC | {"user-agent": "claude-cli/2.1.329 (external, cli)"}
    ids = [each["id"] for each in shared.get("/v1/models?limit=1000", headers=headers).json()["data"]]
    assert ids
    assert all(name.startswith(("claude", "anthropic")) for name in ids)
    answer = shared.post(
        "/v1/messages", HELLO | {"model": "claude-router/openai/gpt-6-luna"}, headers=headers
    )
    assert answer.headers["x-llm-router-model"] == "gpt-6-luna"


def test_models_are_listed_as_gemini_does_in_pages(shared):
    first = shared.get("/v1beta/models?pageSize=5").json()
    second = shared.get(f"/v1beta/models?pageSize=5&pageToken={first['nextPageToken']}").json()
    names = [each["name"] for each in first["models"] + second["models"]]
    assert len(set(names)) == 10
    assert all(name.startswith("models/") for name in names)


def test_models_are_listed_as_ollama_does(shared):
    tags = shared.get("/api/tags").json()["models"]
    assert {"auto", "ollama/qwen3:8b"} <= {each["model"] for each in tags}
    shown = shared.post("/api/show", {"model": "ollama/qwen3:8b"}).json()
    assert "tools" in shown["capabilities"]
    assert shared.get("/api/version").json()["version"]


@pytest.mark.parametrize("path", ["/v1/models/{}", "/v1beta/models/{}"])
def test_one_model_can_be_looked_up_and_an_unknown_one_is_not_found(shared, path):
    assert "gpt-6-luna" in shared.get(path.format("openai/gpt-6-luna")).text
    assert shared.get(path.format("no-such")).status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "limit=1001", "limit=%C2%B2"])
def test_a_limit_that_is_none_is_refused(shared, query):
    assert shared.get(f"/v1/models?{query}").status_code == 400


# ── counting ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/messages/count_tokens", {"model": "x", "messages": [{"role": "user", "content": "word " * 400}]}, "input_tokens"),
        ("/v1/responses/input_tokens", {"model": "x", "input": "word " * 400}, "input_tokens"),
        (
            "/v1beta/models/x:countTokens",
            {"contents": [{"role": "user", "parts": [{"text": "word " * 400}]}]},
            "totalTokens",
        ),
    ],
)  # fmt: skip
def test_tokens_are_counted_without_asking_anybody(shared, shared_box, path, body, field):
    shared_box.forget()
    assert 300 < shared.post(path, body).json()[field] < 700
    assert shared_box.answers() == []


# ── the service itself ───────────────────────────────────────────────────────


def test_it_is_alive_ready_and_says_what_it_is(shared):
    assert shared.get("/healthz").json() == {"status": "ok"}
    assert shared.get("/readyz").json() == {"status": "ok"}
    assert shared.get("/").json()["name"] == "llm-router"
    assert httpx2.head(shared.url, timeout=LIMIT_S).status_code == 200
    assert shared.get("/openapi.json").json() == document()


def test_without_a_provider_it_is_alive_but_not_ready(tmp_path):
    from gateway_support import Service

    service = Service(tmp_path, OLLAMA_BASE_URL="http://127.0.0.1:1")
    try:
        answer = service.get("/readyz")
        assert answer.status_code == 503
        assert "llm-router doctor" in answer.json()["error"]
        assert service.get("/healthz").status_code == 200
        assert service.post("/v1/messages", HELLO).json()["type"] == "error"
    finally:
        service.kill()


def test_figures_are_prometheus_text_with_bounded_labels(shared):
    from prometheus_client.parser import text_string_to_metric_families

    shared.post("/v1/messages", HELLO | {"model": "openai/gpt-6-luna"})
    text = shared.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {
        "llm_router_requests", "llm_router_request_duration_seconds", "llm_router_time_to_first_token_seconds",
        "llm_router_tokens", "llm_router_cost_usd", "llm_router_requests_in_flight", "llm_router_circuit_state",
        "llm_router_budget_remaining_usd",
    } <= set(families)  # fmt: skip
    counted = [s for s in families["llm_router_requests"].samples if s.labels["model"] == "gpt-6-luna"]
    assert sum(sample.value for sample in counted) >= 1


def test_a_websocket_is_answered_426_at_once(shared):
    host, port = shared.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=LIMIT_S) as client:
        client.sendall(
            f"GET /v1/responses HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n".encode()
        )
        head = client.recv(65536)
    assert head.startswith(b"HTTP/1.1 426 ")


def test_mcp_is_served_beside_it(shared):
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/list",
    }
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    answer = shared.post("/mcp", body, headers=headers)
    assert answer.status_code == 200
    text = answer.text.partition("data: ")[2] or answer.text
    assert "llm_route" in [tool["name"] for tool in json.loads(text)["result"]["tools"]]
