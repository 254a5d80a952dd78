"""Every SDK carries a payload as it is, brings back plain JSON, and sends the key the vendor's way and nothing else."""

import asyncio
import json

import pytest

from llm_router import dialects
from llm_router.nouns import Model, Tool, ask
from llm_router.ports import Call
from llm_router.providers import vendors
from llm_router.providers.registry import Registry
from llm_router.settings import ProviderSettings, Settings

FAMILIES = ["openai", "responses", "anthropic", "gemini", "vertex", "ollama"]
MODELS = {"ollama": "qwen3:8b"}
COMPATIBLE = [row.name for row in vendors.load().values() if row.dialect == "openai_chat"]
AMBIENT = {
    "OPENAI_API_KEY": "leaked",
    "OPENAI_ORG_ID": "leaked",
    "OPENAI_PROJECT_ID": "leaked",
    "OPENAI_BASE_URL": "http://127.0.0.1:9",
    "OPENAI_CUSTOM_HEADERS": "x-leaked: leaked\nAuthorization: Bearer leaked",
    "ANTHROPIC_API_KEY": "leaked",
    "ANTHROPIC_AUTH_TOKEN": "leaked",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "ANTHROPIC_CUSTOM_HEADERS": "x-leaked: leaked\nAuthorization: Bearer leaked",
    "GOOGLE_API_KEY": "leaked",
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "GOOGLE_CLOUD_PROJECT": "leaked",
    "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9",
    "OLLAMA_API_KEY": "leaked",
    "OLLAMA_HOST": "127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",  # which httpx cannot use as it is
}


@pytest.fixture(params=[*FAMILIES, *(f"raw-{name}" for name in FAMILIES if name != "vertex")])
async def provider(request, box):
    """One provider of each SDK family, and the same over our own wire; `responses` is OpenAI by its other format."""
    family = request.param.removeprefix("raw-")
    settings = Settings(providers={"openai": ProviderSettings(dialect="openai_responses")})
    chosen = settings if family == "responses" else Settings()
    registry = Registry(chosen, box.environ())
    get = registry.get if family == request.param else registry.carrier
    yield get("openai" if family == "responses" else family)
    await registry.aclose()


def call_for(provider, prompt="[[say Grüße, 世界]]", *, headers=None, **fields):
    model = Model(
        provider.name, MODELS.get(provider.name, "sandbox-small"), features=frozenset({"tools", "schema"})
    )
    payload = dialects.get(provider.dialect).encode(ask(prompt, **fields), model, stream=True)
    return Call(model.id, payload, timeout_s=30, headers=headers or {})


async def decoded(provider, call):
    decoder = dialects.get(provider.dialect).decoder()
    async for event in provider.stream(call):
        assert type(event) is dict
        decoder.feed(json.loads(json.dumps(event)))
    return decoder.answer()


def the_request(box):
    (request,) = box.answers()
    return request


# ── the payload ──────────────────────────────────────────────────────────────

TOOL = Tool(
    "look",
    "looks",
    {
        "type": "object",
        "properties": {
            "at": {"$ref": "#/$defs/place"},
            "often": {"type": ["integer", "null"], "x-unknown": [1.5, None]},
        },
        "$defs": {"place": {"type": "string", "pattern": "^[a-zé]+$"}},
        "required": ["at"],
    },
)


async def test_a_call_carries_the_payload_unchanged_and_brings_back_events(provider, box):
    call = call_for(provider, tools=(TOOL,), temperature=0.25)
    before = json.dumps(call.payload)
    assert (await decoded(provider, call)).text == "Grüße, 世界"
    assert the_request(box).body == json.loads(before)
    assert json.dumps(call.payload) == before


async def test_a_tool_call_arrives_whole(provider):
    answer = await decoded(provider, call_for(provider, '[[call look {"at": "é"}]]', tools=(TOOL,)))
    assert [
        (part.name, json.loads(part.arguments)) for part in answer.parts if hasattr(part, "arguments")
    ] == [("look", {"at": "é"})]


async def test_fields_no_sdk_knows_travel_too(provider, box):
    call = call_for(provider)
    call.payload["x_new_field"] = {
        "deep": [None, True, "ü\u2028", 1e-7, {"snake_case": {"camelCase": ""}}],
        "empty": {},
    }
    await decoded(provider, call)
    assert the_request(box).body == call.payload


async def test_the_callers_payload_is_never_changed(provider):
    call = call_for(provider)
    call.payload["_note"] = "some SDKs remove such keys from what they are given"
    before = json.dumps(call.payload)
    await decoded(provider, call)
    assert json.dumps(call.payload) == before


async def test_calls_at_the_same_time_do_not_mix(provider):
    async def one(number):
        return (await decoded(provider, call_for(provider, f"[[say answer {number}]]"))).text

    assert await asyncio.gather(*map(one, range(8))) == [f"answer {n}" for n in range(8)]


