"""The volume of a polyhedron relative to its affine hull."""

from __future__ import annotations

import math

import numpy as np

from unrelu.errors import InputError
from unrelu.polyhedra.affine_hull import AffineHull, affine_hull
from unrelu.polyhedra.analytic_center import AnalyticCenter, analytic_center
from unrelu.polyhedra.boundedness import boundedness
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
    ub_error: np.ndarray | float = 0.0,
    method: VolumeMethod | str | None = None,
    accuracy: float = 0.05,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> Volume:
    """The volume relative to the affine hull: exact in low dimension, estimated in medium, bounded in high dimension.

    Boundedness must be given or provable: all coordinates are bounded, or multipliers prove a radius. A proved
    direction of recession makes the volume infinite. What is neither is refused (UNDECIDED).

    Low is up to `EXACT_DIMENSION` dimensions and `exact.MAX_ROWS` inequalities, medium up to `ANNEALING_DIMENSION`.

    >>> round(volume(Polyhedron(lower=0.0, upper=2.0, origin=np.zeros(3))).estimate, 9)
    8.0

    Args:
        polyhedron: the set, of dimension d.
        bounded: whether it is bounded, where the caller has it proved; None to find out.
        ub_error: what is said to be proved shall hold for all right-hand sides within this of `b_ub`; (k,) or one
            number. The volume is that of the stored numbers.
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
    hull = affine_hull(polyhedron, ub_error=ub_error)
    if hull.empty is True:
        return _certain(-math.inf, hull, VolumeMethod.EMPTY)
    if hull.status is not Status.OPTIMAL:
        return _certain(math.nan, hull, VolumeMethod.UNDECIDED)
    if hull.dimension == 0:
        return _certain(0.0, hull, VolumeMethod.POINT)
    known = boundedness(polyhedron, ub_error=ub_error).bounded if bounded is None else bounded
    if known is False and (bounded is False or hull.empty is False):
        return _certain(math.inf, hull, VolumeMethod.UNBOUNDED)
    if known is not True:
        return _certain(math.nan, hull, VolumeMethod.UNDECIDED)
    center = _center(hull)
    if center.status is not Status.OPTIMAL:
        return _certain(math.nan, hull, VolumeMethod.UNDECIDED)
    return _measured(round_body(center), hull, chosen, accuracy, confidence, seed, resolve_progress(progress))


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


def _center(hull: AffineHull) -> AnalyticCenter:
    """The analytic centre, of the rows that touch the set where that can be told at little cost."""
    P = hull.polyhedron
    center = analytic_center(P, hull.point)
    n, rows = center.dimension, center.rows
    if center.status is not Status.OPTIMAL or n > SIEVED_DIMENSION or rows.rows.size <= _MANY_ROWS * n:
        return center
    kept = rows.rows[touching_rows(rows, center.point)[: rows.rows.size]]
    sieved = Polyhedron(P.A_ub[kept], P.b_ub[kept], P.A_eq, P.b_eq, P.lower, P.upper, P.origin)
    return analytic_center(sieved, center.point)


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
