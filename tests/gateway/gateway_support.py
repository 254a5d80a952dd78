"""What the tests of the gateway share: the service as its clients see it, a process in front of the sandbox."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from tests.waiting import LIMIT_S, wait_for

PROGRAM = [sys.executable, "-m", "llm_router"]
KEY = "a-long-random-text"
HELLO = {
    "model": "auto",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "what does errno 11 mean?"}],
}


def clean_environ(home: Path, box=None, **variables):
    """Nothing of the user's but what a process needs to start."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    environ = kept | {"HOME": str(home), "LLM_ROUTER_HOME": str(home / "router"), "PYTHONWARNINGS": "default"}
    return environ | (box.environ() if box is not None else {}) | variables


class Service:
    """`llm-router serve` on a free port. `home` is LLM_ROUTER_HOME; `by` is a command that starts the one that follows."""

    def __init__(self, folder: Path, box=None, *, options=("--port", "0"), config="", by=(), **variables):
        folder.mkdir(parents=True, exist_ok=True)
        self.home = folder / "router"
        self.home.mkdir(exist_ok=True)
        if config:
            self.configure(config)
        self.environ = clean_environ(folder, box, **variables)
        self._errors = folder / "stderr.txt"
        with self._errors.open("wb") as errors:
            self.popen = subprocess.Popen(
                [*by, *PROGRAM, "serve", *options], stderr=errors, env=self.environ, cwd=folder
            )

    @property
    def url(self):
        """Where it serves, once it does."""

        def said():
            assert self.popen.poll() is None, self.errors()
            return re.search(r"gateway at (http://\S+)", self.errors())

        return wait_for(said, "serving")[1]

    def configure(self, text):
        (self.home / "config.yaml").write_text(text)

    def errors(self):
        return self._errors.read_text(errors="replace")

    def log(self):
        """The log's lines so far, decoded."""
        path = self.home / "logs" / "gateway.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def signal(self, number):
        self.popen.send_signal(number)

    def stop(self):
        """SIGTERM, and the exit code that follows."""
        self.signal(signal.SIGTERM)
        return self.popen.wait(LIMIT_S)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait(LIMIT_S)

    def get(self, path, **options):
        return httpx2.get(self.url + path, timeout=LIMIT_S, **options)

    def post(self, path, body=None, **options):
        return httpx2.post(self.url + path, json=body, timeout=LIMIT_S, **options)
