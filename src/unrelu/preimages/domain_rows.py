"""The rows of a domain, as homogeneous constraints on directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from unrelu.errors import DomainError
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.matrices import Matrix
from unrelu.rigor.rounding import gamma
from unrelu.rigor.signs import exact_signs


@dataclass(frozen=True, eq=False)
class DomainRows:
    """`{ z : equalities z = 0, inequalities z <= 0 }` bounds the directions of a domain.

    The equalities are the domain's own and a unit row for each fixed coordinate; the inequalities are the domain's own,
    then `-e_i` for each lower bound, then `e_i` for each upper bound.

    Attributes:
        domain: the domain.
        equalities: (l, d), sparse if asked for.
        inequalities: (k, d), likewise.
        lower: indices of the coordinates with a lower bound that are not fixed.
        upper: indices of the coordinates with an upper bound that are not fixed.
    """

    domain: Polyhedron
    equalities: Matrix
    inequalities: Matrix
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, domain: Polyhedron, *, as_sparse: bool = False) -> DomainRows:
        """The rows of a domain."""
        fixed = domain.lower == domain.upper
        lower = np.flatnonzero(np.isfinite(domain.lower) & ~fixed)
        upper = np.flatnonzero(np.isfinite(domain.upper) & ~fixed)
        if as_sparse:
            units = sparse.csr_array(sparse.eye_array(domain.n_coordinates))
            equalities = sparse.csr_array(sparse.vstack([domain.A_eq, units[fixed]], format="csr"))
            inequalities = sparse.csr_array(sparse.vstack([domain.A_ub, -units[lower], units[upper]], format="csr"))
        else:
            unit = np.eye(domain.n_coordinates)
            equalities = np.vstack([domain.A_eq, unit[fixed]])
            inequalities = np.vstack([domain.A_ub, -unit[lower], unit[upper]])
        return cls(domain, equalities, inequalities, lower, upper)

    def tight(self, point: np.ndarray) -> np.ndarray:
        """Which inequalities hold with equality at a point of the domain, decided exactly.

        Bounds and inequality rows are compared exactly; a point that breaks a row by no more than the rounding of the
        point itself is taken to lie on it, and equality rows are taken to hold at the point if they do so to rounding.

        Args:
            point: (d,).

        Returns:
            (k,) bool.

        Raises:
            DomainError: if the point lies outside.
        """
        domain = self.domain
        if bool((point < domain.lower).any()) or bool((point > domain.upper).any()):
            worst = int(np.argmax(np.maximum(domain.lower - point, point - domain.upper)))
            raise DomainError(
                f"the point lies outside the domain: coordinate {worst} is {point[worst]:g}, its bounds are "
                f"{domain.lower[worst]:g} and {domain.upper[worst]:g}."
            )
        for rows, values, kind in ((domain.A_eq, domain.b_eq, "equality"), (domain.A_ub, domain.b_ub, "inequality")):
            excess = rows @ (point - domain.origin) - values
            rounding = gamma(point.size + 4) * (np.abs(rows) @ (np.abs(point) + np.abs(domain.origin)) + np.abs(values))
            broken = (np.abs(excess) if kind == "equality" else excess) > rounding
            if broken.any():
                row = int(np.flatnonzero(broken)[0])
                raise DomainError(
                    f"the point lies outside the domain: it breaks {kind} {row} by {abs(excess[row]):.3g}."
                )
        signs = exact_signs(
            np.hstack([domain.A_ub, domain.A_ub]), -domain.b_ub, np.concatenate([point, -domain.origin])
        )
        return np.concatenate(
            [
                signs >= 0,
                point[self.lower] == domain.lower[self.lower],
                point[self.upper] == domain.upper[self.upper],
            ]
        )
