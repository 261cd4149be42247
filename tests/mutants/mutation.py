"""One change of a module's source, named so that it is found again when lines move."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass

Step = tuple[str, int | None]
"""A field of a syntax node, and the place in it where it is a list."""


@dataclass(frozen=True)
class Mutation:
    """One change of a module's source.

    Attributes:
        module: below the package, as `rigor/rounding.py`.
        function: the qualified name of the function or class in which it is; empty at the top.
        line: of the original.
        before: the expression or statement that changes, as `ast.unparse` writes it.
        after: what takes its place.
        count: how many equal changes come before it in the same function.
        path: from the module's syntax tree to the node.
        replacement: the node that takes its place; None for a statement that is left out.
    """

    module: str
    function: str
    line: int
    before: str
    after: str
    count: int
    path: tuple[Step, ...]
    replacement: ast.AST | None

    @property
    def name(self) -> str:
        """What tells this mutation from all others of its module, without line numbers."""
        again = f" ({self.count + 1})" if self.count else ""
        return f"{self.function}: {self.before} -> {self.after}{again}"

    def apply(self, tree: ast.Module) -> ast.Module:
        """A copy of the module's syntax tree with this change."""
        tree = copy.deepcopy(tree)
        *way, (field, index) = self.path
        node: ast.AST = tree
        for step, place in way:
            found = getattr(node, step)
            node = found if place is None else found[place]
        new = copy.deepcopy(self.replacement) or ast.Pass()
        old = getattr(node, field) if index is None else getattr(node, field)[index]
        ast.copy_location(new, old)
        if index is None:
            setattr(node, field, new)
        else:
            getattr(node, field)[index] = new
        return ast.fix_missing_locations(tree)
