"""When a prompt gets a hint and what it says; the classifier is the product's own, loaded by its path."""

import json

import hint
import prompts
import pytest

SNAPSHOT = {
    "written_at": 1.0,
    "mcp": True,
    "baseline": {"model": "anthropic/claude-opus-5-5", "input_per_million": 5.0, "output_per_million": 25.0},
    "routes": {
        "simple": "ollama/qwen3",
        "moderate": "ollama/qwen3",
        "complex": "openai/gpt-6",
        "deep_reasoning": "openai/gpt-6",
    },
}
UNKNOWN = {"written_at": 0.0, "mcp": True, "baseline": None, "routes": {}}


def hinted(prompt, snapshot=SNAPSHOT, **state):
    return hint.hint(prompt, state, snapshot)


@pytest.mark.parametrize(
    ("prompt", "tool"),
    [
        ("What is the capital of Australia?", "llm_query"),
        ("what is a mutex?", "llm_query"),
        ("Explain the difference between TCP and UDP", "llm_analyze"),
        ("why does rust need lifetimes?", "llm_analyze"),
        ("Compare Postgres and MySQL for analytics", "llm_analyze"),
        (
            "Research how five large companies moved from a monorepo to many repos, and what they measured",
            "llm_research",
        ),
        ("Summarize the plot of Hamlet in three sentences", "llm_generate"),
        (
            'Translate this into French: "The meeting was moved to Monday because of the strike"',
            "llm_generate",
        ),
        ("Write a regex for a 5 digit zip code", "llm_code"),
        ("Write a python function that reverses a linked list", "llm_code"),
        ("What does this do?\n```python\nfor i in range(3):\n    print(i * i)\n```", "llm_"),
        ("cos'è un JWT?", "llm_query"),
    ],
)
def test_a_prompt_that_stands_by_itself_is_routed_to_its_tool(prompt, tool):
    text, route = hinted(prompt)
    assert route["tool"].startswith(tool)
    assert not route["soft"]
    assert "MANDATORY ROUTE" in text


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a blog post about the benefits of test-driven development",
        "Draft a polite out of office message",
        "add a card for the dark mode idea to the board",
        "create a spec for a login page with two-factor authentication",
        "write docs for a small CLI that tails logs, in docs/usage.md",
    ],
)
def test_writing_is_suggested_to_llm_generate_not_demanded(prompt):
    text, route = hinted(prompt)
    assert route["tool"] == "llm_generate"
    assert route["soft"]
    assert "SUGGESTED ROUTE" in text
    assert "MANDATORY" not in text


@pytest.mark.parametrize(
    ("reason", "prompt"),
    [
        ("command", ""),
        ("command", "   \n"),
        ("command", "/compact now please"),
        ("command", "/mcp__rec__usage day"),
        ("command", "!ls -la"),
        ("command", "<task-notification>done with the work</task-notification>"),
        ("long", "What is this log about? " + "error at line 7\n" * 600),
        ("conversation", "yes"),
        ("conversation", "continue"),
        ("conversation", "do it"),
        ("conversation", "yes, that one please and add tests"),
        ("conversation", "继续"),
        ("conversation", "now explain the second part in more detail"),
        ("conversation", "What does this function do?"),
        ("conversation", "fix the failing test above"),
        ("conversation", "explain the error you just made"),
        ("conversation", "why is it slow?"),
        ("conversation", "what do we use for logging?"),
        ("conversation", "was macht diese Funktion?"),
        ("conversation", "这个函数是做什么的？"),
        ("project", "explain how src/server.py handles timeouts"),
        ("project", "what does @docs/design.md say about caching?"),
        ("project", "why does the build fail on windows?"),
        ("project", "explain my code style to a newcomer"),
        ("project", "summarize https://example.com/post for a manager"),
        ("host", "git push --force to origin main"),
        ("host", "please run the tests and tell me what fails"),
        ("host", "allow the Bash tool without asking in settings"),
        ("host", "what permissions does Claude have for hooks?"),
        ("opt-out", "what is a monad? answer it yourself please"),
        ("opt-out", "explain what llm_query does with a prompt"),
        ("news", "what is the weather in Paris today?"),
        ("", "What is the function of the liver?"),
        ("", "Is Node.js single-threaded under the hood?"),
        ("", "when did the US become a republic?"),
        ("", "write a function that returns the n-th prime"),
    ],
)
def test_what_a_prompt_leans_on_is_named(reason, prompt):
    assert prompts.needs(prompt) == reason
    if reason not in ("", "project"):
        assert hinted(prompt) is None


@pytest.mark.parametrize(
    "prompt",
    [
        "fix the race in the connection pool",
        "add a --verbose flag and wire it through",
        "refactor the colour list comprehension into a function",
        "finish the CHECKOUT_FLOW implementation",
        "rename Foo to Bar everywhere",
        "droid as #E75527",
        "make me a wallpaper of pixel-art mountains",
    ],
)
def test_work_in_the_repository_and_pictures_are_left_alone(prompt):
    assert hinted(prompt) is None


