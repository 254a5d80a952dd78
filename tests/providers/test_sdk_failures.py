"""What goes wrong upstream: told once, told apart, without the key; and a caller who leaves closes the connection."""

import asyncio
import time
from contextlib import aclosing, suppress

import pytest

from llm_router import dialects
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind as Kind
from llm_router.nouns import Model, ask
from llm_router.ports import Call
from llm_router.providers.registry import Registry
from llm_router.sandbox import Fault
from llm_router.settings import Settings

MODELS = {"ollama": "qwen3:8b"}
LONG_S, SHORT_S = 30.0, 1.0
SDKS = ["openai", "groq", "anthropic", "gemini", "vertex", "ollama"]


@pytest.fixture(params=[*SDKS, *(f"raw-{name}" for name in SDKS if name != "vertex")])
def provider(request, providers):
    """Through its SDK, and over our own wire."""
    name = request.param.removeprefix("raw-")
    return providers.carrier(name) if name != request.param else providers.get(name)


@pytest.fixture
async def warm(provider, box):
    """A provider whose SDK is loaded and connected: a short time is then spent on the wire alone."""
    await events(provider, call_for(provider))
    box.forget()
    return provider


def call_for(provider, *, stream=True, timeout_s=LONG_S):
    model = Model(provider.name, MODELS.get(provider.name, "sandbox-small"))
    prompt = "[[say one two three four five six seven eight]]"
    payload = dialects.get(provider.dialect).encode(ask(prompt), model, stream=stream)
    return Call(model.id, payload, timeout_s)


async def events(provider, call):
    async with aclosing(provider.stream(call)) as stream:
        return [event async for event in stream]


async def failure(provider, timeout_s=LONG_S):
    """The error of one call, as a dialect and the run that follow would see it."""
    call = call_for(provider, timeout_s=timeout_s)
    decoder = dialects.get(provider.dialect).decoder()
    with pytest.raises(UpstreamError) as raised:
        async with aclosing(provider.stream(call)) as got:
            async for event in got:
                decoder.feed(event)
        decoder.answer()
    return raised.value


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", status=500), Kind.SERVER_ERROR),
        (Fault("status", status=503), Kind.OVERLOADED),
        (Fault("status", status=529), Kind.OVERLOADED),
        (Fault("wrong_key"), Kind.AUTH),
        (Fault("unknown_model"), Kind.NOT_FOUND),
        (Fault("context_too_long"), Kind.CONTEXT_TOO_LONG),
        (Fault("reset"), Kind.CONNECTION),
        (Fault("wrong_type"), Kind.MALFORMED),
    ],
    ids=lambda value: f"{value.kind}{value.status or ''}" if isinstance(value, Fault) else str(value),
)
async def test_a_failure_is_told_by_its_kind_and_nothing_is_retried(provider, box, fault, kind):
    box.fault(provider.name, fault)
    error = await failure(provider)
    assert error.kind in ({kind, Kind.TRUNCATED} if fault.kind == "wrong_type" else {kind})
    assert len(box.answers(provider.name)) == 1


async def test_a_rate_limit_brings_the_time_to_wait_also_from_sdks_that_drop_headers(provider, box):
    box.fault(provider.name, Fault("status", status=429, retry_after=60))
    error = await failure(provider)
    assert (error.kind, error.status, error.retry_after_s) == (Kind.RATE_LIMITED, 429, 60)
    assert len(box.answers(provider.name)) == 1


async def test_broken_json_is_malformed(provider, box):
    box.fault(provider.name, Fault("malformed", after=2))
    assert (await failure(provider)).kind is Kind.MALFORMED


async def test_a_stream_that_breaks_off_is_truncated(provider, box):
    box.fault(provider.name, Fault("truncated", after=3))
    assert (await failure(provider)).kind is Kind.TRUNCATED


async def test_a_stream_that_ends_early_without_an_error_is_truncated(provider, box):
    box.fault(provider.name, Fault("truncated", after=3, clean=True))
    assert (await failure(provider)).kind is Kind.TRUNCATED


async def test_a_reset_after_the_first_events_is_truncated(provider, box):
    box.fault(provider.name, Fault("reset", after=3))
    assert (await failure(provider)).kind is Kind.TRUNCATED


@pytest.mark.parametrize("name", ["groq", "anthropic"])
async def test_a_vendor_that_answers_a_stream_with_a_plain_body_is_understood(name, box, providers):
    provider = providers.get(name)
    decoder = dialects.get(provider.dialect).decoder()
    for event in await events(provider, call_for(provider, stream=False)):
        decoder.feed(event)
    assert decoder.answer().text == "one two three four five six seven eight"


async def test_an_error_inside_a_stream_reaches_the_dialect_with_its_kind(provider, box):
    box.fault(provider.name, Fault("error_event", status=503, after=2))
    error = await failure(provider)
    assert error.kind in {Kind.OVERLOADED, Kind.SERVER_ERROR}
    assert error.message


