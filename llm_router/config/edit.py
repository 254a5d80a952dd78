"""Change one setting in a user's file and nothing else: comments, order and spelling stay.

A span of the text is replaced, or one line added; the result is read again and must differ in that one setting only,
else nothing is written. A library that rewrites the whole file would be longer to load and would reformat it.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from yaml.nodes import MappingNode, Node, ScalarNode

from llm_router.config.document import dotted, read_text
from llm_router.config.problems import validate
from llm_router.config.yaml_text import compose, parse
from llm_router.errors import ConfigError


def set_values(path: Path, changes: Mapping[tuple[str, ...], str]) -> None:
    """Write settings into the file in one step, keeping a `.bak`. A value is a YAML scalar as written, `null` for none.

    Raises ConfigError, and leaves the file alone, when the result would not be valid or more than these would change.
    """
    path = Path(os.path.realpath(path))  # keep a link into a dotfiles folder a link
    text = read_text(path) if path.exists() else ""
    edited, wanted = text, parse(text, str(path), {}).data
    for keys, value in changes.items():
        edited = edit(edited, keys, value)
        wanted = _with(wanted, keys, parse(f"v: {value}", str(path), {}).data["v"])
    after = parse(edited, str(path), {})
    if after.data != wanted:
        lines = "; ".join(f"{dotted(keys)}: {value}" for keys, value in changes.items())
        what = f"{path}: cannot be edited without changing more"
        raise ConfigError(what, fix=f"write it into the file yourself: {lines}", file=str(path))
    if problems := [p for p in validate(after, partial=True)[1] if p.key in map(dotted, changes)]:
        raise problems[0]
    _write(path, edited, backup=text)


def edit(text: str, keys: Sequence[str], value: str) -> str:
    """The text with the setting changed or added. Nothing is promised about the rest: the caller compares."""
    newline = "\r\n" if "\r\n" in text else "\n"
    node, depth = compose(text, "config.yaml"), 0
    section: Node | None = node
    last_key: Node | None = None
    while isinstance(section, MappingNode) and depth < len(keys):
        found = next((pair for pair in section.value if pair[0].value == keys[depth]), None)
        if found is None:
            return _insert(text, section, keys[depth:], value, newline)
        last_key, section, depth = found[0], found[1], depth + 1
    if section is None or last_key is None:
        lead = text if not text or text.endswith("\n") else text + newline
        return lead + _block(keys, value, 0, newline)
    if depth == len(keys):
        gap = " " if section.start_mark.index == last_key.end_mark.index + 1 else ""
        return _splice(text, section.start_mark.index, section.end_mark.index, gap + value)
    if isinstance(section, ScalarNode) and section.value in {"", "~", "null"}:  # `budget:` with nothing below
        block = _block(keys[depth:], value, last_key.start_mark.column + 2, newline)
        return _fill(text, section, block, newline)
    return text  # a list or a word stands where a section belongs: the comparison refuses


def _fill(text: str, nothing: Node, block: str, newline: str) -> str:
    """Put a block below a key that has no value yet; a comment beside the key stays there."""
    start, end = nothing.start_mark.index, nothing.end_mark.index
    eol = text.find("\n", end)
    line, rest = (text[end:], "") if eol < 0 else (text[end:eol], text[eol + 1 :])
    return (text[:start] + line).rstrip() + newline + block + rest


def _insert(text: str, section: MappingNode, keys: Sequence[str], value: str, newline: str) -> str:
    """Add the setting as the last of a section, or the first inside `{}`."""
    if section.flow_style:
        at = section.start_mark.index + 1
        inner = "".join(f"{_plain(key)}: {{" for key in keys[:-1]) + f"{_plain(keys[-1])}: {value}"
        return _splice(text, at, at, inner + "}" * (len(keys) - 1) + (", " if section.value else ""))
    block = _block(keys, value, section.start_mark.column, newline)
    last: Node = section.value[-1][1]
    at = _after(text, last)
    lead = "" if not at or text[at - 1] == "\n" else newline
    return _splice(text, at, at, lead + block)


def _after(text: str, node: Node) -> int:
    """Where the next line after a node's own text starts; a comment on its last line stays with it."""
    while isinstance(node, MappingNode) and not node.flow_style and node.value:
        node = node.value[-1][1]
    end = len(text[: node.end_mark.index].rstrip())
    newline = text.find("\n", end)
    return len(text) if newline < 0 else newline + 1


def _block(keys: Sequence[str], value: str, indent: int, newline: str) -> str:
    lines = [f"{' ' * (indent + 2 * depth)}{_plain(key)}:" for depth, key in enumerate(keys)]
    return newline.join(lines) + f" {value}{newline}"


def _plain(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", key) else json.dumps(key)


def _splice(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _with(data: dict[str, Any], keys: Sequence[str], value: object) -> dict[str, Any]:
    below = data.get(keys[0])
    if len(keys) > 1:
        section = cast("dict[str, Any]", below) if isinstance(below, dict) else {}
        value = _with(section, keys[1:], value)
    return data | {keys[0]: value}


def _write(path: Path, text: str, *, backup: str) -> None:
    """Replace the file in one step, so that a crash leaves the old or the new one and never half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    try:
        if path.exists():
            _replace(path.with_name(path.name + ".bak"), backup, mode)
        _replace(path, text, mode)
    except OSError as error:
        what = f"{path} cannot be written: {error.strerror or error}"
        raise ConfigError(
            what, fix=f"make {path.parent} writable by you, with room on its disk", file=str(path)
        ) from None


def _replace(path: Path, text: str, mode: int) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
