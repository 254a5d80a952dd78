import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import events
import journal
import pytest
import snapshot
import state
import warm

HOOKS = os.path.dirname(events.__file__)


@pytest.fixture
def told(home):
    """told(spend_today=...): a snapshot as the hooks read it, with these facts."""

    def write(**facts):
        home.mkdir(exist_ok=True)
        (home / "snapshot.json").write_text(json.dumps({"version": 1, "written_at": time.time(), **facts}))
        return snapshot.read(str(home))

    return write


@pytest.fixture
def ollama():
    """A listener that takes a request and lets it wait until it is released."""
    asked, release = [], threading.Event()
    came = threading.Semaphore(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            came.release()
            release.wait(120)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass  # the other side may have ended meanwhile

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.asked, server.came, server.release = asked, came, release
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield server
    release.set()
    server.shutdown()
    server.server_close()


def _payload(source="", agent="", raw=None):
    return {"session": "s", "agent": agent, "host": "claude", "source": source, "raw": raw or {}}


def _count(home, **counts):
    state.update(str(home), "s", "", lambda own, whole: whole["counts"].update(counts))


def test_a_session_learns_in_two_lines_how_to_use_the_tools(home, told):
    said = events.on_session_start(_payload("startup"), str(home), told())
    assert len(said["context"].splitlines()) == 2
    assert "llm_query" in said["context"]
    assert "MANDATORY ROUTE" in said["context"]


@pytest.mark.parametrize(
    ("source", "facts"),
    [
        ("resume", {}),
        ("startup", {"enforce": "off"}),
        ("startup", {"enforce": "shadow"}),
        ("startup", {"mcp": False}),
    ],
)
def test_a_session_that_knows_or_cannot_use_it_is_told_nothing(home, told, source, facts):
    assert events.on_session_start(_payload(source), str(home), told(**facts)) == {}


@pytest.mark.parametrize("source", ["clear", "compact"])
def test_a_conversation_that_was_cut_is_told_again(home, told, source):
    assert "context" in events.on_session_start(_payload(source), str(home), told())


def test_the_hook_returns_while_the_models_are_still_being_loaded(start, home, told, ollama, recorded):
    told(warm=["qwen3", "tiny"], ollama_url=ollama.url)
    done = start("claude", "SessionStart", recorded("claude", "SessionStart-startup"))
    # and so its pipes are closed, which a child could keep open
    assert (done.returncode, done.stderr) == (0, b"")
    assert "additionalContext" in done.stdout.decode()
    assert ollama.came.acquire(timeout=120)
    assert not ollama.release.is_set()
    assert ollama.asked == [("/api/generate", {"model": "qwen3", "keep_alive": "10m", "stream": False})]
    ollama.release.set()
    assert ollama.came.acquire(timeout=120)
    assert ollama.asked[1][1]["model"] == "tiny"


def test_sessions_that_start_together_warm_up_once(home, told, ollama, monkeypatch):
    facts = told(warm=["qwen3"], ollama_url=ollama.url)
    started = []
    monkeypatch.setattr(events, "_leave_behind", started.append)
    for _ in range(5):
        events.on_session_start(_payload("startup"), str(home), facts)
    assert len(started) == 1
    os.utime(home / "hooks" / "warming", (1, 1))
    events.on_session_start(_payload("startup"), str(home), facts)
    future = time.time() + 1e6
    os.utime(home / "hooks" / "warming", (future, future))  # the clock was set back
    events.on_session_start(_payload("startup"), str(home), facts)
    assert len(started) == 3


def test_nothing_is_started_unless_it_is_configured_and_a_home_can_remember_it(home, told, monkeypatch):
    monkeypatch.setattr(events, "_leave_behind", lambda _: pytest.fail("started"))
    events.on_session_start(_payload("startup"), str(home), told())
    events.on_session_start(_payload("compact"), str(home), told(warm=["qwen3"]))
    events.on_session_start(_payload("startup"), os.devnull, told(warm=["qwen3"]))


def test_a_warm_up_cannot_outlive_its_limit(ollama):
    code = "import sys;sys.path.insert(0,sys.argv[1]);import warm;warm.LIMIT_S=float(sys.argv[2]);warm.main(*sys.argv[3:])"
    for limit in ("0.3", "3", "30"):  # on a busy machine it ends before it has asked
        command = [sys.executable, "-S", "-c", code, HOOKS, limit, ollama.url, *["qwen3"] * 50]
        assert subprocess.run(command, timeout=120, check=False).returncode == 0
        if ollama.came.acquire(timeout=2):
            break
    assert len(ollama.asked) == 1


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "127.0.0.1:1", "nonsense://x", "http://", "http://[", "http://127.0.0.1:port"],
)
def test_without_an_ollama_the_warm_up_ends_quietly(url):
    code = "import sys;sys.path.insert(0,sys.argv[1]);import warm;warm.main(*sys.argv[2:])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, HOOKS, url, "qwen3"], capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_system_without_that_way_of_starting_has_another(home, told, ollama, monkeypatch):
    monkeypatch.delattr(os, "posix_spawn")
    monkeypatch.setattr(subprocess, "Popen", kept := _Kept(subprocess.Popen))
    events.on_session_start(_payload("startup"), str(home), told(warm=["qwen3"], ollama_url=ollama.url))
    assert ollama.came.acquire(timeout=120)
    ollama.release.set()
    assert kept.child.wait(120) == 0


