"""Whose key goes where: read from the bytes that upstreams get, for the sandbox blots keys out."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from gateway_support import HELLO, KEY, Service

MINE = {
    "authorization": "Bearer of-the-client-1",
    "x-api-key": "of-the-client-2",
    "x-goog-api-key": "of-the-client-3",
}
SIGNED_IN = {
    "authorization": "Bearer of-the-client-oauth",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,oauth-2025-04-20",
}
ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
    "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


class Upstream:
    """Keeps what it is sent: path, headers and body as they came. `status` is what it answers."""

    def __init__(self):
        self.asked = []
        self.status = 200
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                upstream.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                shown = self.headers["authorization"] or self.headers["x-api-key"]
                told = {"type": "authentication_error", "message": f"{shown!r} is no key"}
                error = {"type": "error", "error": told}
                told = json.dumps(ANSWER if upstream.status == 200 else error).encode()
                self.send_response(upstream.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def do_GET(self):
                self.send_error(404)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def everything(self):
        return repr(self.asked)


@pytest.fixture
def upstream():
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def service(tmp_path, upstream):
    made = []

    def make(forward, **variables):
        config = f"gateway:\n  forward_credentials: {str(forward).lower()}\n"
        ours = {"OPENAI_API_KEY": "key-of-ours", "OLLAMA_BASE_URL": "http://127.0.0.1:1"}
        urls = {f"{name}_BASE_URL": upstream.url for name in ("ANTHROPIC", "OPENAI")}
        made.append(Service(tmp_path / f"s{len(made)}", config=config, **ours, **urls, **variables))
        return made[-1]

    yield make
    for each in made:
        each.kill()


@pytest.mark.parametrize("model", ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"])
def test_with_keys_of_our_own_nothing_of_the_client_goes_anywhere(service, upstream, model):
    served = service(True, ANTHROPIC_API_KEY="another-of-ours")
    served.post(
        "/v1/messages?key=of-the-client-4",
        HELLO | {"model": model},
        headers=MINE | {"cookie": "of-the-client"},
    )
    assert upstream.asked
    assert "of-the-client" not in upstream.everything()
    assert "of-ours" in upstream.everything()


def test_unless_the_user_allows_it_a_login_is_not_passed_on(service, upstream):
    answer = service(False).post(
        "/v1/messages", HELLO | {"model": "anthropic/claude-haiku-5-5"}, headers=SIGNED_IN
    )
    assert answer.status_code == 401
    assert "ANTHROPIC_API_KEY" in answer.text
    assert upstream.asked == []


@pytest.mark.parametrize(
    "shown", [SIGNED_IN, {"x-api-key": "of-the-client-key", "anthropic-version": "2023-06-01"}]
)
@pytest.mark.parametrize("model", ["anthropic/claude-haiku-5-5", "claude-haiku-5-5"])
def test_where_it_is_allowed_the_login_reaches_anthropic(service, upstream, shown, model):
    answer = service(True).post("/v1/messages", HELLO | {"model": model}, headers=shown)
    assert answer.status_code == 200, answer.text
    ((_, headers, _),) = upstream.asked
    for name in ("authorization", "x-api-key"):
        assert headers.get(name) == shown.get(name)
    assert ("oauth-2025-04-20" in headers.get("anthropic-beta", "")) is ("authorization" in shown)
    assert "key-of-ours" not in upstream.everything()


def test_each_client_comes_with_his_own_login_though_their_paths_are_kept(service, upstream):
    served, model = service(True), HELLO | {"model": "claude-haiku-5-5"}
    clients = [{"x-api-key": f"of-client-{n}"} for n in range(70)]  # more than are kept
    asked = [clients[0], clients[1], clients[0], *clients, clients[1]]
    for shown in asked:
        assert served.post("/v1/messages", model, headers=shown).status_code == 200
    assert [headers["x-api-key"] for _, headers, _ in upstream.asked] == [c["x-api-key"] for c in asked]


def test_a_login_that_its_vendor_quotes_is_in_no_answer_log_or_ledger(service, upstream):
    served, model = service(True), HELLO | {"model": "claude-haiku-5-5"}
    upstream.status = 401
    refused = served.post("/v1/messages", model, headers={"x-api-key": "of-the-client, of no known form"})
    assert refused.status_code == 401
    assert "[redacted]" in refused.text
    served.stop()
    written = b"".join(path.read_bytes() for path in served.home.rglob("*") if path.is_file())
    assert b"is no key" in written
    assert b"of-the-client" not in written


def test_even_then_no_other_vendor_sees_it(service, upstream):
    answer = service(True).post("/v1/messages", HELLO | {"model": "openai/gpt-6-luna"}, headers=SIGNED_IN)
    assert upstream.asked, answer.text
    assert "of-the-client" not in upstream.everything()


def test_the_gateways_own_key_is_no_login(service, upstream):
    served = service(True, LLM_ROUTER_ACCESS_KEY=KEY)
    model = HELLO | {"model": "anthropic/claude-haiku-5-5"}
    assert served.post("/v1/messages", model, headers={"x-api-key": KEY}).status_code == 401
    assert upstream.asked == []
    both = served.post("/v1/messages", model, headers=SIGNED_IN | {"x-api-key": KEY})
    assert both.status_code == 200
    assert KEY not in upstream.everything()


def test_a_login_that_is_refused_says_nothing_of_the_next_ones(service, upstream):
    served = service(True)
    model = HELLO | {"model": "anthropic/claude-haiku-5-5"}
    upstream.status = 401
    assert served.post("/v1/messages", model, headers=SIGNED_IN).status_code == 401
    upstream.status = 200
    assert served.post("/v1/messages", model, headers=SIGNED_IN).status_code == 200
    breakers = served.get("/metrics").text
    assert 'llm_router_circuit_state{model="",provider="anthropic"} 2.0' not in breakers
