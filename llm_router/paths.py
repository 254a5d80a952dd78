"""Where the product keeps its files. One variable, LLM_ROUTER_HOME, moves all of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

PROJECT_FILE = ".llm-router.yaml"


def home() -> Path:
    """`$LLM_ROUTER_HOME`, else `~/.llm-router`; without any home (containers, CI), a folder per user in the temp dir."""
    if named := os.environ.get("LLM_ROUTER_HOME"):
        return Path(named).expanduser()
    try:
        return Path.home() / ".llm-router"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"llm-router-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def ensure_home(root: Path) -> None:
    """Make the home readable by its owner only: it holds a ledger, and may hold keys."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)


def config_file(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    named = environ.get("LLM_ROUTER_CONFIG")
    return Path(named).expanduser() if named else root / "config.yaml"


def database(root: Path) -> Path:
    return root / "router.db"


def spool(root: Path) -> Path:
    return root / "spool"


def project_file(start: Path) -> Path | None:
    """The nearest `.llm-router.yaml` at or above `start`."""
    for folder in (start, *start.parents):
        if (found := folder / PROJECT_FILE).is_file():
            return found
    return None
