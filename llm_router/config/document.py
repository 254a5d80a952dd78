"""One file of settings as plain data, with the place of every key and value, so that an error can point at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_router.errors import ConfigError

Keys = tuple[str | int, ...]
MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written. `line` and `column` count from 1; 0 = not a file but a variable or a flag.

    `raw` is the text as written, before `${...}` was filled in: the only form an error may repeat.
    """

    source: str
    line: int = 0
    column: int = 0
    raw: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source

    def error(self, what: str, *, fix: str = "", key: str = "") -> ConfigError:
        return ConfigError(
            f"{self}: {key + ': ' if key else ''}{what}",
            fix=fix,
            file=self.source if self.line else "",
            line=self.line,
            column=self.column,
            key=key,
        )


@dataclass(slots=True)
class Document:
    """`data` holds only str-keyed mappings, lists and scalars. `empty` lists keys with nothing written after them."""

    data: dict[str, Any] = field(default_factory=dict[str, Any])
    keys: dict[Keys, Place] = field(default_factory=dict[Keys, Place])
    values: dict[Keys, Place] = field(default_factory=dict[Keys, Place])
    empty: list[Keys] = field(default_factory=list[Keys])
    problems: list[ConfigError] = field(default_factory=list[ConfigError])


def dotted(keys: Keys) -> str:
    return ".".join(str(part) for part in keys)


def read_text(path: Path) -> str:
    """The text of a file, newlines as they are; ConfigError when it cannot be read or is not UTF-8."""
    place = Place(str(path), 1, 1)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise place.error("does not exist", fix="create it, or correct LLM_ROUTER_CONFIG") from None
    except IsADirectoryError:
        raise place.error("is a folder, not a file", fix=f"move {path} away") from None
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise place.error(what, fix=f"make {path} readable by you, or move it away") from None
    if len(raw) > MAX_BYTES:
        raise place.error("is larger than 1 MB", fix="this is not a configuration file; move it away")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        at = Place(str(path), before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise at.error("is not UTF-8 text", fix="save the file as UTF-8") from None
