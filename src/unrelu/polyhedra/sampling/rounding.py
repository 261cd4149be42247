"""A bounded polyhedron in coordinates in which it is about as long as wide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg

from unrelu.polyhedra.hull_rows import HullRows

LARGEST_GRAM = 2**25
"""Numbers of a Gram matrix of facets that are kept: 256 MB, 5,792 facets; beyond, its rows are computed as needed."""

LEAST_PAIR_GAP = 2.0**-20
"""Bounds count as a pair if the centre is this far from both, relative to their distance; nearer, the slack of the near
one would lose too many digits when it is measured from the middle."""


@dataclass(frozen=True, eq=False)
class RoundedBody:
    """`{ x = centre + basis y : |p_i| <= half_width_i for i < t, p_i <= 0 for i >= t }`, `p = position + facets y`.

    A pair of parallel facets, the two bounds of a coordinate, is one row: its position p is measured from the middle.
    For the other facets p is minus the slack.

    Attributes:
        centre: (d,) a point strictly inside.
        basis: (d, k) float64; the body is about as long as wide in the coordinates y.
        facets: (m, k) float64, the rows of facets in those coordinates.
        position: (m,) p at the centre.
        half_width: (t,) of the pairs of parallel facets, which come first.
        weights: (m,) with which positions are trusted when y is found from them.
    """

    centre: np.ndarray
    basis: np.ndarray
    facets: np.ndarray
    position: np.ndarray
    half_width: np.ndarray
    weights: np.ndarray

    @property
    def dimension(self) -> int:
        """k, the dimension of the body."""
        return self.basis.shape[1]

    @cached_property
    def reflections(self) -> np.ndarray | None:
        """(m, m), row j is `2 facets a_j / |a_j|^2`, by which speeds change for each unit of speed towards facet j.

        None where it would be too large; see `reflection_rows`.
        """
        if len(self.facets) ** 2 > LARGEST_GRAM:
            return None
        gram = self.facets @ self.facets.T
        gram *= (2.0 / np.diag(gram))[:, None]
        return gram

    def prepare(self) -> None:
        """Compute what is kept, before several threads ask for it."""
        _ = self.reflections, self._left_inverse

    def reflection_rows(self, hit: np.ndarray, out: np.ndarray) -> None:
        """Rows of `reflections`, (c, m) into `out`, for the facets `hit`: (c,)."""
        if self.reflections is not None:
            np.take(self.reflections, hit, axis=0, out=out, mode="clip")
            return
        a = self.facets[hit]
        a *= (2.0 / np.einsum("ij,ij->i", a, a))[:, None]
        np.matmul(a, self.facets.T, out=out)

    @cached_property
    def _left_inverse(self) -> np.ndarray:
        """(k, m): y from `p - position`, by weighted least squares."""
        weighted = self.facets * self.weights[:, None]
        normal = weighted.T @ self.facets
        return scipy.linalg.cho_solve(scipy.linalg.cho_factor(normal, lower=True), weighted.T)

    def coordinates(self, positions: np.ndarray) -> np.ndarray:
        """y, (c, k), from p, (c, m)."""
        return (positions - self.position) @ self._left_inverse.T

    def cleaned(self, positions: np.ndarray, speeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions and speeds, (c, m), without the rounding errors that left the range of the facets."""
        p = self.position + self.coordinates(positions) @ self.facets.T
        return p, (speeds @ self._left_inverse.T) @ self.facets.T

    def points(self, y: np.ndarray) -> np.ndarray:
        """x, (c, d), from y, (c, k)."""
        return self.centre + y @ self.basis.T

    def stretched(self, factor: np.ndarray) -> RoundedBody:
        """The same body in coordinates y' with `y = factor y'`; (k, k)."""
        return RoundedBody(
            centre=self.centre,
            basis=self.basis @ factor,
            facets=self.facets @ factor,
            position=self.position,
            half_width=self.half_width,
            weights=self.weights,
        )


def rounded_body(rows: HullRows, centre: np.ndarray) -> RoundedBody:
    """Coordinates in which the Hessian of the logarithmic barrier at a point is the identity.

    At the analytic centre the body then holds the unit ball and lies within a ball of radius m for m facets (Boyd and
    Vandenberghe, Convex Optimization, section 8.5.3).

    Args:
        rows: the polyhedron, with k >= 1 coordinates of its affine hull, and bounded.
        centre: (d,) strictly inside, in the affine hull.
    """
    polyhedron, Z = rows.polyhedron, rows.frame.basis
    paired = np.intersect1d(rows.upper, rows.lower, assume_unique=True)
    low, high = polyhedron.lower[paired], polyhedron.upper[paired]
    paired = paired[np.minimum(high - centre[paired], centre[paired] - low) > LEAST_PAIR_GAP * (high - low)]
    above, below = np.setdiff1d(rows.upper, paired), np.setdiff1d(rows.lower, paired)
    low, high = polyhedron.lower[paired], polyhedron.upper[paired]
    half = (high - low) / 2
    own = rows.rows
    row_slack = polyhedron.b_ub[own] - polyhedron.A_ub[own] @ (centre - polyhedron.origin)
    slack = np.concatenate(
        [row_slack, polyhedron.upper[above] - centre[above], centre[below] - polyhedron.lower[below]]
    )
    facets = np.vstack([Z[paired], rows.inner, Z[above], -Z[below]])
    position = np.concatenate([(centre[paired] - low) - half, -slack])
    pair_weights = (high - centre[paired]) ** -2.0 + (centre[paired] - low) ** -2.0
    weights = np.concatenate([pair_weights, slack**-2.0])
    # R of a QR factorisation is the Cholesky factor of the Hessian without squaring the condition number.
    R = scipy.linalg.qr(np.sqrt(weights)[:, None] * facets, mode="r", check_finite=False)[0][: Z.shape[1]]
    return RoundedBody(
        centre=centre,
        basis=scipy.linalg.solve_triangular(R, Z.T, trans=1, check_finite=False).T,
        facets=scipy.linalg.solve_triangular(R, facets.T, trans=1, check_finite=False).T,
        position=position,
        half_width=half,
        weights=weights,
    )
