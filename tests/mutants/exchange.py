"""The changed code of one function, put into the function that is loaded already."""

from __future__ import annotations

import ast
import gc
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from mutants.mutation import Mutation

Place = tuple[str, int]
"""The qualified name of a function, and the line where it begins."""


def loaded_functions(path: Path) -> dict[Place, list[FunctionType]]:
    """All functions of a file that exist in this process, also those that something wraps."""
    found: dict[Place, list[FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename == str(path):
            code = thing.__code__
            found.setdefault((code.co_qualname, code.co_firstlineno), []).append(thing)
    return found


def exchange(mutation: Mutation, tree: ast.Module, path: Path, loaded: dict[Place, list[FunctionType]]) -> bool:
    """Give the functions of this process the mutation's code.

    Args:
        mutation: of the module.
        tree: the module's source.
        path: of the module.
        loaded: what `loaded_functions` found.

    Returns:
        Whether that was possible. It is not for what happens while the module is loaded: numbers at the top,
        decorators.
    """
    if not is_within_function(mutation, tree):
        return False
    before = dict(_outermost(compile(tree, str(path), "exec")))
    after = dict(_outermost(compile(mutation.apply(tree), str(path), "exec")))
    if set(before) != set(after):
        return False
    changed = [place for place in before if before[place] != after[place]]
    if len(changed) != 1 or not loaded.get(changed[0]):
        return False
    for function in loaded[changed[0]]:
        if function.__code__.co_freevars != after[changed[0]].co_freevars:
            return False
        function.__code__ = after[changed[0]]
    return True


def is_within_function(mutation: Mutation, tree: ast.Module) -> bool:
    """Whether a mutation changes nothing but what a function does when it is called."""
    node: Any = tree
    for field, index in mutation.path:
        if isinstance(node, ast.FunctionDef):
            return field == "body"
        found = getattr(node, field)
        node = found if index is None else found[index]
    return False


def _outermost(code: CodeType) -> Iterator[tuple[Place, CodeType]]:
    """Functions of a module and its classes, without those within functions."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_flags & inspect.CO_OPTIMIZED:
                yield (constant.co_qualname, constant.co_firstlineno), constant
            else:
                yield from _outermost(constant)
