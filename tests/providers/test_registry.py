"""Which providers there are, what each needs, and where a call may never go: back into our own gateway."""

import os
import subprocess
import sys

import pytest
from pydantic import SecretStr

from llm_router.errors import CredentialsError, NotFoundError
from llm_router.nouns import Billing
from llm_router.providers import vendors
from llm_router.providers.endpoints import is_loopback, ollama_url
from llm_router.providers.registry import Registry
from llm_router.settings import GatewaySettings, ProviderSettings, Settings

GATEWAY = "http://127.0.0.1:8484"


def registry(environ=None, *, gateway=None, **providers):
    own = {name.replace("_", "-"): ProviderSettings(**fields) for name, fields in providers.items()}
    return Registry(Settings(providers=own, gateway=gateway or GatewaySettings()), environ or {})


def address(environ, name, **providers):
    return registry(environ, **providers).configured(name).detail


# ── names ────────────────────────────────────────────────────────────────────


def test_all_vendors_are_offered_and_custom_endpoints_after_them():
    names = registry(box={"base_url": "http://127.0.0.1:9000/v1"}).names()
    assert list(names) == [*vendors.load(), "box"]


def test_a_provider_that_is_switched_off_is_not_offered_and_not_built():
    providers = registry({"GROQ_API_KEY": "k"}, groq={"enabled": False})
    assert "groq" not in providers.names()
    with pytest.raises(CredentialsError) as raised:
        providers.get("groq")
    assert "providers.groq.enabled" in raised.value.fix


def test_an_unknown_provider_is_not_found_and_the_nearest_name_is_offered():
    with pytest.raises(NotFoundError) as raised:
        registry().get("antropic")
    assert "'anthropic'" in raised.value.fix
    assert registry().configured("antropic").ready is False


# ── readiness ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "row", [r for r in vendors.load().values() if not r.is_cli], ids=lambda row: row.name
)
def test_every_vendor_over_http_is_ready_once_its_fixes_are_followed(row):
    environ = {}
    for _ in range(3):
        readiness = registry(environ).configured(row.name)
        if readiness.ready:
            break
        assert readiness.detail
        variable = readiness.fix.removeprefix("export ").partition("=")[0]
        assert readiness.fix.startswith("export ")
        assert variable not in environ
        environ[variable] = "https://example.test" if variable.endswith(("ENDPOINT", "URL")) else "fake"
    assert readiness.ready


def test_a_missing_key_names_its_variable_and_where_to_get_one():
    readiness = registry().configured("groq")
    assert readiness.fix == "export GROQ_API_KEY=...  (get one at https://console.groq.com/keys)"
    with pytest.raises(CredentialsError) as raised:
        registry().get("groq")
    assert raised.value.fix == readiness.fix


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_key_is_no_key(blank):
    assert not registry({"GROQ_API_KEY": blank}).configured("groq").ready


def test_the_vendors_own_variable_comes_before_its_other_names():
    endpoint = registry({"GOOGLE_API_KEY": "second", "GEMINI_API_KEY": "first"})._endpoint(
        vendors.load()["gemini"]
    )
    assert endpoint.api_key == "first"


def test_settings_win_over_the_environment():
    own = {"api_key": SecretStr("from-file"), "base_url": "https://file.example/v1"}
    providers = registry({"GROQ_API_KEY": "from-env", "GROQ_BASE_URL": "https://env.example/v1"}, groq=own)
    endpoint = providers._endpoint(providers.vendor("groq"))
    assert (endpoint.api_key, endpoint.base_url) == ("from-file", "https://file.example/v1")


def test_a_key_never_shows_in_what_an_endpoint_prints():
    endpoint = registry({"GROQ_API_KEY": "gsk_secret"})._endpoint(vendors.load()["groq"])
    assert endpoint.api_key == "gsk_secret"
    assert "gsk_secret" not in repr(endpoint)


@pytest.mark.parametrize("key", ["two\nlines", "a\x7fb", "ключ"])
def test_a_key_that_no_header_takes_is_named_before_an_error_quotes_it(key):
    readiness = registry({"GROQ_API_KEY": key}).configured("groq")
    assert not readiness.ready
    assert "GROQ_API_KEY" in readiness.fix
    assert key not in readiness.detail + readiness.fix


