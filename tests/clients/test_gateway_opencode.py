"""OpenCode, as any client of an OpenAI-compatible server: it reads, edits, runs a command that fails, and ends; streamed,
every request once.
"""

import json

import pytest
from gateways import serving


def call(tool, **arguments):
    return f"[[call {tool} {json.dumps(arguments)}]]"


def script(work):
    a, b = f"{work}/a.txt", f"{work}/b.txt"
    return " ".join((
        "[[say First I read.]]", call("read", filePath=a),
        "[[then]]", call("edit", filePath=a, oldString="two", newString="zwei"),
        "[[then]]", call("read", filePath=b), call("bash", command="echo broken; exit 3", description="x"),
        "[[then]] [[say All of it is done.]]",
    ))  # fmt: skip


def configure(gateway, home):
    options = {"baseURL": f"{gateway.url}/v1", "apiKey": "sk-fake"}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "router",
        "options": options,
        "models": {"auto": {"name": "auto"}},
    }
    config = {
        "autoupdate": False,
        "provider": {"router": provider},
        "model": "router/auto",
        "small_model": "router/auto",
    }
    folder = home / ".config" / "opencode"
    folder.mkdir(parents=True)
    (folder / "opencode.json").write_text(json.dumps(config))


def test_a_subagent_belongs_to_its_session(box, home, work, run, executable):
    inner = f"{call('read', filePath=f'{work}/b.txt')} [[then]] [[say Seen.]]"
    script = (
        f"{call('task', description='look', prompt=inner, subagent_type='general')} [[then]] [[say Done.]]"
    )
    with serving(box, home / "router", "openai_chat") as gateway:
        configure(gateway, home)
        output = run(executable("opencode"), "run", stdin=script, cwd=work)
        decisions = gateway.decisions(5)
    assert "Done." in output
    assert sorted(each["turn"] for each in decisions) == [
        "background",
        "default",
        "default",
        "subagent",
        "subagent",
    ]
    assert len({each["session"] for each in decisions}) == 1
    assert len({each["conversation"] for each in decisions}) == 2


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_an_agents_work_is_done_and_every_request_is_made_once(dialect, box, home, work, run, executable):
    with serving(box, home / "router", dialect) as gateway:
        configure(gateway, home)
        output = run(executable("opencode"), "run", stdin=script(work), cwd=work)
        asked = box.answers(gateway.vendor)
        decisions = gateway.decisions(len(asked))
    assert (work / "a.txt").read_text() == "one\nzwei\n", output
    assert "All of it is done." in output
    told = json.dumps(asked[-1].body)
    assert "broken" in told
    assert "three" in told
    assert [request.status for request in asked] == [200] * 5, output
    assert [len(each["attempts"]) for each in decisions] == [1] * 5
    # it wants a title, too
    assert sorted(each["turn"] for each in decisions) == ["background"] + ["default"] * 4
    assert len({each["session"] for each in decisions}) == 1
