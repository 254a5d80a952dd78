"""Change one thing in a JSON text, in its own style; every other byte stays.

Each function returns the new text, reads it again, and refuses if more than the asked for would differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from llm_router.errors import ConfigError
from llm_router.hosts.jsonc import Child, Node, find, parse, problem

Path = tuple[str | int, ...]
_LONG = 60
_LINE_REST = re.compile(r"(?:[ \t]*/\*[^\r\n]*?\*/)*[ \t]*(?://[^\r\n]*)?(?=\r?\n|\Z)")


class _Style(NamedTuple):
    """How the file is written. `unit` is one level of indentation, "" for a text on a single line."""

    newline: str
    unit: str
    tight: bool

    def write(self, value: object, indent: str | None) -> str:
        """A value; continued lines begin with `indent`, None keeps it on one line."""
        if indent is None or not self.unit:
            gaps = (",", ":") if self.tight else (", ", ": ")
            return json.dumps(value, ensure_ascii=False, separators=gaps)
        written = json.dumps(value, ensure_ascii=False, indent=self.unit)
        return written.replace("\n", self.newline + indent)


def put(text: str, path: tuple[str, ...], value: object, name: str) -> str:
    """Set a member; missing objects above it are made. Raises ConfigError when something else is in the way."""
    root = parse(text, name)
    node = find(root, path)
    if node is None:
        return _add(text, root, path, value, name)
    style = _style(text, root)
    indent = _indent(text, node.start) if "\n" in text[node.start : node.end] or style.unit else None
    after = text[: node.start] + style.write(value, indent) + text[node.end :]
    return _checked(after, text, name, lambda data: _set(data, path, value))


def append(text: str, path: tuple[str, ...], value: object, name: str) -> str:
    """Add an element to the end of an array; it, and what is above it, is made if missing."""
    root = parse(text, name)
    array = find(root, path)
    if array is None:
        return _add(text, root, path, [value], name)
    if not isinstance(array.value, list):
        raise problem(text, array.start, f"{_dotted(path)} is not a list", name)
    after = _insert(text, array, None, value, _style(text, root))
    return _checked(after, text, name, lambda data: _at(data, path).append(value))


def drop(text: str, path: Path, name: str, prune: Callable[[Path], bool] = lambda _: False) -> str:
    """Remove a member or element, and then what held it, as long as that is empty and `prune` says so of its path."""
    root = parse(text, name)
    owner = find(root, path[:-1])
    keys = [child.key for child in owner.children] if owner else []
    place = len(keys) - 1 - keys[::-1].index(path[-1]) if path[-1] in keys else None
    if owner is None or place is None:
        return text
    after = _remove(text, owner, place)
    after = _checked(after, text, name, lambda data: _at(data, path[:-1]).__delitem__(path[-1]))
    left = find(parse(after, name), path[:-1])
    empty = left is not None and left.end - left.start == 2
    return drop(after, path[:-1], name, prune) if empty and path[:-1] and prune(path[:-1]) else after


def _add(text: str, root: Node | None, path: tuple[str, ...], value: object, name: str) -> str:
    """Add a member to the deepest object that is there; what is missing below is made with it."""
    depth = next(n for n in range(len(path) - 1, -1, -1) if find(root, path[:n]) is not None or n == 0)
    nested: object = value
    for key in reversed(path[depth + 1 :]):
        nested = {key: nested}
    if root is None:
        return _first(text, {path[0]: nested})
    holder = cast("Node", find(root, path[:depth]))
    if not isinstance(holder.value, dict):
        where = _dotted(path[:depth]) or "the file"
        raise problem(text, holder.start, f"{where} is not an object", name)
    after = _insert(text, holder, path[depth], nested, _style(text, root))
    return _checked(after, text, name, lambda data: _set(data, path, value))


def _first(text: str, value: object) -> str:
    """A file that was blank, or held comments only."""
    style = _style(text, None)
    lead = "" if not text.strip() or text.endswith("\n") else style.newline
    return (text if text.strip() else "") + lead + style.write(value, "") + style.newline


def _insert(text: str, holder: Node, key: str | None, value: object, style: _Style) -> str:
    """The text with one child more, at the end of `holder`."""
    if not holder.children:
        return _insert_only(text, holder, key, value, style)
    last = holder.children[-1]
    end = last.node.end if last.comma is None else last.comma + 1
    if _begins_line(text, last.start):
        rest = _LINE_REST.match(text, end)
        at, indent = rest.end() if rest else end, _indent(text, last.start)
        lead = style.newline + indent
    elif style.unit and len(style.write(value, None)) > _LONG:  # a line of its own below a short list
        at, indent = end, _indent(text, holder.start) + style.unit
        lead = style.newline + indent
    else:
        at, indent, lead = end, None, "" if style.tight else " "
    new = lead + _child(key, value, style, indent)
    if last.comma is not None:  # the file ends its lists with a comma
        return text[:at] + new + "," + text[at:]
    return text[:end] + "," + text[end:at] + new + text[at:]


def _insert_only(text: str, holder: Node, key: str | None, value: object, style: _Style) -> str:
    at, inside = holder.start + 1, text[holder.start + 1 : holder.end - 1]
    if not style.unit:
        return text[:at] + _child(key, value, style, None) + text[at:]
    base = _indent(text, holder.start)
    new = style.newline + base + style.unit + _child(key, value, style, base + style.unit)
    return text[:at] + new + ("" if "\n" in inside else style.newline + base) + text[at:]


def _child(key: str | None, value: object, style: _Style, indent: str | None) -> str:
    written = style.write(value, indent)
    colon = ":" if style.tight else ": "
    return written if key is None else json.dumps(key, ensure_ascii=False) + colon + written


def _remove(text: str, holder: Node, place: int) -> str:
    """The text without one child: the reverse of `_insert`."""
    children = holder.children
    gone, before = children[place], children[place - 1] if place else None
    last = place == len(children) - 1
    start, end = _span(text, holder, gone, before, last=last)
    head, tail = text[:start], text[end:]
    if last and gone.comma is None and before is not None and before.comma is not None:
        head = head[: before.comma] + head[before.comma + 1 :]
    closing = holder.end - 1 - end
    if len(children) == 1 and not (head[holder.start + 1 :] + tail[:closing]).strip():
        return head[: holder.start + 1] + tail[closing:]
    return head + tail


def _span(text: str, holder: Node, gone: Child, before: Child | None, *, last: bool) -> tuple[int, int]:
    """What to cut: the child, its comma, and the space that came with it."""
    end = gone.node.end if gone.comma is None else gone.comma + 1
    gap = len(text[end:]) - len(text[end:].lstrip(" \t"))
    if not _begins_line(text, gone.start):
        if before is None:
            return gone.start, end if last else end + gap
        return len(text[: gone.start].rstrip(" \t")), end
    line = text.rfind("\n", 0, gone.start)
    line -= text.startswith("\r\n", line - 1) if line else 0
    since = before.node.end if before else holder.start
    if _LINE_REST.match(text, end) or (last and "//" not in text[since:line]):
        return line, end
    return gone.start, end + gap  # the line goes on with something that must not be pulled up


def _style(text: str, root: Node | None) -> _Style:
    newline = "\r\n" if "\r\n" in text else "\n"
    if root is None or not root.children:
        return _Style(newline, "  ", tight=False)
    first = root.children[0]
    if not _begins_line(text, first.start):
        return _Style(newline, "", tight=": " not in text and ", " not in text)
    return _Style(
        newline, _indent(text, first.start).removeprefix(_indent(text, root.start)) or "  ", tight=False
    )


def _indent(text: str, at: int) -> str:
    """The white space that the line of an offset begins with."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _begins_line(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \t")
    return before.endswith("\n")


def _checked(after: str, before: str, name: str, change: Callable[[Any], object]) -> str:
    root = parse(before, name)
    wanted: Any = root.value if root else {}
    change(wanted)
    read = parse(after, name)
    if read is None or read.value != wanted:
        raise ConfigError(
            f"{name}: cannot be edited without changing more", fix="edit it yourself", file=name
        )
    return after


def _at(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data


def _set(data: Any, path: tuple[str, ...], value: object) -> None:
    for key in path[:-1]:
        data = data.setdefault(key, {})
    data[path[-1]] = value


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
