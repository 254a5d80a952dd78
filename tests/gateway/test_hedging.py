"""Hedged calls as their client, the ledger and `explain` see them."""

import json
import sqlite3
import subprocess
from contextlib import closing

import pytest
from gateway_support import HELLO, LIMIT_S, PROGRAM, wait_for

from llm_router.sandbox import Fault

FIRST, SECOND = "openai/gpt-6-luna", "anthropic/claude-haiku-5-5"
CHAIN = json.dumps([FIRST, SECOND])
CHAINS = ", ".join(f"{each}: {CHAIN}" for each in ("simple", "moderate", "complex", "deep_reasoning"))
CONFIG = f"routing:\n  hedge_seconds: 0.1\n  chains: {{{CHAINS}}}\n"


@pytest.fixture
def service(serve):
    service = serve(config=CONFIG)
    assert service.get("/healthz").status_code == 200
    return service


def attempts(service):
    def found():
        with closing(sqlite3.connect(service.home / "router.db", timeout=LIMIT_S)) as database:
            sql = "SELECT provider, outcome, detail FROM attempts ORDER BY started_at"
            return database.execute(sql).fetchall()

    return wait_for(found, "the record")


def explained(service, decision):
    asked = [*PROGRAM, "explain", decision]
    return subprocess.check_output(asked, env=service.environ, text=True, timeout=LIMIT_S)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_the_next_model_answers_when_the_first_is_slow_and_both_are_told_of(service, box, path):
    box.fault("openai", Fault("hang"))
    answer = service.post(path, HELLO | {"stream": True})
    assert answer.status_code == 200
    assert answer.headers["x-llm-router-provider"] == "anthropic"
    assert answer.headers["x-llm-router-attempts"] == "2"
    assert box.wait(lambda asked: [r.closed_early for r in asked if r.vendor == "openai"] == [True])
    assert attempts(service) == [
        ("openai", "cancelled", f"given up: {SECOND} was faster"),
        ("anthropic", "ok", ""),
    ]
    story = explained(service, answer.headers["x-llm-router-decision-id"])
    assert f"given up: {SECOND} was faster" in story
    assert f"answered by {SECOND}" in story


def test_the_answer_is_named_after_who_gave_it_though_another_was_asked_last(service, box):
    box.fault("openai", Fault("slow_headers", delay=0.5))
    box.fault("anthropic", Fault("hang"))
    answer = service.post("/v1/messages", HELLO | {"stream": True})
    assert answer.headers["x-llm-router-provider"] == "openai"
    assert [row[:2] for row in attempts(service)] == [("openai", "ok"), ("anthropic", "cancelled")]
    (line,) = wait_for(lambda: [e for e in service.log() if e.get("endpoint") == "answer"], "its line")
    assert line["provider"] == "openai"
    assert line["output_tokens"] > 0


def test_it_is_off_unless_asked_for(serve, box):
    service = serve(config=CONFIG.replace("  hedge_seconds: 0.1\n", ""))
    box.fault("openai", Fault("slow_headers", delay=0.5))
    assert service.post("/v1/messages", HELLO).headers["x-llm-router-provider"] == "openai"
    assert [row[:2] for row in attempts(service)] == [("openai", "ok")]
