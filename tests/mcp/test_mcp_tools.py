"""What the tools answer, and how they fail."""

import asyncio
import json

import pytest

from llm_router.mcp_server import calls

ANSWERING = ["llm_route", "llm_query", "llm_research", "llm_generate", "llm_analyze", "llm_code"]


@pytest.fixture(scope="module")
def server(shared_fake):
    server = shared_fake(CLAUDE_CODE_SESSION_ID="s-1")
    server.initialize()
    return server


@pytest.mark.parametrize("tool", ANSWERING)
def test_the_answer_is_the_same_in_text_and_in_structured_content(server, tool):
    result = server.call(tool, {"prompt": "hello"})
    structured, (content,) = result["structuredContent"], result["content"]
    last_line = "ollama/qwen3 · 1,500 tokens · $0 (local) · 640 ms"
    assert result["isError"] is False
    assert structured["footer"] == last_line
    assert content["text"] == f"{structured['answer']}\n\n{last_line}"
    assert (structured["model"], structured["tokens"], structured["cost_usd"]) == ("ollama/qwen3", 1500, 0)
    assert structured["decision"] == "d_1"


@pytest.mark.parametrize("tool", ANSWERING[1:])
def test_each_tool_names_its_task(server, tool):
    answer = server.call(tool, {"prompt": "hello"})["structuredContent"]["answer"]
    assert answer.startswith(f"{tool.removeprefix('llm_')}: hello")


def test_route_leaves_the_task_to_the_classifier_unless_told(server):
    assert server.call("llm_route", {"prompt": "hello"})["structuredContent"]["answer"].startswith(
        "None: hello"
    )
    told = server.call("llm_route", {"prompt": "hello", "task": "code"})["structuredContent"]
    assert told["answer"].startswith("code: hello")
    assert (told["task"], told["complexity"]) == ("code", "simple")


def test_a_dry_run_explains_and_asks_nobody(server):
    before = server.notes()
    result = server.call("llm_route", {"prompt": "hello", "dry_run": True})
    choice = result["structuredContent"]
    assert [each["model"] for each in choice["chain"]] == ["ollama/qwen3", "openai/gpt"]
    assert choice["chain"][1]["expected_cost_usd"] == pytest.approx(0.00004)
    assert json.loads(result["content"][0]["text"]) == choice
    assert server.notes() == before


def test_context_system_language_and_session_reach_the_request(server):
    arguments = {"prompt": "mend it", "context": "x = 1", "system": "be brief", "language": "Rust"}
    answer = server.call("llm_code", arguments)["structuredContent"]["answer"]
    assert answer == "code: <context>\nx = 1\n</context>\nmend it\n\nLanguage: Rust|be brief|s-1"


def test_a_known_cost_is_shown_exactly_and_an_unknown_one_as_unpriced(server):
    assert server.call("llm_query", {"prompt": "progress"})["structuredContent"]["footer"] == (
        "openai/gpt · 1,500 tokens · $0.001234 · 640 ms"
    )
    unpriced = server.call("llm_query", {"prompt": "unpriced"})["structuredContent"]
    assert unpriced["cost_usd"] is None
    assert "unpriced" in unpriced["footer"]


def test_an_answer_cut_at_the_limit_says_so(server):
    footer = server.call("llm_query", {"prompt": "long"})["structuredContent"]["footer"]
    assert footer == "openai/gpt · 1,500 tokens · $0.02 · 640 ms · cut at the output limit"


def test_a_failure_says_what_happened_and_what_to_do(server):
    result = server.call("llm_query", {"prompt": "fail"})
    assert result["isError"] is True
    assert result["content"][0]["text"] == "nobody answered\nFix: wait a minute"
    structured = result["structuredContent"]
    assert (structured["error"], structured["fix"], structured["code"]) == (
        "nobody answered",
        "wait a minute",
        "rate_limit",
    )
    assert structured["attempts"][0]["model"] == "ollama/qwen3"


def test_a_defect_is_told_without_its_text_which_may_hold_anything(server):
    result = server.call("llm_query", {"prompt": "break"})
    assert result["isError"] is True
    assert "sk-secret" not in json.dumps(result)
    assert "LookupError" in result["content"][0]["text"]
    assert "sk-secret" in server.errors()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "prompt: required"),
        ({"prompt": ""}, "prompt: String should have at least 1 character"),
        ({"prompt": 5}, "prompt: Input should be a valid string"),
        ({"prompt": "x", "complexity": "hard"}, "complexity: Input should be 'simple', 'moderate'"),
        ({"prompt": "x", "max_cost_usd": -1}, "max_cost_usd: Input should be greater than or equal to 0"),
        ({"prompt": "x", "nonsense": 1}, "nonsense: no such argument; allowed: prompt, context"),
    ],
)
def test_wrong_arguments_name_the_field_and_what_is_allowed(server, arguments, said):
    before = server.notes()
    result = server.call("llm_query", arguments)
    assert result["isError"] is True
    assert said in result["content"][0]["text"]
    assert said in result["structuredContent"]["error"]
    assert result["structuredContent"]["code"] == "usage"
    assert server.notes() == before


def test_null_stands_for_an_argument_left_out(server):
    arguments = {"prompt": "hello", "model": None, "complexity": None, "max_cost_usd": None}
    assert server.call("llm_query", arguments)["isError"] is False


def test_an_unknown_tool_is_told_which_there_are(server):
    result = server.call("llm_nope")
    assert result["isError"] is True
    assert "llm_route, llm_query" in result["structuredContent"]["fix"]


def test_a_broken_configuration_is_told_by_every_tool_until_it_is_mended(fake, tmp_path):
    mended = tmp_path / "mended"
    server = fake(FAKE_BROKEN_UNLESS=str(mended))
    server.initialize()
    for tool in ("llm_query", "llm_route"):
        result = server.call(tool, {"prompt": "hello"})
        assert result["isError"] is True
        assert (
            result["content"][0]["text"] == "config.yaml:2:3: unknown key `provider`\nFix: write `providers`"
        )
    mended.touch()
    assert server.call("llm_query", {"prompt": "hello"})["isError"] is False


def test_prompts_ask_for_the_tools(server):
    asked = server.ask("prompts/get", {"name": "ask", "arguments": {"question": "why?"}})["result"]
    assert asked["messages"][0]["content"]["text"].endswith("why?")
    assert "llm_route" in asked["messages"][0]["content"]["text"]
    review = server.ask("prompts/get", {"name": "review", "arguments": {"focus": "races"}})["result"]
    assert "races" in review["messages"][0]["content"]["text"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("prompts/get", {"name": "ask"}),
        ("prompts/get", {"name": "nope"}),
        ("resources/read", {"uri": "llm-router://nope"}),
    ],
)
def test_what_is_not_there_is_invalid_params(server, method, params):
    assert server.ask(method, params)["error"]["code"] == -32602


async def test_a_long_wait_is_told_again_and_again(monkeypatch):
    said = asyncio.Queue()

    async def say(step, message):
        said.put_nowait((step, message))
        await asyncio.sleep(0)

    monkeypatch.setattr(calls, "STILL_THERE_S", 0.001)
    call = calls.Call(None, say)
    await call.progress("trying ollama/qwen3")
    in_touch = asyncio.create_task(call.stay_in_touch())
    async with asyncio.timeout(10):
        heard = [await said.get() for _ in range(3)]
    in_touch.cancel()
    assert [step for step, _ in heard] == [1, 2, 3]
    assert all(message.startswith("trying ollama/qwen3") for _, message in heard)
