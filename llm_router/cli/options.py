"""Options that several commands share."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from llm_router.cli.output import did_you_mean
from llm_router.errors import NotFoundError, UsageError
from llm_router.nouns import JsonDict, Task

Command = TypeVar("Command", bound=Callable[..., Any])
_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


def json_option(command: Command) -> Command:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def moment(since: str) -> float:
    """Unix seconds of a date (2026-03-01), or of so long ago (12h, 7d, 4w)."""
    if match := re.fullmatch(r"(\d{1,6})([hdw])", since):
        return time.time() - int(match[1]) * _UNITS[match[2]]
    try:
        return datetime.fromisoformat(since).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"--since {since}: neither a date nor a span", fix="write 2026-03-01, 12h, 7d or 4w"
        ) from None


class JsonFile(click.ParamType[Any]):
    """The JSON object in a file."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> JsonDict:  # noqa: ARG002
        try:
            found = json.loads(Path(value).read_bytes())
        except (OSError, ValueError) as error:
            raise UsageError(f"{value}: {error}", fix="name a file that holds a JSON object") from error
        if not isinstance(found, dict):
            raise UsageError(
                f"{value} holds no JSON object", fix='a JSON Schema is an object: {"type": "object", ...}'
            )
        return cast("JsonDict", found)


class TaskName(click.Choice[str]):
    """A task by name; an unknown one is "not found" (exit 4), as an unknown model is."""

    def __init__(self) -> None:
        super().__init__([str(task) for task in Task])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        if value in self.choices:
            return str(value)
        known = [str(choice) for choice in self.choices]
        hint = did_you_mean(str(value), known)
        raise NotFoundError(f"no such task: {value}", fix=f"{hint} known: {', '.join(known)}".strip())
