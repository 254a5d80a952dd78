"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from llm_router.cli.output import did_you_mean
from llm_router.errors import NotFoundError
from llm_router.nouns import Task

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


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
