"""What bounds leave open on a box on which the network is one affine map, decided in rational arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.exact.decide_hull import exact_hull
from unrelu.exact.infeasible import ExactInfeasible
from unrelu.preimages.search.exact_piece import exact_piece, exact_system
from unrelu.preimages.search.flat_point import flat_point
from unrelu.preimages.search.located_root import Root, has_root_near

if TYPE_CHECKING:
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement


def settled_flat(
    statement: InverseStatement, seen: Examined, place: int, lower: Tensor, upper: Tensor, caution: float
) -> Root | Tensor | None:
    """A flat, or weights that refute it; what rounding hides is decided exactly, where the network is small.

    Args:
        statement: what is asked.
        seen: the sub-problems.
        place: number of one whose units are all settled.
        lower: (d,) what is left of its box.
        upper: (d,) the same.
        caution: as for `examine`.
    """
    found = flat_point(statement, seen, place, lower, upper)
    if isinstance(found, Root) and found.holds:
        return found
    if isinstance(found, Tensor) and seen.refutes(place, found, caution):
        return found
    exact = exact_flat(statement, seen, place, lower, upper)
    return found if exact is None and isinstance(found, Root) else exact


def exact_flat(
    statement: InverseStatement, seen: Examined, place: int, lower: Tensor, upper: Tensor
) -> Root | Tensor | None:
    """A flat that is not empty; or weights of inequalities whose sum no point keeps exactly; None if neither is had.

    The solutions are a polytope of rational rows, so that it is decided whether there are any. If there are, one of
    them, rounded, is tried as the flat's point: whether it is a solution itself is another matter.

    Args:
        statement: what is asked.
        seen: the sub-problems.
        place: number of one whose units are all settled.
        lower: (d,) what is left of its box.
        upper: (d,) the same.
    """
    piece = exact_piece(statement, seen, place)
    found = None if piece is None else exact_hull(exact_system(piece))
    if piece is None or found is None:
        return None
    if isinstance(found, ExactInfeasible):
        weights = np.zeros(len(seen.limits[place]))
        largest = max(found.ub)
        weights[piece.places] = [float(weight / largest) if largest else 0.0 for weight in found.ub]
        return torch.from_numpy(weights) if piece.refutes(weights) else None
    point = torch.minimum(torch.maximum(torch.from_numpy(piece.point(found.point)), lower), upper)
    holds = statement.is_member(point) or has_root_near(statement, seen, place, point, lower, upper)
    return Root(point, lower, upper, is_flat=True, holds=holds)
