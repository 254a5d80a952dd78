"""The protocol's own tools: the inspector lists and calls every tool, the conformance suite passes over HTTP."""

import contextlib
import json
import re
import subprocess

import pytest

ARGUMENTS = {
    "llm_classify": {"prompt": "what is a mutex?"},
    "llm_usage": {},
    "llm_budget": {},
    "llm_health": {},
    "llm_rate": {"decision": "last", "good": "true"},
}
ANSWERS = ("llm_route", "llm_query", "llm_research", "llm_generate", "llm_analyze", "llm_code")
SCENARIOS = (
    "server-initialize",
    "ping",
    "tools-list",
    "tools-call-error",
    "server-sse-multiple-streams",
    "resources-list",
    "prompts-list",
    "dns-rebinding-protection",
)


@pytest.fixture
def inspect(server, run, executable):
    command, args, environ = server

    def call(*options):
        variables = [part for name, value in environ.items() for part in ("-e", f"{name}={value}")]
        return json.loads(run(executable("mcp-inspector"), "--cli", *variables, command, *args, *options))

    return call


def test_the_inspector_lists_and_calls_every_tool(inspect):
    tools = [tool["name"] for tool in inspect("--method", "tools/list")["tools"]]
    assert set(tools) == {*ARGUMENTS, *ANSWERS}
    for tool in tools:
        arguments = ARGUMENTS.get(tool, {"prompt": "what is a mutex?"})
        named = [part for name, value in arguments.items() for part in ("--tool-arg", f"{name}={value}")]
        result = inspect("--method", "tools/call", "--tool-name", tool, *named)
        assert not result.get("isError"), (tool, result)
        assert result["structuredContent"], tool


@pytest.fixture
def http_server(server, home):
    command, args, environ = server
    process = subprocess.Popen(
        [command, *args, "--http", "--port", "0"],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", **environ},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with contextlib.closing(process.stderr):
        yield re.search(r"http://\S+", process.stderr.readline()).group()
        process.terminate()
        process.wait(timeout=60)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_conformance_suite_passes(scenario, http_server, run, executable):
    output = run(executable("conformance"), "server", "--url", http_server, "--scenario", scenario)
    passed, total, failed = map(int, re.search(r"Passed: (\d+)/(\d+), (\d+) failed", output).groups())
    assert passed == total > 0, output
    assert failed == 0
