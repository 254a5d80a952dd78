"""`ask` through the whole path, against simulated providers on loopback; `explain` and `costs` tell of it."""

import json
import sqlite3

import pytest

from llm_router.sandbox import Fault

EVERYBODY = ("ollama", "groq", "openai", "anthropic", "gemini")


def sent(box, number=-1):
    """What the answering provider was sent, as text."""
    return json.dumps(box.answers()[number].body, ensure_ascii=False)


def test_the_answer_is_on_stdout_and_who_gave_it_on_stderr(cli, box):
    result = cli("ask", "what", "is", "two", "plus", "two", "-m", "groq/any-model")
    assert result.code == 0
    assert "what is two plus two" in result.out
    assert result.out.endswith("\n")
    (line,) = result.err.splitlines()
    model, tokens, cost, took, decision = line.split(" · ")
    assert model == "groq/any-model"
    assert tokens.endswith(" tokens")
    assert cost == "unpriced"
    assert took.endswith(" ms")
    assert decision.startswith("d_")


def test_quiet_says_nothing_but_the_answer(cli, box):
    result = cli("ask", "-q", "hello", "-m", "groq/x")
    assert (result.code, result.err) == (0, "")


def test_json_holds_the_answer_the_figures_and_the_story(cli, box):
    result = cli("ask", "hello", "-m", "openai/gpt-6-luna", "--json")
    body = result.json
    assert (result.code, result.err) == (0, "")
    assert "hello" in body["text"]
    assert body["model"] == "openai/gpt-6-luna"
    assert body["cost_usd"] > 0
    assert body["decision"]["attempts"][0]["outcome"] == "ok"
    assert body["decision"]["policy"]["model_because"] == "asked"


@pytest.mark.parametrize(
    "model", ["openai/gpt-6-luna", "anthropic/haiku", "gemini/flash", "groq/x", "ollama/qwen3"]
)
def test_stream_gives_the_same_answer_through_every_family(cli, box, model):
    whole = cli("ask", "hello there", "-m", model)
    streamed = cli("ask", "hello there", "-m", model, "--stream")
    if model.startswith("ollama"):  # only what is installed answers there
        installed = cli("models", "--provider", "ollama", "--json").json["models"][0]["model"]
        whole = cli("ask", "hello there", "-m", installed)
        streamed = cli("ask", "hello there", "-m", installed, "--stream")
    assert whole.code == streamed.code == 0
    assert streamed.out == whole.out
    assert "hello there" in whole.out


def test_stream_as_json_is_one_event_a_line(cli, box):
    lines = cli("ask", "hello", "-m", "openai/gpt-6-luna", "--stream", "--json").lines
    kinds = [line["type"] for line in lines]
    assert kinds[0] == "trying"
    assert kinds[-1] == "done"
    assert "".join(line["text"] for line in lines if line["type"] == "delta") == lines[-1]["text"]
    assert {line["schema_version"] for line in lines} == {1}


def test_the_prompt_comes_from_words_stdin_and_files(cli, box, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("from the file, zażółć", encoding="utf-8")
    cli("ask", "-m", "groq/x", "compare", "-", "-f", str(note), stdin="from stdin, gęślą".encode())
    body = sent(box)
    assert all(text in body for text in ("compare", "from stdin, gęślą", "from the file, zażółć"))
    cli("ask", "-m", "groq/x", stdin=b"piped alone")
    assert "piped alone" in sent(box)


def test_the_options_reach_the_provider(cli, box):
    cli("ask", "hi", "-m", "groq/x", "--system", "be terse", "--max-tokens", "77")
    assert "be terse" in sent(box)
    assert "77" in sent(box)


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"\xff\xfe\x00\x01", "stdin is binary"),
        (b"caf\xe9", "stdin is not UTF-8 text (byte 4)"),
        (b"", "there is no prompt"),
        (b"  \n", "there is no prompt"),
    ],
)
def test_what_is_no_prompt_is_refused_before_anybody_is_asked(cli, box, stdin, message):
    result = cli("ask", "-", stdin=stdin)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert box.answers() == []


def test_a_file_that_is_not_there_is_named(cli):
    result = cli("ask", "x", "-f", "missing.txt")
    assert result.code == 2
    assert "missing.txt cannot be read" in result.err


def test_a_prompt_of_ten_megabytes_ends_in_an_answer_or_a_reason(cli, box):
    prompt = b"word " * 2_000_000
    result = cli("ask", "-", "-m", "groq/openai/gpt-oss-20b", stdin=prompt)
    assert result.code in {2, 4, 6}
    assert "Traceback" not in result.err
    assert len(result.err) < 5_000
    assert box.answers() == []
    whole = cli("ask", "-", "--json", stdin=prompt)
    if whole.code == 0:  # somebody has room for it, and then got all of it
        assert len(sent(box)) >= len(prompt)


