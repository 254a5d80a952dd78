"""The service's life as its user sees it: real processes, started, asked, told to reload, stopped and killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from gateway_support import HELLO, KEY, LIMIT_S, PROGRAM, Service, clean_environ, wait_for

from llm_router.sandbox import Fault


class Shell:
    """A user at a prompt: `run` gives exit code, stdout and stderr."""

    def __init__(self, home, environ):
        self.home, self.environ = home, environ

    def run(self, *arguments, **variables):
        done = subprocess.run(
            [*PROGRAM, *arguments],
            env=self.environ | variables,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def json(self, *arguments, **variables):
        code, out, err = self.run(*arguments, "--json", **variables)
        assert code == 0, err
        return json.loads(out)

    def service(self):
        path = self.home / "router" / "service.json"
        return json.loads(path.read_text()) if path.exists() else None


@pytest.fixture
def shell(tmp_path, box):
    shell = Shell(tmp_path, clean_environ(tmp_path, box))
    yield shell
    shell.run("stop", "--force")


# ── start, stop, restart ─────────────────────────────────────────────────────


def test_it_starts_answers_tells_and_stops(shell):
    started = shell.json("start", "--port", "0")
    assert started["state"] == "started"
    assert httpx2.post(f"{started['url']}/v1/messages", json=HELLO, timeout=LIMIT_S).status_code == 200

    again = shell.json("start")
    assert (again["state"], again["pid"]) == ("running already", started["pid"])

    told = shell.json("status")["service"]
    assert told["url"] == started["url"]
    assert told["totals"]["requests"] == 1
    assert told["lately"][0]["provider"]
    shown = shell.run("status")[1]
    assert started["url"] in shown
    assert "1 requests (0 failed)" in shown

    assert "POST /v1/messages" in shell.run("logs")[1]
    assert shell.json("stop")["stopped"]
    assert shell.service() is None
    assert not shell.json("stop")["stopped"]
    assert shell.json("status")["service"] is None


def test_restarted_it_is_where_it_was(shell):
    first = shell.json("start", "--port", "0")
    second = shell.json("restart")
    assert second["url"] == first["url"]
    assert second["pid"] != first["pid"]


def test_restarted_it_goes_by_what_its_command_line_said_and_else_by_the_configuration(shell):
    (shell.home / "router").mkdir(exist_ok=True)
    config, before, after = shell.home / "router" / "config.yaml", _free_port(), _free_port()
    config.write_text(f"gateway: {{port: {before}}}")
    assert shell.json("start", "--host", "localhost")["url"] == f"http://localhost:{before}"
    config.write_text(f"gateway: {{port: {after}}}")
    assert shell.json("restart")["url"] == f"http://localhost:{after}"


def test_a_broken_configuration_leaves_the_service_running(shell):
    first = shell.json("start", "--port", "0")
    (shell.home / "router" / "config.yaml").write_text("gateway: [")
    for command in ("restart", "reload"):
        code, _, err = shell.run(command)
        assert code == 2
        assert "config.yaml:1" in err
    assert shell.service()["pid"] == first["pid"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="it stands for a full disk")
def test_on_a_full_disk_none_is_started_in_the_background_and_one_in_the_foreground_serves(shell):
    logs, port = shell.home / "router" / "logs", _free_port()
    logs.mkdir(parents=True)
    (logs / "gateway.err").symlink_to("/dev/full")
    code, _, err = shell.run("start", "--port", str(port))
    assert code == 1
    assert "No space left" in err
    with Path("/dev/full").open("wb") as full:
        argv = [*PROGRAM, "serve", "--port", str(port)]
        serving = subprocess.Popen(argv, stderr=full, env=shell.environ, cwd=shell.home)
    try:

        def answered():
            assert serving.poll() is None
            with suppress(httpx2.TransportError):
                return httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=LIMIT_S).status_code == 200

        wait_for(answered, "serving")
    finally:
        serving.kill()
        serving.wait(LIMIT_S)


def test_another_port_than_that_of_the_one_that_runs_is_refused(shell):
    started = shell.json("start", "--port", "0")
    code, _, err = shell.run("start", "--port", "1")
    assert code == 2
    assert started["url"] in err
    assert "llm-router restart --port 1" in err


@pytest.mark.parametrize("command", ["start", "serve"])
def test_a_taken_port_is_told_with_a_way_round(shell, command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = shell.run(command, "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert "cannot listen on 127.0.0.1" in err
    assert "--port 0" in err


def test_what_a_killed_service_left_behind_counts_for_nothing(shell):
    started = shell.json("start", "--port", "0")
    os.kill(started["pid"], signal.SIGKILL)
    wait_for(lambda: shell.json("status")["service"] is None, "the end")
    assert shell.service() is not None
    assert shell.json("start", "--port", "0")["state"] == "started"


def test_a_pid_that_another_process_has_now_is_not_taken_for_ours(shell):
    started = shell.json("start", "--port", "0")
    shell.run("stop")
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        left = {"pid": other.pid, "process": "x y 1", "url": started["url"], "since": 1.0, "version": "0"}
        (shell.home / "router" / "service.json").write_text(json.dumps(left))
        assert not shell.json("stop")["stopped"]
        assert other.poll() is None
    finally:
        other.communicate(b"\n", timeout=LIMIT_S)


@pytest.mark.parametrize("text", ["[]", '{"pid": 1}', '{"pid": 1, "process": "", "url": "", "since": "x"}'])
def test_a_state_file_that_cannot_be_read_is_no_service(shell, text):
    (shell.home / "router").mkdir()
    (shell.home / "router" / "service.json").write_text(text)
    assert shell.json("status")["service"] is None


def test_half_a_state_file_is_no_service(shell):
    (shell.home / "router").mkdir()
    path = shell.home / "router" / "service.json"
    for text in ("", "{", "\x00"):
        path.write_text(text)
        assert shell.json("status")["service"] is None
    path.unlink()


def test_a_broken_configuration_is_told_by_line_and_starts_nothing(shell):
    (shell.home / "router").mkdir()
    (shell.home / "router" / "config.yaml").write_text("gateway:\n  prot: 1\n")
    code, _, err = shell.run("start", "--port", "0")
    assert code == 2
    assert "prot" in err
    assert shell.service() is None


def test_two_that_are_started_at_once_are_one(shell):
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: shell.json("start", "--port", "0"), range(4)))
    assert len({each["pid"] for each in told}) == 1
    assert sum(each["state"] == "started" for each in told) == 1
    assert _serving(shell.environ["LLM_ROUTER_HOME"]) in (None, {told[0]["pid"]})


def _serving(home):
    """The processes that serve this home; None where that cannot be seen."""
    if not Path("/proc/self/environ").exists():
        return None
    found = set()
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            serves = b"\0serve\0" in (each / "cmdline").read_bytes()
            if serves and f"LLM_ROUTER_HOME={home}\0".encode() in (each / "environ").read_bytes():
                found.add(int(each.name))
    return found


def test_beyond_this_machine_it_listens_only_with_a_key(shell):
    code, _, err = shell.run("serve", "--host", "0.0.0.0", "--port", "0")
    assert code == 2
    assert "LLM_ROUTER_ACCESS_KEY" in err


# ── stopping, with answers under way ─────────────────────────────────────────

HELD = Fault("stall", after=2, held=True)


def _stream(url, path="/v1/messages", model="auto"):
    """All bytes of a streamed answer."""
    body = HELLO | {"stream": True, "model": model, "input": "what does errno 11 mean?"}
    with httpx2.stream("POST", url + path, json=body, timeout=LIMIT_S) as answer:
        return answer.status_code, b"".join(answer.iter_bytes())


def _streams(service):
    """Those of which a word has gone out."""
    return [each for each in service.get("/status").json()["under_way"] if "ttft_ms" in each]


def _says(service, words):
    return [line for line in service.log() if words in line.get("event", "")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_that_is_under_way_is_finished_before_it_stops(serve, box, number):
    service = serve()
    assert service.get("/healthz").status_code == 200
    box.fault("*", HELD)
    with ThreadPoolExecutor(1) as pool:
        streaming = pool.submit(_stream, service.url)
        wait_for(lambda: _streams(service), "a stream")
        service.signal(number)
        wait_for(lambda: _says(service, "stopping"), "the beginning of the end")
        box.clear()
        status, text = streaming.result(LIMIT_S)
    assert status == 200
    assert b"message_stop" in text
    assert service.popen.wait(LIMIT_S) == 0
    assert "Traceback" not in service.errors()
    assert [line["status"] for line in service.log() if line.get("endpoint") == "answer"] == [200]


CUT_OFF = {
    "/v1/messages": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"llm-router is',
    "/v1/chat/completions": b'data: {"error":{"message":"llm-router is being stopped"',
    "/v1/responses": b'event: response.failed\ndata: {"type":"response.failed"',
}


@pytest.mark.parametrize("model", ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"])
@pytest.mark.parametrize("path", CUT_OFF)
def test_a_stream_that_takes_too_long_ends_with_an_error_and_never_as_success(serve, box, path, model):
    service = serve(config="gateway:\n  stop_seconds: 1\n")
    assert service.get("/healthz").status_code == 200
    box.fault("*", Fault("stall", after=4))
    with ThreadPoolExecutor(1) as pool:
        streaming = pool.submit(_stream, service.url, path, model)
        wait_for(lambda: _streams(service), "a first token")
        assert service.stop() == 0
        status, text = streaming.result(LIMIT_S)
    assert status == 200
    assert text.count(CUT_OFF[path]) == 1
    assert b"message_stop" not in text
    assert b"[DONE]" not in text
    assert b"response.completed" not in text
    assert "Traceback" not in service.errors()
    (line,) = [line for line in service.log() if line.get("endpoint") == "answer"]
    assert (line["ended"], line["error"]) == ("cancelled", "cancelled")


# ── reloading ────────────────────────────────────────────────────────────────


def test_a_changed_file_is_served_by_without_a_word(serve):
    service = serve()
    assert service.post("/v1/messages", HELLO | {"model": "my-own"}).status_code == 404
    service.configure("routing:\n  aliases:\n    my-own: openai/gpt-6-luna\n")
    served = wait_for(
        lambda: (
            (answer := service.post("/v1/messages", HELLO | {"model": "my-own"})).status_code == 200
            and answer
        ),
        "the new alias",
    )
    assert served.headers["x-llm-router-model"] == "gpt-6-luna"


@pytest.mark.parametrize("how", ["signal", "endpoint", "command"])
def test_told_to_reload_it_does(serve, how):
    service = serve()
    assert service.get("/healthz").status_code == 200
    before = len(_says(service, "reloaded"))
    if how == "signal":
        service.signal(signal.SIGHUP)
    elif how == "endpoint":
        assert service.post("/reload").json() == {"status": "reloaded"}
    else:
        done = subprocess.run([*PROGRAM, "reload"], env=service.environ, check=True, capture_output=True)
        assert service.url.encode() in done.stdout
    wait_for(lambda: len(_says(service, "reloaded")) > before, "a reload")
    wait_for((service.home / "snapshot.json").exists, "the hooks to be told")
    assert service.get("/healthz").status_code == 200


def test_a_file_that_is_broken_changes_nothing_but_is_told(serve):
    service = serve(config="routing:\n  aliases:\n    my-own: openai/gpt-6-luna\n")
    assert service.post("/v1/messages", HELLO | {"model": "my-own"}).status_code == 200
    service.configure("routing: [\n")
    answer = service.post("/reload")
    assert answer.status_code == 409
    assert service.post("/v1/messages", HELLO | {"model": "my-own"}).status_code == 200
    assert service.get("/readyz").status_code == 503
    assert service.get("/status").json()["problem"]["line"] >= 1
    service.configure("")
    wait_for(lambda: service.get("/readyz").status_code == 200, "the mended file")


def test_under_load_no_request_is_dropped_by_reloads(serve):
    service = serve(config="gateway:\n  max_body_mb: 64\n")
    url, stop, codes = service.url, threading.Event(), []

    def ask():
        with httpx2.Client(timeout=LIMIT_S) as client:
            while not stop.is_set():
                codes.append(client.post(f"{url}/v1/messages", json=HELLO).status_code)

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask) for _ in range(8)]
        for count in range(5):
            service.configure(f"gateway:\n  max_body_mb: {count + 10}\n")
            assert service.post("/reload").status_code == 200
            seen = len(codes)
            wait_for(lambda seen=seen: len(codes) > seen + 8, "requests after a reload")
        stop.set()
        for each in asking:
            each.result(LIMIT_S)
    assert set(codes) == {200}
    assert service.stop() == 0
    recorded = json.loads(
        subprocess.run(
            [*PROGRAM, "stats", "--json"], env=service.environ, check=True, capture_output=True, text=True
        ).stdout
    )
    assert sum(row["calls"] for row in recorded["rows"]) == len(codes)


def test_a_stream_goes_on_by_the_old_configuration(serve, box):
    service = serve()
    assert service.get("/healthz").status_code == 200
    box.fault("*", HELD)
    with ThreadPoolExecutor(1) as pool:
        streaming = pool.submit(_stream, service.url)
        wait_for(lambda: _streams(service), "a first token")
        service.configure("routing:\n  block: ['*']\n")
        assert service.post("/reload").status_code == 200
        assert service.post("/v1/messages", HELLO).status_code >= 400
        box.clear()
        status, text = streaming.result(LIMIT_S)
    assert (status, b"message_stop" in text) == (200, True)


# ── the log ──────────────────────────────────────────────────────────────────


def test_the_log_has_a_line_per_request_and_no_word_or_key_of_it(serve):
    service = serve(LLM_ROUTER_ACCESS_KEY=KEY)
    secret = "the-secret-word-of-the-prompt"
    body = HELLO | {"messages": [{"role": "user", "content": secret}]}
    headers = {"x-api-key": KEY}
    assert service.post(f"/v1/messages?key={KEY}", body, headers=headers).status_code == 200
    assert service.post("/v1/messages", body, headers={"x-api-key": "wrong"}).status_code == 401
    assert service.stop() == 0
    lines = [line for line in service.log() if "request" in line]
    assert [(line["status"], line.get("key")) for line in lines] == [(200, "default"), (401, None)]
    assert lines[0].keys() >= {
        "time",
        "decision",
        "dialect",
        "provider",
        "model",
        "ms",
        "ttft_ms",
        "input_tokens",
    }
    for file in service.home.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert secret.encode() not in content, file
        assert KEY.encode() not in content, file
    assert KEY not in service.errors()
    assert (service.home / "logs" / "gateway.log").stat().st_mode & 0o077 == 0


def test_the_log_can_be_followed(serve):
    service = serve()
    assert service.get("/healthz").status_code == 200
    following = subprocess.Popen(
        [*PROGRAM, "logs", "-f", "-n", "0", "--json"],
        env=service.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(map(json.loads, following.stdout)), daemon=True)
        reader.start()
        # The service's own lines ("serving at ...") may come between.
        wait_for(
            lambda: service.get("/v1/models") and any(line.get("path") == "/v1/models" for line in lines),
            "the line of a request",
        )
    finally:
        following.send_signal(signal.SIGINT)
        assert following.wait(LIMIT_S) == 130
        reader.join(LIMIT_S)
        following.stdout.close()
        following.stderr.close()


# ── clients ──────────────────────────────────────────────────────────────────


@pytest.fixture
def claude(tmp_path):
    """A stand-in that says what it was started with, and ends as it is told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "claude"
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        "print(json.dumps({'argv': sys.argv[1:], 'env': dict(os.environ)}))\nsys.exit(int(sys.argv[-1]))\n"
    )
    program.chmod(0o755)
    return folder


