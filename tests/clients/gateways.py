"""`llm-router serve` as its own process in front of the sandbox, with one upstream, and what its ledger says."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, contextmanager, suppress

RESPONSES = """
providers:
  responder:
    dialect: openai_responses
    base_url: {url}/responder/v1
    api_key: sandbox-key-responder
    models: [some-model]
"""
# the dialect of the upstream -> (its vendor in the sandbox, the configuration that only it needs)
UPSTREAMS = {
    "anthropic": ("anthropic", ""),
    "openai_chat": ("openai", ""),
    "openai_responses": ("responder", RESPONSES),
    "gemini": ("gemini", ""),
    "ollama": ("ollama", ""),
}
READY_S = LEDGER_S = 120.0


class Gateway:
    def __init__(self, url, home, vendor):
        self.url, self.vendor = url, vendor
        self._ledger = home / "router.db"

    def decisions(self, count):
        """The first `count` decisions with their attempts, once the ledger has that many; fewer after a while."""
        until = time.monotonic() + LEDGER_S
        while len(rows := self._rows()) < count and time.monotonic() < until:
            time.sleep(0.05)
        return rows

    def _rows(self):
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(self._ledger)) as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute("SELECT * FROM decisions ORDER BY at")]
            for row in rows:
                attempts = connection.execute(
                    "SELECT * FROM attempts WHERE decision_id = ? ORDER BY n", (row["id"],)
                )
                row["attempts"] = [dict(each) for each in attempts]
            return rows
        return []


def environment(box, vendor, home):
    known = box.environ([vendor]) if vendor != "responder" else {}
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LLM_ROUTER_HOME": str(home),
        "OLLAMA_BASE_URL": "http://127.0.0.1:1",
        **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        **known,
    }


@contextmanager
def serving(box, home, dialect, config=""):
    """A gateway whose only upstream speaks `dialect`."""
    vendor, own = UPSTREAMS[dialect]
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.yaml").write_text(own.format(url=box.url) + config)
    (home / "config.yaml").chmod(0o600)
    log = (home / "gateway.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "llm_router", "serve", "--port", "0"],
        env=environment(box, vendor, home), cwd=home, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield Gateway(_ready(home, process), home, vendor)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            log.close()


def _ready(home, process):
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        told = (home / "gateway.log").read_text()
        at = told.find("serving at http://")
        if at >= 0:
            url = told[at:].split()[2]
            with suppress(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=5) as reply:
                assert json.load(reply) == {"status": "ok"}
                return url
        time.sleep(0.05)
    raise AssertionError((home / "gateway.log").read_text())
