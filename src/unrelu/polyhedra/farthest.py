"""The point of a polyhedron that is farthest from another, in L1, L2 or L-infinity."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.boundedness import boundedness
from unrelu.polyhedra.functional_program import FunctionalProgram
from unrelu.polyhedra.hull_rows import hull_rows
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.nearest import check_norm
from unrelu.polyhedra.normalised import Normalised
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.ranges import Ranges, ranges
from unrelu.progress import Progress, resolve_progress
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNIT, norm_above, sum_above

OPTIMALITY_TOLERANCE = 1e-6
"""Distance and bound may differ by this, relative to distance and numbers (up to 1), where a point is called farthest.

Solvers are asked for 1e-9; a bound loses a little more where its multipliers are rounded."""

STARTS = 8
"""Random directions from which ascent starts, besides the coordinate with the longest way."""

_STEPS = 50
"""Steps of one ascent; each goes from vertex to better vertex, and a handful is usual."""


@dataclass(frozen=True, eq=False)
class FarthestPoint:
    """The point of a polyhedron that was found farthest from another.

    Attributes:
        point: (d,) float64, within the bounds exactly and within the rows up to the solver's tolerance; None where
            the set is unbounded, or nothing was found.
        distance: `||point - other||`; inf where the set is proved to be unbounded, nan where nothing was found.
        bound: no exact member is proved to be farther away; inf where nothing is proved.
        radius: an exact member is proved to lie within this of the point (L2); inf where that is not proved.
    """

    point: np.ndarray | None
    distance: float
    bound: float
    radius: float

    @property
    def optimal(self) -> bool:
        """Whether distance and bound meet, up to OPTIMALITY_TOLERANCE, so that no member is farther away."""
        if math.isinf(self.distance):
            return True
        size = 0.0 if self.point is None else min(1.0, float(np.abs(self.point).max(initial=0.0)))
        return self.bound - self.distance <= OPTIMALITY_TOLERANCE * max(size, self.distance)


def farthest_point(
    polyhedron: Polyhedron,
    point: np.ndarray,
    norm: float = math.inf,
    *,
    bounded: bool | None = None,
    seed: int = 0,
    time_limit: float = math.inf,
    progress: Progress | bool | None = None,
    workers: int | None = None,
) -> FarthestPoint:
    """Maximise `||x - p||` over a non-empty polyhedron.

    The ranges of all coordinates decide L-infinity. L1 and L2 are NP-hard over a polytope; there the corner of the
    box of ranges that is farthest from p gives the bound, and the point is the best that ascent finds: the convex
    objective is replaced by its tangent, a linear program, until that brings nothing more (Mangasarian, Machine
    learning via polyhedral concave minimization, 1996).

    >>> found = farthest_point(Polyhedron(lower=np.zeros(2), upper=[1.0, 3.0]), np.array([0.5, 1.0]), 2)
    >>> round(found.distance ** 2, 9), found.optimal
    (4.25, True)

    Args:
        polyhedron: the set, of dimension d.
        point: p, (d,), anywhere.
        norm: 1, 2 or inf.
        bounded: whether the set is bounded, where the caller has it proved; None to find out.
        seed: of the directions from which ascent starts.
        time_limit: seconds after which no further program is begun; point and bound are the best by then.
        progress: where to show progress.
        workers: threads; by default one a core.

    Raises:
        InputError: if the norm is another, or the point not finite or of another size.
        SolverFailure: if the solver refuses the numbers.
    """
    check_norm(norm)
    p = np.asarray(point, dtype=np.float64)
    if p.shape != polyhedron.origin.shape:
        raise ShapeError(f"the point needs shape ({polyhedron.origin.size},), not {p.shape}.")
    if not bool(np.isfinite(p).all()):
        raise InputError("the point holds NaN or infinite values; clean it first.")
    deadline = time.monotonic() + time_limit
    P = polyhedron.unit_rows
    known = boundedness(P, known=bounded)
    if known.bounded is False:
        return FarthestPoint(None, math.inf, math.inf, math.inf)
    shown = resolve_progress(progress)
    found = ranges(P, radius=known.radius, time_limit=0.8 * time_limit, progress=shown, workers=workers)
    with np.errstate(over="ignore"):  # to infinity
        reach = np.maximum(found.proved_upper - p, p - found.proved_lower)
    # A subtraction rounds once.
    bound = _norm_above(np.maximum(np.nextafter(reach, np.inf), 0.0), norm) if is_ieee() else math.inf
    best = _ascended(P, p, norm, found, np.random.default_rng(seed), shown, deadline)
    if best is None:
        return FarthestPoint(None, math.nan, bound, math.inf)
    distance = float(np.linalg.norm(best - p, ord=norm))
    return FarthestPoint(best, distance, max(bound, distance), member_radius(P, best))


def restored_farthest(found: FarthestPoint, scaled: Normalised, point: np.ndarray, norm: float) -> FarthestPoint:
    """What was found in units of the size of a set, as a point of the set itself.

    Args:
        found: in the coordinates of `normalised`.
        scaled: the set.
        point: (d,) the other point.
        norm: 1, 2 or inf.
    """
    if found.point is None:
        return found
    x = scaled.restored(found.point)
    lost = scaled.lost(point, norm)
    bound = float(np.nextafter((math.ldexp(found.bound, scaled.exponent) + lost) * (1 + 4 * UNIT), math.inf))
    return replace(
        found,
        point=x,
        distance=float(np.linalg.norm(x - point, ord=norm)),
        bound=bound,
        radius=member_radius(scaled.whole, x),
    )


def _norm_above(values: np.ndarray, norm: float) -> float:
    if norm == 1:
        return sum_above(values)
    return norm_above(values) if norm == 2 else float(values.max(initial=0.0))


def _ascended(
    P: Polyhedron,
    p: np.ndarray,
    norm: float,
    found: Ranges,
    rng: np.random.Generator,
    progress: Progress,
    deadline: float,
) -> np.ndarray | None:
    """The best vertex found; None where the programs have no solutions."""
    program = FunctionalProgram(P, hull_rows(P))
    up, down = np.nan_to_num(found.upper - p, nan=0.0), np.nan_to_num(p - found.lower, nan=0.0)
    j = int(np.argmax(np.maximum(up, down)))
    unit = np.zeros(p.size)
    unit[j] = 1.0 if up[j] >= down[j] else -1.0
    # For L-infinity the coordinate with the longest way is the answer.
    starts = [unit]
    if norm != math.inf:
        starts += [np.where(up >= down, 1.0, -1.0), *rng.standard_normal((STARTS, p.size))]
    best, farthest = None, -math.inf
    with progress.stage("farthest point", len(starts)) as advance:
        for direction in starts:
            distance = -math.inf
            for _ in range(_STEPS):
                if time.monotonic() >= deadline:
                    break
                x = program.minimise(-direction).point
                if x is None or (reached := float(np.linalg.norm(x - p, ord=norm))) <= distance * (1 + 1e-12):
                    break
                distance = reached
                if distance > farthest:
                    best, farthest = x, distance
                direction = _tangent(x - p, norm)
            advance(1)
    return best


def _tangent(z: np.ndarray, norm: float) -> np.ndarray:
    """A subgradient of the norm, up to its size."""
    if norm == 1:
        return np.where(z >= 0, 1.0, -1.0)
    if norm == 2:
        return z
    unit = np.zeros_like(z)
    unit[np.argmax(np.abs(z))] = math.copysign(1.0, z[np.argmax(np.abs(z))])
    return unit
