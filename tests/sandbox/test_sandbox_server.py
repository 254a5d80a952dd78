"""The sandbox as a server: life, connections, records, control."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from llm_router.sandbox import Fault, Sandbox

BODY = {"model": "m", "messages": [{"role": "user", "content": "[[say hi]]"}]}
CHAT = "/openai/v1/chat/completions"


def test_it_frees_its_port_and_starts_again_there():
    with Sandbox() as first:
        port = first.port
        httpx.post(first.url + CHAT, json=BODY)
    with Sandbox(port) as second:
        assert second.port == port
        assert httpx.post(second.url + CHAT, json=BODY).status_code == 200


def test_a_port_in_use_is_an_os_error(box):
    with pytest.raises(OSError, match=r".+"):
        Sandbox(box.port).start()


def test_stopping_twice_or_unstarted_is_harmless():
    before = set(threading.enumerate())
    box = Sandbox()
    box.stop()
    box.start()
    box.stop()
    box.stop()
    assert set(threading.enumerate()) <= before


def test_one_connection_carries_many_requests(box):
    with socket.create_connection(("127.0.0.1", box.port), timeout=60) as raw:
        file = raw.makefile("rb")
        for _ in range(3):
            payload = json.dumps(BODY).encode()
            raw.sendall(f"POST {CHAT} HTTP/1.1\r\ncontent-length: {len(payload)}\r\n\r\n".encode() + payload)
            assert file.readline() == b"HTTP/1.1 200 OK\r\n"
            length = 0
            while (line := file.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            assert json.loads(file.read(length))["choices"][0]["message"]["content"] == "hi"
        file.close()


def test_a_request_sent_in_chunks_is_understood(box):
    pieces = (part.encode() for part in (json.dumps(BODY)[:10], json.dumps(BODY)[10:]))
    reply = httpx.post(box.url + CHAT, content=pieces, headers={"content-type": "application/json"})
    assert reply.json()["choices"][0]["message"]["content"] == "hi"


def test_fifty_clients_at_once_are_all_answered_while_another_hangs(box):
    box.fault("slowpoke", Fault("hang"))
    with ThreadPoolExecutor(51) as pool:
        hanging = pool.submit(httpx.post, box.url + "/slowpoke/v1/chat/completions", json=BODY, timeout=30)
        assert box.wait(lambda records: len(records) == 1)
        with httpx.Client(limits=httpx.Limits(max_connections=50), timeout=30) as client:
            replies = list(pool.map(lambda _: client.post(box.url + CHAT, json=BODY).status_code, range(50)))
        assert replies == [200] * 50
        box.stop()
        with pytest.raises(httpx.TransportError):
            hanging.result(10)


def test_ten_megabytes_of_prompt_arrive(box):
    text = "x" * 10_000_000
    reply = httpx.post(
        box.url + CHAT, json={"model": "m", "messages": [{"role": "user", "content": text}]}, timeout=30
    )
    assert reply.json()["usage"]["prompt_tokens"] == 2_500_000


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 300_000 + b"\r\n\r\n", 431),
        (b"POST /v1/messages HTTP/1.1\r\ncontent-length: many\r\n\r\n", 400),
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_closed(box, sent, status):
    with socket.create_connection(("127.0.0.1", box.port), timeout=60) as raw:
        raw.sendall(sent)
        answered = raw.recv(65536)
    assert answered.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    "content", [b"{not json", b"[]", b'"text"', b"\xff\xfe", gzip.compress(b"{}", mtime=0), b'{"model": 1}']
)
@pytest.mark.parametrize(
    "path", [CHAT, "/v1/messages", "/gemini/v1beta/models/m:generateContent", "/ollama/api/chat"]
)
def test_a_body_that_cannot_be_read_is_a_400_in_the_vendors_shape(box, path, content):
    reply = httpx.post(box.url + path, content=content)
    assert reply.status_code in (400, 404)
    assert "error" in reply.json()


def test_unknown_paths_are_404_and_the_root_is_alive(box):
    assert httpx.get(box.url + "/openai/v1/nothing").status_code == 404
    assert httpx.get(box.base_url("ollama")).status_code == 200
    assert httpx.head(box.base_url("anthropic") + "/").status_code == 200


@pytest.mark.parametrize(
    ("path", "vendor", "wire"),
    [
        ("/v1/chat/completions", "", "openai_chat"),
        ("/groq/openai/v1/chat/completions", "groq", "openai_chat"),
        ("/perplexity/chat/completions", "perplexity", "openai_chat"),
        ("/azure/openai/deployments/d/chat/completions", "azure", "openai_chat"),
        ("/v1/responses", "", "openai_responses"),
        ("/minimax/anthropic/v1/messages", "minimax", "anthropic"),
        ("/api/chat", "", "ollama"),
        ("/v1beta/models/m:generateContent", "", "gemini"),
        ("/vertex/v1/projects/p/locations/l/publishers/google/models/m:generateContent", "vertex", "gemini"),
    ],
)
def test_the_end_of_a_path_chooses_the_wire_and_its_start_the_vendor(box, path, vendor, wire):
    httpx.post(box.url + path, json={})
    assert (box.requests[-1].vendor, box.requests[-1].wire) == (vendor, wire)


def test_records_keep_what_was_asked_and_no_credentials(box):
    headers = {"Authorization": "Bearer sk-real-secret", "x-api-key": "sandbox-key-openai", "x-other": "kept"}
    httpx.post(box.url + CHAT + "?key=AIza-secret&beta=true", json=BODY, headers=headers)
    seen = box.requests[-1]
    assert (seen.vendor, seen.path, seen.body, seen.model, seen.status) == ("openai", CHAT, BODY, "m", 200)
    assert seen.query == {"key": "***", "beta": "true"}
    assert seen.headers["authorization"] == "Bearer ***"
    assert seen.headers["x-api-key"] == "sandbox-key-openai"
    assert seen.headers["x-other"] == "kept"
    assert "secret" not in repr(seen)


def test_the_environment_points_every_vendor_here_with_fake_keys(box):
    env = box.environ()
    assert env["GROQ_BASE_URL"] == box.url + "/groq/v1"
    assert env["ANTHROPIC_BASE_URL"] == box.url + "/anthropic"
    assert env["GEMINI_BASE_URL"] == env["GOOGLE_GEMINI_BASE_URL"] == box.url + "/gemini"
    assert env["OLLAMA_BASE_URL"] == box.url + "/ollama"
    assert "OLLAMA_API_KEY" not in env
    assert all("sandbox" in value for name, value in env.items() if "KEY" in name or "TOKEN" in name)
    assert set(box.environ(["my-own"])) == {"MY_OWN_API_KEY", "MY_OWN_BASE_URL"}


def test_pace_slows_streams_without_changing_them():
    with Sandbox(pace=0.001) as slow, Sandbox() as fast:
        texts = [
            httpx.post(b.url + "/ollama/api/generate", json={"model": "qwen3:8b", "prompt": "x"}).text
            for b in (slow, fast)
        ]
    said = ["".join(json.loads(line)["response"] for line in text.splitlines()) for text in texts]
    assert said[0] == said[1]


def test_faults_can_be_placed_and_taken_back_over_http(box):
    told = {"vendor": "gemini", "fault": "status", "status": 429, "retry_after": 60, "times": 5}
    assert httpx.post(box.url + "/_sandbox/faults", json=told).status_code == 201
    assert (
        httpx.post(box.url + "/_sandbox/faults", json={"vendor": "openai", "fault": "hang"}).status_code
        == 201
    )
    httpx.post(
        box.url + "/gemini/v1beta/models/m:generateContent", json={"contents": [{"parts": [{"text": "x"}]}]}
    )
    state = httpx.get(box.url + "/_sandbox").json()
    assert state["requests"] == {"total": 1, "by_vendor": {"gemini": 1}}
    assert [(f["vendor"], f["kind"], f["times_left"]) for f in state["faults"]] == [
        ("gemini", "status", 4),
        ("openai", "hang", None),
    ]
    assert httpx.get(box.url + "/_sandbox/requests").json()["requests"][0]["status"] == 429
    assert len(httpx.delete(box.url + "/_sandbox/faults/gemini").json()["faults"]) == 1
    assert httpx.delete(box.url + "/_sandbox/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    "told",
    [
        {"vendor": "x"},
        {"vendor": "x", "fault": "explode"},
        {"vendor": "x", "fault": "status"},
        {"vendor": "x", "fault": "status", "status": "429"},
        {"vendor": "x", "fault": "hang", "times": 0},
        {"vendor": "x", "fault": "hang", "wrong": 1},
        [],
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_over_http(box, told):
    reply = httpx.post(box.url + "/_sandbox/faults", json=told)
    assert reply.status_code == 400
    assert reply.json()["error"]
    assert httpx.get(box.url + "/_sandbox").json()["faults"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_in_the_foreground_until_it_is_told_to_end(number):
    code = "from llm_router.sandbox import serve; serve(0, lambda box: print(box.url, flush=True))"
    env = {"PATH": os.environ["PATH"]}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env) as child:
        try:
            url = child.stdout.readline().strip()
            assert httpx.post(url + CHAT, json=BODY).status_code == 200
            child.send_signal(number)
            assert child.wait(60) == 0
        finally:
            child.kill()
