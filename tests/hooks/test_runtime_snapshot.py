import json
import os
import time

import pytest
import snapshot

FULL = {
    "version": 1,
    "enforce": "hard",
    "profile": "premium",
    "baseline": {"model": "a/b", "input_per_million": 5, "output_per_million": 25.0},
    "routes": {"simple": "ollama/qwen3"},
    "spend_today": 120_000,
    "saved_today": 9,
    "budget_left": 4_880_000,
    "quota": {"name": "5h", "used": 0.4},
    "warm": ["qwen3"],
    "ollama_url": "http://127.0.0.1:11434",
    "mcp": False,
    "show_answers": False,
}
DEFAULTS = {
    "version": 1,
    "written_at": 0.0,
    "enforce": "smart",
    "profile": "balanced",
    "baseline": None,
    "routes": {},
    "spend_today": None,
    "saved_today": None,
    "budget_left": None,
    "quota": None,
    "warm": [],
    "ollama_url": "",
    "mcp": True,
    "show_answers": True,
}


def _write(home, value):
    home.mkdir(exist_ok=True)
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    (home / "snapshot.json").write_bytes(data)


def test_a_fresh_snapshot_is_read_as_it_was_written(home):
    at = time.time()
    _write(home, {**FULL, "written_at": at})
    assert snapshot.read(str(home)) == {**FULL, "written_at": at}


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b" " * 300_000, b'{"enforce":', b"[" * 50_000]
)
def test_without_a_readable_snapshot_the_defaults_hold(home, broken):
    _write(home, broken)
    assert snapshot.read(str(home)) == DEFAULTS


def test_without_a_snapshot_or_a_home_the_defaults_hold(home):
    assert snapshot.read(str(home)) == DEFAULTS
    assert snapshot.read(os.devnull) == DEFAULTS
    (home / "snapshot.json").mkdir(parents=True)
    assert snapshot.read(str(home)) == DEFAULTS


@pytest.mark.parametrize(
    "wrong", [None, True, "text", -1.5, [], {}, [None], {"model": 3}, float("nan"), 1e300]
)
@pytest.mark.parametrize("key", sorted(DEFAULTS.keys() - {"version", "written_at", "mcp", "show_answers"}))
def test_a_key_of_the_wrong_type_is_the_default_and_spoils_no_other(home, key, wrong):
    _write(home, {**FULL, "written_at": time.time(), key: wrong})
    found = snapshot.read(str(home))
    numbers = {"spend_today", "saved_today", "budget_left"}
    allowed = {("ollama_url", "text"), *((name, -1.5) for name in numbers)}
    if wrong.__hash__ is None or (key, wrong) not in allowed:
        assert found[key] == DEFAULTS[key]
    assert {**found, key: None, "written_at": 0} == {**FULL, key: None, "written_at": 0}


def test_the_environment_stands_above_the_file_unless_it_makes_no_sense(home, monkeypatch):
    _write(home, FULL)
    monkeypatch.setenv("LLM_ROUTER_ENFORCE", " Shadow ")
    monkeypatch.setenv("LLM_ROUTER_PROFILE", "budget")
    found = snapshot.read(str(home))
    assert (found["enforce"], found["profile"]) == ("shadow", "budget")
    monkeypatch.setenv("LLM_ROUTER_ENFORCE", "extremely")
    monkeypatch.setenv("LLM_ROUTER_PROFILE", "")
    found = snapshot.read(str(home))
    assert (found["enforce"], found["profile"]) == ("hard", "premium")


@pytest.mark.parametrize(
    ("host", "name", "url", "mode"),
    [
        ("claude", "ANTHROPIC_BASE_URL", "http://127.0.0.1:8484", "off"),
        ("claude", "ANTHROPIC_BASE_URL", "http://localhost:8484/pre/fix/", "off"),
        ("gemini-cli", "GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:8484/", "off"),
        ("claude", "ANTHROPIC_BASE_URL", "http://127.0.0.1:84841", "hard"),
        ("claude", "ANTHROPIC_BASE_URL", "https://api.anthropic.com", "hard"),
        ("claude", "GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:8484", "hard"),  # another host's
        ("codex", "ANTHROPIC_BASE_URL", "http://127.0.0.1:8484", "hard"),
    ],
)
def test_who_is_behind_the_gateway_is_routed_there_and_hinted_nothing(
    home, monkeypatch, host, name, url, mode
):
    _write(home, FULL)
    monkeypatch.setenv(name, url)
    assert snapshot.read(str(home), host)["enforce"] == "hard"  # no service runs
    (home / "service.json").write_text('{"pid": 1, "url": "http://127.0.0.1:8484"}')
    assert snapshot.read(str(home), host)["enforce"] == mode
    monkeypatch.setenv("LLM_ROUTER_ENFORCE", "soft")
    assert snapshot.read(str(home), host)["enforce"] == "soft"


@pytest.mark.parametrize("shift", [-2 * 86400, 2 * 86400, -1e12, 1e12])
def test_money_of_another_day_is_unknown_and_choices_remain(home, shift):
    _write(home, {**FULL, "written_at": time.time() + shift})
    found = snapshot.read(str(home))
    assert [found[key] for key in ("spend_today", "saved_today", "budget_left", "quota")] == [None] * 4
    assert (found["enforce"], found["routes"]) == ("hard", {"simple": "ollama/qwen3"})
