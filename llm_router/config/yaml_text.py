"""The YAML of a configuration file, read into a Document.

The YAML 1.2 core scalars are read, not YAML 1.1's: `enforce: off` is the word "off", `1:30` is text. Tags and
aliases are refused: a configuration needs neither, and both are how a hostile file hurts its reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from yaml.composer import Composer, ComposerError
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import AliasEvent, Event
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from llm_router.config.document import Document, Keys, Place, dotted

_TAG = "tag:yaml.org,2002:"
_VARIABLE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = cast("Event", self.peek_event())  # pyright: ignore[reportUnknownMemberType] - untyped in the stubs
        if isinstance(event, AliasEvent):
            what = "aliases (*name) are not read here: write the value out"
            raise ComposerError(None, None, what, cast("Any", event.start_mark))
        return super().compose_node(parent, index)


_CORE = {
    "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "int": (r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    "float": (r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    "null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
}
for _name, (_pattern, _first) in _CORE.items():
    _Loader.add_implicit_resolver(  # pyright: ignore[reportUnknownMemberType] - untyped in the stubs
        _TAG + _name, re.compile(_pattern), list(_first)
    )


def compose(text: str, source: str) -> Node | None:
    """The node tree of one YAML document; ConfigError with line and column when it is not YAML."""
    try:
        return _Loader(text).get_single_node()
    except ReaderError as error:
        before = text[: error.position]
        at = Place(source, before.count("\n") + 1, error.position - before.rfind("\n"))
        raise at.error("holds a control character", fix="remove it") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source, 1, 1)
        what = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise at.error(f"not valid YAML: {what}", fix=_syntax_fix(what)) from None
    except (YAMLError, RecursionError):
        raise Place(source, 1, 1).error("not valid YAML", fix="see `llm-router config schema`") from None


def _syntax_fix(what: str) -> str:
    if r"\t" in what:
        return "indent with spaces, not tabs"
    if "but got '{'" in what:
        return 'inside { } and [ ] a value such as "${NAME}" needs quotes'
    if "mapping values are not allowed" in what:
        return "put a value that contains ': ' in quotes, and check the indentation"
    return "check the indentation, quotes and brackets around this place"


def parse(text: str, source: str, environ: Mapping[str, str] | None) -> Document:
    """Read one document. `environ` fills `${VAR}` and `${VAR:-default}`; None refuses them (an untrusted file)."""
    node = compose(text, source)
    reader = _Reader(source, environ)
    if isinstance(node, MappingNode):
        reader.document.data = reader.mapping(node, ())
    elif node is not None and reader.value(node, ()) is not None:
        what = "the file must hold sections such as `router:` and `budget:`"
        reader.problem(node, (), what, "see `llm-router config schema`")
    return reader.document


class _Reader:
    def __init__(self, source: str, environ: Mapping[str, str] | None) -> None:
        self.source, self.environ, self.document = source, environ, Document()

    def place(self, node: Node) -> Place:
        raw = node.value if isinstance(node, ScalarNode) else ""
        return Place(self.source, node.start_mark.line + 1, node.start_mark.column + 1, raw)

    def problem(self, node: Node, keys: Keys, what: str, fix: str) -> None:
        self.document.problems.append(self.place(node).error(what, fix=fix, key=dotted(keys)))

    def mapping(self, node: MappingNode, keys: Keys) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.problem(key_node, keys, "a key must be a word", "quote it")
                continue
            path = (*keys, key_node.value)
            if key_node.value in found:
                self.problem(
                    key_node, path, "written twice", f"first at line {self.document.keys[path].line}"
                )
                continue
            self.document.keys[path] = self.place(key_node)
            found[key_node.value] = self.value(value_node, path)
            if found[key_node.value] is None and value_node.value == "":
                self.document.empty.append(path)
        return found

    def value(self, node: Node, keys: Keys) -> Any:
        self.document.values[keys] = self.place(node)
        if isinstance(node, MappingNode):
            return self.mapping(node, keys)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*keys, number)) for number, item in enumerate(node.value)]
        return self.scalar(node, keys)

    def scalar(self, node: Node, keys: Keys) -> Any:
        text: str = node.value
        match node.tag.removeprefix(_TAG):
            case "str":
                return self.filled(node, keys)
            case "int":
                return _integer(text)
            case "float":
                return float(text)
            case "bool":
                return text.lower() == "true"
            case "null":
                return None
            case tag:
                self.problem(node, keys, f"tags such as {tag} are not read", "remove the tag")
                return None

    def filled(self, node: Node, keys: Keys) -> str:
        def replace(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "${"
            name, default = match["name"], match["default"]
            if self.environ is None:
                what = "a project file must not read environment variables"
                self.problem(node, keys, what, f"set {dotted(keys)} in your own config.yaml")
            elif default is not None:
                return self.environ.get(name) or default
            elif name not in self.environ:
                fix = f"export {name}=..., or write ${{{name}:-default}}"
                self.problem(node, keys, f"the environment variable {name} is not set", fix)
            else:
                return self.environ[name]
            return ""

        return _VARIABLE.sub(replace, node.value)


def _integer(text: str) -> int | str:
    try:
        return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
    except ValueError:  # longer than Python reads: let validation refuse it as text
        return text
