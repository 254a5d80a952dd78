"""Gemini CLI through its own API, on its own dialect and a foreign one: it reads, edits, runs tools at once of which one
fails, and ends; streamed, every request once.
"""

import json

import pytest
from gateways import serving

SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
    "telemetry": {"enabled": False},
    "privacy": {"usageStatisticsEnabled": False},
}


def call(tool, **arguments):
    return f"[[call {tool} {json.dumps(arguments)}]]"


def script(work):
    a, b = f"{work}/a.txt", f"{work}/b.txt"
    edit = {"file_path": a, "instruction": "in German", "old_string": "two", "new_string": "zwei"}
    return " ".join((
        "[[say First I read.]]", call("read_file", file_path=a),
        "[[then]]", call("replace", **edit),
        "[[then]]", call("read_file", file_path=b), call("run_shell_command", command="echo broken; exit 3", description="x"),
        "[[then]] [[say All of it is done.]]",
    ))  # fmt: skip


@pytest.mark.parametrize("dialect", ["gemini", "openai_chat", "anthropic"])
def test_an_agents_work_is_done_and_every_request_is_made_once(dialect, box, home, work, run, executable):
    with serving(box, home / "router", dialect) as gateway:
        folder = home / ".gemini"
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps(SETTINGS))
        output = run(
            executable("gemini"), "-y", "-m", "gemini-3.1-pro-preview", "-p", script(work), cwd=work,
            GEMINI_API_KEY="fake", GOOGLE_GEMINI_BASE_URL=gateway.url,
        )  # fmt: skip
        asked = box.answers(gateway.vendor)
        decisions = gateway.decisions(len(asked))
    assert "All of it is done." in output
    assert (work / "a.txt").read_text() == "one\nzwei\n", output
    told = json.dumps(asked[-1].body)
    assert "broken" in told
    assert "three" in told

    assert [request.status for request in asked] == [200] * 4, output
    assert [len(each["attempts"]) for each in decisions] == [1] * 4
    assert {each["provider"] for each in decisions} == {gateway.vendor}
    assert {each["turn"] for each in decisions} == {"default"}
    assert len({each["conversation"] for each in decisions}) == 1