def test_claude_code_is_started_behind_it_and_its_exit_code_is_ours(shell, claude, box):
    path = f"{claude}{os.pathsep}{os.environ['PATH']}"
    before = sorted(path for path in shell.home.rglob("*") if "router" not in path.parts)
    err = "cannot listen"
    while "cannot listen" in err:  # a port that was free a moment ago may be somebody's now
        port = {"LLM_ROUTER_GATEWAY__PORT": str(_free_port())}
        code, out, err = shell.run("code", "--", "-p", "hi", "7", PATH=path, **port)
    assert code == 7, err
    told = json.loads(out)
    assert told["argv"] == ["-p", "hi", "7"]
    assert told["env"]["ANTHROPIC_BASE_URL"] == shell.service()["url"]
    assert told["env"]["ANTHROPIC_AUTH_TOKEN"]
    assert "started the service" in err
    assert sorted(path for path in shell.home.rglob("*") if "router" not in path.parts) == before


def test_without_claude_code_it_is_told_how_to_get_it(shell):
    code, _, err = shell.run("code", PATH="")
    assert code == 4
    assert "@anthropic-ai/claude-code" in err


@pytest.mark.parametrize(
    ("shell_name", "line"),
    [
        ("sh", "export ANTHROPIC_BASE_URL={url}"),
        ("fish", "set -gx ANTHROPIC_BASE_URL '{url}'"),
        ("powershell", "$env:ANTHROPIC_BASE_URL = '{url}'"),
    ],
)
def test_activate_prints_what_a_shell_reads(shell, shell_name, line):
    _, out, _ = shell.run("activate", "--shell", shell_name)
    assert line.format(url="http://127.0.0.1:8484") in out.splitlines()


