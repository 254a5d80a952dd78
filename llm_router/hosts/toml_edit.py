"""Add, update or remove one table of a TOML text; every other byte stays.

Lines are found here and read by `tomllib`: this knows only where a statement ends. The result is read again and must
differ in that table only.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from llm_router.errors import ConfigError
from llm_router.hosts.jsonc import problem

Path = tuple[str, ...]
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\[\s\S])*?"{3,5}'
    r"|'''[\s\S]*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*|[\[\]{}]|\n|[^\"'#\[\]{}\n]+"
)
_KEY = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^"'=])+=""")
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_WIDTH = 100


class _Statement(NamedTuple):
    """A header or a key with its value: `text[start:end]`, whole lines."""

    path: Path
    start: int
    end: int
    header: bool


def parse(text: str, name: str) -> dict[str, Any]:
    """Raises ConfigError with line and column."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))
        lines = text.split("\n")
        line, column = (int(found[1]), int(found[2])) if found else (len(lines), len(lines[-1]) + 1)
        at = sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
        raise problem(text, at, _PLACE.sub("", str(error)).strip(), name) from None


def find(data: object, path: Path) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None  # type: ignore[reportUnknownVariableType]
    return data  # type: ignore[reportUnknownVariableType]


def put(text: str, path: Path, values: Mapping[str, Any], name: str) -> str:
    """Add the table at the end, or set these keys in it. A table that is spelled inline is the user's and stays."""
    before = parse(text, name)
    there = find(before, path)
    if there is None:
        return _checked(_append(text, path, values), before, path, dict(values), name)
    section = _section(text, path)
    if section is None:
        return text
    after = _update(text, section, {k: v for k, v in values.items() if there.get(k) != v})
    return _checked(after, before, path, {**there, **values}, name)


def drop(text: str, path: Path, name: str) -> str:
    """Remove the table and those below it, and the blank line that came with them."""
    before, after = parse(text, name), text
    while (section := _section(after, path, below=True)) is not None:
        start, end = section[0].start, section[-1].end
        newline = "\r\n" if "\r\n" in after else "\n"
        if after[:start].endswith(newline * 2):
            start -= len(newline) * (1 if after[:end].endswith("\n") else 2)
        after = after[:start] + after[end:]
    return text if after == text else _checked(after, before, path, None, name)


def _append(text: str, path: Path, values: Mapping[str, Any]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    header = "[" + ".".join(_key(key) for key in path) + "]"
    block = newline.join([header, *(f"{_key(k)} = {_value(v, newline)}" for k, v in values.items())])
    if not text:
        return block + newline
    return f"{text}{newline}{block}{newline}" if text.endswith("\n") else f"{text}{newline * 2}{block}"


def _update(text: str, section: list[_Statement], changed: Mapping[str, Any]) -> str:
    """Each key in its line; new ones below the last."""
    newline = "\r\n" if "\r\n" in text else "\n"
    header = section[0]
    lines = {each.path[-1]: each for each in section[1:] if len(each.path) == len(header.path) + 1}
    for key in reversed(list(changed)):
        line = f"{_key(key)} = {_value(changed[key], newline)}"
        old = lines.get(key)
        start, end = (old.start, old.end) if old else (section[-1].end, section[-1].end)
        if old or text[:start].endswith("\n"):
            text = (
                text[:start] + line + ("" if old and not text[:end].endswith("\n") else newline) + text[end:]
            )
        else:
            text = text[:start] + newline + line + text[end:]
    return text


def _section(text: str, path: Path, *, below: bool = False) -> list[_Statement] | None:
    """The header of a table (or of the first one below it) and the keys that follow."""
    found: list[_Statement] = []
    for each in _statements(text):
        if each.header and found:
            break
        if each.header and (each.path == path or (below and each.path[: len(path)] == path)):
            found = [each]
        elif found:
            found.append(each)
    return found or None


def _statements(text: str) -> Iterator[_Statement]:
    table: Path = ()
    for start, end in _lines(text):
        line = text[start:end]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.lstrip().startswith("["):
            table = _only(line)
            yield _Statement(table, start, end, header=True)
        elif key := _KEY.match(line):
            yield _Statement(table + _only(f"{key.group()} 0"), start, end, header=False)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Lines, with what continues inside brackets or long strings."""
    start = depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
        if token.group() == "\n" and not depth:
            yield start, token.end()
            start = token.end()
    if start < len(text):
        yield start, len(text)


def _only(line: str) -> Path:
    """The one name in a header, or in a key whose value is 0."""
    data: Any = tomllib.loads(line)
    path: Path = ()
    while data:
        level: dict[str, Any] = cast("list[Any]", data)[0] if isinstance(data, list) else data
        path = (*path, *level)
        data = next(iter(level.values()), None)
    return path


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _value(value: Any, newline: str) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v, newline)}" for k, v in value.items()) + " }"  # type: ignore[reportUnknownVariableType]
    if not isinstance(value, list | tuple):
        return json.dumps(value)
    items = [_value(item, newline) for item in value]  # type: ignore[reportUnknownVariableType]
    if sum(map(len, items)) < _WIDTH:
        return f"[{', '.join(items)}]"
    lines = [""]
    for item in items:
        lines = [*lines, ""] if len(lines[-1]) + len(item) > _WIDTH else lines
        lines[-1] += f" {item},"
    return "[" + newline + "".join(f" {line}{newline}" for line in lines) + "]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _checked(after: str, before: dict[str, Any], path: Path, wanted: object, name: str) -> str:
    expected = copy.deepcopy(before)
    holder = expected
    for key in path[:-1]:
        holder = holder.setdefault(key, {})
    if wanted is None:
        holder.pop(path[-1], None)
    else:
        holder[path[-1]] = wanted
    try:
        same = _bare(tomllib.loads(after), path) == _bare(expected, path)
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        fix = f"write `[{'.'.join(path)}]` as a table of its own, or add it yourself"
        raise ConfigError(f"{name}: cannot be edited without changing more", fix=fix, file=name)
    return after


def _bare(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """Without the tables above `path` where they are empty: they exist in TOML only as part of a name."""
    if find(data, path[:-1]) == {}:
        data = copy.deepcopy(data)
        find(data, path[:-2]).pop(path[-2])
    return data
