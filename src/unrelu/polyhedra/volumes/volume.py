"""The volume of a polyhedron relative to its affine hull."""

from __future__ import annotations

import math
from dataclasses import replace

from unrelu.errors import InputError
from unrelu.polyhedra.affine_hull import AffineHull, affine_hull
from unrelu.polyhedra.analytic_center import AnalyticCenter, clear_center
from unrelu.polyhedra.boundedness import boundedness
from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.polyhedra.own_coordinates import OwnCoordinates
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.redundancy import touching_rows
from unrelu.polyhedra.volumes.annealing import annealed_volume
from unrelu.polyhedra.volumes.ellipsoids import ellipsoid_bounds
from unrelu.polyhedra.volumes.exact import MAX_ROWS, exact_log_volume
from unrelu.polyhedra.volumes.result import Volume, VolumeMethod
from unrelu.polyhedra.volumes.round_body import RoundBody, round_body
from unrelu.progress import Progress, resolve_progress
from unrelu.solvers.status import Status

EXACT_DIMENSION = max(MAX_ROWS)
"""Dimensions up to which volumes are exact where the faces are not too many."""

ANNEALING_DIMENSION = 150
"""Dimensions up to which a volume is estimated unless another method is asked for; beyond, that takes minutes."""

MAX_UPDATES = 2e10
"""Slacks that annealing updates in one run, about a minute, however wide the interval still is."""

SIEVED_DIMENSION = 30
"""Dimensions up to which rows that do not touch the set are left out first, where there are many; of thousands of
inactive neurons a few hundred are left. Some 2 to 5 ms a row."""

_MANY_ROWS = 8  # a dimension

_CHOICES = (None, VolumeMethod.EXACT, VolumeMethod.ANNEALING, VolumeMethod.ELLIPSOIDS)


