"""Where settings come from: defaults < user file < project file < environment < flags.

    loaded = load(root=..., cwd=..., environ=os.environ, flags={"router.profile": "budget"})

Mappings merge key by key; lists and scalars are replaced. `${VAR}` and `${VAR:-default}` are filled in the user's
file only. Environment: the names in `_VARIABLES`, and `LLM_ROUTER_<SECTION>__<KEY>` for every other setting (a list as
`[a, b]`). Errors name file, line, column, key and fix; `check` finds all of them, `load` raises the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from llm_router import paths
from llm_router.config.document import Document, Keys, Place, dotted, read_text
from llm_router.config.problems import known_keys, validate
from llm_router.config.project import leaves, refused, tighten
from llm_router.errors import ConfigError
from llm_router.nouns import JsonDict
from llm_router.settings import Settings

_VARIABLES = {
    "LLM_ROUTER_PROFILE": "router.profile",
    "LLM_ROUTER_ENFORCE": "router.enforce",
    "LLM_ROUTER_BASELINE": "router.baseline",
    "LLM_ROUTER_STORE_PROMPTS": "router.store_prompts",
    "LLM_ROUTER_ACCESS_KEY": "gateway.access_key",
}
_WITHOUT_EFFECT = ("caching", "fallback")  # the field's guides show them


@dataclass(frozen=True, slots=True)
class Loaded:
    """`sources` says for each setting that is not a default where it was set: `file:line:column`, a variable, a flag."""

    settings: Settings
    sources: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def load(
    *, root: Path, cwd: Path, environ: Mapping[str, str], flags: Mapping[str, object] | None = None
) -> Loaded:
    """The effective settings; raises the first problem as ConfigError."""
    loaded, problems = check(root=root, cwd=cwd, environ=environ, flags=flags)
    if loaded is None or problems:
        raise problems[0]
    return loaded


def check(
    *, root: Path, cwd: Path, environ: Mapping[str, str], flags: Mapping[str, object] | None = None
) -> tuple[Loaded | None, tuple[ConfigError, ...]]:
    """The effective settings, or every problem of every file, variable and flag."""
    reading = _Reading(environ)
    reading.user(paths.config_file(root, environ))
    reading.project(cwd)
    reading.layer(_variables(environ, reading.problems))
    reading.layer(
        _named((f"--{k.rpartition('.')[2]}", k, v) for k, v in (flags or {}).items() if v is not None)
    )
    if reading.problems:
        return None, tuple(reading.problems)
    settings, problems = validate(reading.merged)
    if settings is None or problems:
        return None, tuple(problems)
    values = reading.merged.values
    sources = {dotted(keys): str(values[keys]) for keys, _ in leaves(reading.merged.data)}
    return Loaded(settings, sources, tuple(reading.warnings), tuple(reading.files)), ()


def stamps(*, root: Path, cwd: Path, environ: Mapping[str, str]) -> tuple[tuple[str, int, int, int], ...]:
    """What is another once a file that `load` reads is written, made or removed: for those who run for long."""
    files = [paths.config_file(root, environ)]
    with suppress(OSError):
        files += [project] if (project := paths.project_file(cwd)) else []
    return tuple(_stamp(file) for file in files)


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_ino, found.st_mtime_ns, found.st_size


def schema() -> JsonDict:
    """The JSON Schema of a configuration file, for editors."""
    ignored = {
        name: {"type": "object", "description": "Has no effect in this version."} for name in _WITHOUT_EFFECT
    }
    body = Settings.model_json_schema()
    body["properties"] |= ignored
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | body | {"title": "llm-router"}


class _Reading:
    """The layers so far, merged, and what was found wrong on the way."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.merged = Document()
        self.problems: list[ConfigError] = []
        self.warnings: list[str] = []
        self.files: list[Path] = []

    def user(self, path: Path) -> None:
        named = self.environ.get("LLM_ROUTER_CONFIG")
        if not named and not _there(path):
            return
        document = self._read(path, self.environ)
        if document and self.layer(document):
            self._warn_if_others_can_read(path, document)

    def project(self, cwd: Path) -> None:
        try:
            path = paths.project_file(cwd)
        except OSError:  # a folder above that we may not look into
            return
        if path is None or path in self.files:
            return
        document = self._read(path, None)
        if document is None:
            return
        self.problems += refused(document)
        below = validate(self.merged)[0] or Settings()
        if self._sound(document):
            self.warnings += tighten(document, below)
            self._merge(document)

    def layer(self, document: Document) -> bool:
        sound = self._sound(document)
        if sound:
            self._merge(document)
        return sound

    def _read(self, path: Path, environ: Mapping[str, str] | None) -> Document | None:
        self.files.append(path)
        try:
            return _parsed(read_text(path), str(path), environ)
        except ConfigError as problem:
            self.problems.append(problem)
            return None

    def _sound(self, document: Document) -> bool:
        self._set_aside(document)
        _, problems = validate(document, partial=True)
        self.problems += document.problems + problems
        return not document.problems and not problems

    def _set_aside(self, document: Document) -> None:
        """Drop what has no effect, and known keys with nothing after them: `budget:` above commented lines."""
        for name in _WITHOUT_EFFECT:
            if name in document.data:
                del document.data[name]
                self.warnings.append(f"{document.keys[name,]}: {name} has no effect in this version")
        for keys in document.empty:
            section = _at(document.data, keys[:-1])
            known = known_keys(keys[:-1])
            if section and (known is None or keys[-1] in known):
                section.pop(str(keys[-1]), None)

    def _merge(self, document: Document) -> None:
        self.merged.data = _merged(self.merged.data, document.data)
        self.merged.keys |= document.keys
        self.merged.values |= document.values

    def _warn_if_others_can_read(self, path: Path, document: Document) -> None:
        secret = {"api_key", "access_key", "access_keys"}
        literal = [
            k for k, _ in leaves(document.data) if secret & {*k[-2:]} and "${" not in document.values[k].raw
        ]
        if literal and os.name == "posix" and path.stat().st_mode & 0o077:
            self.warnings.append(f"{path} holds a key and others can read it: chmod 600 '{path}'")


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # we may not look: reading it will say why
        return True