@pytest.mark.parametrize("address", ["http://me:canary@127.0.0.1:9/v1", "ftp://me:canary@127.0.0.1:9"])
def test_a_password_in_an_address_is_not_shown(address):
    readiness = registry({"GROQ_API_KEY": "k", "GROQ_BASE_URL": address}).configured("groq")
    assert "127.0.0.1:9" in readiness.detail
    assert "canary" not in readiness.detail


def test_an_address_without_a_scheme_is_named_and_not_called():
    readiness = registry({"GROQ_API_KEY": "k", "GROQ_BASE_URL": "localhost:1"}).configured("groq")
    assert not readiness.ready
    assert "GROQ_BASE_URL" in readiness.fix


@pytest.mark.parametrize(("address", "port"), [("https://localhost/v1", 443), ("http://127.0.0.1", 80)])
def test_a_local_address_without_a_port_has_its_schemes(address, port):
    found = registry({"VLLM_BASE_URL": address}).local_address("vllm")
    assert found is not None
    assert found[1] == port


def test_ollama_is_tried_where_it_listens_by_default():
    assert address({}, "ollama") == "http://127.0.0.1:11434"


@pytest.mark.parametrize("name", ["lmstudio", "vllm", "llamacpp"])
def test_servers_on_ports_that_belong_to_everybody_are_asked_only_when_named(name):
    readiness = registry().configured(name)
    assert not readiness.ready
    assert readiness.fix.startswith(f"export {name.upper()}_BASE_URL=http://127.0.0.1:")