# ── headers ──────────────────────────────────────────────────────────────────

KEY_HEADERS = {"gemini": "x-goog-api-key", "vertex": "x-goog-api-key"}


async def test_the_key_goes_in_its_header_and_never_in_the_address(provider, box):
    await decoded(provider, call_for(provider))
    request = the_request(box)
    sent = request.headers.get(KEY_HEADERS.get(provider.name, "authorization"), "")
    expected = {"ollama": "", "gemini": "sandbox-key-gemini", "vertex": "sandbox-key-vertex"}
    assert sent == expected.get(provider.name, f"Bearer sandbox-key-{provider.name}")
    assert "key" not in request.path + str(request.query)


async def test_every_call_says_that_it_comes_from_a_router(provider, box):
    await decoded(provider, call_for(provider))
    assert [request.headers["x-llm-router-hop"] for request in box.answers()] == ["here"]


async def test_headers_of_one_call_are_sent_with_that_call_only(provider, box):
    await decoded(provider, call_for(provider, headers={"x-once": "now"}))
    await decoded(provider, call_for(provider))
    assert [request.headers.get("x-once") for request in box.answers()] == ["now", None]


@pytest.mark.parametrize("name", ["openai", "groq", "vllm", "anthropic", "gemini", "vertex", "ollama"])
async def test_nothing_of_the_process_environment_is_sent_or_followed(name, box, monkeypatch):
    for variable, value in AMBIENT.items():
        monkeypatch.setenv(variable, value)
    registry = Registry(Settings(), box.environ())
    provider = registry.get(name)
    await decoded(provider, call_for(provider))
    request = the_request(box)
    assert "leaked" not in json.dumps([request.headers, request.path, request.query, request.body])
    assert not {"x-leaked", "openai-organization", "openai-project"} & set(request.headers)
    keyless = name in {"vllm", "ollama"}
    assert (
        ("authorization" not in request.headers)
        if keyless
        else ("sandbox-key" in json.dumps(request.headers))
    )
    await registry.aclose()


async def test_openai_gets_the_organisation_its_user_named(box):
    registry = Registry(Settings(), box.environ() | {"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"})
    for name in ("openai", "groq"):
        await decoded(registry.get(name), call_for(registry.get(name)))
    told = [(r.headers.get("openai-organization"), r.headers.get("openai-project")) for r in box.answers()]
    assert told == [("org-1", "proj-1"), (None, None)]
    await registry.aclose()


# ── the vendors ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", COMPATIBLE)
async def test_every_compatible_vendor_is_reached_by_its_base_url_variable(name, box):
    prefix = vendors.variable_prefix(name)
    environ = {
        f"{prefix}_BASE_URL": box.base_url(name),
        vendors.load()[name].key_env[0]: f"sandbox-key-{name}",
    }
    registry = Registry(Settings(), environ)
    provider = registry.get(name)
    assert (await decoded(provider, call_for(provider, "[[say yes]]"))).text == "yes"
    request = the_request(box)
    assert (request.vendor, request.path) == (name, f"/{name}/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer sandbox-key-{name}"
    await registry.aclose()


@pytest.mark.parametrize("base", ["/anthropic", "/anthropic/", "/anthropic/v1"])
async def test_an_anthropic_address_may_end_in_its_version(base, box):
    registry = Registry(Settings(), {"ANTHROPIC_BASE_URL": box.url + base, "ANTHROPIC_API_KEY": "k"})
    await decoded(registry.get("anthropic"), call_for(registry.get("anthropic")))
    assert the_request(box).path == "/anthropic/v1/messages"
    await registry.aclose()


@pytest.mark.parametrize(
    ("base", "version"), [("/gemini", "v1beta"), ("/gemini/v1beta", "v1beta"), ("/gemini/v1", "v1")]
)
async def test_a_gemini_address_may_end_in_its_version(base, version, box):
    registry = Registry(Settings(), {"GEMINI_BASE_URL": box.url + base, "GEMINI_API_KEY": "k"})
    await decoded(registry.get("gemini"), call_for(registry.get("gemini")))
    assert the_request(box).path == f"/gemini/{version}/models/sandbox-small:streamGenerateContent"
    await registry.aclose()


async def test_a_custom_endpoint_speaks_the_dialect_it_was_given(box):
    own = ProviderSettings(base_url=f"{box.url}/mine", dialect="anthropic", models=("m",))
    registry = Registry(Settings(providers={"mine": own}), {"MINE_API_KEY": "sandbox-key-mine"})
    provider = registry.get("mine")
    assert (await decoded(provider, call_for(provider, "[[say hello]]"))).text == "hello"
    assert the_request(box).headers["authorization"] == "Bearer sandbox-key-mine"
    await registry.aclose()
