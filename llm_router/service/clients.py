"""What a client needs to reach the gateway: variables, and lines for those that read a file instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llm_router.access import ACCESS_KEY
from llm_router.settings import GatewaySettings

NO_KEY = "llm-router"  # clients want to see some key, and the gateway asks for none


@dataclass(frozen=True, slots=True)
class Client:
    """`variables` point it at the gateway; `keys` are those that hold a key, in case the gateway asks for one.
    `file` and `text`: what to write where, for a client without variables.
    """

    name: str
    title: str
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    keys: tuple[str, ...] = ()
    file: str = ""
    text: str = ""


def clients(url: str) -> tuple[Client, ...]:
    codex = (
        'model_provider = "llm-router"\n\n[model_providers.llm-router]\nname = "llm-router"\n'
        f'base_url = "{url}/v1"\nwire_api = "responses"\nenv_key = "{ACCESS_KEY}"\n'
    )
    opencode = (
        '{"provider": {"llm-router": {"npm": "@ai-sdk/openai-compatible", "name": "llm-router", "options": '
        f'{{"baseURL": "{url}/v1", "apiKey": "{{env:{ACCESS_KEY}}}"}}, "models": {{"auto": {{}}, "cheap": {{}}, "best": {{}}}}}}}}}}'
    )
    return (
        Client(
            "claude",
            "Claude Code",
            {"ANTHROPIC_BASE_URL": url, "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1"},
            ("ANTHROPIC_AUTH_TOKEN",),
        ),
        Client("codex", "Codex CLI", {}, (ACCESS_KEY,), "~/.codex/config.toml", codex),
        Client("gemini", "Gemini CLI", {"GOOGLE_GEMINI_BASE_URL": url}, ("GEMINI_API_KEY",)),
        Client("opencode", "OpenCode", {}, (ACCESS_KEY,), "~/.config/opencode/opencode.json", opencode),
        Client("openai", "OpenAI's SDKs", {"OPENAI_BASE_URL": f"{url}/v1"}, ("OPENAI_API_KEY",)),
        Client("anthropic", "Anthropic's SDKs", {"ANTHROPIC_BASE_URL": url}, ("ANTHROPIC_AUTH_TOKEN",)),
        Client("ollama", "programs that know only Ollama", {"OLLAMA_HOST": url}),
    )


def key_of(settings: GatewaySettings) -> str | None:
    """A key that opens the gateway; None where it asks for none."""
    key = settings.access_key or next(iter(settings.access_keys.values()), None)
    return key.get_secret_value() if key is not None else None


def for_claude_code(url: str, settings: GatewaySettings, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of Claude Code behind the gateway. Its own login is left to it where it is to be passed on."""
    claude = clients(url)[0]
    added = dict(claude.variables)
    key = key_of(settings)
    if key is not None or not settings.forward_credentials:
        added["ANTHROPIC_AUTH_TOKEN"] = key or NO_KEY
    return {**environ, **added}
