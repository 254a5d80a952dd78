"""LiteLLM's config.yaml: model_list, fallbacks, aliases, budgets, the master key."""

from __future__ import annotations

from typing import Any

from llm_router.importing import vendors
from llm_router.importing.result import Imported, record, records, secret, texts

# https://docs.litellm.ai/docs/providers: their prefix -> our provider, where they differ
_PREFIXES = {
    "ollama_chat": "ollama",
    "gemini": "gemini",
    "vertex_ai": "vertex",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "cohere_chat": "cohere",
    "nvidia_nim": "nvidia",
    "hosted_vllm": "vllm",
    "lm_studio": "lmstudio",
    "dashscope": "qwen",
    "azure_ai": "azure",
    "text-completion-openai": "openai",
    "openai_like": "openai",
}
_RESPONSES = "responses/"  # before the name of a model that is to be asked through the Responses API
_WINDOWS = {"1d": "daily", "24h": "daily", "7d": "weekly", "1w": "weekly", "30d": "monthly", "1mo": "monthly"}
_OF_A_MODEL = {"model", "api_key", "api_base", "base_url", "input_cost_per_token", "output_cost_per_token"}
_WHY = {
    "routing_strategy": "who is asked first is decided by price and health, not by load",
    "num_retries": "failures move on to the next model; a model is tried again only when it is the last one",
    "allowed_fails": "breakers open as docs/architecture.md says",
    "cooldown_time": "breakers open as docs/architecture.md says",
    "drop_params": "what a vendor does not take is left out anyway",
    "cache": "answers are not cached",
    "cache_params": "answers are not cached",
    "callbacks": "figures are at /metrics; there are no callbacks",
    "success_callback": "figures are at /metrics; there are no callbacks",
    "failure_callback": "figures are at /metrics; there are no callbacks",
    "database_url": "the ledger is a SQLite file of this user",
    "set_verbose": "the service logs a line per request",
    "rpm": "requests per minute are not limited here",
    "tpm": "tokens per minute are not limited here",
    "order": "who is asked first is decided by price and health",
    "weight": "who is asked first is decided by price and health",
    "context_window_fallbacks": "a model that is too small is left out by itself",
    "content_policy_fallbacks": "a refusal by a vendor's filter moves on to the next model by itself",
    "redis_host": "breakers and budgets are shared through a SQLite file",
}
_TAKEN = {
    "litellm_settings": {
        "fallbacks",
        "default_fallbacks",
        "request_timeout",
        "max_budget",
        "budget_duration",
    },
    "router_settings": {"fallbacks", "default_fallbacks", "timeout", "model_group_alias"},
    "general_settings": {"master_key"},
}


def imported(data: dict[str, Any]) -> Imported:
    into = Imported("LiteLLM")
    groups: dict[str, str] = {}
    for row in records(data.get("model_list")):
        _model(into, row, groups)
    settings = {name: record(data.get(name)) for name in _TAKEN}
    _aliases(into, record(settings["router_settings"].get("model_group_alias")), groups)
    for name in ("litellm_settings", "router_settings"):
        _fallbacks(into, name, settings[name], groups)
    _limits(into, settings)
    into.set("gateway", "access_key", value=secret(settings["general_settings"].get("master_key")))
    for name, section in settings.items():
        for key in section.keys() - _TAKEN[name]:
            into.leave(f"{name}.{key}", _WHY.get(key, "not known here"))
    for key in data.keys() - {"model_list", *_TAKEN}:
        why = "set them where the service is started" if key == "environment_variables" else "not known here"
        into.leave(key, why)
    vendors.tidy(into)
    into.left.sort()
    return into


def _model(into: Imported, row: dict[str, Any], groups: dict[str, str]) -> None:
    group, told = str(row.get("model_name") or ""), record(row.get("litellm_params"))
    prefix, slash, model = str(told.get("model") or "").partition("/")
    if not slash:
        prefix, model = "openai", prefix
    responses = prefix == "openai" and model.startswith(_RESPONSES)
    model = model.removeprefix(_RESPONSES) if responses else model
    if not group or not model:
        into.leave(f"model_list: {group or model or '?'}", "it has no model_name or no litellm_params.model")
        return
    ours = _provider(into, group, prefix, told, responses=responses)
    if ours is None:
        return
    _extras(into, group, row, told)
    if "*" in model:
        into.notes.append(f"{group}: every model of {ours} can be named as {ours}/MODEL anyway")
        return
    vendors.add_models(into, ours, [model])
    reference = f"{ours}/{model}"
    _price(into, reference, {**told, **record(row.get("model_info"))})
    if group in groups and groups[group] != reference:
        into.leave(f"model_list: {group} -> {reference}", f"one name is one model here: {groups[group]}")
        return
    groups[group] = reference
    if group != reference:
        into.set("routing", "aliases", group.lower(), value=reference)


