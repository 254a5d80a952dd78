"""Makes code wrong in the ways models get it wrong: mostly logic, sometimes names, syntax, or an end that is missing."""

from __future__ import annotations

import ast
import itertools
import random
import re
from collections.abc import Callable, Iterator

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Div,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def logic(code: str) -> Iterator[str]:
    """Every version with one operator, constant, condition or statement changed (the usual mutation operators)."""
    for n in range(sum(1 for _ in ast.walk(ast.parse(code)))):
        if (changed := _changed(code, n)) is not None:
            yield changed


def one_of_logic(code: str, chance: random.Random) -> str:
    """One of them: of a long text, making all would take minutes."""
    places = list(range(sum(1 for _ in ast.walk(ast.parse(code)))))
    chance.shuffle(places)
    return next(changed for n in places if (changed := _changed(code, n)) is not None)


def _changed(code: str, n: int) -> str | None:
    """With node number `n` changed; None where that kind of node is left alone."""
    tree = ast.parse(code)
    node = next(itertools.islice(ast.walk(tree), n, None))
    return ast.unparse(ast.fix_missing_locations(tree)) if _change(node) else None


def _change(node: ast.AST) -> bool:
    match node:
        case ast.Compare(ops=[op, *rest]) if type(op) in _SWAPS:
            node.ops = [_SWAPS[type(op)](), *rest]  # type: ignore[list-item]
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) if type(op) in _SWAPS:
            node.op = _SWAPS[type(op)]()  # type: ignore[assignment]
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int(value)):
            node.value = value + 1
        case ast.If(test=test):
            node.test = ast.UnaryOp(ast.Not(), test)
        case ast.Return(value=value) if value is not None:
            node.value = ast.Constant(None)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            node.operand = ast.UnaryOp(ast.Not(), operand)
        case _:
            return False
    return True


def misnamed(code: str, chance: random.Random) -> str:
    """One use of a name becomes a name nothing defines, as when a helper is renamed in one place only."""
    used = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    node = chance.choice(used)
    lines = code.splitlines()
    line = lines[node.lineno - 1].encode()
    wrong = f"{node.id}_{chance.choice(('value', 'item', 'result', 'new'))}".encode()
    lines[node.lineno - 1] = (line[: node.col_offset] + wrong + line[node.end_col_offset :]).decode()
    return "\n".join(lines)


def unbalanced(code: str, chance: random.Random) -> str:
    """One bracket or colon is lost."""
    places = [m.start() for m in re.finditer(r"[()\[\]{}:]", code)]
    at = chance.choice(places)
    return code[:at] + code[at + 1 :]


def cut(code: str, chance: random.Random) -> str:
    """The end is missing, as when an answer reached its limit and its fence was closed by somebody else."""
    return code[: chance.randrange(len(code) // 3, len(code) - 1)]


def misindented(code: str, chance: random.Random) -> str:
    lines = code.splitlines()
    inner = [n for n, line in enumerate(lines) if line.startswith("    ") and line.strip()]
    at = chance.choice(inner)
    lines[at] = lines[at][chance.choice((1, 2, 3)) :]
    return "\n".join(lines)


FORMS: tuple[Callable[[str, random.Random], str], ...] = (misnamed, unbalanced, cut, misindented)
