"""The official Ollama client against the sandbox."""

from __future__ import annotations

import json

import httpx
import ollama
import pytest

from llm_router.sandbox import Fault, Installed, Sandbox, digest

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture
def client(box):
    with ollama.Client(host=box.base_url("ollama"), timeout=60) as made:
        yield made


def ask(text):
    return [{"role": "user", "content": text}]


def test_installed_models_are_listed_with_an_embedding_model_among_them(client):
    listed = client.list().models
    assert [m.model for m in listed][:2] == ["qwen3:8b", "llama3.2:3b"]
    assert listed[0].details.family == "qwen3"
    assert client.show("qwen3:8b").capabilities == ["completion", "tools", "thinking"]
    assert client.show("qwen3:8b").modelinfo["qwen3.context_length"] == 40_960
    assert client.show("nomic-embed-text").capabilities == ["embedding"]


def test_what_is_installed_can_be_chosen():
    mine = Installed("phi:latest", "phi", "1B")
    with Sandbox(installed=[mine]) as box, ollama.Client(host=box.base_url("ollama")) as client:
        assert [m.model for m in client.list().models] == ["phi:latest"]
        assert client.chat("phi", ask("[[say hi]]")).message.content == "hi"


def test_a_chat_answers_plain_and_streamed_alike(client):
    whole = client.chat("qwen3:8b", ask("Why?"))
    assert digest("Why?") in whole.message.content
    assert (whole.done_reason, whole.prompt_eval_count) == ("stop", 1)
    lines = list(client.chat("qwen3:8b", ask("Why?"), stream=True))
    assert "".join(line.message.content for line in lines) == whole.message.content
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1].eval_count == whole.eval_count


def test_generate_answers_too(client):
    whole = client.generate("qwen3:8b", "Why?")
    lines = list(client.generate("qwen3:8b", "Why?", stream=True))
    assert digest("Why?") in whole.response
    assert "".join(line.response for line in lines) == whole.response


@pytest.mark.parametrize("streamed", [False, True])
def test_tools_are_called_with_thoughts_before_and_results_quoted_after(client, streamed):
    messages = ask('[[call weather {"city": "Rome"}]]')
    asked = {"model": "qwen3:8b", "messages": messages, "tools": [WEATHER], "think": True}
    if streamed:
        said = [line.message for line in client.chat(**asked, stream=True)]
    else:
        said = [client.chat(**asked).message]
    assert "".join(m.thinking or "" for m in said).startswith("The sandbox thinks")
    calls = [call for m in said for call in m.tool_calls or []]
    assert [(c.function.name, c.function.arguments) for c in calls] == [("weather", {"city": "Rome"})]
    messages += [
        {"role": "assistant", "content": "", "tool_calls": [c.model_dump() for c in calls]},
        {"role": "tool", "tool_name": "weather", "content": "sun"},
    ]
    assert client.chat("qwen3:8b", messages, tools=[WEATHER]).message.content == "The tool answered: sun"


def test_a_format_gets_json_that_fits(client):
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    made = client.chat("qwen3:8b", ask("x"), format=schema)
    assert json.loads(made.message.content) == {"ok": False}


def test_a_prompt_beyond_num_ctx_loses_its_beginning_silently(client):
    prompt = "secret " + "x" * 8000
    short = client.chat("qwen3:8b", ask(prompt), options={"num_ctx": 1000})
    assert short.prompt_eval_count == 1000
    assert digest(prompt) not in short.message.content
    full = client.chat("qwen3:8b", ask(prompt), options={"num_ctx": 4000})
    assert digest(prompt) in full.message.content


def test_a_prompt_beyond_num_ctx_that_must_not_be_cut_is_refused(box):
    body = {
        "model": "qwen3:8b",
        "messages": ask("x" * 8000),
        "options": {"num_ctx": 1000},
        "truncate": False,
    }
    refused = httpx.post(f"{box.base_url('ollama')}/api/chat", json=body)
    assert refused.status_code == 400
    assert "context length" in refused.json()["error"]


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"model": "missing"}, 404, "model 'missing' not found"),
        ({"model": "nomic-embed-text"}, 400, "does not support chat"),
        ({"model": "gemma3:4b", "tools": [WEATHER]}, 400, "does not support tools"),
        ({"model": "llama3.2:3b", "think": True}, 400, "does not support thinking"),
    ],
)
def test_a_model_is_asked_only_for_what_it_can_do(client, asked, status, words):
    with pytest.raises(ollama.ResponseError, match=words) as caught:
        client.chat(messages=ask("x"), **asked)
    assert caught.value.status_code == status


def test_faults_hit_the_chat_and_leave_the_listing_alone_unless_told_otherwise(box, client):
    box.fault("ollama", Fault("status", status=503))
    with pytest.raises(ollama.ResponseError, match="server busy") as caught:
        client.chat("qwen3:8b", ask("x"))
    assert caught.value.status_code == 503
    assert len(client.list().models) == 4
    box.fault("ollama", Fault("status", status=503), operation="*")
    with pytest.raises(ollama.ResponseError):
        client.list()


def test_an_error_line_inside_a_stream_reaches_the_client(box, client):
    box.fault("ollama", Fault("error_event", after=1))
    with pytest.raises(ollama.ResponseError, match="unexpectedly stopped"):
        list(client.chat("qwen3:8b", ask("x"), stream=True))


def test_embeddings_are_made(client):
    made = client.embed("nomic-embed-text", ["a", "b"])
    assert len(made.embeddings) == 2
