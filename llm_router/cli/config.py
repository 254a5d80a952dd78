"""`config`: check, show, describe, import and find the configuration."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, cast

import click

from llm_router import config as configuration
from llm_router import paths
from llm_router.cli import output
from llm_router.cli.options import json_option
from llm_router.cli.render import table
from llm_router.config import Loaded
from llm_router.config.edit import set_values
from llm_router.errors import ConfigError

# a key inside a URL is a key
_LOGIN = re.compile(r"//[^/@\s\"]+@")
_QUERY = re.compile(r"(://[^\s\"?]*\?)[^\s\"]+")


@click.group()
def config() -> None:
    """Check, show or describe the configuration."""


@config.command()
@json_option
def check(as_json: bool) -> int:
    """Find every problem, with line, column, key and fix."""
    loaded, problems = _check()
    warnings = loaded.warnings if loaded else ()
    if as_json:
        output.emit({"ok": not problems, "problems": [p.as_dict() for p in problems], "warnings": warnings})
        return ConfigError.exit_code if problems else 0
    for problem in problems:
        output.show_error(problem, as_json=False)
    for warning in warnings:
        output.note(f"warning: {warning}")
    if loaded:
        output.say(f"ok: {', '.join(str(f) for f in loaded.files) or 'no file, the defaults hold'}")
    return ConfigError.exit_code if problems else 0


def _check() -> tuple[Loaded | None, tuple[ConfigError, ...]]:
    return configuration.check(root=paths.home(), cwd=paths.here(), environ=os.environ)


@config.command()
@json_option
def show(as_json: bool) -> None:
    """The effective settings and where each was set. Keys are masked."""
    loaded = configuration.load(root=paths.home(), cwd=paths.here(), environ=os.environ)
    plain = json.dumps(loaded.settings.model_dump(mode="json"))
    settings = json.loads(_QUERY.sub(r"\1***", _LOGIN.sub("//***@", plain)))
    if as_json:
        output.emit(
            {"settings": settings, "sources": loaded.sources, "files": [str(f) for f in loaded.files]}
        )
        return
    rows = [[key, value, loaded.sources.get(key, "default")] for key, value in _flat(settings)]
    table(["setting", "value", "set by"], rows)


def _flat(section: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in section.items():
        key = above + name
        if isinstance(value, dict) and value:
            rows += _flat(cast("dict[str, Any]", value), key + ".")
        else:
            rows.append((key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return rows


@config.command()
@click.option("--json", is_flag=True, expose_value=False, help="It is JSON anyway.")
def schema() -> None:
    """JSON Schema of the configuration file, for editors."""
    json.dump(configuration.schema(), sys.stdout, indent=2)
    output.say()


@config.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--write", is_flag=True, help="Into your config.yaml, of which a backup is kept. Else it is only shown."
)
@json_option
def import_(file: Path, write: bool, as_json: bool) -> None:
    """Take over Claude Code Router's config.json or LiteLLM's config.yaml.

    Shows the settings it makes of it, what it could not take over, and why. Keys are masked; with --write they are written as they are.
    """
    import yaml

    from llm_router.importing import read

    imported = read(file.expanduser())
    target = paths.config_file(paths.home())
    if write:
        paths.ensure_home(target.parent)
        set_values(target, {keys: json.dumps(value) for keys, value in imported.leaves()})
    if as_json:
        left = [{"what": what, "why": why} for what, why in imported.left]
        body = {
            "source": imported.source,
            "settings": imported.shown(),
            "left": left,
            "notes": imported.notes,
        }
        output.emit(body | {"written": str(target) if write else None})
        return
    text = yaml.safe_dump(imported.shown(), sort_keys=False, allow_unicode=True)  # pyright: ignore[reportUnknownMemberType]
    output.say(text.rstrip())
    for note in imported.notes:
        output.note(f"note: {note}")
    for what, why in imported.left:
        output.note(f"not taken over: {what}: {why}")
    output.note(f"written to {target}" if write else f"nothing was written; --write puts it into {target}")


@config.command()
@json_option
def path(as_json: bool) -> None:
    """Where the files are: yours, and the project's if there is one."""
    user, project = paths.config_file(paths.home()), paths.project_file(paths.here())
    if as_json:
        output.emit({"user": str(user), "project": str(project) if project else None})
        return
    output.say(str(user))
    if project:
        output.say(str(project))
