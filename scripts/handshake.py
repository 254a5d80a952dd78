"""Start an installed `llm-router mcp`, complete the handshake, list the tools: exit 0, else say what came instead.

python scripts/handshake.py PATH/TO/llm-router
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

REQUESTS = [
    {"jsonrpc": "2.0", "id": 1, "method": "initialize",
     "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "ci", "version": "1"}}},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    {"jsonrpc": "2.0", "id": 3, "method": "tools/call",
     "params": {"name": "llm_classify", "arguments": {"prompt": "what is a semaphore?"}}},
]  # fmt: skip


def main(executable: str) -> int:
    with tempfile.TemporaryDirectory() as home:
        environ = {"HOME": home, "PATH": os.environ.get("PATH", ""), "LLM_ROUTER_HOME": f"{home}/router"}
        server = subprocess.Popen(
            [executable, "mcp"], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        stdin, stdout = server.stdin, server.stdout
        if stdin is None or stdout is None:
            raise AssertionError("pipes were asked for")
        answers = {}
        for request in REQUESTS:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            while "id" in request and request["id"] not in answers:
                line = stdout.readline()
                if not line:
                    print(f"the server ended before it answered {request['method']}", file=sys.stderr)
                    return 1
                answer = json.loads(line)
                answers[answer.get("id")] = answer
        stdin.close()
        code = server.wait(timeout=20)
    server_name = answers[1]["result"]["serverInfo"]["name"]
    tools = [tool["name"] for tool in answers[2]["result"]["tools"]]
    called = answers[3]["result"]["structuredContent"]
    print(f"{server_name}: {len(tools)} tools; llm_classify said {json.dumps(called)}; exit code {code}")
    return 0 if server_name == "llm-router" and len(tools) >= 10 and called.get("task") and code == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:2]))