def test_a_dry_run_shows_the_chain_and_calls_nobody(cli, box):
    result = cli("ask", "what is 2+2", "--dry-run")
    assert result.code == 0
    assert "\nchain\n  1. " in result.out
    body = cli("ask", "what is 2+2", "--dry-run", "--json").json
    assert body["dry_run"]
    assert len(body["chain"]) >= 3
    assert body["attempts"] == []
    assert box.answers() == []
    assert cli("explain", "last").code == 4


def test_a_failure_moves_on_is_told_and_is_kept(cli, box):
    first = cli("ask", "what is 2+2", "--dry-run", "--json").json["chain"][0]["model"]
    box.fault(first.split("/")[0], Fault("status", status=503))
    result = cli("ask", "what is 2+2")
    assert result.code == 0
    assert f"failed {first}: " in result.err
    assert "503" in result.err
    story = cli("explain", "--json").json
    assert [one["outcome"] == "ok" for one in story["attempts"]][-1]
    assert story["attempts"][0]["model"] == first
    assert story["attempts"][0]["status"] == 503
    told = cli("explain", story["id"][:14]).out
    assert f"1. {first}: " in told
    assert f"answered by {story['winner']}" in told
    rows = {row["key"]: row for row in cli("costs", "--by", "provider", "--json").json["rows"]}
    assert rows[first.split("/")[0]]["failures"] >= 1


def test_when_nobody_answers_the_exit_is_6_and_explain_knows_why(cli, box):
    box.fault("*", Fault("status", status=500))
    result = cli("ask", "hello")
    assert (result.code, result.out) == (6, "")
    assert "error: " in result.err
    decision = result.err.strip().rpartition("llm-router explain ")[2]
    told = cli("explain", decision)
    assert told.code == 0
    assert "no answer: " in told.out
    as_json = cli("ask", "hello", "--json")
    assert as_json.code in {5, 6}
    assert as_json.json["code"]
    assert as_json.err == ""


def test_a_refused_key_is_exit_3_and_says_so(cli, box):
    box.fault("*", Fault("status", status=401))
    result = cli("ask", "hello", "-m", "openai/gpt-6-luna")
    assert result.code == 3
    assert "auth 401" in result.err
    assert "llm-router doctor" in result.err


def test_a_refused_key_is_named_in_every_fix_until_it_is_put_right(cli, box, monkeypatch):
    for vendor in ("groq", "openai", "anthropic", "gemini"):
        box.fault(vendor, Fault("wrong_key"))
    box.fault("ollama", Fault("status", status=500), operation="models")
    first = cli("ask", "hello", "--json")
    assert first.code == 3
    assert "check the key or login of" in first.json["fix"]
    again = cli("ask", "hello", "--json")
    assert again.code == 3
    assert again.json["fix"].startswith("check the key, login or credit of")
    rows = {row["provider"]: row for row in cli("doctor", "--json").json["providers"]}
    assert not rows["openai"]["ready"]
    assert "refused" in rows["openai"]["detail"]
    assert "OPENAI_API_KEY" in rows["openai"]["fix"]
    assert "openai/*" in cli("health").out
    assert cli("health", "openai", "--reset", "--json").json["forgotten"] == 1
    rows = {row["provider"]: row for row in cli("providers", "--json").json["providers"]}
    assert rows["openai"]["ready"]
    assert not rows["anthropic"]["ready"]
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sandbox-key-another")
    rows = {row["provider"]: row for row in cli("providers", "--json").json["providers"]}
    assert rows["anthropic"]["ready"]


def test_an_account_out_of_credit_is_exit_3_and_says_where_to_pay(cli, box):
    box.fault("*", Fault("out_of_credit"))
    result = cli("ask", "hello", "-m", "openai/gpt-6-luna")
    assert result.code == 3
    assert "add credit at openai" in result.err
    assert "out of credit" in cli("doctor").out


def test_a_model_that_its_provider_does_not_have_is_exit_4(cli, box):
    result = cli("ask", "hello", "-m", "ollama/nonesuch", "--json")
    assert (result.code, result.json["code"]) == (4, "not_found")
    assert "llm-router models --provider ollama" in result.json["fix"]


def test_a_host_that_hangs_is_said_once_with_the_time_it_was_given(cli, box):
    box.fault("openai", Fault("hang"))
    result = cli("ask", "hello", "-m", "openai/gpt-6-luna", "--deadline", "0.3", "--json")
    assert (result.code, result.json["kind"]) == (6, "timeout")
    assert result.json["error"].count("openai/gpt-6-luna") == 1


