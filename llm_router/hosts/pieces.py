"""What we put into a settings file, piece by piece, and how each is told from what others put there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal, Protocol, cast

from llm_router.hosts import json_edit, jsonc, toml_edit

NAME = "llm-router"
PERMISSION = f"mcp__{NAME}"
HOOK_MARK = "llm_router_hook"
Kind = Literal["mcp", "hooks"]
_STARTER = re.compile(r"(?:llm-router|pythonw?[\d.]*|uvx?|pipx)(?:\.exe)?", re.IGNORECASE)
_US = re.compile(r"llm[-_]router")


class Piece(Protocol):
    """`there`: something of ours is in the text. `put` adds or renews it and changes nothing that is right already.
    `take` removes it, and what held only it unless that is in `keep`, the text as it was before us.
    """

    @property
    def kind(self) -> Kind: ...
    @property
    def format(self) -> Literal["json", "toml"]: ...
    def there(self, text: str, name: str) -> bool: ...
    def put(self, text: str, name: str) -> str: ...
    def take(self, text: str, name: str, keep: str) -> str: ...
    def note(self, text: str, name: str) -> str: ...


@dataclass(frozen=True)
class Server:
    """The entry of our MCP server, a member of the object at `above`."""

    above: tuple[str, ...]
    value: Mapping[str, Any]
    kind: Kind = "mcp"
    format: Literal["json", "toml"] = "json"

    @property
    def path(self) -> tuple[str, ...]:
        return (*self.above, NAME)

    def there(self, text: str, name: str) -> bool:
        return is_our_server(_read(text, name, self.path))

    def put(self, text: str, name: str) -> str:
        present = _read(text, name, self.path)
        if present is None:
            return json_edit.put(text, self.path, self.value, name)
        if not is_our_server(present):
            return text
        for key, wanted in renewed(present, self.value).items():
            text = json_edit.put(text, (*self.path, key), wanted, name)
        return text

    def take(self, text: str, name: str, keep: str) -> str:
        return json_edit.drop(text, self.path, name, _prune(keep, name)) if self.there(text, name) else text

    def note(self, text: str, name: str) -> str:
        present = _read(text, name, self.path)
        return _foreign(name) if present is not None and not is_our_server(present) else ""


@dataclass(frozen=True)
class TomlServer:
    above: tuple[str, ...]
    value: Mapping[str, Any]
    kind: Kind = "mcp"
    format: Literal["json", "toml"] = "toml"

    @property
    def path(self) -> tuple[str, ...]:
        return (*self.above, NAME)

    def there(self, text: str, name: str) -> bool:
        return is_our_server(toml_edit.find(toml_edit.parse(text, name), self.path))

    def put(self, text: str, name: str) -> str:
        present = toml_edit.find(toml_edit.parse(text, name), self.path)
        if present is not None and not is_our_server(present):
            return text
        return toml_edit.put(text, self.path, renewed(present or {}, self.value), name)

    def take(self, text: str, name: str, keep: str) -> str:  # noqa: ARG002
        return toml_edit.drop(text, self.path, name) if self.there(text, name) else text

    def note(self, text: str, name: str) -> str:
        present = toml_edit.find(toml_edit.parse(text, name), self.path)
        return _foreign(name) if present is not None and not is_our_server(present) else ""


@dataclass(frozen=True)
class Allowed:
    """The permission to call our tools without a question each time."""

    path: tuple[str, ...] = ("permissions", "allow")
    kind: Kind = "mcp"
    format: Literal["json", "toml"] = "json"

    def there(self, text: str, name: str) -> bool:
        return PERMISSION in as_list(_read(text, name, self.path))

    def put(self, text: str, name: str) -> str:
        return text if self.there(text, name) else json_edit.append(text, self.path, PERMISSION, name)

    def take(self, text: str, name: str, keep: str) -> str:
        present = as_list(_read(text, name, self.path))
        for n in range(len(present) - 1, -1, -1):
            if present[n] == PERMISSION:
                text = json_edit.drop(text, (*self.path, n), name, _prune(keep, name))
        return text

    def note(self, text: str, name: str) -> str:  # noqa: ARG002
        return ""


@dataclass(frozen=True)
class Hooks:
    """A group of its own for each event: `{"matcher"?, "hooks": [{...}]}`."""

    groups: Mapping[str, Mapping[str, Any]]
    kind: Kind = "hooks"
    format: Literal["json", "toml"] = "json"

    def there(self, text: str, name: str) -> bool:
        return bool(self._ours(text, name))

    def put(self, text: str, name: str) -> str:
        ours = self._ours(text, name)
        for event, places in ours.items():
            if not self._right(text, name, event, places):
                text = _without(text, name, event, places, lambda _: False)
        for event, group in self.groups.items():
            if not self._right(text, name, event, ours.get(event, [])):
                text = json_edit.append(text, ("hooks", event), group, name)
        return text

    def take(self, text: str, name: str, keep: str) -> str:
        for event, places in self._ours(text, name).items():
            text = _without(text, name, event, places, _prune(keep, name))
        return text

    def note(self, text: str, name: str) -> str:  # noqa: ARG002
        return ""

    def _right(self, text: str, name: str, event: str, places: list[tuple[int, int]]) -> bool:
        group = _read(text, name, ("hooks", event, places[0][0])) if len(places) == 1 else None
        return group is not None and group == self.groups.get(event)

    def _ours(self, text: str, name: str) -> dict[str, list[tuple[int, int]]]:
        """By event: group and place in the group of each hook that is ours."""
        events = _read(text, name, ("hooks",))
        found: dict[str, list[tuple[int, int]]] = {}
        for event, groups in as_object(events).items():
            for n, group in enumerate(as_list(groups)):
                for m, hook in enumerate(as_list(as_object(group).get("hooks"))):
                    if HOOK_MARK in json.dumps(hook):
                        found.setdefault(event, []).append((n, m))
        return found


@dataclass(frozen=True)
class StatusLine:
    """Only where the user has none."""

    value: Mapping[str, Any]
    path: tuple[str, ...] = ("statusLine",)
    kind: Kind = "hooks"
    format: Literal["json", "toml"] = "json"

    def there(self, text: str, name: str) -> bool:
        return HOOK_MARK in json.dumps(_read(text, name, self.path))

    def put(self, text: str, name: str) -> str:
        present = _read(text, name, self.path)
        if present == self.value or (present is not None and not self.there(text, name)):
            return text
        return json_edit.put(text, self.path, self.value, name)

    def take(self, text: str, name: str, keep: str) -> str:  # noqa: ARG002
        return json_edit.drop(text, self.path, name) if self.there(text, name) else text

    def note(self, text: str, name: str) -> str:
        own = _read(text, name, self.path) is not None and not self.there(text, name)
        return "your own status line stays" if own else ""


def is_our_server(entry: object) -> bool:
    """Whether an entry starts our server, by whatever installer it was written; a wrapper of the user's does not."""
    command, args = as_object(entry).get("command"), as_list(as_object(entry).get("args"))
    program, *rest = [str(part) for part in [*(as_list(command) or [command]), *args]]
    name = PurePath(program.replace("\\", "/")).name
    return bool(_STARTER.fullmatch(name) and _US.search(" ".join([name, *rest])))