def test_the_block_names_task_action_via_and_saves_and_stays_small():
    snapshot = {**SNAPSHOT, "call_name": "mcp__llm-router__{}"}
    text, route = hinted("What is the capital of Australia?", snapshot)
    assert route == {"task": "query", "complexity": "simple", "tool": "llm_query", "soft": False}
    for line in (
        "│ task:   query (simple)",
        '│ action: mcp__llm-router__llm_query(prompt="<the request, whole>"',
        "│ via:    ollama/qwen3",
        "│ saves:  up to about $0.002 against anthropic/claude-opus-5-5",
    ):
        assert line in text
    assert len(text) < 900


def test_the_block_stays_small_whatever_the_names():
    long = {
        **SNAPSHOT,
        "call_name": "x" * 500 + "{}",
        "routes": {"simple": "y" * 500},
        "baseline": {**SNAPSHOT["baseline"], "model": "z" * 500},
    }
    text, _ = hinted("What is the capital of Australia?", long)
    assert len(text) < 900


def test_nothing_is_invented_where_nothing_is_known():
    text, route = hinted("What is the capital of Australia?", UNKNOWN)
    assert route["tool"] == "llm_query"
    assert "saves" not in text
    assert "$" not in text
    assert "the cheapest model that can do it" in text


def test_hard_work_is_not_sent_to_nobody_knows_whom():
    prompt = "Prove that there are infinitely many primes congruent to 3 modulo 4, and derive a bound on their density"
    assert hint._classified(prompt).complexity in ("complex", "deep_reasoning")
    assert hinted(prompt) is not None
    assert hinted(prompt, UNKNOWN) is None


def test_no_hint_where_nobody_can_answer_or_the_host_itself_would():
    prompt = "What is the capital of Australia?"
    assert hinted(prompt, {**SNAPSHOT, "routes": {}}) is None
    assert hinted(prompt, {**SNAPSHOT, "routes": {"simple": "claude-cli/claude-opus-5-5"}}) is None
    assert hinted(prompt, {**SNAPSHOT, "mcp": False}) is None


def test_news_goes_only_to_a_model_that_searches():
    prompt = "Research the latest developments in solid state batteries and their producers"
    assert hinted(prompt) is None
    text, route = hinted(
        prompt, {**SNAPSHOT, "routes": dict.fromkeys(SNAPSHOT["routes"], "perplexity/sonar")}
    )
    assert route["tool"] == "llm_research"
    assert "perplexity/sonar" in text


def test_a_router_that_failed_twice_in_a_row_is_not_hinted_at():
    assert hinted("What is the capital of Australia?", failed=1) is not None
    assert hinted("What is the capital of Australia?", failed=2) is None
    assert hinted("What is the capital of Australia?", failed="often") is not None


def test_a_call_that_costs_more_than_the_answer_does_not_pay():
    """The host writes the prompt a second time, as an argument: from a few hundred words on that is the dearer part."""
    baseline = SNAPSHOT["baseline"]
    short, long = "What is a mutex?", "What is a mutex? " + "It says that threads wait. " * 60
    assert hint.gain(short, "query", "simple", baseline) == pytest.approx(
        450 * 25e-6 - 64 * 25e-6 - 1564 * 5e-6
    )
    assert hint.gain(long, "query", "simple", baseline) is None
    assert hint.gain(long, "analyze", "complex", baseline) > 0
    assert hint.gain(short, "query", "simple", None) == 0.0


@pytest.mark.parametrize(
    ("amount", "shown"), [(0.00215, "$0.002"), (0.0351, "$0.04"), (0.26, "$0.3"), (2.0, "$2")]
)
def test_an_estimate_is_shown_with_one_digit(amount, shown):
    assert hint._dollars(amount) == shown


def test_what_pays_at_the_start_of_a_conversation_does_not_late_in_a_long_one(tmp_path):
    """The turn that the call adds reads all of it once more."""
    transcript = tmp_path / "t.jsonl"
    for read, pays in ((12_000, True), (20_000, False)):
        usage = {"input_tokens": 5, "cache_creation_input_tokens": 100, "cache_read_input_tokens": read}
        transcript.write_text(json.dumps({"message": {"usage": usage}}, separators=(",", ":")) + "\n")
        told = {**SNAPSHOT, "transcript": str(transcript)}
        assert (hinted("What is a mutex?", told) is not None) is pays
        assert hinted("Analyze the trade-offs between event sourcing and CRUD in depth, step by step", told)


def test_dear_input_makes_the_extra_turn_not_worth_it():
    """The conversation is read once more for the turn the call adds."""
    baseline = {"model": "m", "input_per_million": 25.0, "output_per_million": 25.0}
    assert hint.gain("What is a mutex?", "query", "simple", baseline) is None


def test_a_prompt_whose_call_does_not_pay_gets_no_hint():
    dear = {**SNAPSHOT["baseline"], "input_per_million": 25.0}
    assert hinted("What is a mutex?") is not None
    assert hinted("What is a mutex?", {**SNAPSHOT, "baseline": dear}) is None


def test_an_unsure_classification_gives_no_hint(monkeypatch):
    prompt = "How to validate GMP cleanroom garment suitability? Provide an example of a validation protocol"
    assert hint._classified(prompt).confidence < hint.SURE
    assert hinted(prompt) is None
    monkeypatch.setattr(hint, "SURE", 0.0)
    assert hinted(prompt) is not None
