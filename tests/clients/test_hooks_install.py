"""After `llm-router install`, and nothing else, the hooks act in the real host; after `uninstall` they do not."""

import subprocess
import sys

import pytest
from hooked import HINT, HOSTS, QUESTION, call

# the clients themselves are providers too, and free: they would answer before the vendor with a key
OTHERS = "providers:\n  codex: {enabled: false}\n  gemini-cli: {enabled: false}\n  gemini: {enabled: false}\n"


@pytest.fixture(params=HOSTS)
def host(request, box, home, run, server, executable):
    host = HOSTS[request.param](box, home, run, server, executable)
    host.own_settings()
    host.write(".llm-router/config.yaml", OTHERS)
    return host


def llm_router(host, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "llm_router", *arguments, "--host", host.name],
        env={"HOME": str(host.home), "PATH": "/usr/bin:/bin"},
        cwd=host.project, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def hints(host):
    return [sum(text.count(HINT) for _, text in host.told(request)) for request in host.requests]


def test_install_is_all_the_hooks_need(host):
    llm_router(host, "install")
    llm_router(host, "install")
    shell = call(host.shell, **{host.shell_argument: "touch ran"})
    host.script(shell, call("llm_query", prompt="mutex"), shell.replace("touch ran", "touch ran #"))
    output = host.ask_plainly(QUESTION, LLM_ROUTER_ENFORCE="hard", **host.keys())
    assert hints(host) == [1, 1, 1, 1], output
    assert len(host.violations()) == 1, "the first command was held back"
    assert host.ran, "the second was not"
    assert host.box.answers("openai"), output


def test_after_uninstall_no_hook_acts(host):
    llm_router(host, "install")
    llm_router(host, "uninstall")
    host.script(call(host.shell, **{host.shell_argument: "touch ran"}))
    output = host.ask_plainly(QUESTION, LLM_ROUTER_ENFORCE="hard", **host.keys())
    assert host.ran, output
    assert hints(host) == [0, 0]
    assert host.violations() == []
