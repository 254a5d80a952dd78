"""What hooks cost Claude Code itself: from its spawn to its model's first request, with and without them.

Needs the folder that LLM_ROUTER_CLIENTS names, with @anthropic-ai/claude-code in it. The other kinds of hooks it has
are measured with handlers that say a fixed hint at once, so theirs are the least such hooks could cost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from figures import Measure, Row, in_turns, say
from hook_server import SAID
from processes import HERE, LIMIT_S
from rows_hooks import prepare

from llm_router.hosts import hook_groups, launcher
from llm_router.sandbox import Sandbox

CLAUDE = Path(os.environ.get("LLM_ROUTER_CLIENTS") or "/nonexistent") / "node_modules" / ".bin" / "claude"
PROMPT = "What is a mutex?"
SERVER = "floor"
Hooks = Mapping[str, Any]


def rows(rounds: int | None) -> Iterator[Row]:
    if not CLAUDE.exists():
        raise OSError("set LLM_ROUTER_CLIENTS to an npm prefix with @anthropic-ai/claude-code")
    rounds = rounds or 20
    say(f"client: {rounds} starts of each")
    prepare()
    with Sandbox() as box, _http() as address:
        kinds: dict[str, Hooks] = {
            "none": {},
            "ours": {event: [group] for event, group in hook_groups.claude().items()},
            "command": _on_prompt(**launcher.command("claude", "UserPromptSubmit"), type="command"),
            "mcp_tool": _on_prompt(
                type="mcp_tool", server=SERVER, tool="hook", input={"prompt": "${prompt}"}
            ),
            "http": _on_prompt(type="http", url=address),
        }
        samples = in_turns(
            rounds, {kind: _start(box, kind, hooks) for kind, hooks in kinds.items()}, warm_up=2
        )
    floor = samples.pop("none")
    what = {
        "ours": "all hooks as installed",
        "command": "our UserPromptSubmit hook alone",
        "mcp_tool": "a hook of type `mcp_tool` that says a fixed hint",
        "http": "a hook of type `http` that says a fixed hint",
    }
    for kind, found in samples.items():
        yield Row(
            f"client-{kind}",
            f"Claude Code to its first request, {what[kind]}",
            "ms",
            found,
            "without hooks",
            floor,
        )


def _on_prompt(**hook: Any) -> Hooks:
    return {"UserPromptSubmit": [{"hooks": [hook]}]}


def _start(box: Sandbox, kind: str, hooks: Hooks) -> Measure:
    home = Path(os.environ["HOME"]) / f"client-{kind}"
    (home / ".claude").mkdir(parents=True)
    (home / ".claude" / "settings.json").write_text(json.dumps({"hooks": hooks}))
    server = {"command": sys.executable, "args": ["-S", str(HERE / "hook_server.py")]}
    (home / "mcp.json").write_text(json.dumps({"mcpServers": {SERVER: server}}))
    command = [str(CLAUDE), "-p", PROMPT, "--mcp-config", str(home / "mcp.json")]
    environ = {
        "HOME": str(home),
        "PATH": f"{CLAUDE.parent}:/usr/bin:/bin",
        "LLM_ROUTER_HOME": os.environ["LLM_ROUTER_HOME"],
        "ANTHROPIC_API_KEY": "sk-ant-fake",
        "ANTHROPIC_BASE_URL": f"{box.url}/host",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "NO_PROXY": "127.0.0.1",
    }

    def measure() -> float:
        box.forget()
        begun = time.time()
        done = subprocess.run(
            command,
            env=environ,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        (request,) = box.answers("host") or [None]
        if request is None:
            raise OSError(f"Claude Code asked nothing: {done.stdout}{done.stderr}")
        hinted = "UserPromptSubmit hook" in json.dumps(request.body)
        if hinted is (kind == "none"):
            raise OSError(f"{kind}: {'a' if hinted else 'no'} hint was in the request")
        return (request.at - begun) * 1000

    return measure


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = SAID.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def _http() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