def _provider(
    into: Imported, group: str, prefix: str, told: dict[str, Any], *, responses: bool
) -> str | None:
    url = str(told.get("api_base") or told.get("base_url") or "")
    if (name := secret(url)) and name.startswith("${"):
        into.leave(
            f"model_list: {group}", f"its address is in {name}: set <VENDOR>_BASE_URL or base_url yourself"
        )
        url = ""
    found, called = vendors.known(prefix, url, _PREFIXES), _PREFIXES.get(prefix, prefix)
    if found is None and not url:
        into.leave(f"model_list: {group}", f"there is no provider {prefix!r} here")
        return None
    named = prefix if found else f"{prefix}-{_place(url)}"
    dialect = vendors.dialect_of(url) or vendors.speaks(called)
    if responses:
        dialect = "openai_responses"
    key = secret(told.get("api_key"))
    return vendors.put(into, found, named, url=url, key=key, dialect=dialect, called=[called])


def _place(url: str) -> str:
    """Tells endpoints of the user's own apart, without a password that stands before the host."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].replace(".", "-").replace(":", "-")


def _extras(into: Imported, group: str, row: dict[str, Any], told: dict[str, Any]) -> None:
    for key in told.keys() - _OF_A_MODEL:
        into.leave(f"model_list: {group}: {key}", _WHY.get(key, "not known here"))
    for key in row.keys() - {"model_name", "litellm_params", "model_info"}:
        into.leave(f"model_list: {group}: {key}", "not known here")


def _price(into: Imported, reference: str, told: dict[str, Any]) -> None:
    asked, said = told.get("input_cost_per_token"), told.get("output_cost_per_token")
    if isinstance(asked, (int, float)) and isinstance(said, (int, float)):
        into.set("prices", reference, "input_per_million", value=round(asked * 1_000_000, 6))
        into.set("prices", reference, "output_per_million", value=round(said * 1_000_000, 6))


def _aliases(into: Imported, aliases: dict[str, Any], groups: dict[str, str]) -> None:
    for alias, group in aliases.items():
        name = record(group).get("model", group)
        if isinstance(name, str) and name in groups:
            into.set("routing", "aliases", alias.lower(), value=groups[name])
        else:
            into.leave(f"router_settings.model_group_alias.{alias}", "it names no model of the list")


def _fallbacks(into: Imported, where: str, settings: dict[str, Any], groups: dict[str, str]) -> None:
    """Who names a model here gets that model or an error; an order of several is for what is routed."""
    for row in records(settings.get("fallbacks")):
        for group, others in row.items():
            _order(into, f"{where}.fallbacks.{group}", [group, *texts(others)], groups)
    if others := texts(settings.get("default_fallbacks")):
        first = next(iter(groups), "")
        _order(into, f"{where}.default_fallbacks", [first, *others], groups)


def _order(into: Imported, where: str, order: list[str], groups: dict[str, str]) -> None:
    models = [groups[name] for name in order if name in groups]
    turns = record(record(into.settings.get("routing")).get("turns"))
    if "default" not in turns and len(models) > 1:
        into.set("routing", "turns", "default", value=list(dict.fromkeys(models)))
        into.notes.append(
            f"{where}: taken as the order for what is routed; a model that is named is never replaced"
        )
    else:
        into.leave(
            where, "a model that is named is never replaced; one order can be set: routing.turns.default"
        )


def _limits(into: Imported, settings: dict[str, dict[str, Any]]) -> None:
    ours, router = settings["litellm_settings"], settings["router_settings"]
    seconds = router.get("timeout") or ours.get("request_timeout")
    if isinstance(seconds, (int, float)) and seconds > 0:
        into.set("routing", "deadline_seconds", value=min(3600, seconds))
    amount, window = ours.get("max_budget"), str(ours.get("budget_duration") or "30d")
    if isinstance(amount, (int, float)):
        if window in _WINDOWS:
            into.set("budget", _WINDOWS[window], value=amount)
        else:
            into.leave("litellm_settings.budget_duration", f"{window} is none of day, week, month")
