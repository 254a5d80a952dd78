"""Writes the parts of docs/ that are made from the code, between `<!-- generated: NAME -->` and `<!-- end of NAME -->`.

    python scripts/generate_docs.py            rewrite them
    python scripts/generate_docs.py --check    change nothing; exit 1 and name the pages that are not up to date

What stands outside the marks is written by hand, and tests/docs hold it to the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from docs_parts import failures, gateway, providers, sandbox, tools
from docs_parts.commands import commands
from docs_parts.settings import settings

DOCS = Path(__file__).resolve().parent.parent / "docs"
_PART = re.compile(
    r"(?P<start><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end of (?P=name) -->)", re.DOTALL
)


def _decisions() -> str:
    """The titles of docs/adr, in order."""
    pages = sorted((DOCS / "adr").glob("[0-9]*.md"))
    titles = (page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for page in pages)
    return "\n".join(f"- [{title}]({page.name})" for page, title in zip(pages, titles, strict=True))


PARTS: dict[str, Callable[[], str]] = {
    "failures": failures.failures,
    "limits": failures.limits,
    "settings": settings,
    "commands": commands,
    "endpoints": gateway.endpoints,
    "environment": gateway.environment,
    "tools": tools.tools,
    "resources": tools.resources,
    "vendors": providers.vendors,
    "chains": providers.chains,
    "strategies": providers.strategies,
    "aliases": providers.aliases,
    "faults": sandbox.faults,
    "directives": sandbox.directives,
    "control": sandbox.control,
    "standins": sandbox.standins,
    "decisions": _decisions,
}


def rendered(page: str) -> str:
    """The page with every generated part made anew. Raises KeyError for a mark that names no part."""
    return _PART.sub(lambda found: f"{found['start']}{PARTS[found['name']]()}\n{found['end']}", page)


def parts_of(page: str) -> list[str]:
    return [found["name"] for found in _PART.finditer(page)]


def stale(pages: Iterable[Path]) -> list[tuple[Path, str]]:
    """The pages that differ from what the code says, with the text they should have."""
    read = ((page, page.read_text(encoding="utf-8")) for page in pages)
    return [(page, fresh) for page, text in read if (fresh := rendered(text)) != text]


def main(arguments: Sequence[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    found = stale(sorted(DOCS.rglob("*.md")))
    for page, text in found:
        if not arguments:
            page.write_text(text, encoding="utf-8")
        print(f"{page.relative_to(DOCS.parent)}: {'not up to date' if arguments else 'written'}")
    return 1 if found and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
