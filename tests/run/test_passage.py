"""A caller and an upstream of one dialect: the body as it came, the answer as it came, and still a record of both."""

import json

import pytest

from llm_router.app import App
from llm_router.dialects import inbound
from llm_router.errors import UpstreamError
from llm_router.run.passage import forwarded
from llm_router.run.relay import Relay
from llm_router.sandbox import Fault, Sandbox
from tests.run.hearing import hear

WORDS = "one two three four five six seven eight"
MODELS = {
    "anthropic": "anthropic/claude-haiku-4-5",
    "openai": "openai/gpt-5-mini",
    "gemini": "gemini/gemini-2.5-flash",
}
DIALECTS = {"anthropic": "anthropic", "openai": "openai_chat"}
ENDS = {"anthropic": b"event: message_stop", "openai": b"[DONE]"}


@pytest.fixture(scope="module", params=[0.0, 0.02], ids=["at once", "piece by piece"])
def running(request):
    with Sandbox(pace=request.param) as box:
        yield box


@pytest.fixture
def box(running):
    running.clear()
    running.forget()
    return running


@pytest.fixture
async def build(box, tmp_path):
    apps = []

    def make(*providers):
        root = tmp_path / "home"
        root.mkdir(exist_ok=True)
        chain = json.dumps([MODELS[name] for name in providers])
        chains = ", ".join(f"{c}: {chain}" for c in ("simple", "moderate", "complex", "deep_reasoning"))
        (root / "config.yaml").write_text(f"routing:\n  chains: {{{chains}}}\n")
        environ = {"PATH": "/nonexistent", "OLLAMA_BASE_URL": "http://127.0.0.1:1"} | box.environ(providers)
        apps.append(App.build(root=root, cwd=tmp_path, environ=environ, relays=True))
        return apps[-1]

    yield make
    for app in apps:
        await app.aclose()


def body_of(provider, prompt=f"[[say {WORDS}]]", **fields):
    body = {"model": "auto", "max_tokens": 300, "messages": [{"role": "user", "content": prompt}]} | fields
    if provider == "openai":
        body["max_completion_tokens"] = body.pop("max_tokens")
    return json.dumps(body, indent=1).encode()


async def heard(app, provider, body, headers=None, shown=None, chunks=None):
    """What the caller was sent, and the reply."""
    speaks = inbound.get(DIALECTS[provider])
    chunks = [] if chunks is None else chunks
    reply = await hear(app, speaks.sketch(body), Relay(speaks, headers or {}, shown=shown), chunks)
    return b"".join(chunks), reply


def said(told):
    """The text of the answer, read as each vendor's clients do."""
    text = ""
    for line in told.decode().splitlines():
        if line.startswith("data: {"):
            event = json.loads(line.removeprefix("data: "))
            text += (event.get("delta") or {}).get("text") or ""
            text += "".join((c.get("delta") or {}).get("content") or "" for c in event.get("choices") or [])
    return text


def the_request(box):
    (request,) = box.answers()
    return request


@pytest.mark.parametrize("provider", DIALECTS)
async def test_a_stream_passes_and_what_it_cost_is_read_off_it(provider, build, box):
    chunks = []
    told, reply = await heard(build(provider), provider, body_of(provider, stream=True), chunks=chunks)
    assert ENDS[provider] in chunks[-1]
    assert told.count(ENDS[provider]) == 1
    assert said(told) == WORDS
    usage = reply.decision.winner.usage
    assert usage.output_tokens > 0
    assert not usage.estimated
    assert reply.decision.cost > 0
    assert reply.decision.winner.first_token_ms is not None


@pytest.mark.parametrize("provider", DIALECTS)
async def test_a_plain_answer_passes_as_it_is(provider, build, box):
    told, reply = await heard(build(provider), provider, body_of(provider))
    assert WORDS in told.decode()
    assert reply.answer.text == WORDS
    assert reply.decision.winner.usage.output_tokens > 0


@pytest.mark.parametrize("provider", DIALECTS)
async def test_of_the_request_nothing_changes_but_the_model_and_what_has_to(provider, build, box):
    unknown = {"x_new": {"deep": [1, None, "ü"]}, "metadata": {"user_id": "somebody"}}
    body = body_of(provider, stream=True, **unknown)
    await heard(build(provider), provider, body)
    sent, came = the_request(box).body, json.loads(body)
    came["model"] = MODELS[provider].partition("/")[2]
    if provider == "openai":
        came["stream_options"] = {"include_usage": True}
    assert sent == came


async def test_an_anthropic_caller_s_betas_and_version_go_on_but_not_his_credentials(build, box):
    headers = {
        "anthropic-beta": "context-management-2025-06-27, oauth-2025-04-20",
        "anthropic-version": "2023-06-01",
        "authorization": "Bearer sk-ant-oat01-the-callers-own",
        "x-api-key": "the-callers-own",
        "cookie": "the-callers-own",
        "x-claude-code-session-id": "s1",
    }
    await heard(build("anthropic"), "anthropic", body_of("anthropic"), headers)
    sent = the_request(box).headers
    assert sent["anthropic-beta"] == "context-management-2025-06-27"
    assert sent["anthropic-version"] == "2023-06-01"
    assert sent["x-claude-code-session-id"] == "s1"
    assert "the-callers-own" not in str(dict(sent))


