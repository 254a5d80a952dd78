"""The analysis of the enforcement log as Markdown, and the file it is kept in. Standard library only, like `violations`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from llm_router.hosts.violations import TOP, Analysis


def path_of(home: Path, today: datetime) -> Path:
    return home / "retrospectives" / f"violation-report-{today:%Y-%m-%d}.md"


def write(home: Path, found: Analysis, today: datetime) -> Path:
    """One report a day: a later one of the same day takes its place. Raises OSError."""
    path = path_of(home, today)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}")
    try:
        draft.write_text(render(found, today), encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def render(found: Analysis, today: datetime) -> str:
    parts = [f"# Routing violations, {today:%Y-%m-%d}", "", *summary(found)]
    if found.violations:
        parts += [
            *_table(
                "Expected against used: the ten most frequent", ("expected", "used", "count"), found.pairs
            ),
            *_table("Tool sequences", ("expected", "used, in order", "count"), found.sequences),
            *_patterns(found),
            *_table("Sessions with most violations", ("session", "violations"), found.by_session),
            *_table("Days", ("day", "violations"), found.by_day),
        ]
    return "\n".join(parts).rstrip() + "\n"


def summary(found: Analysis) -> list[str]:
    """A few lines, for a terminal too."""
    if not found.violations:
        lines = ["No violations."]
    else:
        mean = found.violations / found.sessions
        lines = [
            f"{found.violations:,} violations in {found.sessions:,} sessions ({mean:.1f} each), {found.first} to {found.last}."
        ]
    if found.malformed:
        lines.append(f"{found.malformed:,} lines could not be read and are not counted.")
    return lines


def _patterns(found: Analysis) -> list[str]:
    parts = ["", "## Patterns and fixes", ""]
    for each in found.patterns:
        parts += [
            f"- **{each.name}**: {each.count:,} ({each.share:.0%}). {each.what}",
            f"  Fix: {each.fix}",
        ]
    return parts


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    head = [
        "",
        f"## {title}",
        "",
        f"| {' | '.join(columns)} |",
        f"|{'|'.join(' --- ' for _ in columns)}|",
    ]
    shown = rows[-31:] if columns[0] == "day" else rows[:TOP]
    return [*head, *(f"| {' | '.join(map(_cell, row))} |" for row in shown)]


def _cell(value: object) -> str:
    """A tool may be called anything; it must not end its cell or become markup."""
    if isinstance(value, int):
        return f"{value:,}"
    text = "".join(c if c.isprintable() and c not in "|`" else " " for c in str(value)[:300])
    return f"`{text.strip() or '-'}`"
