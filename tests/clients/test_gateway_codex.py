"""Codex through /v1/responses, on its own dialect and a foreign one: it reads, edits, runs commands of which one fails,
and ends; streamed, every request once.
"""

import json

import pytest
from gateways import serving

CONFIG = """
model = "{model}"
model_provider = "router"
[model_providers.router]
name = "router"
base_url = "{url}/v1"
env_key = "ROUTER_KEY"
wire_api = "responses"
"""
PATCH = "*** Begin Patch\n*** Update File: a.txt\n@@\n one\n-two\n+zwei\n*** End Patch"


def call(tool, **arguments):
    return f"[[call {tool} {json.dumps(arguments)}]]"


# to a model it does not know Codex offers plain functions; to those it knows one tool that runs JavaScript
PLAIN = " ".join((
    "[[say First I read.]]", call("exec_command", cmd="cat a.txt"),
    "[[then]]", call("exec_command", cmd=f"apply_patch <<EOF\n{PATCH}\nEOF"),
    "[[then]]", call("exec_command", cmd="cat b.txt"), call("exec_command", cmd="echo broken; exit 3"),
    "[[then]] [[say All of it is done.]]",
))  # fmt: skip
JAVASCRIPT = " ".join((
    "[[say First I read.]]", call("exec", input="text(await tools.exec_command({cmd: 'cat a.txt'}))"),
    "[[then]]", call("exec", input=f"text(await tools.apply_patch({json.dumps(PATCH)}))"),
    "[[then]]", call("exec", input="text(await tools.exec_command({cmd: 'cat b.txt'}))"),
    call("exec", input="text(await tools.exec_command({cmd: 'echo broken; exit 3'}))"),
    "[[then]] [[say All of it is done.]]",
))  # fmt: skip


def test_an_agent_that_it_spawns_belongs_to_its_session(box, home, work, run, executable):
    inner = f"{call('exec_command', cmd='echo three')} [[then]] [[say Seen.]]"
    script = f"{call('spawn_agent', message=inner)} [[then]] {call('exec_command', cmd='sleep 2')} [[then]] [[say Done.]]"
    with serving(box, home / "router", "openai_chat", "routing: {aliases: {some-model: auto}}\n") as gateway:
        folder = home / ".codex"
        folder.mkdir()
        (folder / "config.toml").write_text(CONFIG.format(model="some-model", url=gateway.url))
        output = run(
            executable("codex"), "exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access", script,
            cwd=work, ROUTER_KEY="sk-fake",
        )  # fmt: skip
        decisions = gateway.decisions(5)
    assert sorted(each["turn"] for each in decisions) == ["default"] * 3 + ["subagent"] * 2, output
    assert len({each["session"] for each in decisions}) == 1
    assert len({each["conversation"] for each in decisions}) == 2


@pytest.mark.parametrize("dialect", ["openai_responses", "openai_chat", "anthropic", "gemini"])
@pytest.mark.parametrize(("model", "script"), [("some-model", PLAIN), ("gpt-6.1-terra", JAVASCRIPT)])
def test_an_agents_work_is_done_and_every_request_is_made_once(
    model, script, dialect, box, home, work, run, executable
):
    with serving(box, home / "router", dialect, "routing: {aliases: {some-model: auto}}\n") as gateway:
        folder = home / ".codex"
        folder.mkdir()
        (folder / "config.toml").write_text(CONFIG.format(model=model, url=gateway.url))
        output = run(
            executable("codex"), "exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access", script,
            cwd=work, ROUTER_KEY="sk-fake",
        )  # fmt: skip
        asked = box.answers(gateway.vendor)
        decisions = gateway.decisions(len(asked))
    events = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    said = [e["item"]["text"] for e in events if e.get("item", {}).get("type") == "agent_message"]
    assert said[-1:] == ["All of it is done."], output
    assert (work / "a.txt").read_text() == "one\nzwei\n", output
    told = json.dumps(asked[-1].body)
    assert "broken" in told
    assert "three" in told

    assert [request.status for request in asked] == [200] * 4
    assert all(request.stream for request in asked)
    assert [len(each["attempts"]) for each in decisions] == [1] * 4
    assert {each["provider"] for each in decisions} == {gateway.vendor}
    assert {each["turn"] for each in decisions} == {"default"}
    assert len({each["conversation"] for each in decisions}) == 1
