"""An answer taken apart: its fenced code, the files that code is for, its patches, and the prose around them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^(?P<indent> {0,3}|\t*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$")
_PATH = r"[\w.@+-]+(?:/[\w.@+-]+)*\.\w{1,8}"
_IN_INFO = re.compile(rf"(?:^|[\s:=\"'(])({_PATH})(?=$|[\s\"')])")
_BEFORE = re.compile(rf"[`*\"']({_PATH})[`*\"']|^(?:#+\s*|File:?\s*)?({_PATH}):?\s*$", re.IGNORECASE)
_FIRST_LINE = re.compile(
    rf"^\s*(?:#|//|--|/\*|<!--)\s*(?:file(?:name)?:?\s*)?({_PATH})\s*(?:\*/|-->)?\s*$", re.IGNORECASE
)
_NAMES = {
    "py": "python",
    "python3": "python",
    "pycon": "python",
    "js": "javascript",
    "jsx": "javascript",
    "mjs": "javascript",
    "node": "javascript",
    "ts": "typescript",
    "tsx": "typescript",
    "yml": "yaml",
    "golang": "go",
    "rs": "rust",
    "c++": "cpp",
    "cc": "cpp",
    "cs": "csharp",
    "c#": "csharp",
    "rb": "ruby",
    "kt": "kotlin",
    "sh": "shell",
    "bash": "shell",
    "zsh": "shell",
    "console": "shell",
    "patch": "diff",
    "jsonc": "json5",
}
_DIFF_START = re.compile(r"^(?:diff --git |--- (?:a/|/dev/null|\S))", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `language` is lower case, "" where none is named; `file` the path it is meant for, or ""."""

    language: str
    code: str
    file: str = ""
    closed: bool = True


def blocks(text: str) -> list[Block]:
    return [block for block, _ in _parts(text) if block is not None]


def prose(text: str) -> str:
    """What is said outside fenced code."""
    return "\n".join(line for block, line in _parts(text) if block is None)


def patch(text: str) -> str:
    """The unified diffs of an answer, joined; "" where there are none."""
    fenced = [b.code for b in blocks(text) if b.language == "diff" or _is_diff(b.code)]
    if fenced:
        return "\n".join(each.rstrip("\n") for each in fenced) + "\n"
    start = _DIFF_START.search(text)
    return text[start.start() :].rstrip() + "\n" if start and _is_diff(text) else ""


def _is_diff(text: str) -> bool:
    return bool(re.search(r"^--- .+\n\+\+\+ .+\n@@ ", text, re.MULTILINE))


def _parts(text: str) -> Iterator[tuple[Block | None, str]]:
    """In order: blocks, and the lines outside of them."""
    lines, said = text.splitlines(), ""
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if opening is None:
            said = lines[at] if lines[at].strip() else said
            yield None, lines[at]
            at += 1
            continue
        end = _closing(lines, at + 1, opening["fence"])
        code = "\n".join(line.removeprefix(opening["indent"]) for line in lines[at + 1 : end])
        yield _block(opening["info"].strip(), code, said, closed=end < len(lines)), ""
        at, said = end + 1, ""


def _closing(lines: list[str], start: int, fence: str) -> int:
    """The line that ends the block; the number of lines where none does. A fence inside a longer one is content."""
    for at in range(start, len(lines)):
        line = lines[at].strip()
        if len(line) >= len(fence) and not line.strip(fence[0]):
            return at
    return len(lines)


def _block(info: str, code: str, said: str, *, closed: bool) -> Block:
    word = re.split(r"[\s:{,]", info, maxsplit=1)[0].lower().lstrip(".")
    first = code.partition("\n")[0]
    found = _IN_INFO.search(info) or _FIRST_LINE.match(first) or _BEFORE.search(said.strip())
    file = next((group for group in found.groups() if group), "") if found else ""
    if not word or "." in word:
        word = file.rpartition(".")[2]
    return Block(_NAMES.get(word, word), code, file, closed)