async def test_a_host_that_hangs_ends_with_the_time_it_was_given(warm, box):
    box.fault(warm.name, Fault("hang"))
    assert (await failure(warm, timeout_s=SHORT_S)).kind is Kind.TIMEOUT
    assert await asyncio.to_thread(box.wait, lambda seen: any(each.closed_early for each in seen))


async def test_a_stream_that_falls_silent_ends_with_the_time_of_one_gap(warm, box):
    box.fault(warm.name, Fault("stall", after=2))
    assert (await failure(warm, timeout_s=SHORT_S)).kind is Kind.TIMEOUT
    assert await asyncio.to_thread(box.wait, lambda seen: any(each.closed_early for each in seen))


async def test_a_stream_may_take_longer_than_one_gap(warm, box):
    for gap in (0.5, 4.0, 16.0):  # a machine that stands still makes a gap of its own
        box.clear()
        box.fault(warm.name, Fault("slow", delay=0.6 * gap))
        began = time.monotonic()
        with suppress(UpstreamError):
            assert len(await events(warm, call_for(warm, timeout_s=gap))) > 1
            assert time.monotonic() - began > gap
            return
    pytest.fail("it was given up")


# ── leaving ──────────────────────────────────────────────────────────────────


async def test_cancelling_before_the_first_event_closes_the_connection_upstream(provider, box):
    box.fault(provider.name, Fault("hang"))
    task = asyncio.create_task(events(provider, call_for(provider)))
    assert await asyncio.to_thread(box.wait, lambda seen: len(seen) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(box.wait, lambda seen: seen[-1].closed_early)


async def test_cancelling_a_stream_closes_the_connection_upstream(provider, box):
    box.fault(provider.name, Fault("stall", after=2))
    begun = asyncio.Event()

    async def read():
        async with aclosing(provider.stream(call_for(provider))) as stream:
            async for _ in stream:
                begun.set()

    task = asyncio.create_task(read())
    async with asyncio.timeout(10):
        await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(box.wait, lambda seen: seen[-1].closed_early)


async def test_a_reader_who_stops_closes_the_connection_upstream(provider, box):
    box.fault(provider.name, Fault("stall", after=2))
    async with aclosing(provider.stream(call_for(provider))) as stream:
        await anext(stream)
    assert await asyncio.to_thread(box.wait, lambda seen: seen[-1].closed_early)


async def test_a_provider_answers_again_after_every_kind_of_failure(provider, box):
    for fault in (Fault("reset"), Fault("truncated", after=1), Fault("status", status=500)):
        box.fault(provider.name, fault, times=1)
        with pytest.raises(UpstreamError):
            await events(provider, call_for(provider))
    assert await events(provider, call_for(provider))


# ── without an answer at all ─────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "ollama"])
async def test_nobody_listening_is_a_failed_connection(name, box):
    nobody = "http://127.0.0.1:9"
    registry = Registry(Settings(), box.environ() | {f"LLM_ROUTER_{name.upper()}_BASE_URL": nobody})
    error = await failure(registry.get(name))
    assert error.kind is Kind.CONNECTION
    assert ("ollama serve" in error.fix) == (name == "ollama")
    await registry.aclose()


# ── secrets, earlier failures, other loops ───────────────────────────────────


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini"])
async def test_a_key_the_vendor_quotes_is_not_repeated(name, box):
    secret = "one of no known form 42"
    registry = Registry(Settings(), box.environ() | {f"{name.upper()}_API_KEY": secret})
    box.fault(name, Fault("status", status=401, message=f"Incorrect API key provided: {secret}"))
    error = await failure(registry.get(name))
    assert error.kind is Kind.AUTH
    assert secret not in str(error) + error.fix + repr(error.as_dict())
    assert error.__cause__ is None
    await registry.aclose()


async def test_vertex_without_a_login_says_how_to_sign_in(box, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    environ = {
        "GOOGLE_CLOUD_PROJECT": "p",
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
        "GOOGLE_CLOUD_LOCATION": "l",
        "VERTEX_BASE_URL": box.base_url("vertex"),
    }
    registry = Registry(Settings(), environ)
    error = await failure(registry.get("vertex"))
    assert (error.kind, error.fix) == (Kind.AUTH, "gcloud auth application-default login")
    assert box.requests == []
    await registry.aclose()


async def test_an_error_is_not_mistaken_for_the_attempt_before_it(box, providers):
    box.fault("openai", Fault("status", status=429))
    box.fault("ollama", Fault("malformed"))
    try:
        await events(providers.get("openai"), call_for(providers.get("openai")))
    except UpstreamError:
        error = await failure(providers.get("ollama"))
    assert error.kind is Kind.MALFORMED


def test_a_provider_serves_one_event_loop_after_another(box):
    registry = Registry(Settings(), box.environ(["groq"]))

    async def once():
        try:
            return await events(registry.get("groq"), call_for(registry.get("groq")))
        finally:
            await registry.get("groq").aclose()

    assert asyncio.run(once())
    assert asyncio.run(once())
