"""All single changes of a module that might weaken what it proves."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from mutants.mutation import Mutation, Step

SLACKS = {"gamma", "lost", "slack", "proved_slack", "spacing", "residual_bound", "ulp"}
"""Functions that return a bound of an error; 0 takes its place."""

GROWING = {"enlarged", "norm_above", "frobenius_above", "sum_above", "row_norms_above", "_up", "_above", "nextafter"}
"""Functions that round up; their first argument takes their place, if it is a number, or else what they bound."""

SHOWN_ONLY = {"__repr__", "__str__", "describe", "_row_error", "_bound_error", "_shown"}
"""Functions whose result is for people to read."""

_COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_SWAPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
_RENAMED = {
    "max": "min",
    "min": "max",
    "maximum": "minimum",
    "minimum": "maximum",
    "all": "any",
    "any": "all",
    "norm_below": "norm_above",
    "argmax": "argmin",
}
_FACTOR = 1e6


def mutations(path: Path, package: Path, *, halved: bool = False) -> list[Mutation]:
    """All mutations of a module, in the order of its source.

    Args:
        path: of the module.
        package: the folder of the package.
        halved: whether to halve numbers and bounds of errors instead, one at a time.
    """
    module = path.relative_to(package).as_posix()
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    sites = _sites(ast.parse(path.read_text()), "", (), _halves if halved else _replacements)
    for function, steps, node, replacement in sites:
        before, after = _text(node), "nothing" if replacement is None else _text(replacement)
        count = seen[function, before, after]
        seen[function, before, after] += 1
        line = getattr(node, "lineno", 0)
        found.append(Mutation(module, function, line, before, after, count, steps, replacement))
    return found


Site = tuple[str, tuple[Step, ...], ast.AST, ast.AST | None]


Changes = Callable[[ast.AST], Iterator[ast.AST | None]]
"""What may take the place of a node."""


def _sites(node: ast.AST, function: str, steps: tuple[Step, ...], changes: Changes) -> Iterator[Site]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        function = f"{function}.{node.name}".lstrip(".")
        if node.name in SHOWN_ONLY:
            return
        if any(_text(base) == "Protocol" for base in getattr(node, "bases", [])):
            return
    for replacement in changes(node):
        yield function, steps, node, replacement
    if _is_power(node):
        return
    forced = changes is _replacements
    if forced and isinstance(node, ast.FunctionDef) and node.returns is not None and _text(node.returns) == "bool":
        yield from _forced(node, function, steps)
    for field, child, index in _children(node):
        yield from _sites(child, function, (*steps, (field, index)), changes)


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST, int | None]]:
    """All that a node is made of, but what is only said: types, messages, and how warnings are kept."""
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "decorator_list", "args"} and isinstance(
            node, ast.FunctionDef | ast.AnnAssign | ast.ClassDef
        ):
            continue
        if field == "items" and isinstance(node, ast.With):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.Raise | ast.Assert | ast.JoinedStr):
                yield field, child, index


def _is_power(node: ast.AST) -> bool:
    """Whether this is a number written as a power, which is one number."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.left, ast.Constant)


def _forced(function: ast.FunctionDef, name: str, steps: tuple[Step, ...]) -> Iterator[Site]:
    """Each thing that a function of type bool returns, forced to be True; and its guard against odd arithmetic."""

    def within(node: ast.AST, at: tuple[Step, ...]) -> Iterator[Site]:
        if isinstance(node, ast.Return) and node.value is not None and _text(node.value) != "True":
            yield name, (*at, ("value", None)), node.value, ast.Constant(True)
            return
        for field, child, index in _children(node):
            if not isinstance(child, ast.FunctionDef | ast.Lambda):
                yield from within(child, (*at, (field, index)))

    yield from within(function, steps)
    for index, decorator in enumerate(function.decorator_list):
        if _text(decorator) == "proof":
            identity = ast.parse("lambda f: f", mode="eval").body
            yield name, (*steps, ("decorator_list", index)), decorator, identity


def _replacements(node: ast.AST) -> Iterator[ast.AST | None]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        other = _COMPARED.get(type(node.ops[0]))
        if other:
            yield ast.Compare(node.left, [other()], node.comparators)
    elif isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            if type(op) in _COMPARED:
                yield ast.Compare(
                    node.left, [*node.ops[:i], _COMPARED[type(op)](), *node.ops[i + 1 :]], node.comparators
                )
    elif isinstance(node, ast.BinOp):
        yield from _of_binary(node)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for i in range(len(node.values)):
            rest = [*node.values[:i], *node.values[i + 1 :]]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
        if not isinstance(node.operand, ast.Constant):
            yield node.operand
    elif isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            fields = {**dict(ast.iter_fields(node)), "test": ast.Constant(value)}
            yield type(node)(**fields)
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub | ast.BitOr | ast.BitAnd | ast.Mult):
        yield None
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, float):
        yield from _of_number(node, node.value)


def _halves(node: ast.AST) -> Iterator[ast.AST]:
    """Half of a number, or of a bound of an error."""
    called = node.func if isinstance(node, ast.Call) else None
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    number = isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value != 0.0
    if isinstance(node, ast.expr) and (number or _is_power(node) or name in SLACKS):
        yield ast.BinOp(ast.Constant(0.5), ast.Mult(), node)


def _of_binary(node: ast.BinOp) -> Iterator[ast.AST]:
    if _is_power(node):
        yield from _of_number(node, 1.0)
        return
    if isinstance(node.op, ast.Add) and isinstance(node.right, ast.Constant) and isinstance(node.right.value, int):
        yield node.right  # the numbers of roundings in `gamma(n + 4)` are more than the theorem needs
        return
    if type(node.op) in _SWAPPED:
        yield ast.BinOp(node.left, _SWAPPED[type(node.op)](), node.right)
    if isinstance(node.op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr | ast.Sub | ast.Div):
        yield node.left
    if isinstance(node.op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr):
        yield node.right


def _of_number(node: ast.expr, value: float) -> Iterator[ast.AST]:
    if value != 0.0:
        yield ast.BinOp(node, ast.Mult(), ast.Constant(_FACTOR))
        yield ast.Constant(0.0)


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    called = node.func
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    if name in SLACKS:
        yield ast.Constant(0.0)
    if name in GROWING and node.args:
        yield node.args[0] if name in {"enlarged", "_up", "_above", "nextafter"} else ast.Constant(0.0)
    if name in {"abs", "absolute"} and node.args:
        yield node.args[0]
    if name in _RENAMED:
        other = _RENAMED[name]
        new = (
            ast.Name(other, ast.Load())
            if isinstance(called, ast.Name)
            else ast.Attribute(called.value, other, ast.Load())
            if isinstance(called, ast.Attribute)
            else called
        )
        yield ast.Call(new, node.args, node.keywords)


def _text(node: ast.AST) -> str:
    """Source text of a node; of a branch only its condition."""
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    return ast.unparse(ast.fix_missing_locations(node))
