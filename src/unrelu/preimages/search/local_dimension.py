"""How large a set of solutions is at least, about a point."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.frontier.tree import Operation
from unrelu.preimages.search.exact_root import root_radius
from unrelu.preimages.search.examined import look_at
from unrelu.rigor.rounding import UNDERFLOW, gamma

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.frontier.tree import Tree
    from unrelu.preimages.search.statement import InverseStatement

SCALES = (2.0**-6, 2.0**-16, 2.0**-30, 2.0**-42)
"""Widths of boxes about the point that are tried, as parts of the domain's."""


MOST_TRIED = 16
"""Points about which it is tried how large a set is."""


def local_dimension(statement: InverseStatement, point: Tensor) -> int:
    """At least the dimension of S near a point; -1 where no solution with room about it is proved there.

    Let M be a right inverse of the Jacobian of those outputs that are fixed exactly, `|I - J M| < 1` on a box about the
    point: then from each point p near it, p + M v is a solution of these outputs for a small v. Modulo the range of M,
    whose dimension is that of the outputs, solutions fill an open set. All else that S asks (outputs fixed up to a
    tolerance, outputs that may fall, the ends of the domain) holds with room on all that p + M v can be. Inputs at an
    end of the domain are held there.

    Args:
        statement: what is asked.
        point: (d,) in the domain.
    """
    outputs = statement.exact_outputs(point)
    if outputs is None:
        return -1
    exactly = statement.held & (statement.resolution == 0)
    best = -1
    for scale in SCALES:
        reach = scale * (statement.upper - statement.lower)
        moving = (point - reach > statement.lower) & (point + reach < statement.upper)
        radius = torch.where(moving, reach, 0.0)
        found = int(moving.sum()) - int(exactly.sum())
        if found > best and _has_room(statement, point, radius, exactly, outputs):
            best = found
    return best


def widest_member(statement: InverseStatement, tree: Tree) -> Tensor | None:
    """The point of a tree's balls and flats about which the set is proved to be largest; None if it is nowhere.

    Args:
        statement: what was asked.
        tree: what a search did.
    """
    leaves = np.flatnonzero(np.isin(tree.operation, (Operation.BALL, Operation.FLAT)) & tree.holds)
    flats_first = leaves[np.argsort(tree.operation[leaves] != Operation.FLAT, kind="stable")]
    best, member = 0, None
    for number in flats_first[:MOST_TRIED].tolist():
        point = torch.from_numpy(tree.point[number].copy())
        found = local_dimension(statement, point)
        if found > best:
            best, member = found, point
    return member


def _has_room(
    statement: InverseStatement, point: Tensor, reach: Tensor, exactly: Tensor, outputs: list[Fraction]
) -> bool:
    """Whether there are solutions that keep away from all inequalities, in the box of a reach (d,) about the point."""
    low, high = point - reach, point + reach
    seen = look_at(statement, low, high)
    radius = torch.zeros_like(point)
    if bool(exactly.any()):
        widths = seen.widths[0]
        M = torch.linalg.pinv(torch.nan_to_num(seen.hull.middle[0][exactly] * widths)) * widths[:, None]
        sizes = statement.away(outputs)[exactly]
        unit = torch.maximum(sizes, sizes.max() * 2.0**-20)
        found = root_radius(seen, exactly, M, sizes, unit)
        if found is None or not bool((found <= reach / 2).all()):
            return False
        radius = found
    d = len(point)
    rise = (seen.hull.steepest[0] @ radius) * (1 + 2 * gamma(d + 4)) + (d + 4) * UNDERFLOW
    for value, y, more, rho, held, exact in zip(
        outputs,
        statement.wanted,
        rise.tolist(),
        statement.resolution.tolist(),
        statement.held.tolist(),
        exactly.tolist(),
        strict=True,
    ):
        off = abs(value - y) if held else value - y
        if not exact and not off + Fraction(more) < Fraction(rho):
            return False
    return True
