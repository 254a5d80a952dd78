"""Which models a server says it has, and how it is asked: no SDK is needed for that."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind
from llm_router.providers.registry import Registry
from llm_router.sandbox import Fault, Installed, Sandbox
from llm_router.settings import ProviderSettings, Settings

# ── Ollama ───────────────────────────────────────────────────────────────────


async def test_ollama_tells_what_is_installed_without_its_embedding_models(providers):
    found = {model.id: model for model in await providers.listing("ollama").models()}
    assert set(found) == {"qwen3:8b", "llama3.2:3b", "gemma3:4b"}
    qwen = found["qwen3:8b"]
    assert (qwen.ref, qwen.tier, qwen.billing, qwen.context) == ("ollama/qwen3:8b", "small", "local", 40_960)
    assert qwen.features == {"tools", "thinking", "schema"}
    assert found["gemma3:4b"].features == {"vision", "schema"}


async def test_the_context_window_the_user_set_is_the_one_that_counts(box):
    registry = Registry(Settings(providers={"ollama": ProviderSettings(num_ctx=8192)}), box.environ())
    assert {model.context for model in await registry.listing("ollama").models()} == {8192}
    await registry.aclose()


async def test_ollamas_listing_stands_when_the_details_do_not_come(box, providers, own_limits):
    box.fault("ollama", Fault("hang"), operation="show")
    found = {model.id: model for model in await providers.listing("ollama").models()}
    assert set(found) == {"qwen3:8b", "llama3.2:3b", "gemma3:4b"}
    assert found["qwen3:8b"].context is None


async def test_ollamas_details_are_asked_once_for_each_model(box, providers):
    for _ in range(2):
        await providers.listing("ollama").models()
    shown = [request.body["model"] for request in box.requests if request.operation == "show"]
    assert sorted(shown) == ["gemma3:4b", "llama3.2:3b", "qwen3:8b"]


@pytest.mark.parametrize(
    ("name", "size", "tier"),
    [
        ("a:1", "9.0B", "small"),
        ("b:1", "9.1B", "mid"),
        ("c:1", "40B", "mid"),
        ("d:1", "70.6B", "frontier"),
        ("e:1", "135M", "small"),
        ("mixtral:8x7b", "", "frontier"),
        ("unknown", "", "mid"),
    ],
)
async def test_a_local_models_tier_follows_its_size(name, size, tier):
    with Sandbox(installed=(Installed(name, "family", size),)) as own:
        registry = Registry(Settings(), own.environ())
        (model,) = await registry.listing("ollama").models()
        assert model.tier == tier
        await registry.aclose()


# ── who speaks as OpenAI does ────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["lmstudio", "vllm", "llamacpp"])
async def test_compatible_local_servers_list_their_chat_models(name):
    with Sandbox(models={name: ["qwen3-30b-a3b", "llama-3.2-3b", "text-embedding-nomic", "bge-m3"]}) as own:
        registry = Registry(Settings(), own.environ())
        found = await registry.listing(name).models()
        assert [(m.ref, m.tier, m.billing) for m in found] == [
            (f"{name}/qwen3-30b-a3b", "mid", "local"),
            (f"{name}/llama-3.2-3b", "small", "local"),
        ]
        await registry.aclose()


# ── how they are asked ───────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["ollama", "vllm"])
@pytest.mark.parametrize(("key", "sent"), [(None, None), ("sandbox-key-mine", "Bearer sandbox-key-mine")])
async def test_a_listing_carries_the_key_there_is_and_nothing_of_the_process_environment(
    name, key, sent, box, monkeypatch
):
    leaking = {"OLLAMA_API_KEY": "leaked", "OPENAI_API_KEY": "leaked", "OPENAI_ORG_ID": "leaked"}
    for variable, value in (
        leaking | {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9"}
    ).items():
        monkeypatch.setenv(variable, value)
    own = {} if key is None else {f"{name.upper()}_API_KEY": key}
    registry = Registry(Settings(), box.environ([name]) | own)
    assert await registry.listing(name).models()
    assert box.requests
    for request in box.requests:
        assert request.headers.get("authorization") == sent
        assert request.headers["x-llm-router-hop"] == "here"
        assert "leaked" not in json.dumps(request.headers)
    await registry.aclose()


@pytest.mark.parametrize("name", ["ollama", "vllm"])
async def test_a_server_that_hangs_does_not_hold_up_its_listing(name, box, providers, own_limits):
    box.fault(name, Fault("hang"), operation="models")
    async with asyncio.timeout(30):
        with pytest.raises(UpstreamError) as raised:
            await providers.listing(name).models()
    assert raised.value.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize("name", ["ollama", "vllm"])
@pytest.mark.parametrize("fault", ["wrong_type", "malformed"])
async def test_a_listing_that_is_none_is_malformed(name, fault, box, providers):
    box.fault(name, Fault(fault), operation="models")
    with pytest.raises(UpstreamError) as raised:
        await providers.listing(name).models()
    assert raised.value.kind is FailureKind.MALFORMED


async def test_a_server_that_refuses_is_told_in_its_own_words_without_the_key(box):
    box.fault("vllm", Fault("status", status=401, message="no such key: open sesame 42"), operation="models")
    registry = Registry(Settings(), box.environ(["vllm"]) | {"VLLM_API_KEY": "open sesame 42"})
    with pytest.raises(UpstreamError) as raised:
        await registry.listing("vllm").models()
    assert raised.value.kind is FailureKind.AUTH
    assert "no such key" in raised.value.message
    assert "sesame" not in raised.value.message
    await registry.aclose()


ASKING = """
import asyncio, sys
from llm_router.providers.registry import Registry
from llm_router.settings import Settings
async def main():
    registry = Registry(Settings(), {"OLLAMA_BASE_URL": sys.argv[1], "VLLM_BASE_URL": sys.argv[2]})
    for name in ("ollama", "vllm"):
        assert await registry.listing(name).models()
    await registry.aclose()
asyncio.run(main())
loaded = {"openai", "ollama", "httpx", "aiohttp"} & set(sys.modules)
assert not loaded, loaded
"""


def test_no_sdk_is_loaded_to_ask_for_models(box):
    done = subprocess.run(
        [sys.executable, "-c", ASKING, box.base_url("ollama"), box.base_url("vllm")],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
