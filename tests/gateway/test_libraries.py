"""What client libraries send that no vendor's own SDK does, as the libraries were seen to send it."""

from __future__ import annotations

import pytest
from asgi_calls import call
from recordings import UPSTREAMS

from llm_router.gateway.routes import find

SCRIPT = '[[say Looking.]] [[call clock {"zone": "CET"}]] [[then]] [[say All done.]]'
ASKED = {"role": "user", "content": [{"type": "input_text", "text": SCRIPT}]}
CLOCK = {
    "type": "function",
    "name": "clock",
    "description": "c",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
}


def responses(*items, **fields):
    return {"model": "auto", "input": list(items), "tools": [CLOCK], "tool_choice": "auto"} | fields


def step_after(answer):
    """The second step of `generateText` of the Vercel AI SDK (ai 6.0, @ai-sdk/openai 3.0): its text by its id alone."""
    *_, message, called = answer["output"]
    return (
        {"type": "item_reference", "id": message["id"]},
        {key: called[key] for key in ("type", "call_id", "name", "arguments")},
        {"type": "function_call_output", "call_id": called["call_id"], "output": "noon"},
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("dialect", UPSTREAMS)
async def test_a_reference_to_an_answer_of_ours_is_that_answer_for_every_upstream(dialect, played):
    first, _, _ = await played.play(dialect, "/v1/responses", responses(ASKED), {})
    second, _, received = await played.play(
        dialect, "/v1/responses", responses(ASKED, *step_after(first.json)), {}
    )
    (message,) = second.json["output"]
    assert message["content"][0]["text"] == "All done."
    if dialect not in ("openai_responses", "openai_chat"):  # there it went as it came, to who has stored it
        assert "Looking." in str(received.body)


@pytest.mark.asyncio(loop_scope="module")
async def test_who_wants_nothing_stored_sends_items_and_gets_no_references_looked_up(played):
    first, _, _ = await played.play("anthropic", "/v1/responses", responses(ASKED, store=False), {})
    second = await call(
        played.gateways["anthropic"], "/v1/responses", responses(ASKED, *step_after(first.json))
    )
    assert second.status == 400
    assert "input.1: a reference to an item that is not kept here" in second.json["error"]["message"]


def test_the_vercel_sdk_leaves_models_out_of_geminis_path_where_a_name_has_a_slash():
    found = find("POST", "/v1beta/claude/m:generateContent")
    assert (found.route.name, dict(found.values)) == ("answer", {"model": "claude/m"})
    vertex = find("POST", "/v1beta/projects/p/locations/l/publishers/google/models/m:generateContent")
    assert vertex.values == {"model": "m"}
    kept = find("POST", "/v1beta/models/fireworks/accounts/fireworks/models/m:countTokens")
    assert kept.values == {"model": "fireworks/accounts/fireworks/models/m"}