def test_other_vendors_hear_of_a_dialect_s_headers_only_what_the_body_needs():
    headers = {
        "anthropic-beta": "b1",
        "x-claude-code-session-id": "s1",
        "x-app": "cli",
        "user-agent": "claude-cli",
    }
    assert forwarded(headers, "custom", "anthropic") == {"anthropic-beta": "b1"}
    assert forwarded(headers, "groq", "openai_chat") == {}
    assert forwarded({"anthropic-beta": "oauth-2025-04-20"}, "anthropic", "anthropic") == {}


async def test_thinking_that_somebody_else_signed_is_not_sent_to_anthropic(build, box):
    foreign = {"type": "thinking", "thinking": "hm", "signature": "llmr.gemini.c2ln"}
    turns = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [foreign, {"type": "text", "text": "hi"}]},
        {"role": "user", "content": f"[[say {WORDS}]]"},
    ]
    await heard(build("anthropic"), "anthropic", body_of("anthropic", messages=turns))
    assert the_request(box).body["messages"][1]["content"] == [{"type": "text", "text": "hi"}]


@pytest.mark.parametrize("provider", DIALECTS)
async def test_the_caller_may_be_shown_another_name_of_the_model(provider, build, box):
    for stream in (True, False):
        told, _ = await heard(build(provider), provider, body_of(provider, stream=stream), shown="my-alias")
        assert b'"my-alias"' in told
        assert MODELS[provider].partition("/")[2].encode() not in told


@pytest.mark.parametrize("provider", DIALECTS)
@pytest.mark.parametrize(
    "fault",
    [
        Fault("truncated", after=4, clean=True),
        Fault("reset", after=4),
        Fault("error_event", after=4, status=529),
    ],
    ids=lambda f: f.kind,
)
async def test_a_stream_that_breaks_is_never_told_as_a_success(provider, fault, build, box):
    box.fault(provider, fault)
    app, chunks = build(provider), []
    with pytest.raises(UpstreamError):
        await heard(app, provider, body_of(provider, stream=True), chunks=chunks)
    told = b"".join(chunks)
    assert ENDS[provider] not in told
    if told:  # the pieces came one by one
        assert b'"error"' in chunks[-1]


@pytest.mark.parametrize("provider", DIALECTS)
async def test_a_failure_before_the_first_token_goes_to_another_dialect(provider, build, box):
    box.fault(provider, Fault("error_event", status=529))
    told, reply = await heard(build(provider, "gemini"), provider, body_of(provider, stream=True))
    assert reply.decision.winner.provider == "gemini"
    assert told.count(ENDS[provider]) == 1
    assert said(told) == WORDS


@pytest.mark.parametrize("provider", DIALECTS)
async def test_an_empty_stream_is_a_failure_here_too(provider, build, box):
    box.fault(provider, Fault("empty"))
    _, reply = await heard(build(provider, "gemini"), provider, body_of(provider, stream=True))
    assert [str(a.outcome) for a in reply.decision.attempts] == ["empty", "ok"]


async def test_who_speaks_responses_reaches_openai_as_he_came(build, box):
    """Codex to OpenAI itself, although everybody else who speaks to it does so in Chat Completions."""
    freeform = {"type": "custom", "name": "apply_patch", "description": "", "format": {"type": "text"}}
    body = {
        "model": "auto",
        "instructions": "You are Codex.",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": f"[[say {WORDS}]]"}]}],
        "tools": [freeform, {"type": "local_shell"}],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "k",
        "something_new": {"deep": [1, 2]},
    }  # fmt: skip
    speaks = inbound.get("openai_responses")
    relay, chunks = Relay(speaks, {"session_id": "s", "user-agent": "codex_exec/0.169.0"}), []
    reply = await hear(build("openai"), speaks.sketch(json.dumps(body).encode()), relay, chunks)
    sent = the_request(box)
    assert sent.path.endswith("/responses")
    assert sent.body == body | {"model": MODELS["openai"].partition("/")[2]}
    assert sent.headers["session_id"] == "s"
    assert b"response.completed" in b"".join(chunks)
    assert reply.decision.winner.usage.output_tokens > 0
    assert not reply.decision.winner.usage.estimated


async def test_an_endpoint_says_what_else_it_speaks(box, tmp_path):
    environ = box.environ(("openai",))
    config = f"providers:\n  office:\n    base_url: {environ['OPENAI_BASE_URL']}\n    api_key: {environ['OPENAI_API_KEY']}\n"
    for told, path in (("", "/chat/completions"), ("    also: [openai_responses]\n", "/responses")):
        box.forget()
        (tmp_path / "config.yaml").write_text(config + told)
        app = App.build(root=tmp_path, cwd=tmp_path, environ={}, relays=True)
        speaks = inbound.get("openai_responses")
        body = {"model": f"office/{MODELS['openai'].partition('/')[2]}", "input": "hi"}
        assert await hear(app, speaks.sketch(json.dumps(body).encode()), Relay(speaks, {}), [])
        assert the_request(box).path.endswith(path)
        await app.aclose()