class _Kept:
    def __init__(self, start):
        self.start = start

    def __call__(self, *arguments, **options):
        self.child = self.start(*arguments, **options)
        return self.child


def test_an_address_with_a_path_and_without_a_scheme_is_understood(ollama):
    ollama.release.set()
    assert warm.load(ollama.url.removeprefix("http://"), "a") == 200
    assert warm.load(ollama.url + "/behind/", "b") == 200
    assert [path for path, _ in ollama.asked] == ["/api/generate", "/behind/api/generate"]


def test_the_end_of_a_turn_tells_what_is_new_since_the_last_time(home, told):
    facts = told(spend_today=120_000)
    assert events.on_stop(_payload(), str(home), facts) == {}
    _count(home, routed=2, used=1, ignored=1, saved=12_300, violations=4)
    said = events.on_stop(_payload(), str(home), facts)
    assert said == {
        "system": "llm-router: 2 routed this turn (1 used, 1 ignored) · $0.0123 saved · $0.12 spent today"
    }
    assert events.on_stop(_payload(), str(home), facts) == {}
    _count(home, routed=3, used=2)
    assert events.on_stop(_payload(), str(home), facts)["system"].startswith(
        "llm-router: 1 routed this turn (1 used)"
    )


def test_savings_that_were_not_measured_are_not_mentioned(home, told):
    _count(home, routed=1)
    assert events.on_stop(_payload(), str(home), told()) == {"system": "llm-router: 1 routed this turn"}


def test_the_end_of_a_session_is_summed_up_and_written_down(home, told):
    assert events.on_session_end(_payload("exit"), str(home), told()) == {}
    _count(home, routed=2, used=2, saved=500_000)
    said = events.on_session_end(_payload("exit"), str(home), told())
    assert said == {"system": "llm-router: 2 routed this session (2 used) · $0.50 saved"}
    (line,) = (home / "hooks" / "events.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert (found["kind"], found["session"], found["reason"]) == ("session", "s", "exit")
    assert found["counts"] == {"routed": 2, "used": 2, "saved": 500_000}


def test_only_the_user_hears_of_it_never_the_model(start, home, recorded):
    payload = recorded("claude", "Stop")
    state.update(str(home), payload["session_id"], "", lambda own, whole: whole["counts"].update(routed=1))
    done = start("claude", "Stop", payload)
    assert json.loads(done.stdout) == {"systemMessage": "llm-router: 1 routed this turn"}
    end = start(
        "claude", "SessionEnd", recorded("claude", "SessionEnd-other") | {"session_id": payload["session_id"]}
    )
    assert list(json.loads(end.stdout)) == ["systemMessage"]


@pytest.mark.parametrize(
    ("facts", "raw", "line"),
    [
        ({}, {}, "llm-router balanced"),
        ({"enforce": "hard", "profile": "budget"}, {}, "llm-router budget (hard)"),
        (
            {"spend_today": 120_000, "budget_left": 4_880_000},
            {},
            "llm-router balanced · $0.12 today · $4.88 left",
        ),
        ({"spend_today": 0, "budget_left": -5}, {}, "llm-router balanced · $0.00 today · $0.00 left"),
        ({"spend_today": 42}, {}, "llm-router balanced · <$0.0001 today"),
        ({"quota": {"name": "codex 5h", "used": 0.4}}, {}, "llm-router balanced · codex 5h 40%"),
        (
            {"quota": {"name": "x", "used": 0.4}},
            {"rate_limits": {"five_hour": {"used_percentage": 12.4}, "seven_day": {"used_percentage": 80}}},
            "llm-router balanced · 5h 12% · 7d 80%",
        ),
        (
            {},
            {"rate_limits": {"five_hour": None, "seven_day": {"used_percentage": "x"}}},
            "llm-router balanced",
        ),
        ({}, {"rate_limits": []}, "llm-router balanced"),
    ],
)
def test_the_status_line_is_what_is_known_on_one_line(home, told, facts, raw, line):
    assert events.on_status(_payload(raw=raw), str(home), told(**facts)) == {"status": line}


def test_the_status_line_comes_out_as_text_for_a_recorded_payload(start, home, told, recorded):
    told(spend_today=1_500_000)
    done = start("claude", "StatusLine", recorded("claude", "StatusLine"))
    assert done.stdout.decode() == "llm-router balanced · $1.50 today"


def test_the_interpreter_is_noted_once(home, told, monkeypatch):
    events.on_session_start(_payload("startup"), str(home), told())
    assert (home / "hooks" / "python").read_text() == sys.executable + "\n"
    monkeypatch.setattr(events.files, "replace", lambda *_: pytest.fail("written again"))
    events.on_session_start(_payload("startup"), str(home), told())


def test_thousands_of_sessions_leave_bounded_files(home, told, monkeypatch):
    monkeypatch.setattr(state, "_KEEP_FILES", 20)
    monkeypatch.setattr(journal, "_BOUNDS", {"events.jsonl": (20_000, 2)})
    facts = told()
    for number in range(2000):
        session = f"s{number}"
        state.update(str(home), session, "", lambda own, whole: whole["counts"].update(routed=1))
        events.on_session_end({**_payload("exit"), "session": session}, str(home), facts)
        if number % 50 == 0:
            events.on_session_start({**_payload("startup"), "session": session}, str(home), facts)
    state.sweep(str(home))
    assert len([name for name in os.listdir(home / "sessions") if name.endswith(".json")]) == 20
    assert sum(os.path.getsize(home / "hooks" / n) for n in os.listdir(home / "hooks")) < 70_000
