"""The metamer of one layer, or of one piece of it, by one program."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from unrelu.cones.decide import decide_cone
from unrelu.errors import InputError, SolverFailure
from unrelu.metamerism.found import Found
from unrelu.polyhedra.nearest import NearestPoint, nearest_point
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.singular import proves_full_rank
from unrelu.solvers.status import Status

if TYPE_CHECKING:
    from unrelu.polyhedra.farthest import FarthestPoint
    from unrelu.preimages.same_features import SameFeatures


def metamer_on_layer(
    same: SameFeatures, original: np.ndarray, wanted: np.ndarray, *, objective: str, norm: float, time_limit: float
) -> Found:
    """The program of Behrmann et al., appendix A7, over the whole preimage, or over its piece of the original.

    Args:
        same: the statement.
        original: (d,) x0, a member.
        wanted: (d,) the target.
        objective: "nearest" or "farthest".
        norm: 1, 2 or inf.
        time_limit: seconds.

    Raises:
        InputError: if the farthest is infinitely far.
        SolverFailure: if no point was found, though the original is one.
    """
    body = _body(same.polyhedron)
    deadline = time.monotonic() + time_limit
    if objective == "farthest":
        far = body.farthest(wanted, norm, time_limit=time_limit)
        found = from_farthest(far, original, wanted, norm, late=time.monotonic() >= deadline)
    else:
        near = nearest_point(body, wanted, norm, time_limit=time_limit, is_member=bool(same.contains(wanted)))
        found = from_nearest(near, original, wanted, norm)
    is_original = np.array_equal(found.point, original)
    return Found(
        found.point,
        found.distance,
        found.bound,
        0.0 if is_original else found.radius,
        found.status,
        regional=not same.is_whole,
        unique=is_original and _is_unique(same),
    )


def from_nearest(found: NearestPoint, original: np.ndarray, wanted: np.ndarray, norm: float) -> Found:
    """The nearest point of a set; the original where a solver had no time for another.

    Raises:
        SolverFailure: if no point was found for another reason.
    """
    x = found.point
    if x is None:
        if found.status not in {Status.TIME_LIMIT, Status.ITERATION_LIMIT}:
            raise SolverFailure(f"no metamer was found, though the original is one: {found.status.advice}")
        x = original.copy()
    distance = float(np.linalg.norm(x - wanted, ord=norm))
    return Found(x, distance, min(found.bound, distance), found.radius, found.status)


def from_farthest(far: FarthestPoint, original: np.ndarray, wanted: np.ndarray, norm: float, *, late: bool) -> Found:
    """The farthest point of a set; the original where a solver had no time for another.

    Raises:
        InputError: if the farthest is infinitely far.
        SolverFailure: if no point was found for another reason.
    """
    if math.isinf(far.distance):
        raise InputError(
            "metamers of this original lie arbitrarily far away, so there is no farthest; bound them by a domain "
            "such as Box(0, 1)."
        )
    if far.point is None and late:
        distance = float(np.linalg.norm(original - wanted, ord=norm))
        return Found(original.copy(), distance, max(far.bound, distance), 0.0, Status.TIME_LIMIT)
    if far.point is None:
        raise SolverFailure("no metamer was found, though the original is one; give another norm or domain.")
    status = Status.OPTIMAL if far.optimal else (Status.TIME_LIMIT if late else Status.INACCURATE)
    return Found(far.point, far.distance, far.bound, far.radius, status)


def _body(P: Polyhedron) -> Polyhedron:
    """The set; a single point by its bounds, where a solver would only meet rounding."""
    if len(P.A_eq) >= P.n_coordinates and not P.b_eq.any() and proves_full_rank(P.A_eq):
        return Polyhedron(lower=P.origin, upper=P.origin, origin=P.origin)
    return P


def _is_unique(same: SameFeatures) -> bool:
    """Whether the original is proved to be the only input with its features."""
    cone = same.enclosing_tangent_cone
    decision = decide_cone(cone)
    return decision.holds is True and decision.certificate is not None and decision.certificate.verify(cone)