def test_activate_gives_a_key_where_one_is_needed_and_leaves_the_users_own_alone(shell):
    told = shell.json("activate", "openai", LLM_ROUTER_ACCESS_KEY=KEY, OPENAI_API_KEY="sk-mine")
    assert told["variables"]["OPENAI_API_KEY"] == KEY
    told = shell.json("activate", "openai", OPENAI_API_KEY="sk-mine")
    assert "OPENAI_API_KEY" not in told["variables"]


def test_env_tells_every_client_and_shows_no_key(shell):
    told = shell.json("env", LLM_ROUTER_ACCESS_KEY=KEY)
    assert {"claude", "codex", "gemini", "opencode", "openai", "anthropic", "ollama"} == set(told["clients"])
    assert KEY not in json.dumps(told)
    assert KEY not in shell.run("env", LLM_ROUTER_ACCESS_KEY=KEY)[1]


def test_a_unit_for_the_login_is_shown_and_not_written(shell):
    told = shell.json("start", "--at-login", "--dry-run")
    assert not told["written"]
    assert "ExecStart=" in told["text"]
    assert not Path(told["path"]).exists()


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_service_in_the_foreground_says_each_request(tmp_path, box):
    service = Service(tmp_path / "loud", box)
    try:
        for path in ("/healthz", "/status", "/readyz", "/metrics", "/v1/models"):
            assert service.get(path).status_code == 200
        wait_for(lambda: "GET /v1/models" in service.errors(), "the line")
        looks = ("/healthz", "/status", "/readyz", "/metrics")
        assert not any(f"GET {path}" in service.errors() for path in looks)
        assert [each["path"] for each in service.get("/status").json()["lately"]] == ["/v1/models"]
    finally:
        service.kill()