def _at(data: dict[str, Any], keys: Keys) -> dict[str, Any] | None:
    for key in keys:
        data = data.get(str(key), {})
    return data


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = _merged(cast("dict[str, Any]", old), cast("dict[str, Any]", value)) if both else value
    return result


def _parsed(text: str, source: str, environ: Mapping[str, str] | None) -> Document:
    from llm_router.config.yaml_text import parse  # 1 MB of YAML, for nobody who has no file

    return parse(text, source, environ)


def _variables(environ: Mapping[str, str], problems: list[ConfigError]) -> Document:
    def read() -> Iterable[tuple[str, str, object]]:
        for name, value in sorted(environ.items()):
            key = _VARIABLES.get(name)
            if key is None and name.startswith("LLM_ROUTER_") and "__" in name:
                key = name.removeprefix("LLM_ROUTER_").lower().replace("__", ".")
            if key is None or not value:
                continue
            try:
                yield name, key, _parsed(f"v: {value}", name, None).data["v"] if value[0] == "[" else value
            except ConfigError:
                problems.append(Place(name).error("is not a list", fix="write it as [a, b]", key=key))

    return _named(read())


def _named(entries: Iterable[tuple[str, str, object]]) -> Document:
    """A layer of single values, each with the variable or flag it came from."""
    document = Document()
    for source, key, value in entries:
        keys: Keys = tuple(key.split("."))
        place = Place(source, raw=str(value))
        section = document.data
        for end, part in enumerate(keys[:-1], 1):
            if not isinstance(section.get(str(part)), dict):
                section[str(part)] = {}
            section = cast("dict[str, Any]", section[str(part)])
            document.keys[keys[:end]] = document.values[keys[:end]] = place
        section[str(keys[-1])] = value
        document.keys[keys] = document.values[keys] = place
    return document
