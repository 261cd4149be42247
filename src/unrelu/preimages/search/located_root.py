"""The one place in a box where its solutions can be: a root by Newton's method, and a proved ball about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.bounding.unit_bounds import bound_units
from unrelu.preimages.search.exact_piece import exact_piece
from unrelu.preimages.search.exact_root import exact_root, reach
from unrelu.preimages.search.examined import Examined, look_at
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma

if TYPE_CHECKING:
    from fractions import Fraction

    from unrelu.preimages.search.statement import InverseStatement

STEPS = 12


@dataclass(eq=False)
class Root:
    """A leaf that holds solutions.

    Attributes:
        point: (d,) float64, one of them.
        lower: (d,) float64, of a box that all of them in the leaf lie in.
        upper: (d,) float64.
        is_flat: whether they may be more than a ball's.
        holds: whether there is a solution, proved.
    """

    point: Tensor
    lower: Tensor
    upper: Tensor
    is_flat: bool
    holds: bool


def newton(statement: InverseStatement, seen: Examined, at: Tensor) -> list[Root | None]:
    """Roots in boxes on which no two points have the same features; None where none was found.

    Args:
        statement: what is asked.
        seen: the sub-problems.
        at: (k,) numbers of those.
    """
    lower, upper, widths = seen.lower[at], seen.upper[at], seen.widths[at]
    M = seen.multipliers[at]
    x = lower / 2 + upper / 2
    best, least = x, torch.full((len(at),), torch.inf, dtype=torch.float64)
    for _ in range(STEPS):
        residual = statement.residuals(x)
        size = (residual.abs() / _unit(statement)).amax(dim=1)
        better = size < least
        best, least = torch.where(better[:, None], x, best), torch.where(better, size, least)
        step = (M @ residual[..., None])[..., 0] * widths
        x = torch.minimum(torch.maximum(x - step, lower), upper)
    best = _polished(statement, best, least, lower, upper, widths)
    if statement.at is not None:
        own = [holds_point(statement, seen, int(place), lower[k], upper[k]) for k, place in enumerate(at)]
        best = torch.where(torch.tensor(own)[:, None], statement.at, best)
    near = statement.residuals(best).abs() <= 2 * (statement.spread + statement.forward_error)
    found: list[Root | None] = [None] * len(at)
    for k in torch.nonzero(near.all(dim=1))[:, 0].tolist():
        found[k] = located(statement, seen, int(at[k]), best[k])
    return found


def holds_point(statement: InverseStatement, seen: Examined, place: int, lower: Tensor, upper: Tensor) -> bool:
    """Whether the point whose outputs are wanted is in a box, and up to rounding on the sides that are fixed there.

    Args:
        statement: what is asked.
        seen: the sub-problems.
        place: number of one of them.
        lower: (d,) of what is left of its box.
        upper: (d,) of what is left of its box.
    """
    x, problems = statement.at, seen.problems
    if x is None or not bool(((lower <= x) & (x <= upper)).all()):
        return False
    used = problems.fixed[place] >= 0
    fixed, side, kink = (part[place][used] for part in (problems.fixed, problems.sides, problems.kinks))
    fed = statement.fed(x)
    return bool((-side * (fed[fixed] - kink) <= 2.0**-40 * fed.abs().max()).all())


def alike_member(statement: InverseStatement, lower: Tensor, upper: Tensor) -> Root | None:
    """A solution in a box on which outputs hardly vary, which the box itself is a ball about; None if none is found.

    Args:
        statement: what is asked.
        lower: (d,) of the box.
        upper: (d,) of the box.
    """
    middle = lower / 2 + upper / 2
    for point in torch.stack([polished(statement, middle, lower, upper), middle, lower, upper]):
        if statement.is_member(point):
            return Root(point, lower, upper, is_flat=False, holds=True)
    return None


def polished(statement: InverseStatement, point: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """A point of a box whose outputs are nearer to the wanted ones, if steps of least norm lead there.

    Args:
        statement: what is asked.
        point: (d,) in the box.
        lower: (d,) of the box.
        upper: (d,) of the box.
    """
    error = (statement.residuals(point[None]).abs() / _unit(statement)).amax(dim=1)
    widths = (upper - lower)[None]
    return _polished(statement, point[None], error, lower[None], upper[None], widths)[0]


def _polished(
    statement: InverseStatement, x: Tensor, least: Tensor, lower: Tensor, upper: Tensor, widths: Tensor
) -> Tensor:
    """Points after some more steps, with the Jacobian at the points themselves, where that brings outputs nearer."""
    bounded = statement.bounded
    J = bound_units(bounded, x, x).hull.middle
    M = torch.linalg.pinv(torch.nan_to_num(J * widths[:, None]))
    best = x
    for _ in range(3):
        step = (M @ statement.residuals(x)[..., None])[..., 0] * widths
        x = torch.minimum(torch.maximum(x - step, lower), upper)
        size = (statement.residuals(x).abs() / _unit(statement)).amax(dim=1)
        better = size < least
        best, least = torch.where(better[:, None], x, best), torch.where(better, size, least)
    return best


def _unit(statement: InverseStatement) -> Tensor:
    return statement.spread + statement.forward_error + UNDERFLOW


def located(
    statement: InverseStatement, seen: Examined, place: int, point: Tensor, *, room: bool = True
) -> Root | None:
    """The ball about a point of a box on which no two points have the same features; None if its values are not had.

    Where sides of units are fixed, the network is affine on them, and the point need not be on them: what its outputs
    are says nothing then, and the ball is what the inequalities leave of the box. An exact root near the point may lie
    in another box: the ball reaches as far as it can be.

    Args:
        statement: what is asked.
        seen: the sub-problems.
        place: number of one of them.
        point: (d,) in its box.
        room: whether to leave room for what another order of sums may give.
    """
    outputs = statement.exact_outputs(point)
    if outputs is None:
        return None
    if bool(seen.problems.is_conditional[place]):
        low, high = seen.lower[place], seen.upper[place]
    else:
        low, high = enclosure(statement, seen, place, point, outputs, room=room)
    holds = statement.has_member(point, outputs)
    if not holds and bool((statement.resolution == 0).any()):
        root = exact_root(statement, around(statement, seen, place, point), point, outputs)
        if holds := root.holds is True:
            least, most = reach(point, torch.from_numpy(root.radius) * (1 + room * 2.0**-30))
            low = torch.minimum(low, torch.maximum(least, statement.lower))
            high = torch.maximum(high, torch.minimum(most, statement.upper))
    return Root(point, low, high, is_flat=False, holds=holds)


def enclosure(
    statement: InverseStatement, seen: Examined, place: int, point: Tensor, outputs: list[Fraction], *, room: bool
) -> tuple[Tensor, Tensor]:
    """A box about a point of a box that holds all of its solutions, if no two points of it have the same features.

    `M (F(x) - F(p)) = M J (x - p)` for a mean J of Jacobians on the box, and `|M J - I|` has row sums q below 1:
    so `|x - p| <= |M (F(x) - F(p))| / (1 - q)` in the largest coordinate, each in units of the widths, and what that
    gives back for each coordinate by itself.
    """
    M, q = seen.multipliers[place], seen.apart[place]
    far = (statement.away(outputs) + statement.resolution) * (1 + 4 * UNIT)
    step = (M.abs() @ far) * (1 + 2 * gamma(len(far) + 8)) + (len(far) + 4) * UNDERFLOW
    largest = step.max() / (1 - q.max()) * (1 + 16 * UNIT)
    radius = (step + q * largest) * seen.widths[place] * (1 + 16 * UNIT) + UNDERFLOW
    more = 2 * UNIT * (point.abs() + radius)
    if room:
        more = more + radius * 2.0**-30 + 4 * UNIT * point.abs()
    low = torch.maximum(point - radius - more, seen.problems.lower[place])
    return low, torch.minimum(point + radius + more, seen.problems.upper[place])


def around(statement: InverseStatement, seen: Examined, place: int, point: Tensor) -> Examined:
    """A small box about a point in the domain, wide enough for an exact root if there is one as near as outputs are."""
    far = statement.residuals(point[None])[0].abs() + statement.forward_error + statement.spread
    radius = 4 * (seen.inverse(statement, place).abs() @ far) * seen.widths[place] + 2.0**-46 * point.abs()
    low = torch.maximum(point - radius, statement.lower)
    high = torch.minimum(point + radius, statement.upper)
    return look_at(statement, low, high)


def has_root_near(
    statement: InverseStatement, seen: Examined, place: int, point: Tensor, lower: Tensor, upper: Tensor
) -> bool:
    """Whether, where only exact solutions count, one is proved in a box about a point, however large that one is.

    Args:
        statement: what is asked.
        seen: the sub-problems.
        place: number of one of them.
        point: (d,).
        lower: (d,) of the box, which holds all solutions in the sub-problem.
        upper: (d,) of the box.
    """
    problems = seen.problems
    inside = (problems.lower[place] <= point) & (point <= problems.upper[place])
    if not bool((statement.resolution == 0).any()) or not bool(inside.all()):
        return False
    outputs = statement.exact_outputs(point)
    if outputs is None:
        return False
    root = exact_root(statement, around(statement, seen, place, point), point, outputs)
    low, high = reach(point, torch.from_numpy(root.radius))
    if root.holds is True and bool(((lower <= low) & (high <= upper)).all()):
        return True
    piece = exact_piece(statement, seen, place)
    return piece is not None and piece.has_solution_near(point.numpy())
