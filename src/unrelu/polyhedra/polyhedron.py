"""Polyhedra in H-representation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unrelu.errors import DomainError, ShapeError
from unrelu.network.arrays import as_numpy


@dataclass(frozen=True, eq=False)
class Polyhedron:
    """`{ x : A_ub (x - origin) <= b_ub, A_eq (x - origin) = b_eq, lower <= x <= upper }`.

    Rows are stored relative to an origin because a right-hand side rounded far from the set can make it
    infeasible: a preimage centred at its own point has `b_eq = 0` exactly.

    Attributes:
        A_ub: (k, d) float64.
        b_ub: (k,) float64.
        A_eq: (l, d) float64.
        b_eq: (l,) float64.
        lower: (d,) float64, -inf where there is no bound.
        upper: (d,) float64, inf where there is no bound.
        origin: (d,) float64.
    """

    A_ub: np.ndarray
    b_ub: np.ndarray
    A_eq: np.ndarray
    b_eq: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    origin: np.ndarray

    def __init__(
        self,
        A_ub: np.ndarray | None = None,
        b_ub: np.ndarray | None = None,
        A_eq: np.ndarray | None = None,
        b_eq: np.ndarray | None = None,
        lower: ArrayLike | None = None,
        upper: ArrayLike | None = None,
        origin: np.ndarray | None = None,
    ) -> None:
        """Make a polyhedron; whatever is left out does not constrain.

        Args:
            A_ub: (k, d).
            b_ub: (k,).
            A_eq: (l, d).
            b_eq: (l,).
            lower: (d,) or one number; -inf allowed.
            upper: (d,) or one number; inf allowed.
            origin: (d,); 0 by default.

        Raises:
            ShapeError: if the arrays do not fit together or leave the dimension open.
            DomainError: if a lower bound exceeds its upper bound.
        """
        d = _dimension(origin, A_ub, A_eq, lower, upper)
        rows_ub, values_ub = _rows(A_ub, b_ub, d, "inequality")
        rows_eq, values_eq = _rows(A_eq, b_eq, d, "equality")
        low = _bounds(lower, -np.inf, d)
        high = _bounds(upper, np.inf, d)
        if bool(np.any(low > high)) or bool(np.any(low == np.inf)) or bool(np.any(high == -np.inf)):
            worst = int(np.argmax(low > high))
            raise DomainError(f"the domain is empty: coordinate {worst} has a lower bound above its upper bound.")
        centre = np.zeros(d) if origin is None else as_numpy(origin, "the origin of a polyhedron").reshape(-1)
        if centre.shape != (d,):
            raise ShapeError(f"the origin has {centre.size} coordinates, the polyhedron {d}.")
        for key, value in {
            "A_ub": rows_ub,
            "b_ub": values_ub,
            "A_eq": rows_eq,
            "b_eq": values_eq,
            "lower": low,
            "upper": high,
            "origin": centre,
        }.items():
            value.flags.writeable = False
            object.__setattr__(self, key, value)

    @property
    def n_coordinates(self) -> int:
        """d, the number of coordinates (not the dimension of the set)."""
        return self.origin.size

    @property
    def has_origin(self) -> bool:
        """Whether the origin is a member, exactly."""
        inside = bool(((self.lower <= self.origin) & (self.origin <= self.upper)).all())
        return inside and not self.b_eq.any() and bool((self.b_ub >= 0).all())

    def in_space(self, n_coordinates: int) -> Polyhedron:
        """Itself, if it has this many coordinates.

        Raises:
            DomainError: if it has another number.
        """
        if n_coordinates != self.n_coordinates:
            raise DomainError(f"the domain has {self.n_coordinates} coordinates, the input {n_coordinates}.")
        return self

    def violation(self, points: np.ndarray) -> np.ndarray:
        """By how much each point breaks its worst constraint, in the constraint's own units.

        Args:
            points: (n, d).

        Returns:
            (n,), 0 for points that keep all constraints (up to the rounding of this very computation).
        """
        z = points - self.origin
        worst = np.zeros(len(points))
        for broken in (
            z @ self.A_ub.T - self.b_ub,
            np.abs(z @ self.A_eq.T - self.b_eq),
            self.lower - points,
            points - self.upper,
        ):
            if broken.shape[1]:
                worst = np.maximum(worst, broken.max(axis=1))
        return worst


def _dimension(*arrays: ArrayLike | None) -> int:
    for array in arrays:
        if array is not None and np.ndim(array) >= 1:
            return int(np.shape(array)[-1])
    raise ShapeError("a polyhedron needs at least one array that tells its dimension; for numbers alone use Box.")


def _rows(matrix: np.ndarray | None, values: np.ndarray | None, d: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    if matrix is None and values is None:
        return np.zeros((0, d)), np.zeros(0)
    if matrix is None or values is None:
        raise ShapeError(f"the {kind} rows need both a matrix and a right-hand side.")
    A = as_numpy(matrix, f"the {kind} matrix")
    b = as_numpy(values, f"the {kind} right-hand side")
    if A.ndim != 2 or A.shape[1] != d or b.shape != A.shape[:1]:
        raise ShapeError(f"{kind} rows need shapes (k, {d}) and (k,), not {A.shape} and {b.shape}.")
    return A, b


def _bounds(values: ArrayLike | None, default: float, d: int) -> np.ndarray:
    given = np.asarray(default if values is None else values, dtype=np.float64)
    if bool(np.isnan(given).any()):
        raise DomainError("a bound of the domain is NaN.")
    try:
        return np.array(np.broadcast_to(given.reshape(-1) if given.ndim else given, (d,)))
    except ValueError:
        raise ShapeError(f"bounds of shape {given.shape} do not fit {d} coordinates.") from None