def test_health_of_an_unknown_provider_is_exit_4(cli):
    result = cli("health", "opnai")
    assert result.code == 4
    assert "`openai`" in result.err


def test_a_rate_limit_of_the_only_model_is_exit_5(cli, box):
    box.fault("groq", Fault("status", status=429, retry_after=60))
    assert cli("ask", "hello", "-m", "groq/x").code == 5
    states = cli("health", "--json").json["states"]
    assert any(state["model"].startswith("groq/") and state["state"] == "open" for state in states)
    assert "groq/" in cli("health").out
    assert cli("health", "--reset", "--json").json["states"] == []
    assert cli("health").out == "every model may be tried\n"


@pytest.mark.parametrize("model", ["nonesuch", "nobody/gpt-6", "gpt-6-lunaa"])
def test_an_unknown_model_or_provider_is_exit_4(cli, box, model):
    result = cli("ask", "hello", "-m", model)
    assert result.code == 4
    assert "fix: " in result.err
    assert box.answers() == []


def test_without_any_provider_the_exit_is_3_and_the_fix_names_ways(cli, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    result = cli("ask", "hello")
    assert result.code == 3
    assert "llm-router doctor" in result.err


def test_a_cap_refuses_with_exit_5_before_the_call(cli, box):
    cli.configure("budget: {daily: 0.000001}\n")
    result = cli("ask", "hello", "-m", "openai/gpt-6-luna", "--json")
    assert result.code == 5
    assert result.json["code"] in {"budget", "rate_limit"}
    assert box.answers() == []


def test_costs_never_show_an_unknown_price_as_zero(cli, box):
    cli("ask", "hello", "-m", "groq/some-model-without-price")
    body = cli("costs", "--json").json
    (row,) = body["rows"]
    assert (row["unpriced_calls"], row["cost_usd"]) == (1, None)
    assert body["savings"]["saved_usd"] is None
    text = cli("costs").out
    assert "1 unpriced" in text
    assert "$0" not in text


def test_a_ledger_that_cannot_be_written_can_still_be_read(cli, box, monkeypatch):
    cli("ask", "hello", "-m", "groq/x")

    def full(*_args, **_kwargs):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("llm_router.cli.books.connect", full)
    story = cli("explain", "last")
    assert story.code == 0
    assert "answered by groq/x" in story.out
    assert "cannot be written (disk I/O error)" in story.err
    (cli.root / "router.db").write_bytes(b"")
    assert cli("costs", "--json").code == 1


def test_costs_are_grouped_and_compared_with_the_baseline(cli, box):
    cli("ask", "hello", "-m", "openai/gpt-6-luna", "--task", "query")
    cli("ask", "hello", "-m", "openai/gpt-6-luna", "--task", "code")
    by_task = {row["key"]: row["calls"] for row in cli("usage", "--by", "task", "--json").json["rows"]}
    assert by_task == {"query": 1, "code": 1}
    by_project = cli("costs", "--daily", "--by", "project", "--json").json["rows"]
    assert [row["key"] for row in by_project] == ["project"]
    saved = cli("savings", "--json").json
    assert saved["measured"] == 2
    assert saved["saved_usd"] == pytest.approx(saved["baseline_cost_usd"] - saved["cost_usd"])
    assert cli("savings").out.startswith("saved: $")
    assert "openai/gpt-6-luna" in cli("stats").out
    assert len(cli("explain", "--list", "5", "--json").json["decisions"]) == 2


def test_prompts_are_stored_only_where_asked_for(cli, box):
    cli("ask", "a private matter", "-m", "groq/x")
    assert cli("explain", "--json").json["request"]["prompt"] is None
    cli.configure("router: {store_prompts: true}\n")
    cli("ask", "a public matter", "-m", "groq/x")
    assert "a public matter" in cli("explain", "--json").json["request"]["prompt"]


def test_providers_and_models_tell_what_can_be_used(cli, box):
    rows = {row["provider"]: row for row in cli("providers", "--json").json["providers"]}
    assert rows["openai"]["ready"]
    assert not rows["mistral"]["configured"]
    assert "MISTRAL_API_KEY" in rows["mistral"]["fix"]
    listed = cli("models", "--json").json["models"]
    assert {model["model"].split("/")[0] for model in listed} <= set(EVERYBODY) | {
        "lmstudio",
        "vllm",
        "llamacpp",
    }
    assert any(model["input"] for model in listed)
    assert "openai/" in cli("models", "--provider", "openai").out
    assert "mistral" in cli("providers", "--all").out
    unknown = cli("models", "--provider", "opnai")
    assert unknown.code == 4
    assert "`openai`" in unknown.err
