"""What only Codex does: it runs no hook after a tool of ours that failed, so failures are counted at the turn's end."""

import pytest
from hooked import HINT, QUESTION, Codex, call

from llm_router.sandbox import Fault


@pytest.fixture
def codex(box, home, run, server, executable):
    codex = Codex(box, home, run, server, executable)
    codex.set_up()
    return codex


def test_after_two_routes_that_failed_there_is_no_hint_until_one_succeeds(codex):
    codex.box.fault("openai", Fault("status", status=400))  # rests nobody, as a refused key would
    hints, output = [], ""
    for question in (QUESTION, "What is a semaphore?", "What is a spinlock?", "What is a barrier?"):
        codex.box.forget()
        resume = ("resume", "--last") if hints else ()
        output += codex.ask(f"{question} {call('query', prompt='mutex')}", *resume)
        hints.append("\n".join(text for _, text in codex.told(codex.requests[0])).count(HINT))
        if len(hints) == 2:
            codex.box.clear()
    assert hints == [1, 2, 2, 3], output
    assert [e["kind"] for e in codex.events_seen()].count("route_failed") == 2
