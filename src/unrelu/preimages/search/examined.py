"""What bounds prove of sub-problems: what is left of their boxes, and how many solutions they can hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.bounding.row_bounds import output_rows, rows_below
from unrelu.bounding.unit_bounds import UnitBounds, bound_units
from unrelu.frontier.contraction import contract
from unrelu.frontier.subproblems import Subproblems
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma

if TYPE_CHECKING:
    from unrelu.bounding.jacobian_hull import JacobianHull
    from unrelu.preimages.search.statement import InverseStatement

SWEEPS = 3
"""How often boxes are cut down, coordinate by coordinate; of many inputs once, as no box is ever small."""


@dataclass(frozen=True, eq=False)
class Examined:
    """n sub-problems with what is proved of the solutions in them.

    Attributes:
        problems: the sub-problems.
        units: bounds of what units are fed.
        widths: (n, d) float64, upper - lower, the units in which distances are measured.
        multipliers: (n, d, m) float64, M: about the inverse of the middle Jacobian, for inputs in these units; or
            (n, 0, m), none.
        lower: (n, d) float64, of what is left of the box.
        upper: (n, d) float64.
        slopes: (n, k, d) float64 of inequalities `slopes x <= limits` that solutions keep: of the rows of M, of the
            outputs, of the negatives of both, and of the sides that are fixed.
        limits: (n, k) float64.
        refuted: (n,) float64: positive where no solution is left; by so many times the rounding that was allowed for.
    """

    problems: Subproblems
    units: UnitBounds
    widths: Tensor
    multipliers: Tensor
    lower: Tensor
    upper: Tensor
    slopes: Tensor
    limits: Tensor
    refuted: Tensor

    @property
    def hull(self) -> JacobianHull:
        """The Jacobians on the boxes."""
        return self.units.hull

    @cached_property
    def apart(self) -> Tensor:
        """(n, d) float64, row sums of at least `|I - M J|` over all Jacobians on the box.

        Where they are below 1 in all rows, no two points of the box have the same features.
        """
        if self.multipliers.shape[1] < self.widths.shape[1]:
            return torch.full_like(self.widths, torch.inf)
        return _apart(self.hull, self.multipliers, self.widths)

    def inverse(self, statement: InverseStatement, place: int) -> Tensor:
        """(d, m) M of one sub-problem, also where it has none."""
        if self.multipliers.shape[1]:
            return self.multipliers[place]
        scaled = self.units.of(place).hull.middle * self.widths[place]
        return _inverse(scaled, statement)[0]

    def refutes(self, place: int, weights: Tensor, caution: float = 0.0) -> bool:
        """Whether a weighted sum of a sub-problem's inequalities is broken everywhere on its box.

        Args:
            place: its number.
            weights: (k,) float64, of at least 0; what is missing counts as 0, what is too much not at all.
            caution: as for `examine`.
        """
        # Room for sides of others in the batch, whose weights are 0, may be there or not.
        given, limits = weights[: len(self.limits[place])], self.limits[place]
        weights = torch.zeros_like(limits)
        weights[: len(given)] = given
        used = weights >= UNDERFLOW
        if not bool((weights >= 0).all()) or not bool(torch.isfinite(limits[used]).all()):
            return False
        w, slopes, limits = weights[used], self.slopes[place][used], limits[used]
        room = 2 * gamma(2 * len(w) + 8)
        # What rounding of the sum's slopes can do at a point of the box counts as a larger limit.
        largest = torch.maximum(self.problems.lower[place].abs(), self.problems.upper[place].abs())
        sizes = w @ limits.abs() + (w @ slopes.abs()) @ largest
        limit = (
            w @ limits + (1 + caution) * room * sizes + (len(w) + 4) * UNDERFLOW * (1 + w.sum()) * (1 + largest.sum())
        )
        box = self.problems.lower[place][None], self.problems.upper[place][None]
        return (
            float(contract(*box, (w @ slopes)[None, None], limit.reshape(1, 1), caution=caution, sweeps=1).excess) > 0
        )


def examine(
    statement: InverseStatement, problems: Subproblems, multipliers: Tensor | None = None, *, caution: float = 0.0
) -> Examined:
    """Bound sub-problems, and cut off what holds no solution.

    The rows `M F` and F itself lie between affine functions of the input; what they are at a solution is known up to
    the resolution, so the affine functions are inequalities that solutions keep: with M about the inverse of the
    Jacobian, an interval Newton step. It excludes, and never proves existence.

    Args:
        statement: what is asked.
        problems: n of them.
        multipliers: (n, d, m) M, any numbers, or (n, 0, m), none; the pseudo-inverse of the middle Jacobian if left
            out.
        caution: how many times more rounding to allow for than there can be, so that what is cut off is cut off
            whatever the order of sums.
    """
    bounded = statement.bounded
    lower, upper = problems.lower, problems.upper
    units = bound_units(bounded, lower, upper, problems.low, problems.high)
    widths = upper - lower
    if multipliers is None:
        multipliers = _inverse(units.hull.middle * widths[:, None], statement)
    # What may fall says nothing of how far apart two solutions are.
    multipliers = torch.where(statement.held, multipliers, 0.0)
    n, _, m = multipliers.shape
    identity = torch.eye(m, dtype=torch.float64).expand(n, m, m)
    rows = torch.cat([multipliers, identity], dim=1)
    slopes, limits = _inequalities(statement, units, problems, torch.cat([rows, -rows], dim=1), caution)
    left = contract(lower, upper, slopes, limits, caution=caution, sweeps=1 if statement.by_units else SWEEPS)
    refuted = torch.where(left.excess > 0, left.excess / (left.doubt + UNDERFLOW), -1.0)
    refuted = torch.where(units.empty, torch.inf, refuted)
    return Examined(
        problems,
        units,
        widths,
        multipliers,
        left.lower,
        left.upper,
        slopes,
        limits,
        refuted,
    )


def look_at(statement: InverseStatement, lower: Tensor, upper: Tensor) -> Examined:
    """One box (d,) by itself, without fixed sides; with multipliers where a search has them."""
    problem = Subproblems.root(lower, upper, statement.bounded.n_units)
    none = torch.zeros(1, 0, len(statement.features), dtype=torch.float64)
    return examine(statement, problem, none if statement.by_units else None)


def narrowed(seen: Examined, lower: Tensor, upper: Tensor, share: Tensor) -> Subproblems:
    """The sub-problems on what is left of their boxes, with all that is known of their units."""
    problems = seen.problems
    return replace(
        problems,
        lower=lower,
        upper=upper,
        low=torch.maximum(problems.low, seen.units.low),
        high=torch.minimum(problems.high, seen.units.high),
        share=share,
    )


def is_settled(found: Examined, place: int) -> bool:
    """Whether all units keep their branch on a sub-problem, and no number overflowed."""
    known = not bool((found.units.low[place] + found.units.high[place]).isnan().any())
    return known and int(found.units.open[place]) == 0


def has_one_at_most(found: Examined, place: int) -> bool:
    """Whether no two points of a sub-problem have the same features.

    Between two points of a box all points are in it; between two that keep fixed sides they are where no unit is open.
    """
    if bool(found.problems.is_conditional[place]) and not is_settled(found, place):
        return False
    return float(found.apart[place].max()) < 1


def _inverse(scaled: Tensor, statement: InverseStatement) -> Tensor:
    """The pseudo-inverse of Jacobians (n, m, d), outputs weighted by their resolution where all have one."""
    resolution = statement.resolution
    weights = 1 / resolution if bool((resolution > 0).all()) else torch.ones_like(resolution)
    weights = torch.where(statement.held, weights, 0.0)
    if not bool(statement.held.any()):
        return torch.zeros_like(scaled).transpose(1, 2)
    weights = weights / weights.max()
    finite = torch.where(torch.isfinite(scaled), scaled, 0.0)
    return torch.linalg.pinv(finite * weights[None, :, None]) * weights[None, None]


def _inequalities(
    statement: InverseStatement, units: UnitBounds, problems: Subproblems, rows: Tensor, caution: float
) -> tuple[Tensor, Tensor]:
    """`slopes x <= limits` for solutions: of rows (n, k, m) of the outputs, and of the sides that are fixed."""
    bounded = statement.bounded
    n, k, m = rows.shape
    box = problems.lower, problems.upper
    every = torch.arange(n).repeat_interleave(k)
    found = rows_below(bounded, units.relaxations, box, every, output_rows(bounded, rows.reshape(n * k, m)))
    y, rho = statement.features, statement.spread
    limits = rows @ y + rows.abs() @ rho
    sizes = rows.abs() @ (y.abs() + rho)
    lost = (m + 4) * UNDERFLOW * (1 + float((y.abs() + rho).sum()))
    limits = limits + (1 + caution) * (2 * gamma(2 * m + 8) * sizes + lost)
    offsets = (found.offsets - caution * found.losses).reshape(n, k)
    limits = limits - offsets + 4 * UNIT * (limits.abs() + offsets.abs()) + UNDERFLOW
    if statement.falling is not None:  # which are below y, and nobody knows how far
        limits = torch.where(((rows < 0) & statement.falling).any(dim=2), torch.inf, limits)
    slopes = found.slopes.reshape(n, k, -1)
    width = problems.fixed.shape[1]
    if width == 0:
        return slopes, limits
    more, bounds = slopes.new_zeros(n, width, slopes.shape[2]), limits.new_full((n, width), torch.inf)
    for name, span in bounded.spans.items():
        at, which = torch.nonzero((problems.fixed >= span.start) & (problems.fixed < span.stop), as_tuple=True)
        if not len(at):
            continue
        side, kink = problems.sides[at, which], problems.kinks[at, which]
        coefficients = torch.zeros(len(at), span.stop - span.start, dtype=torch.float64)
        coefficients[torch.arange(len(at)), problems.fixed[at, which] - span.start] = -side
        below = rows_below(bounded, units.relaxations, box, at, {name: [coefficients]})
        more[at, which] = below.slopes
        bound = -side * kink
        below_offsets = below.offsets - caution * below.losses
        bounds[at, which] = bound - below_offsets + 4 * UNIT * (bound.abs() + below_offsets.abs()) + UNDERFLOW
    return torch.cat([slopes, more], dim=1), torch.cat([limits, bounds], dim=1)


def _apart(hull: JacobianHull, multipliers: Tensor, widths: Tensor) -> Tensor:
    """Row sums of `|I - M J|` in units of the widths; a coordinate without width is no unknown."""
    d, m = widths.shape[1], multipliers.shape[2]
    scaled = hull.middle * widths[:, None]
    free = (widths > 0).to(torch.float64)
    wanted = torch.diag_embed(free)
    rounding = 2 * gamma(m + 8) * (multipliers.abs() @ scaled.abs()) + (m + 4) * UNDERFLOW * (
        1 + multipliers.abs().sum(dim=2, keepdim=True)
    )
    found = (wanted - multipliers @ scaled).abs() + rounding + hull.distance(multipliers) * widths[:, None]
    found = (found * free[:, None]).sum(dim=2) * (1 + (d + 8) * 4 * UNIT) * free
    return torch.where(torch.isnan(found), torch.inf, found)
