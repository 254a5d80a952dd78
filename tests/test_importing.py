"""Other gateways' configurations: what is taken over routes as it did there, and what is left is told with the reason."""

import json

import pytest
from click.testing import CliRunner

from llm_router import config
from llm_router.cli.main import cli
from llm_router.errors import ConfigError
from llm_router.importing import litellm, read
from llm_router.plan import Catalogue
from llm_router.providers.registry import Registry

CCR = """{
  // comments, single quotes and bare keys: what it reads is JSON5
  APIKEY: '$CCR_KEY', HOST: "0.0.0.0", PORT: 3456, LOG: true, API_TIMEOUT_MS: "600000",
  Providers: [
    {name: "openrouter", api_base_url: "https://openrouter.ai/api/v1/chat/completions", api_key: "sk-or-written-out",
     models: ["google/gemini-pro", "anthropic/claude-sonnet-4"], transformer: {use: ["openrouter"]}},
    {name: "deepseek", api_base_url: "https://api.deepseek.com/chat/completions", api_key: "${DEEPSEEK_API_KEY}",
     models: ["deepseek-chat", "deepseek-next"],
     transformer: {use: ["deepseek"], "deepseek-chat": {use: ["tooluse"]}}},
    {name: "ollama", api_base_url: "http://localhost:11434/v1/chat/completions", api_key: "ollama", models: ["qwen:7b"]},
    {name: "My Own", api_base_url: "https://llm.corp.example/v1/messages", api_key: "$CORP", models: ["claude-x"],
     transformer: {use: ["Anthropic", ["maxtoken", {max_tokens: 65536}], "weird"]}},
  ],
  Router: {
    default: "deepseek,deepseek-chat", background: "ollama,qwen:7b", think: "My Own,claude-x",
    longContext: "openrouter,google/gemini-pro", longContextThreshold: 50000, webSearch: "nobody,x",
  },
  fallback: {default: ["openrouter,anthropic/claude-sonnet-4"]},
  CUSTOM_ROUTER_PATH: "/x.js", Strange: 1,
}"""

