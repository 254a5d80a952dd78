"""The real hosts after `llm-router install`: connected, allowed to call, with their keys; and as before after `uninstall`.

Nothing is written by hand but what the host itself needs to reach its model, which is the sandbox.
"""

import json
import sys

import pytest

from llm_router.sandbox import digest

QUESTION = "what is a mutex?"
PROMPT = f'Please do this: [[call llm_query {{"prompt": "{QUESTION}"}}]]'
FOREIGN = {"type": "command", "command": "true"}


@pytest.fixture
def router(run, home):
    """Our command line in the host's HOME."""

    def start(*arguments):
        return json.loads(run(sys.executable, "-m", "llm_router", *arguments, "--json"))

    return start


@pytest.fixture
def keys(box, home):
    """What the user has in the environment: a key and an address, which each host treats in its own way. The clients
    on the PATH are not to be asked: they would be free.
    """
    config = home / ".llm-router" / "config.yaml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(
        "providers:\n  codex: {enabled: false}\n  gemini-cli: {enabled: false}\n  gemini: {enabled: false}\n"
    )
    return {
        "OPENAI_API_KEY": "sk-fake",
        "OPENAI_BASE_URL": box.base_url("openai"),
        "OLLAMA_BASE_URL": "http://127.0.0.1:1",
    }


def assert_routed(box, output):
    routed = [each for each in box.answers("openai") if QUESTION in json.dumps(each.body)]
    assert routed, output
    assert digest(QUESTION) in json.dumps(box.answers("host")[-1].body), output


def test_claude_code(box, home, run, router, keys, executable):
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    stop = json.dumps([{"hooks": [FOREIGN]}])
    own = f'{{\n    "hooks": {{"Stop": {stop}}},\n    "permissions": {{"deny": ["WebFetch"]}}\n}}\n'
    settings.write_text(own)
    assert router("install", "--host", "claude")["ok"]
    claude = executable("claude")
    assert "Connected" in run(claude, "mcp", "list")
    output = run(
        claude, "-p", PROMPT, ANTHROPIC_API_KEY="sk-ant-fake", ANTHROPIC_BASE_URL=f"{box.url}/host",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", MCP_CONNECTION_NONBLOCKING="0", **keys,
    )  # fmt: skip
    assert_routed(box, output)  # no --allowedTools: the installed permission lets it through
    assert "Invalid" not in run(claude, "doctor")
    assert router("status", "--host", "claude")["hosts"][0]["hooks"] == "installed"
    assert router("uninstall")["ok"]
    assert settings.read_text() == own
    assert "llm-router" not in run(claude, "mcp", "list")


def test_codex(box, home, run, router, keys, executable):
    config = home / ".codex" / "config.toml"
    config.parent.mkdir()
    own = f"""# the sandbox plays the model
model = "some-model"
model_provider = "box"

[model_providers.box]
name = "box"
base_url = "{box.url}/host/v1"
env_key = "BOX_KEY"
wire_api = "responses"
"""
    config.write_text(own)
    assert router("install", "--host", "codex")["ok"]
    codex = executable("codex")
    (server,), _ = json.JSONDecoder().raw_decode(run(codex, "mcp", "list", "--json"))  # then its warnings
    assert (server["name"], server["startup_timeout_sec"]) == ("llm-router", 30.0)
    output = run(codex, "exec", "--skip-git-repo-check", PROMPT, BOX_KEY="sk-fake", **keys)
    assert_routed(box, output)
    assert router("uninstall")["ok"]
    assert config.read_text().startswith(own)  # Codex itself may have noted that it trusts a folder
    assert "llm-router" not in config.read_text()
    assert not (config.parent / "hooks.json").exists()


def test_codex_starts_without_us_when_the_package_is_gone(box, home, run, router, keys, executable):
    config = home / ".codex" / "config.toml"
    config.parent.mkdir()
    config.write_text(
        'model = "some-model"\nmodel_provider = "box"\n[model_providers.box]\nname = "box"\n'
        f'base_url = "{box.url}/host/v1"\nenv_key = "BOX_KEY"\nwire_api = "responses"\n'
    )
    router("install", "--host", "codex")
    text = config.read_text()
    command = text.partition("command = ")[2].partition("\n")[0]
    config.write_text(text.replace(command, '"/nonexistent/llm-router"'))
    output = run(
        executable("codex"), "exec", "--skip-git-repo-check", "[[say still-here]]", BOX_KEY="sk-fake", **keys
    )
    assert "still-here" in output


def test_gemini_cli(box, home, run, router, keys, executable):
    settings = home / ".gemini" / "settings.json"
    settings.parent.mkdir()
    own = """{
  // the sandbox plays the model
  "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": false}},
  "privacy": {"usageStatisticsEnabled": false}, /* quiet */
  "telemetry": {"enabled": false}
}
"""
    settings.write_text(own)
    assert router("install", "--host", "gemini-cli")["ok"]
    gemini = executable("gemini")
    assert "Connected" in run(gemini, "mcp", "list")
    output = run(
        gemini, "-m", "some-model", "-p", PROMPT,
        GEMINI_API_KEY="fake", GOOGLE_GEMINI_BASE_URL=f"{box.url}/host", **keys,
    )  # fmt: skip
    assert_routed(box, output)  # its key was withheld and passed on by name; nobody was asked: it is trusted
    assert router("uninstall")["ok"]
    assert settings.read_text() == own


def test_opencode(home, run, router, executable):
    config = home / ".config" / "opencode" / "opencode.jsonc"
    config.parent.mkdir(parents=True)
    own = '{\n  // mine\n  "$schema": "https://opencode.ai/config.json",\n  "theme": "tokyonight", // night\n}\n'
    config.write_text(own)
    assert router("install", "--host", "opencode")["ok"]
    assert "connected" in run(executable("opencode"), "mcp", "list")
    assert router("uninstall")["ok"]
    assert config.read_text() == own


def test_claude_code_and_install_write_its_state_at_the_same_time(home, run, router, executable):
    """`claude mcp add` rewrites `.claude.json`: neither loses what the other wrote."""
    from concurrent.futures import ThreadPoolExecutor

    claude = executable("claude")
    run(claude, "mcp", "list")
    with ThreadPoolExecutor(4) as pool:
        added = [
            pool.submit(run, claude, "mcp", "add", "-s", "user", f"other{n}", "--", "true") for n in range(3)
        ]
        installed = pool.submit(router, "install", "--host", "claude")
        outputs = [each.result() for each in added]
    assert installed.result()["ok"]
    servers = json.loads((home / ".claude.json").read_text())["mcpServers"]
    assert set(servers) == {"llm-router", "other0", "other1", "other2"}, outputs