def volume(
    polyhedron: Polyhedron,
    *,
    bounded: bool | None = None,
    proved: DimensionInterval | None = None,
    log_unit: float = 0.0,
    method: VolumeMethod | str | None = None,
    accuracy: float = 0.05,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> Volume:
    """The volume relative to the affine hull: exact in low dimension, estimated in medium, bounded in high dimension.

    Boundedness must be given or provable: all coordinates are bounded, or multipliers prove a radius. A proved
    direction of recession makes the volume infinite. What is neither is refused (UNDECIDED), as is a set so thin that
    floats do not see it; small ones are seen in their own coordinates.

    Low is up to `EXACT_DIMENSION` dimensions and `exact.MAX_ROWS` inequalities, medium up to `ANNEALING_DIMENSION`.

    >>> round(volume(Polyhedron(lower=[0.0, 0.0, 0.0], upper=2.0)).estimate, 9)
    8.0

    Args:
        polyhedron: the set, of dimension d.
        bounded: whether it is bounded, where the caller has it proved; None to find out.
        proved: what is proved of its dimension, if anything.
        log_unit: the logarithm of the unit of length in which the polyhedron is given.
        method: "exact", "annealing" or "ellipsoids"; by the dimension if None. "exact" gives bounds where the faces
            are too many.
        accuracy: half-width of the confidence interval of the logarithm that annealing tries to reach.
        confidence: of that interval, between 0 and 1.
        seed: of annealing's random numbers.
        progress: where to show progress.

    Raises:
        InputError: if the method is none of these, or a number is out of range.
        SolverFailure: if a solver refuses the numbers.
    """
    chosen = _checked(method, accuracy, confidence)
    P = polyhedron.unit_rows
    hull = affine_hull(P)
    if proved is not None:
        hull = replace(hull, lower=max(hull.lower, proved.lower), upper=min(hull.upper, proved.upper))
    if hull.empty is True:
        return _certain(-math.inf, hull, VolumeMethod.EMPTY)
    if hull.status is not Status.OPTIMAL or not hull.lower <= hull.dimension <= hull.upper:
        # A dimension that contradicts what is proved says that floats do not see the set as it is.
        return _certain(math.nan, hull, VolumeMethod.UNDECIDED)
    if hull.dimension == 0:
        return _certain(0.0, hull, VolumeMethod.POINT)
    known = boundedness(P).bounded if bounded is None else bounded
    if known is False and (bounded is False or hull.empty is False):
        return _certain(math.inf, hull, VolumeMethod.UNBOUNDED)
    if known is not True:
        return _certain(math.nan, hull, VolumeMethod.UNDECIDED)
    center, own = _center(hull)
    if center.status is not Status.OPTIMAL or center.dimension != hull.dimension:
        return _certain(math.nan, hull, VolumeMethod.UNDECIDED)
    found = _measured(round_body(center), hull, chosen, accuracy, confidence, seed, resolve_progress(progress))
    log_unit += 0.0 if own is None else own.log_scale / found.dimension
    off = found.dimension * log_unit
    return replace(
        found,
        log_lower=found.log_lower + off,
        log_estimate=found.log_estimate + off,
        log_upper=found.log_upper + off,
    )


def _checked(method: VolumeMethod | str | None, accuracy: float, confidence: float) -> VolumeMethod | None:
    try:
        chosen = None if method is None else VolumeMethod(method)
    except ValueError:
        chosen = VolumeMethod.UNDECIDED
    if chosen not in _CHOICES:
        raise InputError(f'the method of a volume is "exact", "annealing" or "ellipsoids", not {method!r}.')
    if not accuracy > 0:
        raise InputError(f"the accuracy must be positive, not {accuracy}.")
    if not 0 < confidence < 1:
        raise InputError(f"the confidence must lie between 0 and 1, not {confidence}.")
    return chosen


def _center(hull: AffineHull) -> tuple[AnalyticCenter, OwnCoordinates | None]:
    """The analytic centre, of the rows that touch the set where that can be told at little cost."""
    P = hull.polyhedron
    clear = clear_center(P, hull.point)
    center = clear.center
    n, rows = center.dimension, center.rows
    if center.status is not Status.OPTIMAL or n > SIEVED_DIMENSION or rows.rows.size <= _MANY_ROWS * n:
        return center, clear.own
    kept = rows.rows[touching_rows(rows, center.point)[: rows.rows.size]]
    P = rows.polyhedron
    sieved = Polyhedron(P.A_ub[kept], P.b_ub[kept], P.A_eq, P.b_eq, P.lower, P.upper, P.origin, P.ub_error[kept])
    return clear_center(sieved, center.point).center, clear.own


def _measured(
    body: RoundBody,
    hull: AffineHull,
    method: VolumeMethod | None,
    accuracy: float,
    confidence: float,
    seed: int,
    progress: Progress,
) -> Volume:
    n = body.dimension
    proved = hull.lower == hull.upper == n
    bounds = ellipsoid_bounds(body)
    if method is VolumeMethod.EXACT or (method is None and n <= EXACT_DIMENSION):
        exact = exact_log_volume(body)
        if exact is not None:
            return Volume(exact, exact, exact, n, proved, VolumeMethod.EXACT)
    if method is VolumeMethod.ANNEALING or (method is None and n <= ANNEALING_DIMENSION):
        found = annealed_volume(
            body, accuracy=accuracy, confidence=confidence, seed=seed, max_updates=MAX_UPDATES, progress=progress
        )
        # Bounds that hold surely can only help.
        lower = max(found.log_estimate - found.half_width, bounds.log_lower)
        upper = min(found.log_estimate + found.half_width, bounds.log_upper)
        return Volume(lower, found.log_estimate, upper, n, proved, VolumeMethod.ANNEALING, confidence)
    return Volume(bounds.log_lower, math.nan, bounds.log_upper, n, proved, VolumeMethod.ELLIPSOIDS)


def _certain(log_volume: float, hull: AffineHull, method: VolumeMethod) -> Volume:
    lower, upper = (-math.inf, math.inf) if math.isnan(log_volume) else (log_volume, log_volume)
    proved = hull.lower == hull.upper == hull.dimension
    return Volume(lower, log_volume, upper, hull.dimension, proved, method)