LITELLM = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/my-deploy, api_base: https://x.openai.azure.com/, api_key: os.environ/MY_AZURE, rpm: 6}
  - model_name: claude
    litellm_params: {model: anthropic/claude-sonnet-5-5, api_key: os.environ/ANTHROPIC_API_KEY}
  - {model_name: claude, litellm_params: {model: anthropic/claude-haiku-5-5}}
  - model_name: local
    litellm_params: {model: ollama_chat/llama3, api_base: http://10.0.0.9:11434}
  - model_name: mine
    litellm_params: {model: openai/foo, api_base: http://10.0.0.1:8000/v1, api_key: sk-written-out,
                     input_cost_per_token: 0.000001, output_cost_per_token: 0.000002}
  - {model_name: "openai/*", litellm_params: {model: "openai/*"}}
  - {model_name: odd, litellm_params: {model: sagemaker/x}}
litellm_settings:
  fallbacks: [{claude: [gpt-4o, mine]}]
  drop_params: true
  max_budget: 20
  budget_duration: 7d
router_settings: {model_group_alias: {best-one: claude, gone: nothing}, routing_strategy: simple-shuffle, timeout: 120}
general_settings: {master_key: os.environ/MASTER, database_url: postgres}
"""


@pytest.fixture
def imported(tmp_path):
    def make(text, name="config.json"):
        path = tmp_path / name
        path.write_text(text)
        return read(path)

    return make


def test_providers_and_scenarios_of_claude_code_router_come_over(imported):
    made = imported(CCR)
    turns = made.settings["routing"]["turns"]
    assert made.source == "Claude Code Router"
    assert turns == {
        "default": ["deepseek/deepseek-chat", "openrouter/anthropic/claude-sonnet-4"],
        "background": "ollama/qwen:7b",
        "think": "my-own/claude-x",
        "longContext": "openrouter/google/gemini-pro",
        "longContextThreshold": 50_000,
    }
    assert made.settings["providers"] == {
        "openrouter": {
            "api_key": "sk-or-written-out",
            "models": ["google/gemini-pro", "anthropic/claude-sonnet-4"],
        },
        "deepseek": {"models": ["deepseek-next"]},
        "my-own": {
            "base_url": "https://llm.corp.example/v1",
            "api_key": "${CORP}",
            "dialect": "anthropic",
            "models": ["claude-x"],
        },
    }
    assert made.settings["gateway"] == {"access_key": "${CCR_KEY}", "host": "0.0.0.0", "port": 3456}
    assert made.settings["routing"]["deadline_seconds"] == 600


def test_what_claude_code_router_has_and_we_do_not_is_told_with_the_reason(imported):
    left = dict(imported(CCR).left)
    assert set(left) == {
        "CUSTOM_ROUTER_PATH", "LOG", "Strange", "Router.webSearch: nobody,x",
        "Providers.My Own.transformer: maxtoken", "Providers.My Own.transformer: weird",
        "Providers.deepseek.transformer.deepseek-chat: tooluse",
    }  # fmt: skip
    assert all(left.values())


def test_without_an_access_key_the_host_is_not_opened_to_others(imported):
    made = imported('{"Providers": [], "HOST": "0.0.0.0"}')
    assert "gateway" not in made.settings
    assert "HOST" in dict(made.left)


def test_models_aliases_fallbacks_and_limits_of_litellm_come_over(imported):
    made = imported(LITELLM, "config.yaml")
    assert made.source == "LiteLLM"
    assert made.settings["routing"]["aliases"] == {
        "gpt-4o": "azure/my-deploy",
        "claude": "anthropic/claude-sonnet-5-5",
        "local": "ollama/llama3",
        "mine": "openai-10-0-0-1-8000/foo",
        "best-one": "anthropic/claude-sonnet-5-5",
    }
    assert made.settings["routing"]["turns"]["default"] == [
        "anthropic/claude-sonnet-5-5", "azure/my-deploy", "openai-10-0-0-1-8000/foo",
    ]  # fmt: skip
    assert made.settings["providers"]["azure"]["base_url"] == "https://x.openai.azure.com"
    assert made.settings["providers"]["azure"]["api_key"] == "${MY_AZURE}"
    assert made.settings["providers"]["ollama"] == {"base_url": "http://10.0.0.9:11434"}
    assert made.settings["prices"]["openai-10-0-0-1-8000/foo"]["output_per_million"] == 2.0
    assert made.settings["budget"] == {"weekly": 20}
    assert made.settings["routing"]["deadline_seconds"] == 120
    assert made.settings["gateway"] == {"access_key": "${MASTER}"}


def test_what_litellm_has_and_we_do_not_is_told_with_the_reason(imported):
    left = dict(imported(LITELLM, "config.yaml").left)
    assert set(left) == {
        "general_settings.database_url", "litellm_settings.drop_params", "model_list: claude -> anthropic/claude-haiku-5-5",
        "model_list: gpt-4o: rpm", "model_list: odd", "router_settings.model_group_alias.gone",
        "router_settings.routing_strategy",
    }  # fmt: skip
    assert "sagemaker" in left["model_list: odd"]


@pytest.mark.parametrize(("text", "name"), [(CCR, "config.json"), (LITELLM, "config.yaml")])
def test_what_is_written_loads_and_names_models_that_resolve(tmp_path, monkeypatch, text, name):
    home = tmp_path / "home"
    source = tmp_path / name
    source.write_text(text)
    monkeypatch.setenv("LLM_ROUTER_HOME", str(home))
    monkeypatch.delenv("LLM_ROUTER_CONFIG", raising=False)
    result = CliRunner().invoke(cli, ["config", "import", str(source), "--write"])
    assert result.exit_code == 0, result.output
    assert "written-out" not in result.output
    environ = dict.fromkeys(["CCR_KEY", "CORP", "MASTER", "MY_AZURE"], "a-value")
    settings = config.load(root=home, cwd=tmp_path, environ=environ).settings
    catalogue = Catalogue.load(settings)
    for rule in (settings.routing.turns.default, settings.routing.turns.background):
        for model in rule:
            assert model in ("auto", "cheap") or catalogue.resolve(model)
    names = Registry(settings, environ).names()
    assert set(settings.providers) <= set(names)
    assert (home / "config.yaml").stat().st_mode & 0o077 == 0


def test_it_only_shows_unless_told_to_write_and_keeps_what_was_there(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    mine = home / "config.yaml"
    mine.write_text("# mine\nrouter:\n  profile: budget # dear to me\n")
    source = tmp_path / "config.json"
    source.write_text(CCR)
    monkeypatch.setenv("LLM_ROUTER_HOME", str(home))
    monkeypatch.delenv("LLM_ROUTER_CONFIG", raising=False)
    shown = CliRunner().invoke(cli, ["config", "import", str(source), "--json"])
    told = json.loads(shown.output)
    assert told["written"] is None
    assert told["settings"]["providers"]["openrouter"]["api_key"] == "***"
    assert "dear to me" in mine.read_text()
    assert "deepseek" not in mine.read_text()
    assert CliRunner().invoke(cli, ["config", "import", str(source), "--write"]).exit_code == 0
    assert mine.read_text().startswith("# mine\nrouter:\n  profile: budget # dear to me\n")
    assert "deepseek/deepseek-chat" in mine.read_text()
    assert (home / "config.yaml.bak").read_text() == "# mine\nrouter:\n  profile: budget # dear to me\n"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "a: 1", "text"])
def test_what_is_no_such_file_is_an_error(imported, text):
    with pytest.raises(ConfigError):
        imported(text)


@pytest.mark.parametrize(
    "text", ['{"Providers": [1, {}], "Router": 5}', "model_list: [{}, 3, {model_name: x}]"]
)
def test_odd_parts_of_a_file_make_nothing(imported, text):
    assert imported(text).settings == {}


def test_a_file_that_is_not_there_or_is_no_text_is_told(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "x", tmp_path / "none"):
        with pytest.raises(ConfigError, match=str(path)):
            read(path)


def test_endpoints_of_the_users_own_keep_their_address_and_the_dialect_of_whom_they_stand_for():
    told = {
        "here": ("openai/gpt-4.1", "http://127.0.0.1:9100/a/v1"),
        "there": ("openai/gpt-4.1", "http://127.0.0.1:9100/b/v1"),
        "answers": ("openai/responses/gpt-4.1", "http://127.0.0.1:9100/a/v1"),
        "gem": ("gemini/gemini-x", "http://127.0.0.1:9100/g/v1beta"),
        "claude": ("anthropic/claude-x", "http://127.0.0.1:9100/c"),
        "local": ("ollama_chat/llama3", "http://127.0.0.1:9100/o"),
    }
    rows = [{"model_name": n, "litellm_params": {"model": m, "api_base": u}} for n, (m, u) in told.items()]
    found = litellm.imported({"model_list": rows}).settings
    aliases, providers = found["routing"]["aliases"], found["providers"]
    met = {name: providers[aliases[name].partition("/")[0]] for name in told}
    assert {name: row["base_url"] for name, row in met.items()} == {n: u for n, (_, u) in told.items()}
    assert [row.get("dialect") for row in met.values()] == [
        *(None, None, "openai_responses", "gemini", "anthropic", None)
    ]
    assert aliases["answers"].endswith("/gpt-4.1")
    assert aliases["local"] == "ollama/llama3"


def test_an_endpoint_that_has_a_vendors_models_is_said_to_stand_for_it(imported):
    ccr = {
        "Providers": [
            {"name": "corp", "api_base_url": "https://llm.corp.example/v1/chat/completions", "models": ["r1"],
             "transformer": {"use": ["deepseek"]}},
            {"name": "deepseek", "api_base_url": "https://proxy.example/v1/chat/completions", "models": ["v4"]},
            {"name": "openai", "api_base_url": "https://any.example/v1/chat/completions", "models": ["m"]},
            {"name": "claude", "api_base_url": "https://b.example/v1/messages", "models": ["m"],
             "transformer": {"use": ["deepseek"]}},
        ]
    }  # fmt: skip
    providers = imported(json.dumps(ccr)).settings["providers"]
    assert {name: row.get("stands_for") for name, row in providers.items()} == {
        "corp": "deepseek",
        "deepseek-own": "deepseek",
        "openai-own": None,
        "claude": None,
    }
    made = imported(
        "model_list:\n  - {model_name: r, litellm_params: {model: deepseek/r1, api_base: https://llm.corp.example/v1}}\n"
        "  - {model_name: o, litellm_params: {model: openai/o1, api_base: https://llm.corp.example/v2}}\n",
        "config.yaml",
    ).settings["providers"]
    assert sorted(str(row.get("stands_for")) for row in made.values()) == ["None", "deepseek"]


def test_a_password_in_an_address_gets_into_no_name(imported):
    told = imported(
        "model_list: [{model_name: m, litellm_params:"
        " {model: house/m, api_base: 'https://me:s3cret@llm.corp.example/v1'}}]"
    )
    assert list(told.settings["providers"]) == ["house-llm-corp-example"]
