"""What the docstrings of the sandbox say: for docs/sandbox.md."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from docs_parts.markdown import block

from llm_router.sandbox import control as sandbox_control
from llm_router.sandbox import directives as sandbox_directives
from llm_router.sandbox.faults import Fault
from llm_router.sandbox.standins import codex, gemini


def faults() -> str:
    return block(inspect.cleandoc(Fault.__doc__ or ""))


def directives() -> str:
    return block("\n".join(_indented_part(sandbox_directives.__doc__)))


def control() -> str:
    return block("\n".join(_indented_part(sandbox_control.__doc__)))


def standins() -> str:
    return "\n\n".join(block(each.__doc__ or "") for each in (codex, gemini))


def _indented_part(docstring: str | None) -> Iterator[str]:
    """All but the first paragraph."""
    yield from (docstring or "").strip().splitlines()[2:]
