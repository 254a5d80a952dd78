"""Gateways that are providers of gateways, and the ways in which they must not lead back."""

import sqlite3
from contextlib import closing, suppress

import pytest
from gateway_support import HELLO, LIMIT_S, Service

from llm_router import hops
from tests.waiting import wait_for

GEMINI = {"contents": [{"role": "user", "parts": [{"text": "what does errno 11 mean?"}]}]}
ASKED = {
    "/v1/messages": HELLO,
    "/v1/chat/completions": HELLO,
    "/v1/responses": {"model": "auto", "input": "what does errno 11 mean?"},
    "/v1beta/models/auto:generateContent": GEMINI,
    "/v1beta/models/auto:streamGenerateContent?alt=sse": GEMINI,
    "/api/chat": {"model": "auto", "messages": HELLO["messages"]},
}


def test_our_own_call_that_comes_back_is_refused(shared):
    own = hops.mark(shared.home)
    for told in (own, f"another,{own}", ",".join("abcdefgh")):
        answer = shared.post("/v1/messages", HELLO, headers={hops.HEADER: told})
        assert answer.status_code == 508
        assert answer.headers["x-should-retry"] == "false"
        assert "base_url" in answer.json()["error"]["message"]


@pytest.mark.parametrize("model", ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"])
def test_the_call_of_another_llm_router_is_served_and_told_on(shared, shared_box, model):
    assert (
        shared.post("/v1/messages", HELLO | {"model": model}, headers={hops.HEADER: "another"}).status_code
        == 200
    )
    seen = shared_box.answers(model.partition("/")[0])[-1].headers
    assert seen[hops.HEADER] == f"another,{hops.mark(shared.home)}"
    assert shared.post("/v1/messages", HELLO | {"model": model}).status_code == 200
    seen = shared_box.answers(model.partition("/")[0])[-1].headers
    assert seen[hops.HEADER] == hops.mark(shared.home)


def _leading_to(address):
    return (
        f"providers:\n  next:\n    base_url: {address}\n    models: [auto, openai/gpt-6-luna, next/next/m]\n"
    )


def test_one_llm_router_is_the_provider_of_another(serve, box):
    last = serve()
    first = serve(config=_leading_to(last.url + "/v1"))
    for path, speaks in (("/v1/messages", "anthropic"), ("/v1/chat/completions", "openai")):
        answer = first.post(path, HELLO | {"model": "next/openai/gpt-6-luna"})
        assert answer.status_code == 200, speaks
    told = box.answers("openai")[-1].headers[hops.HEADER].split(",")
    assert told == [hops.mark(first.home), hops.mark(last.home)]


@pytest.fixture
def ring(tmp_path):
    """Makes gateways of which each has the next one, and the last one the first, as its only provider."""
    made = []

    def make(count, then=""):
        made.extend(Service(tmp_path / str(n)) for n in range(count))
        assert all(service.url for service in made)
        for n, service in enumerate(made):
            following = made[(n + 1) % count].url
            service.configure(
                f"providers:\n  next:\n    base_url: {following}/v1\n    models: [auto, cheap]\n{then}"
            )
            assert service.post("/reload").status_code == 200
        return made

    yield make
    for service in made:
        service.kill()


def attempts(service, count):
    """All that are in its ledger, once there are so many: who was tried, and what came of it."""

    def written():
        found = sqlite3.connect(service.home / "router.db", timeout=LIMIT_S)
        with (
            suppress(sqlite3.OperationalError),
            closing(found) as database,
        ):  # its tables may not be there yet
            rows = database.execute(
                "SELECT d.id, a.provider, a.outcome, a.status, d.error FROM decisions d LEFT JOIN attempts a"
                " ON a.decision_id = d.id ORDER BY d.at, a.started_at"
            ).fetchall()
            return rows if len(rows) >= count else None
        return None

    rows = wait_for(written, "the ledger")
    assert len(rows) == count
    return rows


@pytest.mark.parametrize("count", [2, 3])
def test_who_leads_back_is_asked_once_and_the_client_hears_why_at_once(ring, count):
    made = ring(count)
    for path, body in ASKED.items():
        answer = made[0].post(path, body)
        assert answer.status_code == 508, answer.text
        assert answer.headers["x-should-retry"] == "false"
        assert "has come back to an llm-router" in answer.text
    for service in made:
        rows = attempts(service, len(ASKED))
        assert len({row[0] for row in rows}) == len(ASKED)
        assert {row[1:4] for row in rows} == {("next", "loop", 508)}
        assert all("has come back" in row[4] for row in rows)


def test_a_gateway_that_leads_back_is_passed_over_where_there_is_another_provider(ring, box):
    """Whoever of the ring has one answers, and its own health knows nothing against the way that led back."""
    openai = box.environ()
    first, second = ring(
        2,
        then=(
            f"  openai:\n    base_url: {openai['OPENAI_BASE_URL']}\n    api_key: {openai['OPENAI_API_KEY']}\n"
            "routing:\n  chains:\n    simple: [next/auto, next/cheap, openai/gpt-6-luna]\n    moderate: [next/auto, openai/gpt-6-luna]\n"
        ),
    )
    for _ in range(2):
        assert first.post("/v1/chat/completions", HELLO).status_code == 200
    told = [row[1:4] for row in attempts(second, 4)]
    assert told == [("next", "loop", 508), ("openai", "ok", None)] * 2
    assert [row[1:3] for row in attempts(first, 2)] == [("next", "ok")] * 2
