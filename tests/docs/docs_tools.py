"""The pages, and what is in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    text: str

    def __str__(self):
        first = next(iter(self.text.split("\n")), "")[:40]
        return f"{self.page.relative_to(ROOT)}: {first}"


def blocks(*languages):
    found = [Block(page, *match.groups()) for page in PAGES for match in _FENCE.finditer(page.read_text())]
    return [block for block in found if block.language in languages]


def prose(page):
    """The page without its code blocks."""
    return _FENCE.sub("", page.read_text())


def inline_code(page):
    return _CODE.findall(prose(page))


def name_of(page):
    return str(page.relative_to(ROOT))
