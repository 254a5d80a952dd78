"""Tables: rich on a terminal, aligned plain text elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from llm_router.cli.output import visible


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", right: Sequence[str] = ()
) -> None:
    """Print rows of text. `right` names the columns that align right."""
    clean = [[visible(cell, terminal=True) for cell in row] for row in rows]
    if sys.stdout.isatty() or os.environ.get("FORCE_COLOR"):
        _rich(columns, clean, title, right)
    else:
        _plain(columns, clean, title, right)


def _plain(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str, right: Sequence[str]) -> None:
    lines = [[name.upper() for name in columns], *rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    if title:
        sys.stdout.write(f"{title}\n")
    for line in lines:
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(line, widths, columns, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _rich(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str, right: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title or None, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    last = len(columns) - 1  # only this may break: names and figures are to be read and copied whole
    for place, name in enumerate(columns):
        drawn.add_column(
            name, justify="right" if name in right else "left", overflow="fold", no_wrap=place != last
        )
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(file=sys.stdout, legacy_windows=False).print(drawn)
