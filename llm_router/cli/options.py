"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from llm_router.cli.output import did_you_mean
from llm_router.errors import NotFoundError, UsageError
from llm_router.nouns import JsonDict, Task

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


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