def test_bedrock_needs_a_region_beside_its_key():
    readiness = registry({"AWS_BEARER_TOKEN_BEDROCK": "k"}).configured("bedrock")
    assert readiness.fix.startswith("export AWS_REGION=")
    environ = {"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert address(environ, "bedrock") == "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1"


def test_azure_is_the_v1_endpoint_of_the_users_resource():
    environ = {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/"}
    assert address(environ, "azure") == "https://mine.openai.azure.com/openai/v1"


def test_vertex_takes_a_key_or_a_project_that_is_meant_for_it():
    meant = {"GOOGLE_GENAI_USE_VERTEXAI": "true"}
    assert registry({"VERTEX_API_KEY": "k"}).configured("vertex").ready
    assert registry({"GOOGLE_CLOUD_PROJECT": "p"} | meant).configured("vertex").ready
    assert not registry({"GOOGLE_CLOUD_PROJECT": "p"}).configured("vertex").ready
    assert not registry(meant).configured("vertex").ready
    assert "GOOGLE_CLOUD_PROJECT" in registry({"GOOGLE_API_KEY": "k"}).configured("vertex").fix


def test_a_command_line_client_is_looked_for_on_the_path_it_was_given(tmp_path):
    assert (
        registry({"PATH": str(tmp_path)}).configured("codex").fix == "npm i -g @openai/codex && codex login"
    )
    program = tmp_path / "codex"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = registry({"PATH": str(tmp_path)}).configured("codex")
    assert (found.ready, found.detail) == (True, str(program))
    assert not registry({}).configured("codex").ready


# ── custom endpoints ─────────────────────────────────────────────────────────


def test_a_custom_endpoint_on_this_machine_is_local_keyless_and_asked_for_its_models():
    providers = registry({"BOX_API_KEY": "k"}, box={"base_url": "http://localhost:9000/v1"})
    vendor = providers.vendor("box")
    assert (vendor.billing, vendor.discover, vendor.dialect) == (Billing.LOCAL, True, "openai_chat")
    assert providers.configured("box").ready
    assert providers._endpoint(vendor).api_key == "k"


def test_a_custom_endpoint_elsewhere_is_metered_unless_said_otherwise():
    providers = registry(
        far={"base_url": "https://llm.example/v1"},
        flat={"base_url": "https://llm.example/v1", "billing": "subscription"},
    )
    assert providers.vendor("far").billing is Billing.METERED
    assert providers.vendor("flat").billing is Billing.SUBSCRIPTION


def test_a_custom_endpoint_with_declared_models_is_not_asked_for_them():
    own = {"base_url": "http://127.0.0.1:9/v1", "models": ("m",), "dialect": "anthropic"}
    vendor = registry(box=own).vendor("box")
    assert (vendor.discover, vendor.dialect) == (False, "anthropic")


def test_an_endpoint_that_stands_for_a_vendor_speaks_as_it_does():
    made = registry(office={"base_url": "https://a.example", "stands_for": "anthropic"})
    vendor = made.vendor("office")
    assert (vendor.dialect, vendor.stands_for, vendor.prices) == ("anthropic", "anthropic", "anthropic")
    assert (vendor.billing, vendor.discover) == (Billing.METERED, False)
    assert made.configured("office").ready


def test_a_vendor_is_reached_by_itself_and_by_who_stands_for_it_in_its_own_dialect():
    here = {"base_url": "https://a.example", "stands_for": "anthropic"}
    made = registry(
        office=here,
        talks=here | {"dialect": "openai_chat"},
        both=here | {"dialect": "openai_chat", "also": ("anthropic",)},
        off=here | {"enabled": False},
        other={"base_url": "https://a.example", "dialect": "anthropic"},
    )
    assert list(made.reaching("anthropic")) == ["office", "both"]
    with_key = registry({"ANTHROPIC_API_KEY": "k"}, office=here)
    assert list(with_key.reaching("anthropic")) == ["anthropic", "office"]


def test_who_stands_for_nobody_known_is_told():
    state = registry(office={"base_url": "https://a.example", "stands_for": "deepsek"}).configured("office")
    assert not state.ready
    assert "'deepsek'" in state.detail
    assert "deepseek" in state.fix


def test_a_custom_endpoint_without_an_address_says_which_setting_it_lacks():
    assert "providers.box.base_url" in registry(box={"models": ("m",)}).configured("box").fix


def test_settings_change_the_billing_and_dialect_of_a_known_vendor():
    vendor = registry(openai={"dialect": "openai_responses", "billing": "subscription"}).vendor("openai")
    assert (vendor.dialect, vendor.billing) == ("openai_responses", Billing.SUBSCRIPTION)
    assert vendors.load()["openai"].dialect == "openai_chat"


# ── addresses of Ollama ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("box.lan", "http://box.lan:11434"),
        ("box.lan:8000", "http://box.lan:8000"),
        (":8000", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("http://0.0.0.0:11434", "http://127.0.0.1:11434"),
        ("[::]:11434", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("http://box.lan", "http://box.lan:80"),
        ("https://ollama.example", "https://ollama.example:443"),
        ("https://ollama.example:8443/proxy/", "https://ollama.example:8443/proxy"),
        ("http://box.lan:11434/v1", "http://box.lan:11434"),
        ("http://box.lan:11434/api/", "http://box.lan:11434"),
    ],
)
def test_ollama_host_is_understood_as_ollama_does(given, meant):
    assert ollama_url(given) == meant
    assert address({"OLLAMA_HOST": given}, "ollama") == meant


def test_ollama_base_url_comes_before_ollama_host():
    environ = {"OLLAMA_HOST": "one:1", "OLLAMA_BASE_URL": "http://two:2"}
    assert address(environ, "ollama") == "http://two:2"


def test_a_port_that_is_no_number_is_reported_and_not_raised():
    assert not registry({"OLLAMA_HOST": "box:many"}).configured("ollama").ready


# ── never back into our own gateway ──────────────────────────────────────────

VARIABLES = [
    ("anthropic", "ANTHROPIC_BASE_URL"),
    ("openai", "OPENAI_BASE_URL"),
    ("gemini", "GOOGLE_GEMINI_BASE_URL"),
]
KEYS = {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}
SPELLINGS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "127.1",
    "2130706433",
    "x.localhost",
]


@pytest.mark.parametrize(("name", "variable"), VARIABLES)
def test_a_base_url_elsewhere_is_followed(name, variable):
    assert address(KEYS | {variable: "http://127.0.0.1:9999/x"}, name) == "http://127.0.0.1:9999/x"


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize(("name", "variable"), VARIABLES)
def test_a_base_url_that_is_our_gateway_is_ignored_in_every_spelling(name, variable, host):
    assert address(KEYS | {variable: f"http://{host}:8484/v1"}, name) == vendors.load()[name].base_url


def test_a_gateway_on_another_address_is_recognised_too():
    gateway = GatewaySettings(host="192.168.7.7", port=80)
    readiness = registry(KEYS | {"ANTHROPIC_BASE_URL": "http://192.168.7.7"}, gateway=gateway).configured(
        "anthropic"
    )
    assert readiness.detail == "https://api.anthropic.com"
    other = registry(KEYS | {"ANTHROPIC_BASE_URL": "http://192.168.7.8"}, gateway=gateway).configured(
        "anthropic"
    )
    assert other.detail == "http://192.168.7.8"


@pytest.mark.parametrize("mark", ["CLAUDECODE", "CLAUDE_CODE_SESSION_ID"])
def test_inside_claude_code_its_base_url_is_not_ours_to_follow(mark):
    environ = KEYS | {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9999", mark: "1"}
    assert address(environ, "anthropic") == "https://api.anthropic.com"
    assert (
        address(environ | {"OPENAI_BASE_URL": "http://127.0.0.1:9999/v1"}, "openai")
        == "http://127.0.0.1:9999/v1"
    )


@pytest.mark.parametrize(
    "row", [r for r in vendors.load().values() if not r.is_cli], ids=lambda row: row.name
)
def test_our_own_variable_wins_over_the_plain_one_even_inside_claude_code(row):
    prefix = vendors.variable_prefix(row.name)
    environ = {row.key_env[0]: "k", "CLAUDECODE": "1", f"{prefix}_BASE_URL": "http://plain.example:1"}
    environ[f"LLM_ROUTER_{prefix}_BASE_URL"] = "http://ours.example:2"
    assert address(environ, row.name) == "http://ours.example:2"


@pytest.mark.parametrize("environ", [{"LLM_ROUTER_ANTHROPIC_BASE_URL": GATEWAY}, {}])
def test_an_explicit_address_that_is_our_gateway_is_refused_with_a_reason(environ):
    own = {} if environ else {"anthropic": {"base_url": f"{GATEWAY}/"}}
    readiness = registry(KEYS | environ, **own).configured("anthropic")
    assert not readiness.ready
    assert "own gateway" in readiness.detail
    assert readiness.fix


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "128.0.0.1", "::2", "localhost.example", ""])
def test_other_machines_are_not_taken_for_this_one(host):
    assert not is_loopback(host)


