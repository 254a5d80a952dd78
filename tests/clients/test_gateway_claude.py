"""Claude Code through the gateway on an upstream of every dialect: it reads, edits, runs tools at once of which one
fails, has a subagent look, and ends; streamed, every request once.
"""

import json

import pytest
from gateways import UPSTREAMS, serving


def script(work):
    inner = f'[[call Read {{"file_path": "{work}/b.txt"}}]] [[then]] [[say The agent saw it.]]'
    agent = {
        "description": "look",
        "prompt": inner,
        "subagent_type": "general-purpose",
        "run_in_background": False,
    }
    edit = {"file_path": f"{work}/a.txt", "old_string": "two", "new_string": "zwei"}
    return " ".join((
        f'[[say First I read.]] [[call Read {{"file_path": "{work}/a.txt"}}]]',
        f"[[then]] [[call Edit {json.dumps(edit)}]]",
        '[[then]] [[call Bash {"command": "cat b.txt"}]] [[call Bash {"command": "echo broken; exit 3"}]]',
        f"[[then]] [[call Agent {json.dumps(agent)}]] [[then]] [[say All of it is done.]]",
    ))  # fmt: skip


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_an_agents_work_is_done_and_every_request_is_made_once(dialect, box, home, work, run, executable):
    with serving(box, home / "router", dialect) as gateway:
        output = run(
            executable("claude"), "-p", script(work), "--output-format", "stream-json", "--verbose",
            "--allowedTools", "Read,Edit,Bash,Agent", cwd=work,
            ANTHROPIC_API_KEY="sk-ant-fake", ANTHROPIC_BASE_URL=gateway.url, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        )  # fmt: skip
        asked = box.answers(gateway.vendor)
        decisions = gateway.decisions(len(asked))
    events = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    result = next(event for event in events if event["type"] == "result")
    assert (result["result"], result["is_error"]) == ("All of it is done.", False), output
    assert (work / "a.txt").read_text() == "one\nzwei\n"
    told = json.dumps(asked[-1].body)
    assert "broken" in told  # the failed tool's words, its neighbour's and the subagent's reached the model
    assert "three" in told
    assert "The agent saw it." in told

    # five turns of the main loop, two of the subagent; nobody asked twice, nothing failed
    assert [request.status for request in asked] == [200] * 7
    assert all(request.stream for request in asked)
    assert not [event for event in events if event.get("subtype") == "api_retry"]
    spoken = [event for event in events if event["type"] == "assistant" and not event["parent_tool_use_id"]]
    assert len({event["message"]["id"] for event in spoken}) == 5
    assert [len(each["attempts"]) for each in decisions] == [1] * 7
    assert {each["provider"] for each in decisions} == {gateway.vendor}
    assert sorted(each["turn"] for each in decisions) == ["default"] * 5 + ["subagent"] * 2
    assert len({each["session"] for each in decisions}) == 1
    assert len({each["conversation"] for each in decisions}) == 2
    assert all(each["attempts"][0]["output_tokens"] for each in decisions)


@pytest.mark.parametrize(("own_check", "turn"), [("", "safety"), ("0", "default")])
def test_turns_of_automatic_mode_are_routed_where_the_client_checks_for_itself(
    own_check, turn, box, home, work, run, executable
):
    with serving(box, home / "router", "anthropic") as gateway:
        run(
            executable("claude"), "-p", "[[say Hello.]]", "--permission-mode", "auto", cwd=work,
            ANTHROPIC_API_KEY="sk-ant-fake", ANTHROPIC_BASE_URL=gateway.url, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            **({"CLAUDE_CODE_AUTO_MODE_SERVER": own_check} if own_check else {}),
        )  # fmt: skip
        assert [each["turn"] for each in gateway.decisions(1)] == [turn]
