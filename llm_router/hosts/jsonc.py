"""JSON as settings files have it (comments, trailing commas), read with the place of everything in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from llm_router.errors import ConfigError

_SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*[\s\S]*?\*/)*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_WORD = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)")
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its span of the text, `text[start:end]`. `children` are those of an object or array."""

    value: Any
    start: int
    end: int
    children: tuple[Child, ...] = ()


@dataclass(frozen=True, slots=True)
class Child:
    """A member (`key` is its name, `start` where that is written) or an element. `comma` is the offset of its comma."""

    key: str | int
    start: int
    node: Node
    comma: int | None


def parse(text: str, name: str) -> Node | None:
    """The value of a text, None when it is blank. Raises ConfigError with line and column; `name` is the file's."""
    return _Reader(text, name).document()


def find(root: Node | None, path: tuple[str | int, ...]) -> Node | None:
    """The value at a path. Of members with the same name the last counts, as it does for every reader."""
    for key in path:
        if root is None:
            return None
        root = next((child.node for child in reversed(root.children) if child.key == key), None)
    return root


def problem(text: str, at: int, what: str, name: str) -> ConfigError:
    """What is wrong at an offset, for a person to find."""
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    fix = "correct the file, or move it away; nothing was written to it"
    message = f"{name}, line {line}, column {column}: {what}"
    return ConfigError(message, fix=fix, file=name, line=line, column=column)


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self.text, self.name, self.at, self.depth = text, name, 0, 0

    def document(self) -> Node | None:
        if self.blank() == len(self.text):
            return None
        node = self.value()
        if self.blank() < len(self.text):
            raise self.expected("the end of the file")
        return node

    def blank(self) -> int:
        """Pass over space and comments."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def value(self) -> Node:
        start = self.at
        opened = self.text[start : start + 1]
        if opened == '"':
            return Node(self.string(), start, self.at)
        if opened and opened in "{[":
            self.depth += 1
            if self.depth > _DEEPEST:
                raise problem(self.text, start, "nested too deeply", self.name)
            children = self.children("}" if opened == "{" else "]")
            self.depth -= 1
            values = [child.node.value for child in children]
            keyed = {child.key: child.node.value for child in children}
            return Node(keyed if opened == "{" else values, start, self.at, children)
        found = _WORD.match(self.text, start)
        if not found:
            raise self.expected("a value")
        self.at = found.end()
        return Node(json.loads(found.group()), start, self.at)

    def children(self, closing: str) -> tuple[Child, ...]:
        found: list[Child] = []
        self.at += 1
        self.blank()
        while not self.text.startswith(closing, self.at):
            start, key = self.at, self.key() if closing == "}" else len(found)
            node = self.value()
            self.blank()
            comma = self.at if self.text.startswith(",", self.at) else None
            found.append(Child(key, start, node, comma))
            if comma is None:
                break
            self.at += 1
            self.blank()
        if not self.text.startswith(closing, self.at):
            raise self.expected(f"`,` or `{closing}`")
        self.at += 1
        return tuple(found)

    def key(self) -> str:
        key = self.string()
        self.blank()
        if not self.text.startswith(":", self.at):
            raise self.expected("`:`")
        self.at += 1
        self.blank()
        return key

    def string(self) -> str:
        found = _STRING.match(self.text, self.at)
        if not found:
            raise self.expected("a string in double quotes")
        self.at = found.end()
        return json.loads(found.group())

    def expected(self, what: str) -> ConfigError:
        there = self.text[self.at : self.at + 1]
        instead = f"not {there!r}" if there else "but the file ends"
        return problem(self.text, self.at, f"{what} is expected here, {instead}", self.name)
