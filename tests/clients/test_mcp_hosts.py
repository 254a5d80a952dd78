"""Real hosts connect to `llm-router mcp`, their model calls `llm_query`, and sees the answer.

The hosts' own models are the sandbox too, under the vendor name "host"; it calls the tool the prompt names.
"""

import json

from llm_router.sandbox import digest

QUESTION = "what is a mutex?"
PROMPT = f'Please do this: [[call llm_query {{"prompt": "{QUESTION}"}}]]'


def assert_the_model_saw_the_answer(box, output):
    routed = [r for r in box.answers("openai") if QUESTION in json.dumps(r.body)]
    assert routed, output
    assert digest(QUESTION) in output
    told = json.dumps(box.answers("host")[-1].body)
    assert digest(QUESTION) in told
    assert "tokens" in told
    assert "ms" in told


def test_claude_code(box, home, server, run, executable):
    command, args, environ = server
    config = home / "mcp.json"
    config.write_text(
        json.dumps({"mcpServers": {"llm-router": {"command": command, "args": args, "env": environ}}})
    )
    output = run(
        executable("claude"), "-p", PROMPT, "--mcp-config", str(config), "--allowedTools", "mcp__llm-router",
        ANTHROPIC_API_KEY="sk-ant-fake", ANTHROPIC_BASE_URL=f"{box.url}/host", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
    )  # fmt: skip
    assert_the_model_saw_the_answer(box, output)


def test_codex(box, home, server, run, executable):
    command, args, environ = server
    folder = home / ".codex"
    folder.mkdir()
    (folder / "config.toml").write_text(
        f"""
model = "some-model"
model_provider = "box"
[model_providers.box]
name = "box"
base_url = "{box.url}/host/v1"
env_key = "BOX_KEY"
wire_api = "responses"
[mcp_servers.llm-router]
command = {json.dumps(command)}
args = {json.dumps(args)}
env = {{ {", ".join(f"{k} = {json.dumps(v)}" for k, v in environ.items())} }}
required = true
""",
        encoding="utf-8",
    )
    output = run(executable("codex"), "exec", "--skip-git-repo-check", PROMPT, BOX_KEY="sk-fake")
    assert_the_model_saw_the_answer(box, output)


def test_gemini_cli(box, home, server, run, executable):
    command, args, environ = server
    folder = home / ".gemini"
    folder.mkdir()
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
        "mcpServers": {"llm-router": {"command": command, "args": args, "env": environ, "trust": True}},
        "telemetry": {"enabled": False},
        "privacy": {"usageStatisticsEnabled": False},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    output = run(
        executable("gemini"), "-m", "some-model", "-p", PROMPT,
        GEMINI_API_KEY="fake", GOOGLE_GEMINI_BASE_URL=f"{box.url}/host",
    )  # fmt: skip
    assert_the_model_saw_the_answer(box, output)


def test_opencode(box, home, server, run, executable):
    command, args, environ = server
    folder = home / ".config" / "opencode"
    folder.mkdir(parents=True)
    config = {
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": False,
        "provider": {
            "box": {
                "npm": "@ai-sdk/openai-compatible",
                "name": "box",
                "options": {"baseURL": f"{box.url}/host/v1", "apiKey": "sk-fake"},
                "models": {"some-model": {"name": "some-model"}},
            }
        },
        "model": "box/some-model",
        "small_model": "box/some-model",
        "mcp": {
            "llm-router": {
                "type": "local",
                "command": [command, *args],
                "environment": environ,
                "enabled": True,
            }
        },
    }
    (folder / "opencode.json").write_text(json.dumps(config))
    output = run(executable("opencode"), "run", stdin=PROMPT)
    assert_the_model_saw_the_answer(box, output)
