"""Solutions from the leaves of a search."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.frontier.subproblems import Subproblems
from unrelu.frontier.tree import Operation, Tree
from unrelu.inverse.solution import Solution
from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.preimages.search.clusters import clusters
from unrelu.preimages.search.exact_root import exact_root
from unrelu.preimages.search.exact_set import ExactSet
from unrelu.preimages.search.exact_sets import exact_sets
from unrelu.preimages.search.examined import Examined, examine
from unrelu.preimages.search.located_root import around
from unrelu.preimages.search.proved_rank import proved_rank

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.preimages.search.statement import InverseStatement


def assemble(statement: InverseStatement, tree: Tree) -> tuple[Solution, ...]:
    """The solutions that a tree's balls and flats make up, those that touch counted as one.

    Where only exact solutions count, a place that is proved to hold none is none, though the tree leaves it open.

    Args:
        statement: what was asked.
        tree: what the search did.
    """
    leaves = np.flatnonzero(np.isin(tree.operation, (Operation.BALL, Operation.FLAT)))
    groups = clusters(tree.lower[leaves], tree.upper[leaves])
    found = [_solution(statement, tree, leaves[group]) for group in groups]
    only_exact = not bool(statement.resolution.any())
    listed = [each for each in found if not (only_exact and each.exact is False)]
    return tuple(sorted(listed, key=lambda each: tuple(each.center)))


def _solution(statement: InverseStatement, tree: Tree, leaves: np.ndarray) -> Solution:
    flats = tree.operation[leaves] == Operation.FLAT
    lower, upper = tree.lower[leaves].min(axis=0), tree.upper[leaves].max(axis=0)
    points = torch.from_numpy(tree.point[leaves[tree.holds[leaves]] if tree.holds[leaves].any() else leaves])
    errors = (statement.residuals(points).abs() / _unit(statement)).amax(dim=1)
    point = points[int(errors.argmin())]
    seen = _seen(statement, torch.from_numpy(lower), torch.from_numpy(upper))
    point = _polished(statement, seen, point)
    outputs = statement.exact_outputs(point)
    assert outputs is not None  # they were had before
    root = exact_root(statement, seen, point, outputs)
    if root.holds is None and not flats.any():
        near = exact_root(statement, around(statement, seen, 0, point), point, outputs)
        root = near if near.holds else root  # what is refuted there may be elsewhere
    if root.holds:
        below, above = point.numpy() - root.radius, point.numpy() + root.radius
        lower = np.minimum(lower, np.maximum(np.nextafter(below, -np.inf), statement.lower.numpy()))
        upper = np.maximum(upper, np.minimum(np.nextafter(above, np.inf), statement.upper.numpy()))
        seen = _seen(statement, torch.from_numpy(lower), torch.from_numpy(upper))  # what follows is of the wider box
    single = float(seen.apart[0].max()) < 1
    holds = bool(tree.holds[leaves].any()) or root.holds is True
    proved = holds and not bool(statement.resolution.any())  # by the certificate, of exact solutions
    exact, noise = (True, (0.0, 0.0)) if proved else (root.holds, root.noise)
    jacobian = seen.hull.middle[0].numpy().copy()
    width = (statement.upper - statement.lower).numpy()
    values = np.linalg.svd(jacobian * width, compute_uv=False)
    free = int((width > 0).sum())
    least = values[free - 1] if 0 < free <= len(values) else 0.0
    dimension = DimensionInterval(0, 0 if single and not flats.any() else free - proved_rank(seen, 0, statement.held))
    residual = root.residual
    if flats.any() or not single:
        known = exact_sets(replace(statement, resolution=torch.zeros_like(statement.resolution)), tree, leaves)
        exact, noise, dimension = _refined(tree, leaves, (lower, upper), known, (exact, noise, dimension))
        if exact and not holds and (member := _member(statement, known)) is not None:
            point, residual = member, statement.residual(member)
    return Solution(
        is_flat=bool(flats.any()),
        center=point.numpy().copy(),
        lower=lower,
        upper=upper,
        holds=holds or exact is True,
        residual=residual,
        exact=exact,
        noise=noise,
        at_most_one=single,
        dimension=dimension,
        jacobian=jacobian,
        condition=float(values[0] / least) if least > 0 else math.inf,
        n_leaves=len(leaves),
    )


_Facts = tuple[bool | None, tuple[float, float], DimensionInterval]


def _refined(
    tree: Tree,
    leaves: np.ndarray,
    box: tuple[np.ndarray, np.ndarray],
    known: list[ExactSet | None],
    facts: _Facts,
) -> _Facts:
    """What is known of the exact solutions in the box about some leaves, sharper where they are known exactly."""
    exact, noise, dimension = facts
    at_least = max((each.dimension for each in known if each is not None), default=-1)
    if at_least >= 0:
        exact, noise = True, (0.0, 0.0)
    if None not in known and not _meets_others(tree, leaves, *box):
        if at_least < 0:
            return False, noise, dimension
        return exact, noise, DimensionInterval(at_least, min(at_least, dimension.upper))
    return exact, noise, DimensionInterval(max(at_least, 0), max(at_least, dimension.upper))


def _member(statement: InverseStatement, known: list[ExactSet | None]) -> Tensor | None:
    """An exact solution that is within the resolution of one when it is rounded; None if there is none."""
    points = [each.point for each in known if each is not None and each.point is not None]
    inside = [torch.minimum(torch.maximum(point, statement.lower), statement.upper) for point in points]
    return next((point for point in inside if statement.is_member(point)), None)


def _meets_others(tree: Tree, leaves: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> bool:
    """Whether solutions of another leaf may lie in a box, or of a part that is not settled."""
    if bool(np.isin(tree.operation, (Operation.OPEN, Operation.LEFT)).any()):
        return True
    others = np.isin(tree.operation, (Operation.BALL, Operation.FLAT))
    others[leaves] = False
    return bool((others & (tree.lower <= upper).all(axis=1) & (lower <= tree.upper).all(axis=1)).any())


def _polished(statement: InverseStatement, seen: Examined, point: Tensor) -> Tensor:
    """Newton steps from a member to one whose outputs are nearer."""
    best, unit = point, _unit(statement)
    least = float((statement.residuals(point[None])[0].abs() / unit).max())
    for _ in range(4):
        step = seen.multipliers[0] @ statement.residuals(best[None])[0] * seen.widths[0]
        moved = torch.minimum(torch.maximum(best - step, seen.problems.lower[0]), seen.problems.upper[0])
        size = float((statement.residuals(moved[None])[0].abs() / unit).max())
        if not size < least:
            break
        best, least = moved, size
    return best if best is point or statement.is_member(best) else point


def _unit(statement: InverseStatement) -> Tensor:
    return statement.spread + statement.forward_error + 1e-300


def _seen(statement: InverseStatement, lower: Tensor, upper: Tensor) -> Examined:
    return examine(statement, Subproblems.root(lower, upper, statement.bounded.n_units))
