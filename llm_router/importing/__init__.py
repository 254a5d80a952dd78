"""Other gateways' configuration files, read into settings of ours: what could be taken over, and what not and why.

    imported = read(Path("~/.claude-code-router/config.json"))

Claude Code Router (1.x and 2.x) and LiteLLM. Nothing is written here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from llm_router.errors import ConfigError
from llm_router.importing.result import Imported


def read(path: Path) -> Imported:
    """Raises ConfigError for a file that cannot be read or is of neither."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            f"{path}: {what}", fix="name a config.json or config.yaml", file=str(path)
        ) from None
    data = _parsed(text, path)
    if "Providers" in data or "Router" in data or "providers" in data:
        from llm_router.importing.ccr import imported

        return imported(data)
    if "model_list" in data or "litellm_settings" in data or "router_settings" in data:
        from llm_router.importing.litellm import imported

        return imported(data)
    raise ConfigError(
        f"{path}: neither of Claude Code Router (Providers, Router) nor of LiteLLM (model_list)",
        fix="name ~/.claude-code-router/config.json or LiteLLM's config.yaml",
        file=str(path),
    )


def _parsed(text: str, path: Path) -> dict[str, Any]:
    """Claude Code Router's file is JSON5, whatever its name says; LiteLLM's is YAML."""
    try:
        if text.lstrip().startswith(("{", "//", "/*")):
            import json5

            data: object = json5.loads(text)
        else:
            import yaml

            data = yaml.safe_load(text)
    except Exception as error:  # each library has errors of its own, and they say where
        what = " ".join(str(error).split())
        raise ConfigError(
            f"{path}: cannot be read: {what}", fix="correct it there first", file=str(path)
        ) from None
    if not isinstance(data, dict):
        raise ConfigError(
            f"{path}: holds no settings", fix="name a config.json or config.yaml", file=str(path)
        )
    return cast("dict[str, Any]", data)


__all__ = ["Imported", "read"]
