"""Claude Code Router's config.json, 1.x and 2.x: Providers, Router with its scenarios, fallback, transformers by name."""

from __future__ import annotations

from typing import Any

from llm_router.importing import vendors
from llm_router.importing.result import Imported, listed, record, records, secret, texts

_SCENARIOS = ("default", "background", "think", "longContext", "webSearch", "image")
_NAMES = {
    "google": "gemini",
    "dashscope": "qwen",
    "zhipu": "zai",
    "claude": "anthropic",
}
_DIALECTS = {
    "anthropic": "anthropic",
    "openai": "openai_chat",
    "openai-response": "openai_responses",
    "openai-responses": "openai_responses",
    "gemini": "gemini",
    "vertex-gemini": "gemini",
}
# what each does is done here without being asked, by dialect, vendor and model
_DONE_ANYWAY = {
    "deepseek", "openrouter", "groq", "cerebras", "vercel", "maxcompletiontokens", "reasoning", "cleancache",
    "streamoptions", "enhancetool", "qwen", "siliconflow",
}  # fmt: skip
_NOT_DONE = {
    "tooluse": "no model is made to call a tool: tool_choice is passed on as the client sends it",
    "maxtoken": "a limit per model is the catalogue's; a client's own max_tokens is passed on",
    "sampling": "sampling is passed on as the client sends it",
    "forcereasoning": "reasoning is asked for as the client does",
    "customparams": "parameters of your own are not added to requests",
    "vertex-claude": "Claude on Vertex is not among the providers",
}
_ELSEWHERE = {
    "LOG": "the service logs a line per request, without payloads",
    "LOG_LEVEL": "the service logs a line per request, without payloads",
    "NON_INTERACTIVE_MODE": "nothing has to be set: `llm-router code` asks nothing",
    "CLAUDE_PATH": "`claude` is taken from PATH",
    "StatusLine": "`llm-router install --host claude` sets one up",
    "PROXY_URL": "set HTTPS_PROXY where the service is started",
    "CUSTOM_ROUTER_PATH": "routing by a script of your own is not offered; routing.turns, chains and pins are",
    "transformers": "transformers of your own (JavaScript) cannot be run",
    "REWRITE_SYSTEM_PROMPT": "prompts are not rewritten",
    "forceUseImageAgent": "a turn with images goes to a model that sees: routing.turns.image",
    "Plugins": "plugins cannot be run; tokens, speed and cost are in `llm-router status`",
}


def imported(data: dict[str, Any]) -> Imported:
    into = Imported("Claude Code Router")
    names: dict[str, str] = {}
    for row in records(data.get("Providers") or data.get("providers")):
        name = str(row.get("name") or "")
        if name:
            names[name] = _provider(into, name, row)
        else:
            into.leave("Providers", "a provider without a name")
    _routes(into, record(data.get("Router")), record(data.get("fallback")), names)
    _service(into, data)
    vendors.tidy(into)
    for key in data.keys() - {
        "Providers",
        "providers",
        "Router",
        "fallback",
        "APIKEY",
        "HOST",
        "PORT",
        "API_TIMEOUT_MS",
    }:
        into.leave(key, _ELSEWHERE.get(key, "not known here"))
    into.left.sort()
    return into


def _provider(into: Imported, name: str, row: dict[str, Any]) -> str:
    url = str(row.get("api_base_url") or row.get("baseUrl") or "")
    use = record(row.get("transformer"))
    used = _used(use.get("use"))
    spoken = [_DIALECTS[each] for each in used if each in _DIALECTS]
    dialect = spoken[0] if spoken else vendors.dialect_of(url)
    found, called = vendors.known(name, url, _NAMES), (*used, _NAMES.get(name.lower(), name.lower()))
    key = secret(row.get("api_key"))
    ours = vendors.put(into, found, name, url=url, key=key, dialect=dialect, called=called)
    vendors.add_models(into, ours, texts(row.get("models")))
    _transformers(into, name, use)
    for key in row.keys() - {"name", "api_base_url", "baseUrl", "api_key", "models", "transformer"}:
        into.leave(f"Providers.{name}.{key}", "not known here")
    return ours


def _used(use: object) -> list[str]:
    """`["deepseek", ["maxtoken", {...}]]`: names, or a name with its options."""
    firsts = (listed(each)[0] if listed(each) else each for each in listed(use))
    return [each.lower() for each in firsts if isinstance(each, str)]


def _transformers(into: Imported, name: str, use: dict[str, Any]) -> None:
    for model, value in use.items():
        of_model = "" if model == "use" else f".{model}"
        for each in _used(value if model == "use" else record(value).get("use")):
            where = f"Providers.{name}.transformer{of_model}: {each}"
            if each in _NOT_DONE:
                into.leave(where, _NOT_DONE[each])
            elif each not in _DONE_ANYWAY and each not in _DIALECTS:
                into.leave(where, "no transformer of this name is known here")


def _routes(into: Imported, router: dict[str, Any], fallback: dict[str, Any], names: dict[str, str]) -> None:
    for scenario in _SCENARIOS:
        rule = [*texts(router.get(scenario)), *texts(fallback.get(scenario))]
        found = [_reference(into, f"Router.{scenario}", each, names) for each in rule]
        models = [each for each in found if each]
        into.set("routing", "turns", scenario, value=models[0] if len(models) == 1 else models)
    threshold = router.get("longContextThreshold")
    if isinstance(threshold, int) and threshold > 0:
        into.set("routing", "turns", "longContextThreshold", value=threshold)
    for key in router.keys() - {*_SCENARIOS, "longContextThreshold"}:
        into.leave(f"Router.{key}", "no turn of this kind is known here")
    for key in fallback.keys() - {*_SCENARIOS}:
        into.leave(f"fallback.{key}", "no turn of this kind is known here")


def _reference(into: Imported, where: str, name: str, names: dict[str, str]) -> str | None:
    provider, comma, model = (part.strip() for part in name.partition(","))
    if not comma or provider not in names:
        into.leave(f"{where}: {name}", "it names no provider of the file")
        return None
    return f"{names[provider]}/{model}"


def _service(into: Imported, data: dict[str, Any]) -> None:
    into.set("gateway", "access_key", value=secret(data.get("APIKEY")))
    if data.get("APIKEY"):
        into.set("gateway", "host", value=data.get("HOST"))
    elif data.get("HOST"):
        into.leave("HOST", "without an access key only this machine is served")
    port = data.get("PORT")
    if isinstance(port, int) or (isinstance(port, str) and port.isdecimal()):
        into.set("gateway", "port", value=int(port))
    timeout = data.get("API_TIMEOUT_MS")
    if isinstance(timeout, int) or (isinstance(timeout, str) and timeout.isdecimal()):
        into.set("routing", "deadline_seconds", value=min(3600, max(1, int(timeout) // 1000)))