def renewed(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The keys to write. In the environment what the user set wins but for our own folder, and all else stays."""
    changed = {key: value for key, value in wanted.items() if present.get(key) != value}
    for key in ("env", "environment"):
        if key in changed:
            own = {name: value for name, value in changed[key].items() if name.startswith("LLM_ROUTER_")}
            changed[key] = {**changed[key], **as_object(present.get(key)), **own}
            if changed[key] == present.get(key):
                del changed[key]
    return changed


def _without(
    text: str, name: str, event: str, places: list[tuple[int, int]], prune: Callable[[json_edit.Path], bool]
) -> str:
    for n, m in sorted(places, reverse=True):
        hooks = as_list(_read(text, name, ("hooks", event, n, "hooks")))
        path: json_edit.Path = ("hooks", event, n) if len(hooks) == 1 else ("hooks", event, n, "hooks", m)
        text = json_edit.drop(text, path, name, prune)
    return text


def _prune(keep: str, name: str) -> Callable[[json_edit.Path], bool]:
    root = jsonc.parse(keep, name)
    return lambda path: jsonc.find(root, path) is None


def _read(text: str, name: str, path: tuple[str | int, ...]) -> Any:
    node = jsonc.find(jsonc.parse(text, name), path)
    return node.value if node else None


def as_object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _foreign(name: str) -> str:
    return f"{name} has a server of your own named {NAME}; it stays: rename or remove it, then install again"