# ── lazily ───────────────────────────────────────────────────────────────────

LAZY = """
import sys
from llm_router.providers.registry import Registry
from llm_router.settings import Settings
registry = Registry(Settings(), {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"})
ready = [name for name in registry.names() if registry.configured(name).ready]
assert {"openai", "anthropic", "gemini", "ollama"} <= set(ready), ready
loaded = {"openai", "anthropic", "google.genai", "ollama", "httpx", "httpx2"} & set(sys.modules)
assert not loaded, loaded
"""


def test_asking_what_is_configured_loads_no_sdk_and_no_http_client():
    done = subprocess.run(
        [sys.executable, "-c", LAZY],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


async def test_a_provider_is_built_once_and_again_after_closing():
    providers = registry({"GROQ_API_KEY": "k"})
    first = providers.get("groq")
    assert providers.get("groq") is first
    await providers.aclose()
    assert providers.get("groq") is not first
    await providers.aclose()


@pytest.mark.parametrize(
    "row", [r for r in vendors.load().values() if not r.is_cli], ids=lambda row: row.name
)
async def test_every_vendor_over_http_is_constructible(row):
    environ = {
        row.key_env[0]: "k",
        "AWS_REGION": "r",
        "AZURE_OPENAI_ENDPOINT": "https://x.example",
        f"{vendors.variable_prefix(row.name)}_BASE_URL": "http://127.0.0.1:9",
    }
    providers = registry(environ)
    provider = providers.get(row.name)
    assert (provider.name, provider.dialect) == (row.name, row.dialect)
    assert provider._client() is provider._client()
    await providers.aclose()
