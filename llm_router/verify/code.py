"""Does the answer's code parse, and is there anything in it that cannot work: pure, nothing of it is run."""

from __future__ import annotations

import ast
import builtins
import json
import re
import symtable
import textwrap
import tomllib
import warnings
from collections.abc import Callable, Iterable, Mapping

import yaml

from llm_router.checks import Check
from llm_router.nouns import Answer, Request
from llm_router.verify.blocks import Block, blocks

_LONGEST = 100_000  # characters; the parsers are recursive
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_TROUBLE = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
_FRAGMENT = re.compile(r"outside (?:async )?function|outside loop")
_BRACKETED = frozenset(
    {
        "javascript",
        "typescript",
        "java",
        "c",
        "cpp",
        "csharp",
        "go",
        "rust",
        "kotlin",
        "swift",
        "php",
        "scala",
        "dart",
        "css",
    }
)
_PAIRS = {")": "(", "]": "[", "}": "{"}
_TOKENS = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|[()\[\]{}]",
    re.DOTALL,
)
_ELIDED = re.compile(r"^\s*(?://|#|/\*)?\s*(?:\.\.\.|…)", re.MULTILINE)
_IMPLICIT = frozenset(
    {"__file__", "__name__", "__doc__", "__path__", "__annotations__", "__builtins__", "__class__", "display"}
)
_Says = str | None  # None: cannot be judged; "": fine; else what is wrong


def parse(request: Request, answer: Answer) -> Check:
    """Every block in a language that can be parsed here. One that cannot be judged says nothing."""
    said = [(block, _parsed(block)) for block in _to_judge(request, answer)]
    judged = [(block, wrong) for block, wrong in said if wrong is not None]
    for block, wrong in judged:
        if wrong:
            return Check("parse", "fail", f"{block.language}: {wrong}")
    return Check("parse", "pass" if judged else "unknown")


def lint(request: Request, answer: Answer) -> Check:
    """Python only: names that nothing defines, and what the compiler itself warns of."""
    sources = [_plain(b.code) for b in _to_judge(request, answer) if b.language == "python"]
    if not sources or any(_python(source) for source in sources):
        return Check("lint", "unknown")
    whole = "\n".join(sources)
    if warned := _warned(whole):
        return Check("lint", "fail", warned)
    missing = _undefined(whole)
    missing = None if missing is None else [name for name in missing if not _mentioned(name, request)]
    if missing:
        return Check("lint", "fail", f"undefined: {', '.join(sorted(missing)[:5])}")
    return Check("lint", "unknown" if missing is None else "pass")


def _to_judge(request: Request, answer: Answer) -> list[Block]:
    """Fenced blocks; an answer that is one JSON value, or that starts like code, needs no fence."""
    found = [block for block in blocks(answer.text) if len(block.code) <= _LONGEST]
    bare = answer.text.strip()
    if not found and request.schema is None and bare.startswith(("def ", "class ", "import ", "from ")):
        return [Block("python", bare)] if len(bare) <= _LONGEST else []
    return found


def _parsed(block: Block) -> _Says:
    parser = _PARSERS.get(block.language)
    if parser is None:
        return _balanced(block.code) if block.language in _BRACKETED else None
    try:
        return parser(block.code)
    except _TROUBLE as error:
        return str(error).partition("\n")[0][:120] or type(error).__name__


def _python(code: str) -> _Says:
    source = _plain(code)
    if re.search(r"^\s*[%!]\w", source, re.MULTILINE) or "…" in source:  # a notebook's magic, an excerpt
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "answer", "exec", flags=_FLAGS, dont_inherit=True)
    except SyntaxError as error:
        fragment = error.msg and _FRAGMENT.search(error.msg)
        return "" if fragment else f"{error.msg} (line {error.lineno})"
    except _TROUBLE as error:
        return str(error)[:120] or type(error).__name__
    return ""


def _plain(code: str) -> str:
    """Without the prompts of an interactive session, and from the left margin."""
    if re.search(r"^\s*>>> ", code, re.MULTILINE):
        kept = [line.strip()[4:] for line in code.splitlines() if line.strip()[:4] in (">>> ", "... ")]
        return "\n".join(kept)
    return textwrap.dedent(code)


def _json(code: str) -> _Says:
    if _ELIDED.search(code) or "..." in code or re.search(r"^\s*//", code, re.MULTILINE):
        return None  # an excerpt
    json.loads(code)
    return ""


def _toml(code: str) -> _Says:
    tomllib.loads(code)
    return ""


def _yaml(code: str) -> _Says:
    try:
        for _ in yaml.parse(code, Loader=yaml.SafeLoader):
            pass
    except yaml.YAMLError as error:
        return str(error).partition("\n")[0][:120]
    return ""


def _balanced(code: str) -> _Says:
    """Brackets outside strings and comments, for languages with C's."""
    open_ones: list[str] = []
    for piece in _TOKENS.findall(code):
        if piece in "([{":
            open_ones.append(piece)
        elif piece in _PAIRS and (not open_ones or open_ones.pop() != _PAIRS[piece]):
            return f"`{piece}` closes nothing"
    return f"`{open_ones[-1]}` is never closed" if open_ones else ""


_PARSERS: Mapping[str, Callable[[str], _Says]] = {
    "python": _python,
    "json": _json,
    "toml": _toml,
    "yaml": _yaml,
}


def _warned(source: str) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            compile(source, "answer", "exec", flags=_FLAGS, dont_inherit=True)
        except _TROUBLE:
            return ""
    return next((str(w.message)[:120] for w in caught if issubclass(w.category, SyntaxWarning)), "")


def _undefined(source: str) -> set[str] | None:
    """Global names that are read and that neither the code nor Python defines; None where a star import may."""
    if re.search(r"^\s*from\s+\S+\s+import\s+\*", source, re.MULTILINE):
        return None
    try:
        top = symtable.symtable(source, "answer", "exec")
    except _TROUBLE:
        return None
    known = {
        s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()
    }
    known |= {name for table in _tables(top) for name in _made_global(table)}
    known |= set(dir(builtins)) | _IMPLICIT
    read = {
        s.get_name()
        for table in _tables(top)
        for s in table.get_symbols()
        if s.is_referenced() and _is_global(s, table)
    }
    return read - known


def _tables(table: symtable.SymbolTable) -> Iterable[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _made_global(table: symtable.SymbolTable) -> Iterable[str]:
    return (s.get_name() for s in table.get_symbols() if s.is_declared_global() and s.is_assigned())


def _is_global(symbol: symtable.Symbol, table: symtable.SymbolTable) -> bool:
    return symbol.is_global() or (table.get_type() == "module" and not symbol.is_assigned())


def _mentioned(name: str, request: Request) -> bool:
    """What the question speaks of exists where the code will stand."""
    return any(
        re.search(rf"\b{re.escape(name)}\b", m.text) for m in request.messages if m.role != "assistant"
    )
