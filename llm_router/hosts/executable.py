"""The command that starts our MCP server, for the way this package is installed.

A host starts it from any folder, often without the user's PATH: the command is absolute, and does not depend on a
virtual environment being active or on the folder it is started in.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from llm_router.errors import UsageError

NAME = "llm-router"
_SCRIPT = NAME + (".exe" if os.name == "nt" else "")
_TEMPORARY = re.compile(r"(?:archive|environments|builds)-v\d+")


@dataclass(frozen=True)
class Command:
    """`lasting` is false when this interpreter is in a cache that may be emptied: uvx and `pipx run`."""

    program: str
    arguments: tuple[str, ...]
    lasting: bool = True


def find(environ: Mapping[str, str] = os.environ) -> Command:
    """Raises UsageError when nothing lasting can be named."""
    path = environ.get("PATH", os.defpath)
    prefix = Path(sys.prefix)
    if _in_uv_cache(prefix, environ):
        if uvx := shutil.which("uvx", path=path):
            return Command(uvx, (*_source(), NAME, "mcp"), lasting=False)
        if uv := shutil.which("uv", path=path) or environ.get("UV"):
            return Command(uv, ("tool", "run", *_source(), NAME, "mcp"), lasting=False)
    elif "pipx" in prefix.parts and "venvs" not in prefix.parts and (pipx := shutil.which("pipx", path=path)):
        return Command(pipx, ("run", NAME, "mcp"), lasting=False)
    return _installed(path)


def _installed(path: str) -> Command:
    script = Path(sys.executable).with_name(_SCRIPT)
    if script.is_file():
        # ~/.local/bin/llm-router of pipx and `uv tool` outlives an upgrade
        on_path = shutil.which(NAME, path=path)
        if on_path and Path(on_path).resolve() == script.resolve() and Path(on_path).is_symlink():
            return Command(str(Path(on_path).absolute()), ("mcp",))
        return Command(str(script), ("mcp",))
    try:
        metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        fix = "install it: uv tool install llm-router, or pip install -e . in a checkout"
        raise UsageError("this llm-router is not installed, so no host could start it", fix=fix) from None
    return Command(sys.executable, ("-P", "-m", "llm_router", "mcp"))


def _in_uv_cache(prefix: Path, environ: Mapping[str, str]) -> bool:
    cache = environ.get("UV_CACHE_DIR")
    return any(_TEMPORARY.fullmatch(part) for part in prefix.parts) or bool(
        cache and prefix.is_relative_to(cache)
    )


def _source() -> tuple[str, ...]:
    """`--from` for a package that does not come from the index."""
    try:
        told: dict[str, Any] = json.loads(metadata.distribution(NAME).read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return ()
    url: str = told.get("url", "")
    vcs: dict[str, str] = told.get("vcs_info", {})
    if not url:
        return ()
    revision = f"@{vcs['requested_revision']}" if vcs.get("requested_revision") else ""
    return ("--from", f"{vcs['vcs']}+{url}{revision}" if vcs.get("vcs") else url)
