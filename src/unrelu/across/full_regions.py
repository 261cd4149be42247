"""The full-dimensional linear regions of a small layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

import numpy as np

from unrelu.errors import DomainError, TooLarge
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.chebyshev import chebyshev_center
from unrelu.polyhedra.interior_proof import is_strictly_inside
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.admissible_sets import region_bound
from unrelu.preimages.certificates.sign_system import SignCertificate, SignSystem
from unrelu.preimages.certificates.witness import Witness
from unrelu.preimages.sign_decision import decide_signs
from unrelu.progress import Progress
from unrelu.rigor.rounding import UNDERFLOW, gamma

LIMIT = 10_000
"""Regions that are listed unless a caller allows more: a few minutes of work."""


_WIDE = 1e6
"""An interior is looked for within these bounds, so that unbounded domains have a centre too."""


_HOPELESS = 1000
"""Where there could be so many times more regions than allowed, the search is not begun."""


@dataclass(frozen=True, eq=False)
class Region:
    """A sign for every feature of a layer.

    Attributes:
        active: (m,) bool, `a_i.x + b_i > 0` in the region; `< 0` for the others, but for rows of zeros.
        proved: whether some x in D is proved to have exactly these signs, none of them 0.
        certificate: the proof, for the features whose sign changes on the domain; None where there are none, or
            where it is open.
    """

    active: np.ndarray
    proved: bool
    certificate: SignCertificate | None


@dataclass(frozen=True, eq=False)
class FullRegions:
    """All regions of a layer that have an interior and meet the interior of the domain.

    Attributes:
        layer: the layer.
        domain: D.
        regions: all of them; exactly these, where all are proved.
    """

    layer: ReLULayer
    domain: Polyhedron
    regions: tuple[Region, ...]

    @cached_property
    def active(self) -> np.ndarray:
        """(n, m) bool, the active features of each region."""
        return np.array([region.active for region in self.regions], dtype=bool).reshape(-1, self.layer.n_outputs)

    @property
    def always_active(self) -> np.ndarray:
        """(m,) bool, the features that are active in every region: on D they are linear."""
        return np.logical_and.reduce(self.active, axis=0)

    @property
    def complete(self) -> bool:
        """Whether every region was proved to be there; that there is no other is always proved."""
        return all(region.proved for region in self.regions)


def full_regions(layer: ReLULayer, domain: Polyhedron, *, limit: int, progress: Progress) -> FullRegions:
    """List the full-dimensional regions of a layer that meet the interior of a domain.

    Rows are taken one after the other. Both sides of the next hyperplane are asked about as a system of strict
    inequalities within D; what is left out is proved to be empty (Motzkin's theorem). A system of strict inequalities
    that D meets is met by its interior as well, since a convex set with an interior is the closure of it.

    Args:
        layer: the layer.
        domain: D, in as many coordinates as the layer has inputs.
        limit: how many regions there may be.
        progress: where to show progress.

    Raises:
        TooLarge: if there are more.
        DomainError: if D has no interior.
    """
    require_interior(domain)
    A, b = layer.dense_weight, layer.bias
    d = A.shape[1]
    sides = _constant_signs(A, b, domain)
    open_rows = np.flatnonzero(sides == 0)
    if region_bound(open_rows.size, d) > _HOPELESS * limit:
        raise _too_many("", open_rows.size, d, limit)
    alive = [Region(np.zeros(0, dtype=bool), True, None)]  # D has an interior
    with progress.stage("regions", open_rows.size) as advance:
        for k in range(1, open_rows.size + 1):
            rows = open_rows[:k]
            children = [
                child
                for parent in alive
                for side in (True, False)
                if (child := _child(A[rows], b[rows], domain, parent, side)) is not None
            ]
            if len(children) > limit:
                raise _too_many(f"the first {k} of ", open_rows.size, d, limit)
            alive = children
            advance(1)
    found = []
    for region in alive:
        active = sides > 0
        active[open_rows] = region.active
        found.append(replace(region, active=active))
    return FullRegions(layer, domain, tuple(found))


def require_interior(domain: Polyhedron) -> None:
    """Refuse a domain that is not proved to have an interior.

    Raises:
        DomainError: if it is not.
    """
    if domain.A_ub.shape[0] == domain.A_eq.shape[0] == 0 and bool((domain.lower < domain.upper).all()):
        return
    P = domain
    part = Polyhedron(P.A_ub, P.b_ub, P.A_eq, P.b_eq, np.maximum(P.lower, -_WIDE), np.minimum(P.upper, _WIDE), P.origin)
    centre = chebyshev_center(part)
    full = centre.dimension == P.n_coordinates and not len(P.A_eq) and bool((P.lower < P.upper).all())
    if centre.point is None or not full or not is_strictly_inside(part, centre.point):
        raise DomainError(
            "the domain has no interior (or none that can be proved), so that its inputs do not fill the input space; "
            "leave out equalities and fixed coordinates."
        )


def _too_many(some: str, n: int, d: int, limit: int) -> TooLarge:
    return TooLarge(
        f"{some}{n} features whose sign changes on the domain cut it into more than {limit} regions; allow more with "
        f"`limit` (in general position there are up to {Decimal(region_bound(n, d)):.2E}), or take a smaller domain."
    )


def _child(A: np.ndarray, b: np.ndarray, domain: Polyhedron, parent: Region, side: bool) -> Region | None:
    """The part of a region on one side of its last row; None if it is proved to be empty."""
    active = np.append(parent.active, side)
    sign = np.where(active, 1.0, -1.0)
    system = SignSystem(sign[:, None] * A, sign * b, np.zeros(active.size, dtype=bool), domain)
    known = parent.certificate
    if isinstance(known, Witness) and known.is_exact(system):
        return Region(active, True, known)
    found = decide_signs(system)
    return None if found.holds is False else Region(active, found.holds is True, found.certificate)


def _constant_signs(A: np.ndarray, b: np.ndarray, domain: Polyhedron) -> np.ndarray:
    """(m,) 1 for rows that are positive on all of the domain's bounds, -1 for those that are not; 0 for the others."""
    with np.errstate(invalid="ignore", over="ignore"):
        ends = np.stack([A * domain.lower, A * domain.upper])
        ends[:, A == 0] = 0.0  # also where a bound is infinite
        d = A.shape[1]
        slack = gamma(d + 4) * (np.abs(ends).max(axis=0).sum(axis=1) + np.abs(b)) + (d + 4) * UNDERFLOW
        least = ends.min(axis=0).sum(axis=1) + b - slack
        most = ends.max(axis=0).sum(axis=1) + b + slack
    signs = np.where(least > 0, 1, np.where(most < 0, -1, 0))
    zero = ~A.any(axis=1)
    signs[zero] = np.where(b[zero] > 0, 1, -1)
    return signs
