"""JSON as settings files have it (comments, trailing commas), read with the place of everything in it."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from llm_router.errors import ConfigError

_SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*[\s\S]*?\*/)*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_DEEPEST = 200


def _unknown(word: str) -> Any:
    raise ValueError(word)  # NaN and Infinity are Python's, not JSON's


_PLAIN = json.JSONDecoder(parse_constant=_unknown)


class Node:
    """A value and its span of the text, `text[start:end]`."""

    __slots__ = ("_children", "_reader", "end", "start", "value")

    def __init__(self, value: Any, start: int, end: int, reader: _Reader, children: Children | None) -> None:
        self.value, self.start, self.end = value, start, end
        self._reader, self._children = reader, children

    @property
    def children(self) -> Children:
        """Those of an object or array; what was read at once is looked at more closely only here."""
        if self._children is None:
            self._children = self._reader.inside(self.start)
        return self._children


class Child(NamedTuple):
    """A member (`key` is its name, `start` where that is written) or an element. `comma` is the offset of its comma."""

    key: str | int
    start: int
    node: Node
    comma: int | None


Children = tuple[Child, ...]


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
        """What is plain JSON is read by the standard library: these files can have megabytes."""
        start = self.at
        try:
            value, self.at = _PLAIN.raw_decode(self.text, start)
        except (ValueError, RecursionError):
            return self.lenient()
        return Node(value, start, self.at, self, None if isinstance(value, dict | list) else ())

    def lenient(self) -> Node:
        """A value with comments in it, or a mistake."""
        start = self.at
        opened = self.text[start : start + 1]
        if opened == '"':
            return Node(self.string(), start, self.at, self, ())
        if not opened or opened not in "{[":
            raise self.expected("a value")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise problem(self.text, start, "nested too deeply", self.name)
        children = self.children("}" if opened == "{" else "]")
        self.depth -= 1
        values = [child.node.value for child in children]
        keyed = {child.key: child.node.value for child in children}
        return Node(keyed if opened == "{" else values, start, self.at, self, children)

    def inside(self, start: int) -> Children:
        """The children of an object or array that was read already."""
        self.at = start
        return self.children("}" if self.text[start] == "{" else "]") if self.text[start] in "{[" else ()

    def children(self, closing: str) -> Children:
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
