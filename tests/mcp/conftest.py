"""Servers as their clients see them: child processes, driven line by line or over HTTP."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import threading
from pathlib import Path

import pytest
from mcp_support import FAKE, LIMIT_S, PROGRAM, wait_for


class Process:
    """A server process. `lines` is all of its stdout so far, `stderr` a file."""

    def __init__(self, command, environ, stderr: Path):
        self.stderr = stderr
        with stderr.open("wb") as errors:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environ
            )
        self.lines: list[bytes] = []
        self._queue: queue.Queue[bytes | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ids = 0

    def _read(self):
        for line in self.popen.stdout:
            self.lines.append(line)
            self._queue.put(line)
        self._queue.put(None)

    def send(self, message):
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.popen.stdin.write(data + b"\n")
        self.popen.stdin.flush()

    def receive(self):
        """The next message; fails when none comes, or stdout ends."""
        line = self._queue.get(timeout=LIMIT_S)
        assert line is not None, f"stdout ended: {self.errors()}"
        return json.loads(line)

    def request(self, method, params=None):
        """Send a request and return its id."""
        self._ids += 1
        self.send(
            {"jsonrpc": "2.0", "id": self._ids, "method": method} | ({"params": params} if params else {})
        )
        return self._ids

    def ask(self, method, params=None):
        """The answer to a request; what comes before it (progress) is skipped."""
        wanted = self.request(method, params)
        while (message := self.receive()).get("id") != wanted:
            assert "method" in message, message
        return message

    def call(self, tool, arguments=None, meta=None):
        params = {"name": tool, "arguments": arguments or {}} | (meta or {})
        return self.ask("tools/call", params)["result"]

    def notify(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method} | ({"params": params} if params else {}))

    def initialize(self, version="2025-11-25"):
        client = {"name": "test", "version": "1"}
        answer = self.ask(
            "initialize", {"protocolVersion": version, "capabilities": {"roots": {}}, "clientInfo": client}
        )
        self.notify("notifications/initialized")
        return answer["result"]

    def close(self):
        """EOF, and the exit code that follows."""
        self.popen.stdin.close()
        return self.wait()

    def wait(self):
        code = self.popen.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        return code

    def errors(self):
        return self.stderr.read_text(errors="replace")

    def url(self):
        """Of a server started with --http."""

        def said():
            assert self.popen.poll() is None, self.errors()
            return re.search(r"http://\S+", self.errors())

        return wait_for(said, "serving")[0]

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        self.popen.stdin.close()
        self.popen.stdout.close()


def clean_environ(home: Path):
    """Nothing of the user's but what a process needs to start."""
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    return kept | {"HOME": str(home), "LLM_ROUTER_HOME": str(home / "router"), "PYTHONWARNINGS": "default"}


def starter(folder: Path, environ):
    """Yields `start(*options, program=..., **variables)`, and ends what it started."""
    started = []

    def start(*options, program=None, **variables):
        errors = folder / f"stderr-{len(started)}.txt"
        process = Process([*(program or PROGRAM), *options], environ | variables, errors)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


def faker(start, folder: Path):
    """Like `start`, with a router that is scripted by the prompt; `notes()` is what it noted. See fake_server.py."""

    def fake(*options, **variables):
        notes = folder / "notes.txt"
        process = start(*options, program=FAKE, FAKE_NOTES=str(notes), **variables)
        process.notes = lambda: notes.read_text().splitlines() if notes.exists() else []
        return process

    return fake


@pytest.fixture
def environ(tmp_path):
    return clean_environ(tmp_path / "home")


@pytest.fixture
def start(tmp_path, environ):
    yield from starter(tmp_path, environ)


@pytest.fixture
def fake(start, tmp_path):
    return faker(start, tmp_path)


@pytest.fixture(scope="module")
def shared_fake(tmp_path_factory):
    """For tests that leave a server as they found it: one for all of a module."""
    folder = tmp_path_factory.mktemp("shared")
    servers = starter(folder, clean_environ(folder / "home"))
    yield faker(next(servers), folder)
    for _ in servers:
        pass
