"""Our plugin or extension in a host: whether it is on there, in which version, and what brings it up to date.

Each function takes the host's folder of settings. What cannot be read counts as not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from llm_router.errors import ConfigError
from llm_router.hosts import jsonc, toml_edit
from llm_router.hosts.pieces import NAME, as_list, as_object


@dataclass(frozen=True)
class Brought:
    """Who puts the server and the hooks into a host already. `version` is "" where it cannot be told."""

    what: str
    version: str
    update: str

    def __str__(self) -> str:
        return f"{self.what}, which brings the server and the hooks itself"


def claude(folder: Path) -> Brought | None:
    try:
        root = jsonc.parse((folder / "settings.json").read_text(encoding="utf-8"), "settings.json")
    except (OSError, ValueError, ConfigError):
        return None
    found = jsonc.find(root, ("enabledPlugins",))
    key = _ours({each: bool(on) for each, on in as_object(found.value if found else None).items()})
    if not key:
        return None
    installed = as_list(
        as_object(_json(folder / "plugins" / "installed_plugins.json").get("plugins")).get(key)
    )
    version = as_object(installed[0] if installed else None).get("version", "")
    market = key.partition("@")[2]
    update = f"claude plugin marketplace update {market} && claude plugin update {key}"
    return Brought(f"its plugin {key}", str(version), update)


def codex(folder: Path) -> Brought | None:
    try:
        plugins = toml_edit.parse((folder / "config.toml").read_text(encoding="utf-8"), "config.toml")[
            "plugins"
        ]
    except (OSError, ValueError, ConfigError, KeyError):
        return None
    key = _ours(
        {each: as_object(told).get("enabled") is not False for each, told in as_object(plugins).items()}
    )
    if not key:
        return None
    cached = folder / "plugins" / "cache" / key.partition("@")[2] / NAME
    manifests = sorted(cached.glob("*/.codex-plugin/plugin.json"))
    version = _json(manifests[-1]).get("version", "") if manifests else ""
    return Brought(f"its plugin {key}", str(version), f"codex plugin add {key}")


def gemini_cli(folder: Path) -> Brought | None:
    extension = folder / "extensions" / NAME / "gemini-extension.json"
    if not extension.is_file():
        return None
    enabled = as_object(_json(folder / "extensions" / "extension-enablement.json").get(NAME))
    if not _on([str(rule) for rule in as_list(enabled.get("overrides"))], folder.parent):
        return None
    version = _json(extension).get("version", "")
    return Brought(f"its extension {NAME}", str(version), f"gemini extensions update {NAME}")


def _ours(plugins: Mapping[str, bool]) -> str:
    """`llm-router@MARKETPLACE`, if it is on."""
    return next((key for key, on in plugins.items() if on and key.partition("@")[0] == NAME), "")


def _on(rules: list[str], home: PurePath) -> bool:
    """The last rule that covers the user's folder decides: `/home/me/*` switches on, `!/home/me/*` off."""
    on = True
    for rule in rules:
        place = rule.removeprefix("!").removesuffix("*").rstrip("/")
        if home.is_relative_to(place or "/"):
            on = not rule.startswith("!")
    return on


def _json(path: Path) -> dict[str, Any]:
    try:
        return as_object(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return {}
